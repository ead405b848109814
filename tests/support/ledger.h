/*
 * What was stored, and what may therefore be read.  Every value carries its key, a
 * sequence number and its own length, so that one that is another key's, torn or out of
 * date is recognised.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_LEDGER_H
#define TESTS_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEDGER_SOLID 80 /* keys that are never deleted */
#define LEDGER_KEYS 120 /* all, these included */
#define LEDGER_COUNTERS 16
#define LEDGER_SERVERS 3
#define LEDGER_KEY_ROOM 32
#define LEDGER_VALUE_MAX 120000

/* All that has happened; what is below "wrong" must be 0. */
struct ledger_counts {
    size_t operations; /* that were accepted */
    size_t refused;
    size_t succeeded;
    size_t missed;
    size_t failed; /* with a server or over a limit */
    size_t expired;
    size_t cancelled;
    size_t values;   /* that were checked */
    int64_t latest;  /* milliseconds over a deadline at most */
    int64_t longest; /* that one without a deadline took */

    size_t wrong; /* all of the following */
    size_t foreign;
    size_t torn;
    size_t stale;
    size_t lost;    /* writes */
    size_t unended; /* without an outcome */
    size_t doubled; /* with two */
    size_t odd;     /* with one that cannot be */
};

extern struct ledger_counts ledger;

/* A key's turn to be read or written, as things are when it begins. */
struct ledger_turn {
    unsigned id;
    uint32_t sequence;    /* of what is written */
    uint32_t floor;       /* the oldest that may be read; 0: none need be there */
    unsigned incarnation; /* of its server */
};

/* Starts afresh with keys of other names.  If stable, each key has one server, and what
 * is out of date or missing counts. */
void ledger_begin(unsigned world, bool stable);

/* Says which server a key is at. */
void ledger_place(unsigned id, int server);

/* Everything that this server had is gone. */
void ledger_server_lost(int server);

size_t ledger_key(char key[LEDGER_KEY_ROOM], unsigned id);
size_t ledger_counter(char key[LEDGER_KEY_ROOM], unsigned id);

struct ledger_turn ledger_read(unsigned id);

/* Fills in a value of about `size` bytes and returns its length. */
struct ledger_turn ledger_write(unsigned id);
size_t ledger_value(const struct ledger_turn *turn, size_t size, unsigned char *value);

/* A write ended: it is stored, it is not, or nobody knows; with this cas, if it is not
 * 0.  All answers to writes look the same but for that. */
enum ledger_end { LEDGER_STORED, LEDGER_NOT_STORED, LEDGER_UNKNOWN };
void ledger_written(const struct ledger_turn *turn, enum ledger_end end, uint64_t cas);

/* Whether a write is under way. */
bool ledger_is_busy(unsigned id);

/* Judges what was read, in a turn or, without one, by itself. */
void ledger_judge(const struct ledger_turn *turn, const void *key, size_t key_len,
                  const unsigned char *value, size_t len);

/* Judges the cas that the value which was judged last came with. */
void ledger_judge_cas(const struct ledger_turn *turn, uint64_t cas);

/* Judges a miss. */
void ledger_judge_miss(const struct ledger_turn *turn);

/* What a counter begins with, and whether a number can be that counter's. */
uint64_t ledger_initial(unsigned id);
void ledger_judge_number(unsigned id, uint64_t number);

/* Notes something that is wrong, made as printf makes it. */
void ledger_wrong(size_t *count, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
