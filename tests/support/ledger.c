/*
 * What was stored.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/ledger.h"

#include "support/assert.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOUBTS 64 /* writes of a key with an unknown end that are remembered */
#define COUNTER_STEP 1000000
#define WRONGS_SHOWN 20

struct ledger_counts ledger;

static struct {
    unsigned world;
    bool stable;
    unsigned incarnations[LEDGER_SERVERS];
    struct {
        uint32_t issued;
        uint32_t confirmed;
        uint32_t with_cas; /* the last write whose answer told a cas */
        uint64_t cas;
        uint32_t read; /* last */
        uint32_t doubts[DOUBTS];
        unsigned doubt_count; /* all, also those not remembered */
        bool busy;
        int server;
    } keys[LEDGER_KEYS];
} book;

void ledger_begin(unsigned world, bool stable)
{
    memset(&book, 0, sizeof(book));
    book.world = world;
    book.stable = stable;
}

void ledger_place(unsigned id, int server)
{
    book.keys[id].server = server;
}

void ledger_server_lost(int server)
{
    book.incarnations[server]++;
    for (unsigned id = 0; id < LEDGER_KEYS; id++) {
        if (book.keys[id].server == server) {
            book.keys[id].confirmed = 0;
        }
    }
}

size_t ledger_key(char key[LEDGER_KEY_ROOM], unsigned id)
{
    return (size_t)snprintf(key, LEDGER_KEY_ROOM, "key-%u-%u", book.world, id);
}

size_t ledger_counter(char key[LEDGER_KEY_ROOM], unsigned id)
{
    return (size_t)snprintf(key, LEDGER_KEY_ROOM, "count-%u-%u", book.world, id);
}

struct ledger_turn ledger_read(unsigned id)
{
    return (struct ledger_turn){
        .id = id,
        .floor = book.keys[id].confirmed,
        .incarnation = book.incarnations[book.keys[id].server],
    };
}

struct ledger_turn ledger_write(unsigned id)
{
    struct ledger_turn turn = ledger_read(id);
    turn.sequence = ++book.keys[id].issued;
    book.keys[id].busy = true;
    return turn;
}

static char letter_of(unsigned id, uint32_t sequence)
{
    return (char)('a' + (id * 7 + sequence) % 26);
}

size_t ledger_value(const struct ledger_turn *turn, size_t size, unsigned char *value)
{
    char key[LEDGER_KEY_ROOM];
    ledger_key(key, turn->id);
    size_t len = (size_t)sprintf((char *)value, "%s:%" PRIu32 ":%zu:", key, turn->sequence, size);
    memset(value + len, letter_of(turn->id, turn->sequence), size);
    return len + size;
}

bool ledger_is_busy(unsigned id)
{
    return book.keys[id].busy;
}

void ledger_written(const struct ledger_turn *turn, enum ledger_end end, uint64_t cas)
{
    unsigned id = turn->id;
    book.keys[id].busy = false;
    if (end == LEDGER_STORED && cas) {
        book.keys[id].with_cas = turn->sequence;
        book.keys[id].cas = cas;
    }
    if (end == LEDGER_UNKNOWN) {
        book.keys[id].doubts[book.keys[id].doubt_count++ % DOUBTS] = turn->sequence;
    } else if (end == LEDGER_STORED &&
               turn->incarnation == book.incarnations[book.keys[id].server]) {
        book.keys[id].confirmed = turn->sequence;
    }
}

/* A write that nobody knows of may be carried out at any time, if it waits on a
 * connection that was closed. */
static bool is_doubtful(unsigned id, uint32_t sequence)
{
    for (unsigned i = 0; i < DOUBTS; i++) {
        if (book.keys[id].doubts[i] == sequence) {
            return true;
        }
    }
    return book.keys[id].doubt_count > DOUBTS;
}

static bool is_filled(const unsigned char *bytes, size_t len, char letter)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != (unsigned char)letter) {
            return false;
        }
    }
    return true;
}

/* Reads a number up to a colon; NULL if there is none. */
static const char *read_number(const char *at, uint64_t *number)
{
    char *end;
    if (*at < '0' || *at > '9') {
        return NULL;
    }
    *number = strtoull(at, &end, 10);
    return *end == ':' ? end + 1 : NULL;
}

/* The sequence number of a whole value of this key; 0 if it is none. */
static uint32_t sequence_of(const char *key, size_t key_len, const unsigned char *value, size_t len)
{
    char head[128] = {0};
    uint64_t sequence, size;
    memcpy(head, value, len < sizeof(head) - 1 ? len : sizeof(head) - 1);
    unsigned id = 0;
    const char *at = head + key_len + 1;
    if (len <= key_len + 1 || memcmp(head, key, key_len) != 0 || head[key_len] != ':') {
        ledger_wrong(&ledger.foreign, "the value of '%s' is '%s'", printable(key, key_len),
                     printable(value, len));
        return 0;
    }
    if (sscanf(key, "key-%*u-%u", &id) != 1) {
        return 0;
    }
    if (!(at = read_number(at, &sequence)) || !(at = read_number(at, &size)) ||
        len != (size_t)(at - head) + size ||
        !is_filled(value + (at - head), (size_t)size, letter_of(id, (uint32_t)sequence))) {
        ledger_wrong(&ledger.torn, "%zu bytes of '%s' are '%s'", len, printable(key, key_len),
                     printable(value, len));
        return 0;
    }
    return (uint32_t)sequence;
}

void ledger_judge(const struct ledger_turn *turn, const void *key, size_t key_len,
                  const unsigned char *value, size_t len)
{
    char name[LEDGER_KEY_ROOM] = {0};
    ledger.values++;
    if (turn) {
        book.keys[turn->id].read = 0;
    }
    memcpy(name, key, key_len < sizeof(name) ? key_len : sizeof(name) - 1);
    uint32_t sequence = sequence_of(name, key_len, value, len);
    if (!turn || sequence == 0) {
        return;
    }
    book.keys[turn->id].read = sequence;
    if (sequence > book.keys[turn->id].issued) {
        ledger_wrong(&ledger.torn, "'%s' was never stored", printable(value, len));
    }
    if (book.stable && sequence < turn->floor && !is_doubtful(turn->id, sequence) &&
        turn->incarnation == book.incarnations[book.keys[turn->id].server]) {
        ledger_wrong(&ledger.stale, "%s has %" PRIu32 ", and %" PRIu32 " was stored", name,
                     sequence, turn->floor);
    }
}

void ledger_judge_cas(const struct ledger_turn *turn, uint64_t cas)
{
    unsigned id = turn->id;
    if (book.keys[id].read && book.keys[id].read == book.keys[id].with_cas &&
        book.keys[id].cas != cas) {
        ledger_wrong(&ledger.foreign, "write %" PRIu32 " of key %u was told another's answer",
                     book.keys[id].read, id);
    }
}

void ledger_judge_miss(const struct ledger_turn *turn)
{
    if (book.stable && turn->id < LEDGER_SOLID && turn->floor > 0 &&
        turn->incarnation == book.incarnations[book.keys[turn->id].server]) {
        ledger_wrong(&ledger.lost, "key %u is gone, %" PRIu32 " was stored", turn->id, turn->floor);
    }
}

uint64_t ledger_initial(unsigned id)
{
    return (uint64_t)(id + 1) * COUNTER_STEP;
}

void ledger_judge_number(unsigned id, uint64_t number)
{
    uint64_t middle = ledger_initial(id);
    if (number < middle - COUNTER_STEP / 2 || number > middle + COUNTER_STEP / 2) {
        ledger_wrong(&ledger.foreign, "counter %u is %" PRIu64, id, number);
    }
}

void ledger_wrong(size_t *count, const char *format, ...)
{
    va_list args;
    ++*count;
    if (ledger.wrong++ >= WRONGS_SHOWN) {
        return;
    }
    printf("wrong, in world %u: ", book.world);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    fflush(stdout);
}
