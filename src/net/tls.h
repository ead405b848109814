/*
 * TLS: what is chosen for it, and streams over it.  Only openssl*.c know of OpenSSL; a library
 * built without that has notls.c in their place, and there is never such a stream.
 */
#ifndef OMC_NET_TLS_H
#define OMC_NET_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "net/stream.h"

/* What can be chosen.  NULL: the default. */
struct omc_tls_choice {
    char *ca_file;      /* whose certificates are believed; both NULL: the system's */
    char *ca_directory; /* the same, hashed as openssl rehash does */
    char *certificate;  /* a file with our own and those between it and a root; */
    char *key;          /* one with its key, if there is a certificate */
    char *name;         /* that certificates must be for, in place of the server's in the list */
    char *ciphers;      /* of TLS 1.2, and of 1.3, as OpenSSL lists them */
    char *suites;
    bool unverified; /* any certificate will do */
    bool newest;     /* nothing older than TLS 1.3, else than 1.2 */
};

enum {
    OMC_TLS_PROBLEM = 256, /* bytes of what is said of something wrong, with a NUL */
};

/* A choice with its files read, which can be changed then. */
struct omc_tls;

/* What a server keeps from one of its streams to the next, in order to be sooner there. */
struct omc_tls_session {
    void *resumed;       /* the newest, or NULL: there is none */
    struct omc_tls *tls; /* with which it was begun: with another it is of no use */
};

/* Reads the files.  NULL, and `problem` says why, in OMC_TLS_PROBLEM bytes; nothing without
 * memory. */
struct omc_tls *omc_tls_new(const struct omc_tls_choice *choice, char *problem);

/* Streams go on that were opened with it. */
void omc_tls_free(struct omc_tls *tls);

void omc_tls_forget_session(struct omc_tls_session *session);

/* The version that a stream speaks, as 12 for 1.2, and whether its session was resumed; 0 if it is
 * a plain one. */
int omc_tls_version(const struct omc_stream *stream);
bool omc_tls_is_resumed(const struct omc_stream *stream);

/* How the streams to a server are opened. */
struct omc_tls_way {
    struct omc_tls *tls;             /* NULL: they are plain */
    const char *host;                /* as the list has it */
    struct omc_tls_session *session; /* these two must stay while the stream is open: */
    char *problem;                   /* says, if it fails, what is wrong with it, as above */
};

/* Opens a stream, whose handshake omc_stream_secure then does.  False without memory. */
bool omc_tls_open(struct omc_stream *stream, int fd, const struct omc_tls_way *way);

#endif
