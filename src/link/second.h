/*
 * A second connection beside one that keeps silent.  Where something between us and the
 * server has lost the first without telling, only another one can show that the server is
 * there: it connects and says hello, and takes the place of the first if that is answered.
 */
#ifndef OMC_LINK_SECOND_H
#define OMC_LINK_SECOND_H

#include <stddef.h>
#include <stdint.h>

#include "link/watch.h"
#include "net/address.h"
#include "net/stream.h"
#include "net/tls.h"
#include "proto/hello.h"
#include "proto/login.h"

struct omc_second {
    struct omc_watch watch;
    struct omc_stream stream; /* open when it has connected */
    int64_t begun;
    int64_t until; /* when it takes the place of the first; 0: it has not proved itself */
    enum omc_greeting greeting;
    uint32_t number; /* in the hello */
    unsigned char *hello;
    size_t hello_len; /* 0 while it connects and is made safe */
    size_t hello_left;
    bool has_login;
    bool is_told_of;        /* where others could read its credentials, by OMC_REPORT_EXPOSED */
    unsigned char in[1024]; /* what came of the answer */
    size_t in_len;
};

enum omc_second_result {
    OMC_SECOND_ON,
    OMC_SECOND_PROVED, /* its hello was answered well */
    OMC_SECOND_LOST,
};

/* Begins to connect a server to an address; NULL if that fails at once. */
struct omc_second *omc_second_new(struct omc_watches *watches, struct omc_link *link,
                                  const struct omc_address *address, enum omc_greeting greeting,
                                  int64_t now);

/* Gives it up, and closes what it still has. */
void omc_second_free(struct omc_second *second, struct omc_watches *watches);

/* Goes on with what was found about its descriptor; way and login (NULL: none) are for one that has
 * connected. */
enum omc_second_result omc_second_step(struct omc_second *second, struct omc_watches *watches,
                                       const struct omc_tls_way *way,
                                       const struct omc_login *login);

#endif
