/*
 * The flags of the meta protocol that applications choose: which of them an operation can
 * have, how they are written, and how those that come back are read.  There is one row of a
 * table for each, and all of this is done by the rows.
 */
#ifndef OMC_PROTO_META_OPTIONS_H
#define OMC_PROTO_META_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/codec.h"

enum {
    OMC_META_OPTIONS_NONE = -1,
    OMC_META_OPTIONS_ADDED = 64, /* bytes of flags that have no row, of which there may be so few:
                                  * memcached does not take a line of more than 19 words, and what
                                  * follows one with a value would be commands to it */
    OMC_META_OPTIONS_ADDED_COUNT = 5,
    OMC_META_OPTIONS_MAX = 160 + OMC_META_OPTIONS_ADDED, /* bytes, more than there can be */
};

/* Seconds and want are OMC_META_OPTIONS_NONE if they were not set. */
struct omc_meta_options {
    int64_t ttl;
    int64_t recache;
    int64_t vivify;
    int want; /* bits of enum omcache_meta_want_e */
    int mode; /* one of enum omcache_meta_mode_e */
    bool no_lru_bump;
    bool invalidate;
    bool drop_value;
    uint8_t added_len; /* of flags that have no row, as they are sent: */
    unsigned char added[OMC_META_OPTIONS_ADDED];
    uint64_t initial;
    uint64_t cas; /* these two: 0 is none */
    uint64_t new_cas;
};

/* The commands that have a flag, as bits. */
enum omc_meta_command {
    OMC_META_GET = 1,
    OMC_META_SET = 2,
    OMC_META_DELETE = 4,
    OMC_META_ARITHMETIC = 8,
};

/* What stands behind a flag's letter, and what a field is that it is made of or goes into. */
enum omc_meta_kind {
    OMC_META_NUMBER,   /* a number; in options a uint64_t, 0 if not given; in details an int64_t */
    OMC_META_SECONDS,  /* the same with -1: OMC_META_OPTIONS_NONE or forever; an int64_t */
    OMC_META_NOTHING,  /* nothing; in options a bool, in details only the bit */
    OMC_META_YES_NO,   /* 1 or 0; a bool of the details */
    OMC_META_OF_VALUE, /* what every codec tells: no detail, and the decoder's own */
};

/* A flag that a request has if it is given. */
struct omc_meta_flag {
    char text[3]; /* with the blank in front */
    uint8_t commands;
    uint8_t kind;
    uint8_t offset; /* in struct omc_meta_options */
};

/* A flag that an answer may have. */
struct omc_meta_detail {
    char text[3];     /* the same */
    uint8_t commands; /* that may ask for it; 0: it comes unasked */
    uint8_t usual;    /* for those commands it is wanted if nothing was said, */
    uint8_t always;   /* and for these in any case */
    uint16_t bit;     /* of enum omcache_meta_want_e, or what comes unasked, OMC_DETAIL_* */
    uint8_t kind;
    uint8_t offset; /* in struct omc_details; 0: nowhere */
};

/* The rows, for tests that walk them. */
extern const struct omc_meta_flag omc_meta_options_flags[];
extern const struct omc_meta_detail omc_meta_options_details[];
extern const size_t omc_meta_options_flag_count, omc_meta_options_detail_count;

void omc_meta_options_init(struct omc_meta_options *options);

/* Whether there is such a mode, and whether all of these bits can be wanted, by some command. */
bool omc_meta_options_is_mode(int mode);
bool omc_meta_options_can_want(int want);

/* Adds a flag that has no row; false if there is no room, or it cannot be added: its letter is
 * none, or is there already, here or in a row, or is the library's own; or its token is no word. */
bool omc_meta_options_add(struct omc_meta_options *options, int letter, const unsigned char *token,
                          size_t len);

/* Whether all of them can be used together, with the operation that the opcode is for. */
bool omc_meta_options_fit(const struct omc_meta_options *options, uint8_t opcode);

/* Writes those that fit as extras of a request; number is the client flags that it
 * stores, or its delta.  How many bytes that are. */
size_t omc_meta_options_write(const struct omc_meta_options *options, uint8_t opcode,
                              uint64_t number, unsigned char *out);

/* Finds what stands behind the letter of a flag that came with an answer, but for those that are
 * the library's own; false if there is none. */
bool omc_meta_options_find(const struct omc_details *details, int letter,
                           const unsigned char **token, size_t *len);

/* Notes what an answer's flag tells, in a line whose end is there; a letter without a row tells
 * nothing. */
void omc_meta_options_read(struct omc_details *details, const unsigned char *letter);

#endif
