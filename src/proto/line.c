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

/* The top bits of eight bytes, set for those that are neither below 0x21 nor 0x7f. */
static inline uint64_t find_plain(const unsigned char *bytes)
{
    const uint64_t ones = UINT64_MAX / 255;
    uint64_t word, low;

    memcpy(&word, bytes, sizeof(word));
    low = word & ones * 0x7f; /* so that no sum below is carried into the next byte */
    return word | ((low + ones * (0x80 - 0x21)) & ~(low + ones));
}

bool omc_line_is_plain(const unsigned char *bytes, size_t len)
{
    const uint64_t tops = UINT64_MAX / 255 * 0x80;
    const size_t step = sizeof(uint64_t);
    const unsigned char *end = bytes + len;
    uint64_t plain = tops;

    if (len < step) {
        for (; bytes < end; bytes++) {
            if (*bytes <= ' ' || *bytes == 0x7f)
                return false;
        }
        return true;
    }
    for (; bytes < end - step; bytes += step)
        plain &= find_plain(bytes);
    return (plain & find_plain(end - step)) == tops;
}

unsigned char *omc_line_put_number(unsigned char *out, uint64_t number)
{
    unsigned char digits[20];
    size_t count = 0;

    do {
        digits[count++] = (unsigned char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0)
        *out++ = digits[--count];
    return out;
}
