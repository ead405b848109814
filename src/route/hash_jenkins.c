/*
 * lookup3's hashlittle with the start value 13.
 */
#include "route/hash.h"

#include <string.h>

#include "route/words.h"

struct state {
    uint32_t a, b, c;
};

static void mix_state(struct state *s)
{
    s->a -= s->c, s->a ^= omc_words_rotate(s->c, 4), s->c += s->b;
    s->b -= s->a, s->b ^= omc_words_rotate(s->a, 6), s->a += s->c;
    s->c -= s->b, s->c ^= omc_words_rotate(s->b, 8), s->b += s->a;
    s->a -= s->c, s->a ^= omc_words_rotate(s->c, 16), s->c += s->b;
    s->b -= s->a, s->b ^= omc_words_rotate(s->a, 19), s->a += s->c;
    s->c -= s->b, s->c ^= omc_words_rotate(s->b, 4), s->b += s->a;
}

static uint32_t finish_state(struct state *s)
{
    s->c ^= s->b, s->c -= omc_words_rotate(s->b, 14);
    s->a ^= s->c, s->a -= omc_words_rotate(s->c, 11);
    s->b ^= s->a, s->b -= omc_words_rotate(s->a, 25);
    s->c ^= s->b, s->c -= omc_words_rotate(s->b, 16);
    s->a ^= s->c, s->a -= omc_words_rotate(s->c, 4);
    s->b ^= s->a, s->b -= omc_words_rotate(s->a, 14);
    s->c ^= s->b, s->c -= omc_words_rotate(s->b, 24);
    return s->c;
}

static void add_block(struct state *s, const unsigned char *bytes)
{
    s->a += omc_words_get32(bytes);
    s->b += omc_words_get32(bytes + 4);
    s->c += omc_words_get32(bytes + 8);
}

uint32_t omc_hash_jenkins(const unsigned char *bytes, size_t len)
{
    const uint32_t start = 0xdeadbeefU + (uint32_t)len + 13;
    struct state s = {start, start, start};
    unsigned char last[12] = {0};

    for (; len > sizeof(last); bytes += sizeof(last), len -= sizeof(last)) {
        add_block(&s, bytes);
        mix_state(&s);
    }
    if (len == 0)
        return s.c;
    memcpy(last, bytes, len);
    add_block(&s, last);
    return finish_state(&s);
}
