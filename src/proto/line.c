/*
 * Reading and writing lines.
 */
#include "proto/line.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
    DEL = 0x7f,
};

struct omc_line omc_line_word(struct omc_line *line)
{
    struct omc_line word = *line;
    const unsigned char *blank = memchr(line->at, ' ', omc_line_left(line));

    if (blank != NULL)
        word.end = blank;
    line->at = blank == NULL ? line->end : blank + 1;
    return word;
}

bool omc_line_number(struct omc_line *line, uint64_t max, uint64_t *number)
{
    const unsigned char *at = line->at;
    uint64_t sum = 0;

    for (; at < line->end && *at != ' '; at++) {
        unsigned digit = *at - (unsigned)'0';

        if (digit > 9 || sum > UINT64_MAX / 10 || (sum == UINT64_MAX / 10 && digit > 5))
            return false; /* 2^64 - 1 ends with a 5 */
        sum = sum * 10 + digit;
    }
    if (at == line->at || sum > max)
        return false;
    line->at = at;
    *number = sum;
    return true;
}

/* Whether a byte cannot stand in a word.  (Those of 0x80 and more can.) */
static inline bool is_odd(unsigned char byte)
{
    return byte <= ' ' || byte == DEL;
}

#ifdef __SSE2__
enum {
    STEP = 16, /* bytes that are looked at together */
};

typedef __m128i odd_t;

/* Not 0 for bytes that are odd. */
static inline odd_t find_odd(const unsigned char *bytes)
{
    const __m128i blank = _mm_set1_epi8(' '), del = _mm_set1_epi8(DEL);
    __m128i word = _mm_loadu_si128((const __m128i *)bytes);
    __m128i low = _mm_cmpeq_epi8(_mm_max_epu8(word, blank), blank);

    return _mm_or_si128(low, _mm_cmpeq_epi8(word, del));
}

/* Whether there is one in either. */
static inline bool is_any(odd_t first, odd_t second)
{
    return _mm_movemask_epi8(_mm_or_si128(first, second)) != 0;
}
#else
enum {
    STEP = 8,
};

typedef uint64_t odd_t;

/* Sets the top bit of bytes that are not from 0x21 to 0x7e in one of two sums.  Of those that are,
 * none carries into the next or borrows from it. */
static inline odd_t find_odd(const unsigned char *bytes)
{
    const uint64_t ones = UINT64_MAX / 255;
    uint64_t word;

    memcpy(&word, bytes, sizeof(word));
    return ((word + ones) | (word - ones * 0x21)) & ones * 0x80;
}

static inline bool is_any(odd_t first, odd_t second)
{
    return (first | second) != 0;
}
#endif

static bool has_odd(const unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (is_odd(bytes[i]))
            return true;
    }
    return false;
}

/* Two steps at a time: those at the end overlap those before. */
bool omc_line_is_plain(const unsigned char *bytes, size_t len)
{
    const unsigned char *last, *at = bytes;

    if (len < STEP)
        return !has_odd(bytes, len);
    last = bytes + len - STEP;
    while (!is_any(find_odd(at), find_odd(last))) {
        at += STEP;
        if (at >= last)
            return true;
    }
    return !has_odd(bytes, len);
}

static inline unsigned char *put_digit(unsigned char *out, uint64_t digit)
{
    *out = (unsigned char)('0' + digit);
    return out + 1;
}

/* A number below 100, with both of its digits. */
static inline unsigned char *put_two(unsigned char *out, uint64_t number)
{
    return put_digit(put_digit(out, number / 10), number % 10);
}

/* Most are lengths and flags, and have a few digits. */
unsigned char *omc_line_put_number(unsigned char *out, uint64_t number)
{
    const uint64_t hundred = 100, four_digits = 10000;

    if (number < 10)
        return put_digit(out, number);
    if (number < hundred)
        return put_two(out, number);
    if (number < 10 * hundred)
        return put_two(put_digit(out, number / hundred), number % hundred);
    if (number < four_digits)
        return put_two(put_two(out, number / hundred), number % hundred);
    out = omc_line_put_number(out, number / four_digits);
    number %= four_digits;
    return put_two(put_two(out, number / hundred), number % hundred);
}
