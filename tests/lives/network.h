/*
 * A network with one server, whose connections, kernel and resolver exist in memory only: they take
 * the place of src/net in this program, and do what the test says.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_LIVES_NETWORK_H
#define TESTS_LIVES_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NETWORK_WIRES = 2,       /* at once */
    NETWORK_HEARD = 24,      /* requests on a connection */
    NETWORK_WRITTEN = 1024,  /* bytes at once, at most */
    NETWORK_PART = 128,      /* bytes of a part of a request, */
    NETWORK_SAID = 384,      /* and of answers that were not read */
    NETWORK_FIRST_TAG = 'a', /* of requests */
    NETWORK_ALL = 1 << 20,   /* more than a link ever writes */
};

enum wire_state {
    WIRE_FREE,
    WIRE_CONNECTING,
    WIRE_REFUSED, /* so it is found, if anybody looks */
    WIRE_OPEN,
    WIRE_ENDED, /* by the peer, once all is read */
    WIRE_RESET,
};

enum heard_kind {
    HEARD_HELLO,
    HEARD_GET,
    HEARD_STORE,
    HEARD_COUNT,
    HEARD_DELETE, /* in meta */
    HEARD_NOOP,
};

/* What the peer has got of a request.  The key of one is its tag. */
struct heard {
    uint8_t kind;    /* one of enum heard_kind */
    uint8_t op;      /* in binary; of a hello in lines its first byte */
    char number[11]; /* what is to be echoed: the opaque, or meta's flag */
    char tag;        /* -1: it has none */
    bool quiet;      /* goes unanswered unless there is something to tell */
    bool whole;
    bool joined;    /* on the line of the one before it, */
    bool is_open;   /* and the next one on its own */
    bool forgotten; /* by who asked */
    bool answered;
    uint16_t end; /* of the answer, counted in bytes of the connection */
    bool done;    /* the answer was read, or is too late */
};

/* A connection as the peer sees it. */
struct wire {
    enum wire_state state;
    uint32_t born; /* the how many-th it is */
    bool is_safe;  /* the peer has done its part of that, where it has to be, */
    bool is_known; /* and that was found */
    bool is_full;  /* the last write was not taken whole */
    bool greeted;  /* the answer to its hello was read */
    bool is_alone; /* the hello must be, until then */
    int64_t last;  /* when it was last read from, or what follows a silence was written */
    bool is_blind; /* that was so long ago that it may be gone, and nothing was read since */
    size_t in_len;
    unsigned char in[NETWORK_PART]; /* the beginning of a request that has not come whole */
    size_t count;
    struct heard heard[NETWORK_HEARD];
    size_t out_begin; /* bytes that were read before */
    size_t out_at;    /* and of those here, */
    size_t out_there; /* of which so many have arrived */
    size_t out_len;
    unsigned char out[NETWORK_SAID];
};

enum lookup_state {
    LOOKUP_NONE,
    LOOKUP_UNDER_WAY,
    LOOKUP_FOUND,  /* so it is found, if anybody looks */
    LOOKUP_FAILED, /* likewise */
};

struct network {
    struct wire wires[NETWORK_WIRES];
    uint32_t born;
    size_t window; /* how many bytes the kernel still takes on the oldest connection */
    enum lookup_state lookup;
    bool is_secret;   /* connections have to be made safe before they are of use */
    bool is_cautious; /* the last handshake may have failed for what went along with the hello */
    bool is_spoiled;  /* the peer has said what it should not, */
    bool is_foreign;  /* or answered what nobody has asked */
    bool is_starved;  /* there are no descriptors */
    uint32_t begun;   /* bits of the tags of requests of which the peer has got something, */
    uint32_t blind;   /* and which came while nobody knew whether it is there */
};

extern struct network network;

void network_start(void);

/* Whether one has to be made safe yet. */
bool network_is_unsafe(const struct wire *wire);

/* The oldest connection, the one after it, or NULL; and the one with a descriptor. */
struct wire *network_first(void);
struct wire *network_second(void);
struct wire *network_find(int fd);
unsigned network_open(void);

#endif
