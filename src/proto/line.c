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

unsigned char *omc_line_put_number(unsigned char *out, uint64_t number)
{
    unsigned char *end = out + 1;

    for (uint64_t limit = 10; number >= limit && end - out <= OMC_LINE_DIGITS; limit *= 10)
        end++;
    for (out = end; number > 9; number /= 10)
        *--out = (unsigned char)('0' + number % 10);
    *--out = (unsigned char)('0' + number);
    return end;
}
