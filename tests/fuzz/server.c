/*
 * A memcached in miniature; see server.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fuzz/server.h"

#include "fuzz/fuzz.h"
#include "omcache.h"
#include "proto/base64.h"
#include "proto/bytes.h"
#include "proto/line.h"
#include "proto/opcode.h"

#include <endian.h>

enum {
    HEADER = 24,
    BIG_TIMES = 12, /* how often a large value repeats its key */
    KEY_ROOM = 250,
};

/* A request as the server understands it. */
struct asked {
    struct network_wire *wire;
    unsigned char letter;
    unsigned char decoded[KEY_ROOM];
    const unsigned char *key; /* there, or in what has come */
    size_t key_len;
    size_t size; /* of the request in all */
};

static size_t prefix;

void server_set_prefix(size_t prefix_len)
{
    prefix = prefix_len;
}

uint64_t server_number(const unsigned char *key, size_t key_len)
{
    uint64_t number = 5381;

    for (size_t i = 0; i < key_len; i++)
        number = number * 33 + key[i];
    return number;
}

/* The byte of a key that says what comes of it. */
static unsigned char letter_of(const unsigned char *key, size_t key_len)
{
    if (key_len > prefix)
        return key[prefix];
    return SERVER_HIT;
}

static size_t value_times(unsigned char letter)
{
    return letter == SERVER_BIG ? BIG_TIMES : 1;
}

bool server_is_value(const unsigned char *value, size_t value_len, const unsigned char *key,
                     size_t key_len)
{
    if (value_len != key_len * value_times(letter_of(key, key_len)))
        return false;
    for (size_t at = 0; at < value_len; at += key_len) {
        if (memcmp(value + at, key, key_len) != 0)
            return false;
    }
    return true;
}

static void put(const struct asked *asked, const void *bytes, size_t len)
{
    network_reply(asked->wire, bytes, len);
}

static void put_text(const struct asked *asked, const char *text)
{
    put(asked, text, strlen(text));
}

static void put_value(const struct asked *asked)
{
    for (size_t i = value_times(asked->letter); i > 0; i--)
        put(asked, asked->key, asked->key_len);
}

static size_t value_len(const struct asked *asked)
{
    return asked->key_len * value_times(asked->letter);
}

static void put_number(const struct asked *asked, uint64_t number)
{
    unsigned char digits[20];

    put(asked, digits, (size_t)(omc_line_put_number(digits, number) - digits));
}

/* Whether an answer still fits; else the server does not look at the request yet. */
static bool has_room(const struct network_wire *wire)
{
    return wire->reply_count < NETWORK_REPLIES && wire->reply_len < NETWORK_ROOM - 8192;
}

/*
 * The binary protocol.
 */

enum operation {
    GETS,
    STORES,
    ADDS,
    COUNTS,
    CHANGES, /* what must be there, without a value */
    NOOPS,
    OTHERS,
};

static enum operation operation_of(uint8_t opcode)
{
    if (omc_opcode_is_get(opcode))
        return GETS;
    if (omc_opcode_is_delta(opcode))
        return COUNTS;
    switch (opcode) {
    case OMC_OP_SET:
    case OMC_OP_SETQ:
        return STORES;
    case OMC_OP_ADD:
    case OMC_OP_ADDQ:
        return ADDS;
    case OMC_OP_REPLACE:
    case OMC_OP_REPLACEQ:
    case OMC_OP_APPEND:
    case OMC_OP_APPENDQ:
    case OMC_OP_PREPEND:
    case OMC_OP_PREPENDQ:
    case OMC_OP_DELETE:
    case OMC_OP_DELETEQ:
    case OMC_OP_TOUCH:
        return CHANGES;
    default:
        return NOOPS;
    }
}

/* The status in the binary protocol. */
static uint16_t status_of(uint8_t opcode, unsigned char letter)
{
    enum operation operation = operation_of(opcode);

    switch (letter) {
    case SERVER_MISS:
        if (operation == STORES || operation == ADDS || operation == NOOPS)
            return 0;
        return opcode == OMC_OP_APPEND || opcode == OMC_OP_PREPEND ? OMCACHE_NOT_STORED
                                                                   : OMCACHE_NOT_FOUND;
    case SERVER_OTHER:
        if (operation == COUNTS)
            return OMCACHE_DELTA_BAD_VALUE;
        return operation == GETS || operation == NOOPS ? 0 : OMCACHE_KEY_EXISTS;
    case SERVER_FAILS:
        return operation == NOOPS ? 0 : 0x82;
    default:
        return 0;
    }
}

static void put_header(const struct asked *asked, const struct omcache_req_header_s *request,
                       uint16_t status, size_t extra_len, size_t key_len, size_t data_len)
{
    struct omcache_req_header_s header = {
        .magic = 0x81,
        .opcode = request->opcode,
        .keylen = htobe16((uint16_t)key_len),
        .extlen = (uint8_t)extra_len,
        .reserved = htobe16(status),
        .bodylen = htobe32((uint32_t)(extra_len + key_len + data_len)),
        .opaque = request->opaque,
        .cas = htobe64(1),
    };

    put(asked, &header, sizeof(header));
}

static void answer_stat(const struct asked *asked, const struct omcache_req_header_s *request)
{
    for (int i = 0; i < 3; i++) {
        put_header(asked, request, 0, 0, 4, 2);
        put_text(asked, "nameon");
    }
    put_header(asked, request, 0, 0, 0, 0);
}

static void answer_found(const struct asked *asked, const struct omcache_req_header_s *request)
{
    static const unsigned char flags[4] = {0, 0, 0, 7};
    uint64_t number = htobe64(server_number(asked->key, asked->key_len));
    uint8_t opcode = request->opcode;
    bool keyed = opcode == OMC_OP_GETK || opcode == OMC_OP_GETKQ || opcode == OMC_OP_GATK ||
                 opcode == OMC_OP_GATKQ;

    if (omc_opcode_is_get(opcode)) {
        put_header(asked, request, 0, 4, keyed ? asked->key_len : 0, value_len(asked));
        put(asked, flags, sizeof(flags));
        if (keyed)
            put(asked, asked->key, asked->key_len);
        put_value(asked);
    } else if (omc_opcode_is_quiet(opcode)) {
        return;
    } else if (omc_opcode_is_delta(opcode)) {
        put_header(asked, request, 0, 0, 0, sizeof(number));
        put(asked, &number, sizeof(number));
    } else if (opcode == OMC_OP_STAT) {
        answer_stat(asked, request);
    } else {
        put_header(asked, request, 0, 0, 0, opcode == OMC_OP_VERSION ? 3 : 0);
        put_text(asked, opcode == OMC_OP_VERSION ? "1.6" : "");
    }
}

static bool has_value(uint8_t opcode)
{
    switch (opcode) {
    case OMC_OP_DELETE:
    case OMC_OP_DELETEQ:
    case OMC_OP_TOUCH:
        return false;
    default:
        return operation_of(opcode) == STORES || operation_of(opcode) == ADDS ||
               operation_of(opcode) == CHANGES;
    }
}

/* Does not wait for a value that is too large, and takes the `left` bytes of it for nothing. */
static void swallow(const struct asked *asked, size_t left)
{
    asked->wire->swallow = left;
}

/* Answers one binary request; false if it is not all there. */
static bool serve_binary(struct asked *asked)
{
    struct network_wire *wire = asked->wire;
    struct omcache_req_header_s request;
    uint16_t status;
    size_t head;

    if (wire->in_len < HEADER)
        return false;
    memcpy(&request, wire->in, HEADER);
    FUZZ_CHECK(request.magic == 0x80 && request.datatype == 0 && request.reserved == 0);
    FUZZ_CHECK(!omc_opcode_is_meta(request.opcode));
    wire->binary = true;
    asked->size = HEADER + be32toh(request.bodylen);
    asked->key = wire->in + HEADER + request.extlen;
    asked->key_len = be16toh(request.keylen);
    head = HEADER + request.extlen + asked->key_len;
    if (wire->in_len < head)
        return false;
    FUZZ_CHECK(omc_opcode_needs_key(request.opcode) == (asked->key_len > 0) ||
               request.opcode == OMC_OP_STAT);
    asked->letter = SERVER_HIT;
    if (omc_opcode_needs_key(request.opcode))
        asked->letter = letter_of(asked->key, asked->key_len);
    if (asked->letter == SERVER_REFUSES && has_value(request.opcode)) {
        swallow(asked, asked->size - head);
        asked->size = head;
        put_header(asked, &request, OMCACHE_TOO_LARGE_VALUE, 0, 0, 3);
        put_text(asked, "Too");
        return true;
    }
    if (wire->in_len < asked->size)
        return false;
    status = status_of(request.opcode, asked->letter);
    if (status == 0) {
        answer_found(asked, &request);
    } else if (!omc_opcode_is_quiet(request.opcode) || !omc_opcode_is_get(request.opcode) ||
               status != OMCACHE_NOT_FOUND) {
        put_header(asked, &request, status, 0, 0, 3);
        put_text(asked, "Not");
    }
    return true;
}

/*
 * The meta protocol.
 */

static struct omc_line word_of(struct omc_line *line)
{
    struct omc_line word = omc_line_word(line);

    FUZZ_CHECK(omc_line_left(&word) > 0);
    return word;
}

static bool has_flag(struct omc_line flags, char flag)
{
    while (omc_line_left(&flags) > 0) {
        if (*word_of(&flags).at == (unsigned char)flag)
            return true;
    }
    return false;
}

/* Repeats what flags ask for, in their order. */
static void put_flags(const struct asked *asked, struct omc_line flags, struct omc_line key)
{
    while (omc_line_left(&flags) > 0) {
        struct omc_line flag = word_of(&flags);

        if (strchr("Obk", *flag.at) != NULL) {
            put_text(asked, " ");
            put(asked, flag.at, omc_line_left(&flag));
            if (*flag.at == 'k')
                put(asked, key.at, omc_line_left(&key));
        } else if (*flag.at == 'c') {
            put_text(asked, " c1");
        } else if (*flag.at == 'f') {
            put_text(asked, " f7");
        } else if (*flag.at == 't') {
            put_text(asked, " t-1");
        } else if (*flag.at == 'h' || *flag.at == 'l' || *flag.at == 's') {
            put_text(asked, " ");
            put(asked, flag.at, 1);
            put_text(asked, "1");
        }
    }
}

static void put_meta_value(const struct asked *asked, struct omc_line flags, struct omc_line key,
                           bool number)
{
    unsigned char digits[20];
    size_t digits_len =
        (size_t)(omc_line_put_number(digits, server_number(asked->key, asked->key_len)) - digits);

    put_text(asked, "VA ");
    put_number(asked, number ? digits_len : value_len(asked));
    put_flags(asked, flags, key);
    put_text(asked, "\r\n");
    if (number)
        put(asked, digits, digits_len);
    else
        put_value(asked);
    put_text(asked, "\r\n");
}

static void put_meta(const struct asked *asked, const char *status, struct omc_line flags,
                     struct omc_line key)
{
    put_text(asked, status);
    put_flags(asked, flags, key);
    put_text(asked, "\r\n");
}

/* The status word for what is not a success; NULL if it is one. */
static const char *meta_refusal(char command, struct omc_line flags, unsigned char letter)
{
    if (letter == SERVER_MISS) {
        if (command == 's')
            return has_flag(flags, 'M') ? "NS" : NULL;
        return command == 'g' ? "EN" : "NF";
    }
    return letter == SERVER_OTHER && command != 'g' ? "EX" : NULL;
}

static void answer_meta(const struct asked *asked, char command, struct omc_line flags,
                        struct omc_line key)
{
    const char *refusal = meta_refusal(command, flags, asked->letter);
    bool quiet = has_flag(flags, 'q');

    if (asked->letter == SERVER_FAILS) {
        asked->wire->blamed = true; /* behind a quiet get nobody knows whose it is */
        put_text(asked, "SERVER_ERROR out of order\r\n");
    } else if (refusal != NULL && command == 'g') {
        if (!quiet)
            put_text(asked, "EN\r\n");
    } else if (refusal != NULL) {
        put_meta(asked, refusal, flags, key);
    } else if (command == 'g' && has_flag(flags, 'v')) {
        put_meta_value(asked, flags, key, false);
    } else if (command == 'a' && has_flag(flags, 'v')) {
        put_meta_value(asked, flags, key, true);
    } else if (command != 's' || !quiet) {
        put_meta(asked, "HD", flags, key);
    }
}

static void put_line(const struct asked *asked, const char *text)
{
    put_text(asked, text);
    put_text(asked, "\r\n");
}

static const char too_large[] = "SERVER_ERROR object too large for cache";

/* Takes the value behind a line, or swallows it; false if it is not all there. */
static bool take_value(struct asked *asked, uint64_t data_len)
{
    if (asked->letter == SERVER_REFUSES) {
        swallow(asked, data_len + 2);
        return true;
    }
    asked->size += data_len + 2;
    if (asked->wire->in_len < asked->size)
        return false;
    FUZZ_CHECK(memcmp(asked->wire->in + asked->size - 2, "\r\n", 2) == 0);
    return true;
}

/* Answers "mg", "ms", "md" or "ma"; false if its data is not all there. */
static bool serve_meta(struct asked *asked, struct omc_line line, enum server_kind kind)
{
    struct omc_line command = word_of(&line), key = word_of(&line), number;
    uint64_t data_len = 0;

    FUZZ_CHECK(omc_line_left(&command) == 2 && strchr("gsda", command.at[1]) != NULL);
    if (command.at[1] == 's') {
        number = word_of(&line);
        FUZZ_CHECK(omc_line_number(&number, NETWORK_ROOM, &data_len));
    }
    asked->key = key.at;
    asked->key_len = omc_line_left(&key);
    if (has_flag(line, 'b')) {
        FUZZ_CHECK(asked->key_len <= KEY_ROOM &&
                   omc_base64_decode(asked->decoded, key.at, asked->key_len, &asked->key_len));
        asked->key = asked->decoded;
    }
    asked->letter = letter_of(asked->key, asked->key_len);
    if (command.at[1] == 's' && !take_value(asked, data_len))
        return false;
    if (asked->wire->swallow > 0)
        put_line(asked, too_large);
    else if (kind == SERVER_ALL)
        answer_meta(asked, (char)command.at[1], line, key);
    else
        put_text(asked, "ERROR\r\n");
    asked->wire->blamed = asked->wire->blamed || kind != SERVER_ALL; /* if meta was chosen */
    return true;
}

/*
 * The classic protocol.
 */

static void answer_get(const struct asked *asked)
{
    put_text(asked, "VALUE ");
    put(asked, asked->key, asked->key_len);
    put_text(asked, " 7 ");
    put_number(asked, value_len(asked));
    put_text(asked, " 1\r\n");
    put_value(asked);
    put_text(asked, "\r\n");
}

/* Answers a line of gets.  An error ends it, also where there is no room for all of it. */
static void serve_gets(struct asked *asked, struct omc_line keys, bool greets)
{
    while (omc_line_left(&keys) > 0) {
        struct omc_line key = word_of(&keys);

        asked->key = key.at;
        asked->key_len = omc_line_left(&key);
        asked->letter = greets ? SERVER_MISS : letter_of(asked->key, asked->key_len);
        if (asked->letter == SERVER_FAILS || !has_room(asked->wire)) {
            put_line(asked, "SERVER_ERROR out of order");
            return;
        }
        if (asked->letter != SERVER_MISS)
            answer_get(asked);
    }
    put_line(asked, "END");
}

static void answer_store(const struct asked *asked, const struct omc_line *command)
{
    bool any = omc_line_is(command, "set") || omc_line_is(command, "add");

    if (asked->letter == SERVER_MISS && !any)
        put_line(asked, omc_line_is(command, "cas") ? "NOT_FOUND" : "NOT_STORED");
    else if (asked->letter == SERVER_OTHER)
        put_line(asked, omc_line_is(command, "cas") ? "EXISTS" : "NOT_STORED");
    else
        put_line(asked, "STORED");
}

static void answer_other(const struct asked *asked, const struct omc_line *command)
{
    if (asked->letter == SERVER_MISS) {
        put_line(asked, "NOT_FOUND");
    } else if (omc_line_is(command, "delete")) {
        put_line(asked, "DELETED");
    } else if (omc_line_is(command, "touch")) {
        put_line(asked, "TOUCHED");
    } else if (asked->letter == SERVER_OTHER) {
        put_line(asked, "CLIENT_ERROR cannot increment or decrement non-numeric value");
    } else {
        put_number(asked, server_number(asked->key, asked->key_len));
        put_line(asked, "");
    }
}

static bool is_one_of(const struct omc_line *word, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (omc_line_is(word, *words))
            return true;
    }
    return false;
}

/* Those without a key. */
static bool serve_plain(const struct asked *asked, const struct omc_line *command, bool meta)
{
    if (omc_line_is(command, "mn"))
        put_line(asked, meta ? "MN" : "ERROR");
    else if (omc_line_is(command, "version"))
        put_line(asked, "VERSION 1.6");
    else if (omc_line_is(command, "flush_all"))
        put_line(asked, "OK");
    else if (omc_line_is(command, "stats"))
        put_text(asked, "STAT name on\r\nSTAT name on\r\nEND\r\n");
    else if (omc_line_is(command, "lru_crawler"))
        put_text(asked, "key=name exp=-1 la=0\nkey=na%6de exp=-1 la=0\nEND\r\n");
    else if (omc_line_is(command, "watch"))
        put_text(asked, "OK\r\nts=1 gid=1 type=item_get key=a\n");
    else if (omc_line_is(command, "verbosity"))
        put_text(asked, "OK\r\n");
    else
        return omc_line_is(command, "quit");
    return true;
}

/* Answers a command with a key; false if its data is not all there. */
static bool serve_keyed(struct asked *asked, struct omc_line line)
{
    static const char *const stores[] = {"set", "add", "replace", "append", "prepend", "cas", NULL};
    static const char *const others[] = {"delete", "touch", "incr", "decr", NULL};
    struct omc_line command = word_of(&line), number;
    bool greets = omc_line_is(&command, "get"); /* for a key that nobody has stored */
    bool gets = greets || omc_line_is(&command, "gets") || omc_line_is(&command, "gats");
    bool stores_it = is_one_of(&command, stores);
    uint64_t data_len;

    FUZZ_CHECK(gets || stores_it || is_one_of(&command, others));
    if (omc_line_is(&command, "gats"))
        word_of(&line);
    if (gets) {
        serve_gets(asked, line, greets);
        return true;
    }
    number = word_of(&line);
    asked->key = number.at;
    asked->key_len = omc_line_left(&number);
    asked->letter = letter_of(asked->key, asked->key_len);
    if (stores_it) {
        word_of(&line);
        word_of(&line);
        number = word_of(&line);
        FUZZ_CHECK(omc_line_number(&number, NETWORK_ROOM, &data_len));
        if (!take_value(asked, data_len))
            return false;
    }
    if (asked->wire->swallow > 0)
        put_line(asked, too_large);
    else if (asked->letter == SERVER_FAILS)
        put_line(asked, "SERVER_ERROR out of order");
    else if (stores_it)
        answer_store(asked, &command);
    else
        answer_other(asked, &command);
    return true;
}

/* Answers one request of a line; false if it is not all there. */
static bool serve_line(struct asked *asked, enum server_kind kind)
{
    const struct network_wire *wire = asked->wire;
    const unsigned char *newline = memchr(wire->in, '\n', wire->in_len);
    struct omc_line line, rest, command;

    if (newline == NULL)
        return false;
    FUZZ_CHECK(newline > wire->in && newline[-1] == '\r');
    asked->size = (size_t)(newline + 1 - wire->in);
    line = rest = (struct omc_line){wire->in, newline - 1};
    command = word_of(&rest);
    if (serve_plain(asked, &command, kind == SERVER_ALL))
        return true;
    if (omc_line_left(&command) == 2 && *command.at == 'm')
        return serve_meta(asked, line, kind);
    return serve_keyed(asked, line);
}

static bool is_refused(const struct network_wire *wire, enum server_kind kind)
{
    bool binary = wire->in[0] == 0x80;

    return (binary && kind == SERVER_TEXT) || (!binary && kind == SERVER_BINARY);
}

/* Whether the next request is for a sign of life. */
static bool is_noop(const struct network_wire *wire)
{
    static const char *const words[] = {"mn", "version", "mg AAAAAAAA b", "get omcache-"};

    if (wire->in[0] == 0x80)
        return wire->in_len > 1 && wire->in[1] == OMC_OP_NOOP;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t len = strlen(words[i]);

        if (wire->in_len >= len && memcmp(wire->in, words[i], len) == 0)
            return true;
    }
    return false;
}

static void drop(struct network_wire *wire, size_t len)
{
    memmove(wire->in, wire->in + len, wire->in_len - len);
    wire->in_len -= len;
}

/* Takes what is to come of a value that was refused. */
static void drop_value(struct network_wire *wire)
{
    size_t len = wire->swallow < wire->in_len ? wire->swallow : wire->in_len;

    wire->swallow -= len;
    drop(wire, len);
}

void server_serve(struct network_wire *wire, enum server_kind kind, enum server_extent extent)
{
    while (wire->state == NETWORK_CONNECTED && wire->in_len > 0 && has_room(wire)) {
        struct asked asked = {.wire = wire};

        if (wire->swallow > 0) {
            drop_value(wire);
            continue;
        }
        if (is_refused(wire, kind)) {
            wire->state = NETWORK_ENDED;
            return;
        }
        if (extent == SERVER_NOOPS && !is_noop(wire))
            return;
        if (!(wire->in[0] == 0x80 ? serve_binary(&asked) : serve_line(&asked, kind)))
            return;
        network_end_reply(wire);
        drop(wire, asked.size);
    }
}
