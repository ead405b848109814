/*
 * A network and a clock that exist only in memory: they take the place of the sockets
 * and the poll() of src/net and of the clock of src/base, so that a target can play
 * the peers of a handle, thousands of times a second, and nothing depends on the time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_FUZZ_NETWORK_H
#define TESTS_FUZZ_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NETWORK_WIRES = 24, /* at once */
    NETWORK_SERVERS = 3,
    NETWORK_ROOM = 1 << 16,
    NETWORK_REPLIES = 256,
};

/* How a server meets an attempt to connect. */
enum network_door {
    NETWORK_DOOR_OPEN,
    NETWORK_DOOR_SLOW,    /* in progress, until network_admit */
    NETWORK_DOOR_REFUSED, /* at once */
    NETWORK_DOOR_FULL,    /* to be tried again */
};

enum network_state {
    NETWORK_FREE,
    NETWORK_CONNECTING,
    NETWORK_REFUSED,
    NETWORK_CONNECTED,
    NETWORK_ENDED, /* by the peer, once all is read */
    NETWORK_RESET,
};

/* A connection, as the peer sees it. */
struct network_wire {
    enum network_state state;
    unsigned number; /* of this connection, since the start */
    int server;
    size_t window; /* how many bytes can be under way to the peer */

    unsigned char in[NETWORK_ROOM]; /* what it was sent, and has not looked at */
    size_t in_len;
    unsigned char replies[NETWORK_ROOM]; /* what it has answered, on its way */
    size_t reply_len;
    size_t ends[NETWORK_REPLIES]; /* of each of those */
    size_t reply_count;
    bool torn;                       /* a part of the first one has arrived */
    unsigned char out[NETWORK_ROOM]; /* what has arrived, */
    size_t out_len;
    size_t out_at; /* and how much of it was read */

    size_t swallow; /* how many bytes of a refused value are still to come */
    bool blamed;    /* it does not speak what it was greeted in, or sends errors over meta */
    bool late;      /* it may have been given up already */
    bool blocked;   /* it took less than it was given */
    bool binary;    /* it was asked in that protocol */
    bool generous;  /* it has said one thing twice */
};

/* Starts anew: nothing is connected, the clock shows the same as every time. */
void network_start(void);

/* What happens when a call waits and nothing is ready; false: nothing ever will. */
typedef bool(network_meanwhile_func)(void);
void network_set_meanwhile(network_meanwhile_func *func);

/* How the next attempts to connect to a server end. */
void network_set_door(int server, enum network_door door);

/* The wire of a descriptor, or NULL; and that number i of those connected now, or NULL. */
struct network_wire *network_find(int fd);
struct network_wire *network_wire(unsigned i);

/* Ends an attempt to connect. */
void network_admit(struct network_wire *wire, bool admit);

/* Lets the first len bytes of the replies arrive; how many there were. */
size_t network_deliver(struct network_wire *wire, size_t len);

/* Adds bytes to the last reply, and ends it; false if there is no room. */
bool network_reply(struct network_wire *wire, const void *bytes, size_t len);
void network_end_reply(struct network_wire *wire);

/* What poll() would tell of a descriptor. */
short network_ready(int fd, short events);

void network_pass(int64_t msec);

/* How many descriptors are open. */
unsigned network_open(void);

/* How often the peers were to blame for the end of a connection or of an attempt at one:
 * they refused it, closed it, owed an answer or did not take a request.  A server that
 * counts more failures than that was given up without cause. */
unsigned network_causes(void);

/* What peers do from now on may come too late: those that owe something are to blame, until
 * the library has returned. */
void network_note_late(void);

/* The same for those that were given up, and are closed when the application has been told. */
void network_note_given_up(bool (*is_given_up)(int fd));
void network_note_return(void);

/* How often one was full, of which a failure may come later. */
unsigned network_delays(void);

/* The input has gone on: from here on the library may poll a thousand times, and connect a
 * hundred times, before time passes. */
void network_note_step(void);

#endif
