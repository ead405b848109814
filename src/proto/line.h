/*
 * Lines of the protocols that are made of lines: words, numbers and blanks, with
 * "\r\n" at the end.
 */
#ifndef OMC_PROTO_LINE_H
#define OMC_PROTO_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    OMC_LINE_MAX = 2048,  /* longer ones are none; memcached has the same limit */
    OMC_LINE_DIGITS = 19, /* so many make no more than 64 bits, whatever they are */
};

/* Bytes of a line that are still to be read. */
struct omc_line {
    const unsigned char *at;
    const unsigned char *end;
};

static inline size_t omc_line_left(const struct omc_line *line)
{
    return (size_t)(line->end - line->at);
}

/* Whether this is all that is left. */
static inline bool omc_line_is(const struct omc_line *line, const char *text)
{
    size_t len;

    if (omc_line_left(line) > 0 && *line->at != (unsigned char)*text)
        return false; /* as most are that are looked up */
    len = strlen(text);
    return omc_line_left(line) == len && memcmp(line->at, text, len) == 0;
}

/* Takes the text off the front if it is there. */
static inline bool omc_line_skip(struct omc_line *line, const char *text)
{
    size_t len = strlen(text);

    if (omc_line_left(line) < len || memcmp(line->at, text, len) != 0)
        return false;
    line->at += len;
    return true;
}

/* Takes off everything up to the next blank, and that; without one, all. */
struct omc_line omc_line_word(struct omc_line *line);

enum {
    OMC_LINE_LEAST = 4, /* bytes of a line, with its end */
};

/* Whether there is a line's end in the bytes, so that each number ends with something else, which
 * has a byte behind it. */
static inline bool omc_line_is_in(const unsigned char *bytes, const unsigned char *end)
{
    return end - bytes >= OMC_LINE_LEAST &&
           (memcmp(end - 2, "\r\n", 2) == 0 ||
            memchr(bytes, '\n', (size_t)(end - bytes) - 1) != NULL);
}

/* Takes a decimal number off the front, which must end at a blank or with the line;
 * false if there is none, or one above max. */
bool omc_line_number(struct omc_line *line, uint64_t max, uint64_t *number);

/* What a digit stands for; what is none, for more than 9. */
static inline uint64_t omc_line_digit(unsigned char byte)
{
    return (uint64_t)byte - '0';
}

/* Takes digits off the front of bytes that end with something else, which is where it
 * ends and where to go on; NULL if there are none.  If they are more than OMC_LINE_DIGITS
 * the number may lack upper bits. */
static inline const unsigned char *omc_line_sum(const unsigned char *at, uint64_t *number)
{
    uint64_t digit, sum = omc_line_digit(*at);

    if (sum > 9)
        return NULL;
    while ((digit = omc_line_digit(*++at)) <= 9)
        sum = sum * 10 + digit;
    *number = sum;
    return at;
}

/* The same; NULL if they make more than 64 bits, too. */
static inline const unsigned char *omc_line_digits(const unsigned char *start, uint64_t *number)
{
    const unsigned char *at = omc_line_sum(start, number);
    struct omc_line line = {start, at};

    if (at == NULL || at - start <= OMC_LINE_DIGITS)
        return at;
    return omc_line_number(&line, UINT64_MAX, number) ? at : NULL;
}

/* Whether bytes can stand in a line as one word: no blanks, no control bytes. */
bool omc_line_is_plain(const unsigned char *bytes, size_t len);

/* These write at out and return where to go on. */
static inline unsigned char *omc_line_put(unsigned char *out, const char *text)
{
    size_t len = strlen(text);

    memcpy(out, text, len);
    return out + len;
}

unsigned char *omc_line_put_number(unsigned char *out, uint64_t number);

/* A number behind what says which it is. */
static inline unsigned char *omc_line_put_flag(unsigned char *out, const char *flag,
                                               uint64_t number)
{
    return omc_line_put_number(omc_line_put(out, flag), number);
}

#endif
