/*
 * Writing hellos and reading the answers.
 */
#include "proto/hello.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#include "proto/line.h"
#include "proto/opcode.h"
#include "proto/request.h"

enum {
    BINARY_SIZE = 24,
    BINARY_ANSWER_MAGIC = 0x81,
    LINE_MAX = 256, /* of an answer in text */
};

/* What no memcached before 1.6.10 understands, a look for a key of six zero bytes in
 * base64; and what all answer. */
static const char meta[] = "mg AAAAAAAA b\r\nversion\r\n";

static size_t write_binary(unsigned char *out, uint32_t number)
{
    struct omcache_req_header_s header = {
        .magic = OMC_REQUEST_MAGIC,
        .opcode = OMC_OP_NOOP,
        .opaque = htobe32(number),
    };

    memcpy(out, &header, BINARY_SIZE);
    return BINARY_SIZE;
}

/* Looks for a key that is not there, as nobody foresees it.  Twice: one line is how a request
 * over HTTP begins, and whoever speaks that would wait for more. */
static size_t write_text(unsigned char *out, uint32_t number)
{
    unsigned char *at = omc_line_put(out, "get omcache-");

    for (int shift = 28; shift >= 0; shift -= 4)
        *at++ = (unsigned char)"0123456789abcdef"[number >> shift & 15];
    at = omc_line_put(at, "\r\n");
    return (size_t)(omc_line_put_bytes(at, out, (size_t)(at - out)) - out);
}

size_t omc_hello_write(unsigned char out[OMC_HELLO_MAX], int protocol, uint32_t number)
{
    switch (protocol) {
    case OMCACHE_PROTOCOL_BINARY:
        return write_binary(out, number);
    case OMCACHE_PROTOCOL_META:
        return (size_t)(omc_line_put(out, meta) - out);
    default:
        return write_text(out, number);
    }
}

/* Takes the next line, without its end: OMC_HELLO_GOOD, or what comes of it. */
static enum omc_hello take_line(struct omc_line *bytes, struct omc_line *line)
{
    size_t left = omc_line_left(bytes);
    const unsigned char *end = memchr(bytes->at, '\n', left);

    *line = (struct omc_line){bytes->at, end == NULL ? bytes->end : end};
    if (omc_line_left(line) > LINE_MAX || (left > 0 && (*line->at < 'A' || *line->at > 'Z')))
        return OMC_HELLO_OTHER;
    if (end == NULL)
        return OMC_HELLO_MORE;
    bytes->at = end + 1;
    if (line->end[-1] == '\r')
        line->end--;
    return OMC_HELLO_GOOD;
}

/* Whether a line begins with this word. */
static bool is_word(struct omc_line line, const char *word)
{
    struct omc_line first = omc_line_word(&line);

    return omc_line_is(&first, word);
}

/* Why a server that says this does not let us in, whatever it was asked; or NULL. */
static const char *refusal_in(const struct omc_line *line)
{
    struct omc_line rest = *line;

    if (omc_line_skip(&rest, "CLIENT_ERROR unauthenticated"))
        return "the server wants authentication";
    if (omc_line_skip(&rest, "ERROR ")) /* it has too many */
        return "the server refuses connections and says ERROR";
    return NULL;
}

/* Takes a line that must begin with one of some words. */
static enum omc_hello take_answer(struct omc_line *bytes, const char *const *words,
                                  struct omc_line *line, const char **problem)
{
    enum omc_hello hello = take_line(bytes, line);

    if (hello != OMC_HELLO_GOOD)
        return hello;
    *problem = refusal_in(line);
    if (*problem != NULL)
        return OMC_HELLO_REFUSED;
    for (; *words != NULL; words++) {
        if (is_word(*line, *words))
            return OMC_HELLO_GOOD;
    }
    return OMC_HELLO_OTHER;
}

static enum omc_hello read_binary(const unsigned char *bytes, size_t len, uint32_t number,
                                  size_t *used, const char **problem)
{
    static const char *const none[] = {NULL};
    struct omcache_req_header_s header;
    struct omc_line line;

    if (bytes[0] == 'C') /* as in CLIENT_ERROR: one with passwords speaks text only */
        return take_answer(&(struct omc_line){bytes, bytes + len}, none, &line, problem);
    if (bytes[0] != BINARY_ANSWER_MAGIC)
        return OMC_HELLO_OTHER;
    if (len < BINARY_SIZE)
        return OMC_HELLO_MORE;
    memcpy(&header, bytes, BINARY_SIZE);
    if (header.opcode != OMC_OP_NOOP || header.opaque != htobe32(number) || header.bodylen != 0)
        return OMC_HELLO_OTHER;
    *used = BINARY_SIZE;
    *problem = "the server refuses a no-op";
    return header.reserved == 0 ? OMC_HELLO_GOOD : OMC_HELLO_REFUSED; /* that is the status */
}

/* Whether that is the version of a memcached that knows the meta protocol. */
static bool is_new(struct omc_line line)
{
    static const uint64_t oldest[] = {1, 6, 10};
    uint64_t number;

    if (!omc_line_skip(&line, "VERSION "))
        return false;
    for (size_t i = 0; i < sizeof(oldest) / sizeof(oldest[0]); i++) {
        const unsigned char *end = omc_line_digits(line.at, &number);

        if (end == NULL || number != oldest[i])
            return end != NULL && number > oldest[i];
        line.at = end;
        omc_line_skip(&line, ".");
    }
    return true;
}

static enum omc_hello read_meta(struct omc_line *bytes, const char **problem)
{
    static const char *const looks[] = {"EN", "HD", "ERROR", "CLIENT_ERROR", "SERVER_ERROR", NULL};
    static const char *const versions[] = {"VERSION", "ERROR", "SERVER_ERROR", NULL};
    struct omc_line look, version;
    enum omc_hello hello = take_answer(bytes, looks, &look, problem);

    if (hello == OMC_HELLO_GOOD)
        hello = take_answer(bytes, versions, &version, problem);
    if (hello != OMC_HELLO_GOOD || is_word(look, "EN") || is_word(look, "HD"))
        return hello;
    if (!is_word(look, "SERVER_ERROR"))
        return OMC_HELLO_TEXT;
    /* A proxy speaks so of the servers behind it, one of which may be down. */
    if (is_word(version, "VERSION"))
        return is_new(version) ? OMC_HELLO_GOOD : OMC_HELLO_TEXT;
    *problem = "the server is in trouble and says SERVER_ERROR";
    return OMC_HELLO_REFUSED;
}

static enum omc_hello read_text(struct omc_line *bytes, const char **problem)
{
    static const char *const words[] = {"END", "SERVER_ERROR", NULL}; /* likewise */
    struct omc_line line;
    enum omc_hello hello = take_answer(bytes, words, &line, problem);

    return hello == OMC_HELLO_GOOD ? take_answer(bytes, words, &line, problem) : hello;
}

enum omc_hello omc_hello_read(const unsigned char *bytes, size_t len, int protocol, uint32_t number,
                              size_t *used, const char **problem)
{
    struct omc_line left = {bytes, bytes + len};
    enum omc_hello hello;

    if (len == 0)
        return OMC_HELLO_MORE;
    if (protocol == OMCACHE_PROTOCOL_BINARY)
        return read_binary(bytes, len, number, used, problem);
    hello =
        protocol == OMCACHE_PROTOCOL_META ? read_meta(&left, problem) : read_text(&left, problem);
    if (hello == OMC_HELLO_GOOD || hello == OMC_HELLO_TEXT)
        *used = (size_t)(left.at - bytes);
    return hello;
}
