/*
 * The flags of the meta protocol that applications choose.  What there is of them is in three
 * tables: flags with what they are given, modes, and what answers tell.
 */
#include "proto/meta_options.h"

#include <stddef.h>
#include <string.h>

#include "omcache.h"
#include "proto/bytes.h"
#include "proto/line.h"
#include "proto/opcode.h"

enum {
    GET = OMC_META_GET,
    SET = OMC_META_SET,
    DELETE = OMC_META_DELETE,
    ARITHMETIC = OMC_META_ARITHMETIC,
    ALL = GET | SET | DELETE | ARITHMETIC,

    NUMBER = OMC_META_NUMBER,
    SECONDS = OMC_META_SECONDS,
    NOTHING = OMC_META_NOTHING,
    YES_NO = OMC_META_YES_NO,
    OF_VALUE = OMC_META_OF_VALUE,
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define OPTION(field) offsetof(struct omc_meta_options, field)
#define DETAIL(field) offsetof(struct omc_details, field)

const struct omc_meta_flag omc_meta_options_flags[] = {
    {" T", ALL, SECONDS, OPTION(ttl)},
    {" R", GET, SECONDS, OPTION(recache)},
    {" N", GET | SET | ARITHMETIC, SECONDS, OPTION(vivify)},
    {" J", ARITHMETIC, NUMBER, OPTION(initial)},
    {" I", SET | DELETE, NOTHING, OPTION(invalidate)},
    {" x", DELETE, NOTHING, OPTION(drop_value)},
    {" u", GET, NOTHING, OPTION(no_lru_bump)},
    {" C", ALL, NUMBER, OPTION(cas)},
    {" E", ALL, NUMBER, OPTION(new_cas)},
};

static const struct mode {
    char text[4];
    uint8_t commands;
    uint8_t mode;
} modes[] = {
    {"", ALL, OMCACHE_META_DEFAULT},    {" ME", SET, OMCACHE_META_ADD},
    {" MR", SET, OMCACHE_META_REPLACE}, {" MA", SET, OMCACHE_META_APPEND},
    {" MP", SET, OMCACHE_META_PREPEND}, {" MD", ARITHMETIC, OMCACHE_META_DECREMENT},
};

/* Those that may be asked for are asked for in this order. */
const struct omc_meta_detail omc_meta_options_details[] = {
    {" v", GET | ARITHMETIC, GET, ARITHMETIC, OMCACHE_META_WANT_VALUE, OF_VALUE, 0},
    {" f", GET, GET, 0, OMCACHE_META_WANT_FLAGS, OF_VALUE, 0},
    {" c", GET | SET | ARITHMETIC, GET, SET | ARITHMETIC, OMCACHE_META_WANT_CAS, OF_VALUE, 0},
    {" t", GET | ARITHMETIC, 0, 0, OMCACHE_META_WANT_TTL, SECONDS, DETAIL(ttl)},
    {" l", GET, 0, 0, OMCACHE_META_WANT_LAST_ACCESS, NUMBER, DETAIL(last_access)},
    {" h", GET, 0, 0, OMCACHE_META_WANT_WAS_HIT, YES_NO, DETAIL(was_hit)},
    {" s", GET | SET, 0, 0, OMCACHE_META_WANT_SIZE, NUMBER, DETAIL(size)},
    {" W", 0, 0, 0, OMC_DETAIL_WON, NOTHING, 0},
    {" X", 0, 0, 0, OMC_DETAIL_STALE, NOTHING, 0},
    {" Z", 0, 0, 0, OMC_DETAIL_ALREADY_WON, NOTHING, 0},
};

const size_t omc_meta_options_flag_count = COUNT(omc_meta_options_flags);
const size_t omc_meta_options_detail_count = COUNT(omc_meta_options_details);

void omc_meta_options_init(struct omc_meta_options *options)
{
    *options = (struct omc_meta_options){.want = OMC_META_OPTIONS_NONE};
    for (size_t i = 0; i < COUNT(omc_meta_options_flags); i++) {
        if (omc_meta_options_flags[i].kind == SECONDS)
            *(int64_t *)((char *)options + omc_meta_options_flags[i].offset) =
                OMC_META_OPTIONS_NONE;
    }
}

/* The command that an opcode is for, 0 if it is none of these. */
static uint8_t command_of(uint8_t opcode)
{
    switch (opcode) {
    case OMC_OP_META_GET:
    case OMC_OP_META_LOOK:
    case OMC_OP_META_CHECK:
        return GET;
    case OMC_OP_META_SET:
    case OMC_OP_META_SETQ:
        return SET;
    case OMC_OP_META_DELETE:
    case OMC_OP_META_DELETEQ:
        return DELETE;
    case OMC_OP_META_ARITHMETIC:
        return ARITHMETIC;
    default:
        return 0;
    }
}

static bool is_given(int64_t seconds)
{
    return seconds != OMC_META_OPTIONS_NONE;
}

/* Whether a flag is given, and its number. */
static bool find_number(const struct omc_meta_options *options, const struct omc_meta_flag *flag,
                        uint64_t *number)
{
    const char *field = (const char *)options + flag->offset;

    switch (flag->kind) {
    case SECONDS:
        *number = (uint64_t) * (const int64_t *)field;
        return is_given(*(const int64_t *)field);
    case NUMBER:
        *number = *(const uint64_t *)field;
        return *number != 0;
    default:
        *number = 0;
        return *(const bool *)field;
    }
}

static const struct mode *find_mode(int mode)
{
    for (size_t i = 0; i < COUNT(modes); i++) {
        if (modes[i].mode == mode)
            return &modes[i];
    }
    return NULL;
}

bool omc_meta_options_is_mode(int mode)
{
    return find_mode(mode) != NULL;
}

/* Whether each of these bits can be wanted by one of the commands. */
static bool may_want(int want, uint8_t commands)
{
    for (size_t i = 0; i < COUNT(omc_meta_options_details); i++) {
        if ((omc_meta_options_details[i].commands & commands) != 0)
            want &= ~(int)omc_meta_options_details[i].bit;
    }
    return want == 0;
}

bool omc_meta_options_can_want(int want)
{
    return may_want(want, ALL);
}

/* Whether each of them is for the command. */
static bool are_all_for(const struct omc_meta_options *options, uint8_t command)
{
    const struct mode *mode = find_mode(options->mode);
    uint64_t number;

    if (mode == NULL || (mode->commands & command) == 0)
        return false;
    for (size_t i = 0; i < COUNT(omc_meta_options_flags); i++) {
        if ((omc_meta_options_flags[i].commands & command) == 0 &&
            find_number(options, &omc_meta_options_flags[i], &number))
            return false;
    }
    return options->want == OMC_META_OPTIONS_NONE || may_want(options->want, command);
}

bool omc_meta_options_fit(const struct omc_meta_options *options, uint8_t opcode)
{
    bool adds = options->mode == OMCACHE_META_APPEND || options->mode == OMCACHE_META_PREPEND;
    uint8_t command = command_of(opcode);

    if (!are_all_for(options, command))
        return false;
    switch (command) {
    case GET: /* a new cas is for the value that is made */
        return (options->new_cas == 0 || is_given(options->vivify)) &&
               (options->cas != 0) == (opcode == OMC_OP_META_CHECK);
    case SET: /* what is added to a value leaves its time alone, unless it makes the value */
        return (!adds || !is_given(options->ttl)) && (adds || !is_given(options->vivify)) &&
               (!options->invalidate || options->cas != 0);
    case DELETE: /* of what is removed there is neither time nor cas */
        return options->invalidate || (!is_given(options->ttl) && options->new_cas == 0);
    default:
        return options->initial == 0 || is_given(options->vivify);
    }
}

/* Whether the library writes such a flag by itself, or has a row for it. */
static bool is_own(int letter)
{
    if (strchr("bkOqMSFD", letter) != NULL)
        return true;
    for (size_t i = 0; i < COUNT(omc_meta_options_flags); i++) {
        if (omc_meta_options_flags[i].text[1] == letter)
            return true;
    }
    for (size_t i = 0; i < COUNT(omc_meta_options_details); i++) {
        if (omc_meta_options_details[i].text[1] == letter)
            return true;
    }
    return false;
}

static bool is_letter(int letter)
{
    return (letter >= 'A' && letter <= 'Z') || (letter >= 'a' && letter <= 'z');
}

/* The flag with that letter among some, of which each is behind a blank: its letter, or NULL. */
static const unsigned char *find_letter(const unsigned char *flags, size_t len, int letter)
{
    for (size_t i = 0; i + 1 < len; i++) {
        if (flags[i] == ' ' && flags[i + 1] == letter)
            return flags + i + 1;
    }
    return NULL;
}

/* Each flag is behind a blank, and no token has one. */
static int count_added(const struct omc_meta_options *options)
{
    int count = 0;

    for (size_t i = 0; i < options->added_len; i++)
        count += options->added[i] == ' ';
    return count;
}

bool omc_meta_options_add(struct omc_meta_options *options, int letter, const unsigned char *token,
                          size_t len)
{
    unsigned char *end = options->added + options->added_len;

    if (count_added(options) == OMC_META_OPTIONS_ADDED_COUNT || !is_letter(letter) ||
        is_own(letter) || find_letter(options->added, options->added_len, letter) != NULL ||
        len > OMC_META_OPTIONS_ADDED || options->added_len + 2 + len > OMC_META_OPTIONS_ADDED ||
        !omc_line_is_plain(token, len))
        return false;
    end[0] = ' ';
    end[1] = (unsigned char)letter;
    omc_bytes_put(end + 2, token, len);
    options->added_len = (uint8_t)(options->added_len + 2 + len);
    return true;
}

/* What comes back.  Of what was stored or removed little else can be wanted. */
static unsigned char *put_wants(unsigned char *out, const struct omc_meta_options *options,
                                uint8_t command)
{
    bool said = options->want != OMC_META_OPTIONS_NONE;

    for (size_t i = 0; i < COUNT(omc_meta_options_details); i++) {
        const struct omc_meta_detail *row = &omc_meta_options_details[i];
        bool chosen = said ? (options->want & row->bit) != 0 : (row->usual & command) != 0;

        if ((row->always & command) != 0 || (chosen && (row->commands & command) != 0))
            out = omc_line_put(out, row->text);
    }
    return out;
}

size_t omc_meta_options_write(const struct omc_meta_options *options, uint8_t opcode,
                              uint64_t number, unsigned char *out)
{
    const struct mode *mode = find_mode(options->mode);
    uint8_t command = command_of(opcode);
    unsigned char *start = out;
    uint64_t given;

    out = omc_line_put(out, mode == NULL ? "" : mode->text);
    if (command == SET && number > 0)
        out = omc_line_put_flag(out, " F", number);
    if (command == ARITHMETIC)
        out = omc_line_put_flag(out, " D", number);
    for (size_t i = 0; i < COUNT(omc_meta_options_flags); i++) {
        if (!find_number(options, &omc_meta_options_flags[i], &given))
            continue;
        out = omc_meta_options_flags[i].kind == NOTHING
                  ? omc_line_put(out, omc_meta_options_flags[i].text)
                  : omc_line_put_flag(out, omc_meta_options_flags[i].text, given);
    }
    out = put_wants(out, options, command);
    return (size_t)(omc_bytes_put(out, options->added, options->added_len) - start);
}

/* Behind the key, or in front of it, as the key itself may look like flags. */
bool omc_meta_options_find(const struct omc_details *details, int letter,
                           const unsigned char **token, size_t *len)
{
    size_t behind = (size_t)details->key_at + details->key_len;
    const unsigned char *found, *end = details->flags + details->flags_len;

    if (details->flags == NULL || !is_letter(letter) || strchr("bkO", letter) != NULL)
        return false;
    found = find_letter(details->flags, details->key_at, letter);
    if (found == NULL)
        found = find_letter(details->flags + behind, details->flags_len - behind, letter);
    if (found == NULL)
        return false;
    *token = ++found;
    while (found < end && *found != ' ')
        found++;
    *len = (size_t)(found - *token);
    return true;
}

/* The row of a letter in an answer; NULL if there is none.  Few are looked for: the flags of
 * every value are read without this. */
static const struct omc_meta_detail *find_detail(unsigned char letter)
{
    for (size_t i = 0; i < COUNT(omc_meta_options_details); i++) {
        if (omc_meta_options_details[i].text[1] == (char)letter)
            return &omc_meta_options_details[i];
    }
    return NULL;
}

/* Reads a number, or what is less than any as -1 if there can be such; false if it is none. */
static bool read_detail(const unsigned char *at, bool may_be_negative, int64_t *number)
{
    uint64_t digits;

    if (may_be_negative && *at == '-') {
        *number = -1;
        return true;
    }
    if (omc_line_digits(at, &digits) == NULL || digits > INT64_MAX)
        return false;
    *number = (int64_t)digits;
    return true;
}

void omc_meta_options_read(struct omc_details *details, const unsigned char *letter)
{
    const struct omc_meta_detail *row = find_detail(*letter);
    void *field;

    if (row == NULL || row->kind == OF_VALUE)
        return;
    field = (char *)details + row->offset;
    if (row->kind == YES_NO)
        *(bool *)field = letter[1] != '0';
    else if (row->kind != NOTHING && !read_detail(letter + 1, row->kind == SECONDS, field))
        return;
    details->known |= row->bit;
}
