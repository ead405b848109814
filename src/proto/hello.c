/*
 * Writing hellos and reading the answers.
 */
#include "proto/hello.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#include "proto/opcode.h"
#include "proto/request.h"

enum {
    BINARY_SIZE = 24,
    BINARY_ANSWER_MAGIC = 0x81,
    LINE_MAX = 256, /* of an answer in text */
};

/* A hello in text: a command, and what begins the line of each answer. */
struct words {
    const char *command;
    size_t times;
    const char *answer;
};

static const struct words meta = {"mn\r\n", 6, "MN"};
static const struct words text = {"version\r\n", 3, "VERSION "};

static size_t write_binary(unsigned char *out, uint32_t opaque)
{
    struct omcache_req_header_s header = {
        .magic = OMC_REQUEST_MAGIC,
        .opcode = OMC_OP_NOOP,
        .opaque = htobe32(opaque),
    };

    memcpy(out, &header, BINARY_SIZE);
    return BINARY_SIZE;
}

static size_t write_words(unsigned char *out, const struct words *words)
{
    size_t len = strlen(words->command);

    for (size_t i = 0; i < words->times; i++)
        memcpy(out + i * len, words->command, len);
    return words->times * len;
}

size_t omc_hello_write(unsigned char out[OMC_HELLO_MAX], int protocol, uint32_t opaque)
{
    if (protocol == OMCACHE_PROTOCOL_BINARY)
        return write_binary(out, opaque);
    return write_words(out, protocol == OMCACHE_PROTOCOL_META ? &meta : &text);
}

static enum omc_hello read_binary(const unsigned char *bytes, size_t len, uint32_t opaque,
                                  size_t *used, const char **problem)
{
    struct omcache_req_header_s header;

    if (bytes[0] != BINARY_ANSWER_MAGIC)
        return OMC_HELLO_OTHER;
    if (len < BINARY_SIZE)
        return OMC_HELLO_MORE;
    memcpy(&header, bytes, BINARY_SIZE);
    if (header.opcode != OMC_OP_NOOP || header.opaque != htobe32(opaque) || header.bodylen != 0)
        return OMC_HELLO_OTHER;
    *used = BINARY_SIZE;
    *problem = "the server refuses a no-op";
    return header.reserved == 0 ? OMC_HELLO_GOOD : OMC_HELLO_REFUSED; /* that is the status */
}

static bool begins_with(const unsigned char *line, size_t len, const char *word)
{
    size_t word_len = strlen(word);

    return len >= word_len && memcmp(line, word, word_len) == 0;
}

/* Whether a line is the answer: that word, which may be followed by others. */
static bool is_answer(const unsigned char *line, size_t len, const struct words *words)
{
    size_t word_len = strlen(words->answer);

    return begins_with(line, len, words->answer) &&
           (len == word_len || line[word_len] == ' ' || line[word_len - 1] == ' ');
}

/* What one line, without its end, tells. */
static enum omc_hello judge(const unsigned char *line, size_t len, const struct words *words,
                            const char **problem)
{
    if (is_answer(line, len, words))
        return OMC_HELLO_GOOD;
    if (words == &meta && len == strlen("ERROR") && begins_with(line, len, "ERROR"))
        return OMC_HELLO_TEXT;
    if (begins_with(line, len, "CLIENT_ERROR unauthenticated")) {
        *problem = "the server wants authentication";
        return OMC_HELLO_REFUSED;
    }
    if (begins_with(line, len, "ERROR ")) {
        *problem = "the server refuses connections and says ERROR"; /* it has too many */
        return OMC_HELLO_REFUSED;
    }
    if (begins_with(line, len, "SERVER_ERROR ")) {
        /* A proxy speaks so of the servers behind it, one of which may be down. */
        if (words == &text)
            return OMC_HELLO_GOOD;
        *problem = "the server is in trouble and says SERVER_ERROR";
        return OMC_HELLO_REFUSED;
    }
    return OMC_HELLO_OTHER;
}

/* All lines must tell the same. */
static enum omc_hello read_words(const unsigned char *bytes, size_t len, const struct words *words,
                                 size_t *used, const char **problem)
{
    enum omc_hello verdict = OMC_HELLO_MORE;
    size_t start = 0;

    for (size_t i = 0; i < words->times; i++) {
        const unsigned char *end = memchr(bytes + start, '\n', len - start);
        size_t line_len = (end == NULL ? len : (size_t)(end - bytes)) - start;
        enum omc_hello line;

        if (line_len > LINE_MAX || (line_len > 0 && (bytes[start] < 'A' || bytes[start] > 'Z')))
            return OMC_HELLO_OTHER;
        if (end == NULL)
            return OMC_HELLO_MORE;
        if (line_len > 0 && end[-1] == '\r')
            line_len--;
        line = judge(bytes + start, line_len, words, problem);
        if (line == OMC_HELLO_OTHER || line == OMC_HELLO_REFUSED || (i > 0 && line != verdict))
            return line == OMC_HELLO_REFUSED ? line : OMC_HELLO_OTHER;
        verdict = line;
        start = (size_t)(end - bytes) + 1;
    }
    *used = start;
    return verdict;
}

enum omc_hello omc_hello_read(const unsigned char *bytes, size_t len, int protocol, uint32_t opaque,
                              size_t *used, const char **problem)
{
    if (len == 0)
        return OMC_HELLO_MORE;
    if (protocol == OMCACHE_PROTOCOL_BINARY)
        return read_binary(bytes, len, opaque, used, problem);
    return read_words(bytes, len, protocol == OMCACHE_PROTOCOL_META ? &meta : &text, used, problem);
}
