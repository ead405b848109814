/*
 * The manners of peers; see manner.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fuzz/manner.h"

#include "fuzz/fuzz.h"
#include "fuzz/network.h"

enum {
    BABBLE_PAUSE = 100, /* milliseconds */
    BABBLES_MAX = 5000, /* by then everything must be over */
};

static unsigned babbles;

/* Lets in who knocks, and takes what is sent; whether it was needed. */
static bool attend(struct network_wire *wire)
{
    bool needed = wire->state == NETWORK_CONNECTING || wire->window < NETWORK_ROOM;

    if (wire->state == NETWORK_CONNECTING)
        network_admit(wire, true);
    wire->window = NETWORK_ROOM;
    return needed;
}

/* Says the last thing once more, the first time that there is any. */
static void be_generous(struct network_wire *wire)
{
    size_t last = wire->reply_count;
    size_t start = last < 2 ? 0 : wire->ends[last - 2];

    if (wire->generous || last == 0)
        return;
    wire->generous = true;
    if (network_reply(wire, wire->replies + start, wire->ends[last - 1] - start))
        network_end_reply(wire);
}

static bool act_on(struct network_wire *wire, enum manner manner, enum server_kind kind)
{
    bool any = attend(wire), all = manner == MANNER_FRIENDLY || manner == MANNER_GENEROUS;

    server_serve(wire, kind, all ? SERVER_EVERYTHING : SERVER_NOOPS);
    if (manner == MANNER_GENEROUS)
        be_generous(wire);
    any = network_deliver(wire, NETWORK_ROOM) > 0 || any;
    if (manner == MANNER_CLOSING && wire->state == NETWORK_CONNECTED && wire->out_len > 0)
        wire->state = NETWORK_ENDED;
    return any;
}

/* An answer to a no-op that nobody has sent.  (Over text and meta it would end the
 * connection, which is what others do.) */
static bool babble(struct network_wire *wire)
{
    static const unsigned char noop[24] = {0x81, 0x0a, [12] = 0xde, 0xad, 0xbe, 0xef};

    if (wire->state != NETWORK_CONNECTED || !wire->binary)
        return false;
    if (network_reply(wire, noop, sizeof(noop)))
        network_end_reply(wire);
    network_deliver(wire, NETWORK_ROOM);
    return true;
}

void manner_start(void)
{
    babbles = 0;
}

bool manner_act(enum manner manner, const enum server_kind *kinds)
{
    bool any = false;

    if (manner == MANNER_SILENT)
        return false;
    for (unsigned i = 0; i < network_open(); i++) {
        struct network_wire *wire = network_wire(i);

        any = act_on(wire, manner, kinds[wire->server]) || any;
    }
    if (any || manner != MANNER_BABBLING)
        return any;
    for (unsigned i = 0; i < network_open(); i++)
        any = babble(network_wire(i)) || any;
    if (any)
        network_pass(BABBLE_PAUSE);
    FUZZ_CHECK(!any || ++babbles < BABBLES_MAX);
    return any;
}
