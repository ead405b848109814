/*
 * The TLS of a library built without OpenSSL: there is none.
 */
#include <stdio.h>

#include "net/tls.h"

struct omc_tls *omc_tls_new(const struct omc_tls_choice *choice, char *problem)
{
    (void)choice;
    snprintf(problem, OMC_TLS_PROBLEM, "this library was built without TLS");
    return NULL;
}

void omc_tls_free(struct omc_tls *tls)
{
    (void)tls;
}

void omc_tls_forget_session(struct omc_tls_session *session)
{
    (void)session;
}

int omc_tls_version(const struct omc_stream *stream)
{
    (void)stream;
    return 0;
}

bool omc_tls_is_resumed(const struct omc_stream *stream)
{
    (void)stream;
    return false;
}

bool omc_tls_open(struct omc_stream *stream, int fd, const struct omc_tls_way *way)
{
    (void)way;
    omc_stream_open_plain(stream, fd);
    return true;
}
