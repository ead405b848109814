/*
 * Reading and writing lines.
 */
#include "proto/line.h"

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

/* Whether one of eight bytes is not from 0x21 to 0x7e: it sets its top bit in one of the sums.
 * Of those that are, none carries into the next or borrows from it. */
static inline bool has_odd(const unsigned char *bytes)
{
    const uint64_t ones = UINT64_MAX / 255;
    uint64_t word;

    memcpy(&word, bytes, sizeof(word));
    return (((word + ones) | (word - ones * 0x21)) & ones * 0x80) != 0;
}

bool omc_line_is_plain(const unsigned char *bytes, size_t len)
{
    const size_t step = sizeof(uint64_t);
    const unsigned char *end = bytes + len;

    if (len >= step && !has_odd(end - step)) {
        while (bytes < end - step && !has_odd(bytes))
            bytes += step;
        if (bytes >= end - step)
            return true;
    }
    for (; bytes < end; bytes++) { /* those of 0x80 and more are plain, too */
        if (*bytes <= ' ' || *bytes == 0x7f)
            return false;
    }
    return true;
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
