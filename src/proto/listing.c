/*
 * Dumps and watches; see listing.h.
 */
#include "proto/listing.h"

#include <string.h>

#include "proto/bytes.h"
#include "proto/classic.h"
#include "proto/line.h"

unsigned char *omc_listing_encode(unsigned char *out, const struct omc_ask *ask)
{
    if (ask->op == OMC_OP_DUMP)
        return omc_line_put(out, "lru_crawler metadump all");
    out = omc_line_put(out, ask->key_len > 0 ? "watch " : "watch");
    return omc_bytes_put(out, ask->key, ask->key_len);
}

/* What a hexadecimal digit stands for; for what is none, more than 15. */
static unsigned hex_digit(unsigned char digit)
{
    unsigned number = (unsigned)digit - '0', letter = ((unsigned)digit | 0x20) - 'a';

    return letter < 6 ? letter + 10 : number < 10 ? number : 16;
}

/* Whether bytes begin with "%" and two digits. */
static bool is_escape(const unsigned char *at, size_t len)
{
    return len > 2 && *at == '%' && hex_digit(at[1]) < 16 && hex_digit(at[2]) < 16;
}

/* Decodes those, wherever they are; how many bytes are left.  Another "%" stays as it is. */
static size_t decode_escapes(unsigned char *key, size_t len)
{
    size_t in = 0, out = 0;

    while (in < len) {
        if (is_escape(key + in, len - in)) {
            key[out++] = (unsigned char)(hex_digit(key[in + 1]) << 4 | hex_digit(key[in + 2]));
            in += 3;
        } else {
            key[out++] = key[in++];
        }
    }
    return out;
}

/* What a key is dumped with: "key=" and all that is known of its item.  The bytes of the line may
 * be written to. */
static bool read_dumped(unsigned char *bytes, struct omc_line line, struct omc_reply *reply)
{
    static const char front[] = "key=";
    omcache_value_t *value = &reply->value;
    struct omc_line key;

    if (!omc_line_skip(&line, front))
        return false;
    key = omc_line_word(&line);
    value->key = key.at;
    value->key_len = decode_escapes(bytes + strlen(front), omc_line_left(&key));
    value->data = line.at;
    value->data_len = omc_line_left(&line);
    return value->key_len > 0;
}

/* Whether the server says something about the request itself, in upper case, rather than about
 * keys and events. */
static bool is_about_request(const struct omc_line *line)
{
    return omc_line_left(line) > 0 && *line->at >= 'A' && *line->at <= 'Z';
}

static enum omc_decode read_listed(unsigned char *bytes, struct omc_line line,
                                   const struct omc_expected *asked, struct omc_reply *reply)
{
    bool is_dump = asked->opcode == OMC_OP_DUMP;
    struct omc_line word = line;

    omc_classic_answer(asked, OMCACHE_OK, reply);
    reply->last = is_dump && omc_line_is(&line, "END");
    if (reply->last || (!is_dump && omc_line_is(&line, "OK")))
        return OMC_DECODE_REPLY;
    if (is_about_request(&line)) {
        reply->value.status = omc_line_skip(&word, "BUSY ") ? OMCACHE_AGAIN : OMCACHE_FAIL;
        reply->last = true;
    } else if (is_dump) {
        return read_dumped(bytes, line, reply) ? OMC_DECODE_REPLY : OMC_DECODE_BROKEN;
    }
    reply->value.data = line.at;
    reply->value.data_len = omc_line_left(&line);
    return OMC_DECODE_REPLY;
}

/* The length of what newer servers say in front of the first key, of which nobody is told. */
static size_t front_of(const unsigned char *bytes, size_t len, uint8_t opcode)
{
    static const char begun[] = "OK\r\n";
    size_t front = strlen(begun);

    return opcode == OMC_OP_DUMP && len >= front && memcmp(bytes, begun, front) == 0 ? front : 0;
}

/* Lines that the server writes while it goes through keys or events end with "\n" only. */
enum omc_decode omc_listing_read(unsigned char *bytes, size_t len, const struct omc_expected *asked,
                                 struct omc_reply *reply, size_t *size)
{
    size_t front = front_of(bytes, len, asked->opcode), newline;
    enum omc_decode result;
    struct omc_line line;

    bytes += front;
    result = omc_classic_find_end(bytes, len - front, 0, &newline, size);
    if (result == OMC_DECODE_REPLY) {
        line = (struct omc_line){bytes, bytes + newline};
        if (newline > 0 && line.end[-1] == '\r')
            line.end--;
        *size = newline + 1;
        result = read_listed(bytes, line, asked, reply);
    }
    *size += front;
    return result;
}
