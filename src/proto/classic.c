/*
 * Classic commands and errors.
 */
#include "proto/classic.h"

#include "proto/bytes.h"
#include "proto/opcode.h"

/* Error texts that only operations of some kinds can have. */
static const struct omc_classic_word errors[] = {
    {"object too large for cache", OMC_KIND_STORE, OMCACHE_TOO_LARGE_VALUE},
    {"out of memory storing object", OMC_KIND_STORE, OMCACHE_FAIL},
    {"cannot increment or decrement non-numeric value", OMC_KIND_DELTA, OMCACHE_DELTA_BAD_VALUE},
    /* The server has read something else than was sent. */
    {"bad data chunk", 0, OMCACHE_FAIL},
};

enum {
    ERRORS = sizeof(errors) / sizeof(errors[0]),
};

/* Whether these are a part of a line, and do not end it. */
static bool fits_line(const unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] < ' ' || bytes[i] == 0x7f)
            return false;
    }
    return true;
}

bool omc_classic_accept(const struct omc_ask *ask)
{
    uint16_t kind = omc_opcode_kind(ask->op);

    return kind != 0 && (ask->bits & OMC_ASK_RAW) == 0 &&
           ask->value_len <= (kind == OMC_KIND_STORE ? OMC_ASK_VALUE_MAX : 0) &&
           ((kind & (OMC_KIND_STAT | OMC_KIND_LISTING)) == 0 || fits_line(ask->key, ask->key_len));
}

unsigned char *omc_classic_encode(unsigned char *out, const struct omc_ask *ask)
{
    switch (omc_opcode_kind(ask->op)) {
    case OMC_KIND_VERSION:
        return omc_line_put(out, "version");
    case OMC_KIND_QUIT:
        return omc_line_put(out, "quit");
    case OMC_KIND_FLUSH:
        out = omc_line_put(out, "flush_all");
        if ((ask->bits & OMC_ASK_DATED) == 0)
            return out;
        return omc_line_put_flag(out, " ", omc_ask_expiration(ask, INT32_MAX));
    case OMC_KIND_SETTING:
        out = omc_line_put(out, ask->op == OMC_OP_LOG_LEVEL ? "verbosity" : "cache_memlimit");
        return omc_line_put_flag(out, " ", ask->expiration);
    default:
        out = omc_line_put(out, ask->key_len > 0 ? "stats " : "stats");
        return omc_bytes_put(out, ask->key, ask->key_len);
    }
}

/* Whether a quiet request keeps quiet about this outcome. */
static bool is_silent(uint8_t opcode, int status)
{
    return omc_opcode_is_quiet(opcode) &&
           status == (omc_opcode_is_get(opcode) ? OMCACHE_NOT_FOUND : OMCACHE_OK);
}

void omc_classic_attribute(const struct omc_expected *asked, int status, struct omc_reply *reply)
{
    reply->value.status = status;
    reply->opaque = asked->opaque;
    reply->opcode = asked->opcode;
    reply->last = true;
    reply->silent = is_silent(asked->opcode, status);
}

void omc_classic_answer(const struct omc_expected *asked, int status, struct omc_reply *reply)
{
    reply->value = (omcache_value_t){.status = status};
    omc_classic_attribute(asked, status, reply);
}

/* What the binary protocol says where the others have one word for a condition that
 * was not met. */
static int not_stored(uint8_t opcode)
{
    switch (opcode) {
    case OMC_OP_ADD:
    case OMC_OP_ADDQ:
        return OMCACHE_KEY_EXISTS;
    case OMC_OP_REPLACE:
    case OMC_OP_REPLACEQ:
        return OMCACHE_NOT_FOUND;
    default:
        return OMCACHE_NOT_STORED;
    }
}

bool omc_classic_look_up(const struct omc_classic_word *words, size_t count, struct omc_line line,
                         uint8_t opcode, int *status)
{
    for (size_t i = 0; i < count; i++) {
        if (!omc_line_is(&line, words[i].text))
            continue;
        *status = words[i].status == OMCACHE_NOT_STORED ? not_stored(opcode) : words[i].status;
        return (words[i].kinds & omc_opcode_kind(opcode)) != 0;
    }
    return false;
}

static bool is_known_error(struct omc_line line)
{
    for (size_t i = 0; i < ERRORS; i++) {
        if (omc_line_is(&line, errors[i].text))
            return true;
    }
    return false;
}

/* The server's word for options that it does not have, of which the others know none:
 * it has read the request all the same, with its data. */
static bool is_lack_of_option(struct omc_line line, uint8_t opcode)
{
    return omc_opcode_is_meta(opcode) && omc_line_skip(&line, "CLIENT_ERROR ") &&
           (omc_line_is(&line, "invalid flag") || omc_line_is(&line, "invalid or duplicate flag"));
}

static void answer_error(struct omc_line line, const struct omc_expected *asked, int status,
                         struct omc_reply *reply)
{
    omc_classic_answer(asked, status, reply);
    reply->value.data = line.at;
    reply->value.data_len = omc_line_left(&line);
}

/* An error has no opaque.  It is the oldest request's, unless a quiet one in front of
 * that has caused it; if its text does not tell, nobody knows.  And with other errors
 * than its own a server may not have known that data follows, and take it for commands. */
static bool read_error(struct omc_line line, const struct omc_expected *asked,
                       struct omc_reply *reply)
{
    bool unknown_command = omc_line_is(&line, "ERROR");
    bool own = omc_line_skip(&line, "SERVER_ERROR ");
    int status = OMCACHE_FAIL;

    if (is_lack_of_option(line, asked->opcode)) {
        omc_line_skip(&line, "CLIENT_ERROR ");
        answer_error(line, asked, OMCACHE_FAIL, reply);
        return true;
    }
    if (!own && !unknown_command && !omc_line_skip(&line, "CLIENT_ERROR ") &&
        !omc_line_skip(&line, "ERROR "))
        return false;
    if (!own && omc_opcode_kind(asked->opcode) == OMC_KIND_STORE)
        return false;
    if (is_known_error(line)) {
        if (!omc_classic_look_up(errors, ERRORS, line, asked->opcode, &status))
            return false;
    } else if (!asked->first) {
        return false;
    }
    if (unknown_command && asked->opcode == OMC_OP_STAT)
        status = OMCACHE_NOT_FOUND; /* there are no such statistics */
    answer_error(line, asked, status, reply);
    return true;
}

/* One of the many lines that answer a request for statistics. */
static bool read_statistic(struct omc_line line, const struct omc_expected *asked,
                           struct omc_reply *reply)
{
    struct omc_line name;

    if (omc_line_is(&line, "END") || omc_line_is(&line, "RESET") || omc_line_is(&line, "OK")) {
        omc_classic_answer(asked, OMCACHE_OK, reply);
        return true;
    }
    if (!omc_line_skip(&line, "STAT ") && !omc_line_skip(&line, "ITEM ") &&
        !omc_line_skip(&line, "PREFIX "))
        return false;
    name = omc_line_word(&line);
    if (omc_line_left(&name) == 0)
        return false; /* that is how statistics end */
    omc_classic_answer(asked, OMCACHE_OK, reply);
    reply->value.key = name.at;
    reply->value.key_len = omc_line_left(&name);
    reply->value.data = line.at;
    reply->value.data_len = omc_line_left(&line);
    reply->last = false;
    return true;
}

/* A command that has no more to say than that, or why a limit of memory cannot be. */
static bool read_done(struct omc_line line, const struct omc_expected *asked,
                      struct omc_reply *reply)
{
    struct omc_line word = line;

    if (omc_line_is(&line, "OK")) {
        omc_classic_answer(asked, OMCACHE_OK, reply);
        return true;
    }
    if (asked->opcode != OMC_OP_MEMORY_LIMIT || !omc_line_skip(&word, "MEMLIMIT_"))
        return false;
    answer_error(line, asked, OMCACHE_FAIL, reply);
    return true;
}

bool omc_classic_read(struct omc_line line, const struct omc_expected *asked,
                      struct omc_reply *reply)
{
    struct omc_line version = line;

    switch (omc_opcode_kind(asked->opcode)) {
    case OMC_KIND_VERSION:
        if (!omc_line_skip(&version, "VERSION "))
            break;
        omc_classic_answer(asked, OMCACHE_OK, reply);
        reply->value.data = version.at;
        reply->value.data_len = omc_line_left(&version);
        return true;
    case OMC_KIND_STAT:
        if (read_statistic(line, asked, reply))
            return true;
        break;
    case OMC_KIND_FLUSH:
    case OMC_KIND_SETTING:
        if (read_done(line, asked, reply))
            return true;
        break;
    default:
        break;
    }
    return read_error(line, asked, reply);
}
