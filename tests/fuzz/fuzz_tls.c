/*
 * A whole handle over TLS, whose bytes are at the mercy of the input: between it and servers that
 * are honest they are cut anywhere, changed, lost, made up, or held back.
 *
 * What must be true: each operation ends exactly once, and nothing waits for ever, spins or stays
 * open.  No answer is wrong, whatever is done to the bytes: that is what TLS is for.  And where
 * nothing is done to them, no operation fails.
 */
#include "fuzz/fuzz.h"
#include "fuzz/network.h"
#include "fuzz/server.h"
#include "omcache.h"
#include "support/tls_end.h"

#include <stdbool.h>

enum {
    OPERATIONS_MAX = 32,
    STEPS_MAX = 200,
    TURNS_MAX = 20000,
    KEY_ROOM = 16,
    TIMEOUT = 60000,
};

/* What is at the other end of a wire. */
struct peer {
    bool is_there;
    unsigned number; /* of the connection */
    struct tls_end *end;
    struct network_wire plain; /* what is in its records */
};

struct operation {
    char key[KEY_ROOM];
    size_t key_len;
    bool is_get;
    bool is_accepted;
    unsigned ended;
};

static struct {
    struct fuzz_input in;
    omcache_t *mc;
    bool is_hurt; /* something was done to the bytes, or to the time */
    size_t count;
    struct operation operations[OPERATIONS_MAX];
} run;

static struct tls_house *house;
static struct peer peers[NETWORK_WIRES];
static unsigned char room[NETWORK_ROOM];

/*
 * What is asked.
 */

static void on_reply(omcache_t *mc, const omcache_reply_t *reply, void *context)
{
    struct operation *operation = context;
    int status = omcache_reply_status(reply);
    const unsigned char *value;
    size_t len;

    FUZZ_CHECK(mc == run.mc);
    operation->ended++;
    if (status >= OMCACHE_AGAIN) {
        FUZZ_CHECK(run.is_hurt || status == OMCACHE_CANCELLED);
        return;
    }
    if (!operation->is_get) {
        FUZZ_CHECK(status == OMCACHE_OK);
        return;
    }
    FUZZ_CHECK(status == (operation->key[0] == SERVER_MISS ? OMCACHE_NOT_FOUND : OMCACHE_OK));
    value = omcache_reply_value(reply, &len);
    if (status == OMCACHE_OK)
        FUZZ_CHECK(
            server_is_value(value, len, (const unsigned char *)operation->key, operation->key_len));
}

static void ask(void)
{
    static const char letters[] = {SERVER_HIT, SERVER_MISS, SERVER_BIG};
    struct operation *operation = &run.operations[run.count];
    uint8_t choice = fuzz_byte(&run.in);
    size_t value_len = (size_t)fuzz_byte(&run.in) * (choice / 16);
    int rc;

    if (run.count == OPERATIONS_MAX)
        return;
    run.count++;
    memset(operation, 0, sizeof(*operation));
    operation->is_get = choice % 4 != 3;
    operation->key_len =
        (size_t)snprintf(operation->key, KEY_ROOM, "%c%zu",
                         operation->is_get ? letters[choice % 4] : SERVER_HIT, run.count);
    if (operation->is_get)
        rc = omcache_async_get(run.mc, operation->key, operation->key_len, TIMEOUT, on_reply,
                               operation);
    else
        rc = omcache_async_set(run.mc, operation->key, operation->key_len, room, value_len, 0, 0, 0,
                               TIMEOUT, on_reply, operation);
    operation->is_accepted = rc == OMCACHE_OK;
    FUZZ_CHECK(operation->is_accepted || operation->ended == 0);
    FUZZ_CHECK(operation->is_accepted || run.is_hurt);
}

/*
 * What the servers do.
 */

static struct peer *peer_of(const struct network_wire *wire)
{
    struct peer *unused = NULL;

    for (size_t i = 0; i < NETWORK_WIRES; i++) {
        if (peers[i].is_there && peers[i].number == wire->number)
            return &peers[i];
        if (!peers[i].is_there)
            unused = &peers[i];
    }
    FUZZ_CHECK(unused != NULL);
    *unused = (struct peer){.is_there = true, .number = wire->number};
    unused->end = tls_end_new(house);
    FUZZ_CHECK(unused->end != NULL);
    unused->plain.state = NETWORK_CONNECTED;
    return unused;
}

static void forget(struct peer *peer)
{
    tls_end_free(peer->end);
    peer->is_there = false;
    peer->end = NULL;
}

/* Forgets what was at the ends of wires that are closed. */
static void forget_closed(void)
{
    for (size_t i = 0; i < NETWORK_WIRES; i++) {
        bool is_open = false;

        for (unsigned j = 0; j < network_open(); j++)
            is_open = is_open || network_wire(j)->number == peers[i].number;
        if (peers[i].is_there && !is_open)
            forget(&peers[i]);
    }
}

/* Sends what the end has for the client; whether there was something. */
static bool send_records(struct network_wire *wire, struct peer *peer)
{
    size_t len = tls_end_take(peer->end, room, NETWORK_ROOM - wire->reply_len);

    return len > 0 && network_reply(wire, room, len);
}

/* Takes what has come, and answers it; whether there was something. */
static bool serve(struct network_wire *wire)
{
    struct peer *peer = peer_of(wire);
    struct network_wire *plain = &peer->plain;
    bool has_come = wire->in_len > 0;

    if (wire->state != NETWORK_CONNECTED)
        return false;
    tls_end_put(peer->end, wire->in, wire->in_len);
    wire->in_len = 0;
    plain->in_len +=
        tls_end_read(peer->end, plain->in + plain->in_len, NETWORK_ROOM - plain->in_len);
    server_serve(plain, SERVER_ALL, SERVER_EVERYTHING);
    if (plain->reply_len > 0 && tls_end_write(peer->end, plain->replies, plain->reply_len))
        plain->reply_len = plain->reply_count = 0;
    return send_records(wire, peer) || has_come;
}

/* All of them, of which all arrives; whether there was something. */
static bool serve_all(void)
{
    bool is_any = false;

    for (unsigned i = 0; i < network_open(); i++) {
        struct network_wire *wire = network_wire(i);

        if (wire->state == NETWORK_CONNECTING) {
            network_admit(wire, true);
            is_any = true;
        }
        is_any = serve(wire) || is_any;
        is_any = network_deliver(wire, NETWORK_ROOM) > 0 || is_any;
    }
    return is_any;
}

/* A record with nothing in it for the client. */
static void say_nothing(struct network_wire *wire)
{
    struct peer *peer = peer_of(wire);

    for (unsigned times = fuzz_byte(&run.in) % 64; times > 0; times--) {
        if (times % 2 == 0)
            tls_end_give_ticket(peer->end);
        else
            tls_end_renew_key(peer->end, times % 3 == 0);
    }
    send_records(wire, peer);
}

/*
 * What is done to the bytes on their way.
 */

static void change_byte(struct network_wire *wire)
{
    size_t at = fuzz_byte(&run.in) * (size_t)(1 + fuzz_byte(&run.in) % 16);
    uint8_t by = fuzz_byte(&run.in);

    if (at < wire->reply_len && by != 0) {
        wire->replies[at] ^= by;
        run.is_hurt = true;
    }
}

/* Takes bytes out. */
static void lose(struct network_wire *wire)
{
    size_t at = fuzz_byte(&run.in), len = fuzz_byte(&run.in);

    if (at >= wire->reply_len)
        return;
    if (len > wire->reply_len - at)
        len = wire->reply_len - at;
    memmove(wire->replies + at, wire->replies + at + len, wire->reply_len - at - len);
    wire->reply_len -= len;
    run.is_hurt = run.is_hurt || len > 0;
}

/* What is made up may look like a record. */
static void make_up(struct network_wire *wire)
{
    uint8_t choice = fuzz_byte(&run.in);
    const unsigned char *made_up;
    size_t len = fuzz_bytes(&run.in, fuzz_byte(&run.in), &made_up);
    const unsigned char head[] = {(unsigned char)(20 + choice % 5), 3, 3, 0, (unsigned char)len};

    if (choice >= 64)
        network_reply(wire, head, sizeof(head));
    network_reply(wire, made_up, len);
    run.is_hurt = run.is_hurt || choice >= 64 || len > 0;
}

static void end_it(struct network_wire *wire)
{
    uint8_t choice = fuzz_byte(&run.in) % 3;

    if (wire->state != NETWORK_CONNECTED)
        return;
    run.is_hurt = true;
    if (choice == 0)
        tls_end_bid_farewell(peer_of(wire)->end);
    send_records(wire, peer_of(wire));
    if (choice < 2)
        wire->state = choice == 0 ? NETWORK_ENDED : NETWORK_RESET;
}

/* Changes what the client has sent. */
static void change_sent(struct network_wire *wire)
{
    size_t at = fuzz_byte(&run.in);
    uint8_t by = fuzz_byte(&run.in);

    if (at < wire->in_len && by != 0) {
        wire->in[at] ^= by;
        run.is_hurt = true;
    }
}

static void act_on(struct network_wire *wire, uint8_t what)
{
    switch (what) {
    case 0:
        serve(wire);
        break;
    case 1:
        network_deliver(wire, fuzz_byte(&run.in));
        break;
    case 2:
        network_deliver(wire, NETWORK_ROOM);
        break;
    case 3:
        say_nothing(wire);
        break;
    case 4:
        wire->window = fuzz_byte(&run.in);
        break;
    case 5:
        change_byte(wire);
        break;
    case 6:
        lose(wire);
        break;
    case 7:
        make_up(wire);
        break;
    case 8:
        end_it(wire);
        break;
    default:
        change_sent(wire);
        break;
    }
}

static void pass(void)
{
    static const int16_t pauses[] = {1, 5, 30, 250, 1000, 20000};

    network_pass(pauses[fuzz_byte(&run.in) % (sizeof(pauses) / sizeof(pauses[0]))]);
    run.is_hurt = true;
}

static void step(void)
{
    uint8_t what = fuzz_byte(&run.in) % 16;

    network_note_step();
    if (what < 3)
        ask();
    else if (what < 5)
        omcache_io(run.mc, NULL, NULL, NULL, NULL, 0);
    else if (what == 5)
        pass();
    else if (network_open() > 0)
        act_on(network_wire(fuzz_byte(&run.in)), what - 6);
    forget_closed();
}

/*
 * From the beginning to the end.
 */

/* While a call waits. */
static bool meanwhile(void)
{
    bool is_any;

    forget_closed();
    is_any = serve_all();
    if (is_any)
        network_note_step();
    return is_any;
}

static bool all_ended(void)
{
    for (size_t i = 0; i < run.count; i++) {
        if (run.operations[i].is_accepted && run.operations[i].ended == 0)
            return false;
    }
    return true;
}

/* Turns the loop, while the servers answer, until each operation has ended. */
static void turn_until_ended(void)
{
    for (unsigned i = 0; !all_ended(); i++) {
        int msec;

        FUZZ_CHECK(i < TURNS_MAX);
        network_note_step();
        omcache_io(run.mc, NULL, NULL, NULL, NULL, 0);
        if (meanwhile() || all_ended())
            continue;
        msec = omcache_next_timeout(run.mc);
        FUZZ_CHECK(msec >= 0);
        if (msec > 0)
            network_pass(msec);
        omcache_process_timeouts(run.mc);
    }
}

static void on_log(void *context, int level, const char *text)
{
    (void)context;
    if (getenv("FUZZ_LOG") != NULL)
        fprintf(stderr, "%d %s\n", level, text);
}

static void begin(void)
{
    static const char *const lists[] = {"/0", "/0,/1"};
    uint8_t choice = fuzz_byte(&run.in);
    omcache_tls_t *tls = omcache_tls_new();

    if (house == NULL)
        house = tls_house_new();
    FUZZ_CHECK(house != NULL && tls != NULL);
    network_start();
    network_set_meanwhile(meanwhile);
    server_set_prefix(0);
    run.mc = omcache_init();
    FUZZ_CHECK(run.mc != NULL);
    omcache_set_log_callback(run.mc, 7, on_log, NULL);
    FUZZ_CHECK(omcache_tls_set_verification(tls, 0) == OMCACHE_OK);
    FUZZ_CHECK(omcache_set_tls(run.mc, tls) == OMCACHE_OK);
    omcache_tls_free(tls);
    FUZZ_CHECK(omcache_set_protocol(run.mc, choice % 4) == OMCACHE_OK);
    if (choice >= 128 && choice % 4 >= OMCACHE_PROTOCOL_META) /* the servers know no SASL */
        omcache_set_credentials(run.mc, "user", 4, "word", 4);
    FUZZ_CHECK(omcache_set_servers(run.mc, lists[choice / 4 % 2]) == OMCACHE_OK);
    network_set_door(0, choice / 8 % 2 == 0 ? NETWORK_DOOR_OPEN : NETWORK_DOOR_SLOW);
}

static void end(void)
{
    omcache_free(run.mc);
    FUZZ_CHECK(network_open() == 0);
    forget_closed();
    for (size_t i = 0; i < run.count; i++)
        FUZZ_CHECK(run.operations[i].ended == (run.operations[i].is_accepted ? 1 : 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t ending;

    memset(&run, 0, offsetof(__typeof__(run), operations));
    run.in = fuzz_input(bytes, size);
    begin();
    ending = fuzz_byte(&run.in) % 4;
    for (unsigned i = 0; i < STEPS_MAX && fuzz_left(&run.in) > 0; i++)
        step();
    if (ending > 0)
        turn_until_ended();
    end();
    return 0;
}
