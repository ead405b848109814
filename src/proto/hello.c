/*
 * Writing hellos and reading the answers.
 */
#include "proto/hello.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#include "proto/ask.h"
#include "proto/bytes.h"
#include "proto/line.h"
#include "proto/login.h"
#include "proto/opcode.h"

enum {
    BINARY_SIZE = 24,
    BINARY_ANSWER_MAGIC = 0x81,
    VERSIONS = 3,   /* in text: so many are 24 bytes or more */
    LINE_MAX = 256, /* of an answer in text */
    STATUS_DENIED = 0x20,
};

/* What no memcached before 1.6.10 understands, a look for a key of six zero bytes in
 * base64; and what all answer. */
static const char meta[] = "mg AAAAAAAA b\r\nversion\r\n";

static const char wants_login[] = "the server wants authentication";
static const char refuses_login[] = "the server refuses the credentials";
static const char wants_other[] = "the server takes credentials over meta and text only";

static size_t write_binary(unsigned char *out, uint32_t number)
{
    struct omcache_req_header_s header = {
        .magic = OMC_ASK_MAGIC,
        .opcode = OMC_OP_NOOP,
        .opaque = htobe32(number),
    };

    memcpy(out, &header, BINARY_SIZE);
    return BINARY_SIZE;
}

/* Asks for a key that is not there, as nobody can have foreseen it.  Twice: one line is how a
 * request over HTTP begins, and whoever speaks that would wait for more. */
static size_t write_get(unsigned char *out, uint32_t number)
{
    unsigned char *at = omc_line_put(out, "get omcache-");

    for (int shift = 28; shift >= 0; shift -= 4)
        *at++ = (unsigned char)"0123456789abcdef"[number >> shift & 15];
    at = omc_line_put(at, "\r\n");
    return (size_t)(omc_bytes_put(at, out, (size_t)(at - out)) - out);
}

static size_t write_version(unsigned char *out)
{
    unsigned char *at = out;

    for (int i = 0; i < VERSIONS; i++)
        at = omc_line_put(at, "version\r\n");
    return (size_t)(at - out);
}

int omc_hello_protocol(enum omc_greeting greeting)
{
    switch (greeting) {
    case OMC_GREETING_META:
        return OMCACHE_PROTOCOL_META;
    case OMC_GREETING_VERSION:
    case OMC_GREETING_GET:
        return OMCACHE_PROTOCOL_TEXT;
    case OMC_GREETING_BINARY:
        return OMCACHE_PROTOCOL_BINARY;
    default:
        return OMCACHE_PROTOCOL_AUTO;
    }
}

size_t omc_hello_room(const struct omc_login *login)
{
    return OMC_HELLO_MAX + (login == NULL ? 0 : OMC_LOGIN_SIZE_MAX);
}

static unsigned char *write_login(unsigned char *out, enum omc_greeting greeting,
                                  const struct omc_login *login)
{
    if (login == NULL)
        return out;
    return greeting == OMC_GREETING_BINARY ? omc_login_write_binary(out, login)
                                           : omc_login_write_line(out, login);
}

size_t omc_hello_write(unsigned char *out, enum omc_greeting greeting, uint32_t number,
                       const struct omc_login *login)
{
    unsigned char *hello = write_login(out, greeting, login);
    size_t login_len = (size_t)(hello - out);

    switch (greeting) {
    case OMC_GREETING_META:
        return login_len + (size_t)(omc_line_put(hello, meta) - hello);
    case OMC_GREETING_VERSION:
        return login_len + write_version(hello);
    case OMC_GREETING_GET:
        return login_len + write_get(hello, number);
    default:
        return login_len + write_binary(hello, number);
    }
}

/* Takes the next line, without its end: OMC_HELLO_GOOD, or what comes of it. */
static enum omc_hello take_word(struct omc_line *bytes, struct omc_line *line)
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

/* What a server says that does not let us in, whatever it was asked; OMC_HELLO_GOOD if it is
 * something else. */
static enum omc_hello refusal_in(const struct omc_line *line, const char **problem)
{
    struct omc_line rest = *line;

    if (omc_line_skip(&rest, "CLIENT_ERROR unauthenticated")) {
        *problem = wants_login;
        return OMC_HELLO_DENIED;
    }
    if (omc_line_skip(&rest, "CLIENT_ERROR authentication failure")) {
        *problem = refuses_login;
        return OMC_HELLO_DENIED;
    }
    if (!omc_line_skip(&rest, "ERROR ")) /* it has too many */
        return OMC_HELLO_GOOD;
    *problem = "the server refuses connections and says ERROR";
    return OMC_HELLO_REFUSED;
}

/* Takes a line that must begin with one of some words. */
static enum omc_hello take_line(struct omc_line *bytes, const char *const *words,
                                struct omc_line *line, const char **problem)
{
    enum omc_hello hello = take_word(bytes, line);

    if (hello == OMC_HELLO_GOOD)
        hello = refusal_in(line, problem);
    if (hello != OMC_HELLO_GOOD)
        return hello;
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

    /* As in CLIENT_ERROR and ERROR: who lets nobody in says so in text only. */
    if (bytes[0] == 'C' || bytes[0] == 'E')
        return take_line(&(struct omc_line){bytes, bytes + len}, none, &line, problem);
    if (bytes[0] != BINARY_ANSWER_MAGIC)
        return OMC_HELLO_OTHER;
    if (len < BINARY_SIZE)
        return OMC_HELLO_MORE;
    memcpy(&header, bytes, BINARY_SIZE);
    if (header.opcode == OMC_OP_NOOP && be16toh(header.reserved) == STATUS_DENIED) {
        *problem = wants_login;
        return OMC_HELLO_DENIED;
    }
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
    enum omc_hello hello = take_line(bytes, looks, &look, problem);

    if (hello == OMC_HELLO_GOOD)
        hello = take_line(bytes, versions, &version, problem);
    if (hello != OMC_HELLO_GOOD || is_word(look, "EN") || is_word(look, "HD"))
        return hello;
    if (!is_word(look, "SERVER_ERROR")) /* one without "version" is to be greeted without it */
        return is_word(version, "ERROR") ? OMC_HELLO_OTHER : OMC_HELLO_TEXT;
    /* A proxy speaks so of the servers behind it, one of which may be down. */
    if (is_word(version, "VERSION"))
        return is_new(version) ? OMC_HELLO_GOOD : OMC_HELLO_TEXT;
    *problem = "the server is in trouble and says SERVER_ERROR";
    return OMC_HELLO_REFUSED;
}

/* Takes so many lines that begin with this word each, or with what proxies say. */
static enum omc_hello read_text(struct omc_line *bytes, int count, const char *word,
                                const char **problem)
{
    const char *const words[] = {word, "SERVER_ERROR", NULL}; /* likewise */
    enum omc_hello hello = OMC_HELLO_GOOD;
    struct omc_line line;

    for (int i = 0; i < count && hello == OMC_HELLO_GOOD; i++)
        hello = take_line(bytes, words, &line, problem);
    return hello;
}

/* Takes the answer to credentials in binary.  A server without SASL does not know them. */
static enum omc_hello take_binary_login(struct omc_line *bytes, const char **problem)
{
    struct omcache_req_header_s header;
    size_t len;

    if (omc_line_skip(&(struct omc_line){bytes->at, bytes->end}, "CLIENT_ERROR unauthenticated")) {
        *problem = wants_other;
        return OMC_HELLO_DENIED;
    }
    if (*bytes->at == 'C' || *bytes->at == 'E') /* see read_binary */
        return OMC_HELLO_GOOD;
    if (*bytes->at != BINARY_ANSWER_MAGIC)
        return OMC_HELLO_OTHER;
    if (omc_line_left(bytes) < BINARY_SIZE)
        return OMC_HELLO_MORE;
    memcpy(&header, bytes->at, BINARY_SIZE);
    len = be32toh(header.bodylen);
    if (header.opcode != OMC_OP_LOGIN || len > LINE_MAX)
        return OMC_HELLO_OTHER;
    if (be16toh(header.reserved) == STATUS_DENIED) {
        *problem = refuses_login;
        return OMC_HELLO_DENIED;
    }
    if (omc_line_left(bytes) < BINARY_SIZE + len)
        return OMC_HELLO_MORE;
    bytes->at += BINARY_SIZE + len;
    return OMC_HELLO_GOOD;
}

/* Takes the answer to credentials: STORED, or what one says that wants none. */
static enum omc_hello take_login(struct omc_line *bytes, enum omc_greeting greeting,
                                 const char **problem)
{
    struct omc_line line;
    enum omc_hello hello;

    if (greeting == OMC_GREETING_BINARY)
        return take_binary_login(bytes, problem);
    hello = take_word(bytes, &line);
    if (hello == OMC_HELLO_GOOD)
        hello = refusal_in(&line, problem);
    if (hello == OMC_HELLO_DENIED)
        *problem = refuses_login;
    return hello;
}

enum omc_hello omc_hello_read(const unsigned char *bytes, size_t len,
                              const struct omc_hello_asked *asked, size_t *used,
                              const char **problem)
{
    enum omc_greeting greeting = asked->greeting;
    enum omc_hello hello = OMC_HELLO_GOOD;
    struct omc_line left;

    *used = 0;
    if (len == 0) /* there may be no bytes to point to */
        return OMC_HELLO_MORE;
    left = (struct omc_line){bytes, bytes + len};
    if (asked->has_login)
        hello = take_login(&left, greeting, problem);
    if (hello == OMC_HELLO_GOOD && omc_line_left(&left) == 0)
        hello = OMC_HELLO_MORE;
    if (hello != OMC_HELLO_GOOD)
        return hello;
    if (greeting == OMC_GREETING_BINARY) {
        hello = read_binary(left.at, omc_line_left(&left), asked->number, used, problem);
        *used += *used > 0 ? (size_t)(left.at - bytes) : 0;
        return hello;
    }
    if (greeting == OMC_GREETING_META)
        hello = read_meta(&left, problem);
    else if (greeting == OMC_GREETING_VERSION)
        hello = read_text(&left, VERSIONS, "VERSION", problem);
    else
        hello = read_text(&left, 2, "END", problem);
    if (hello == OMC_HELLO_GOOD || hello == OMC_HELLO_TEXT)
        *used = (size_t)(left.at - bytes);
    return hello;
}
