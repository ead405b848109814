/*
 * Options of the meta protocol's requests.  What there is of them is in three tables: flags
 * with what they are given, modes, and what can be wanted.
 */
#include "proto/meta_options.h"

#include <stddef.h>

#include "omcache.h"
#include "proto/line.h"
#include "proto/opcode.h"

/* The commands that have an option, as bits. */
enum {
    GET = 1,
    SET = 2,
    DELETE = 4,
    ARITHMETIC = 8,
};

/* What is given with a flag, and what says that it is not there. */
enum kind {
    SECONDS, /* an int64_t; OMC_META_OPTIONS_NONE */
    NUMBER,  /* a uint64_t; 0 */
    NOTHING, /* a bool; false */
};

static const struct flag {
    char text[3]; /* with the blank in front */
    uint8_t commands;
    uint8_t kind;
    uint8_t offset; /* in struct omc_meta_options */
} flags[] = {
    {" T", GET | SET | DELETE | ARITHMETIC, SECONDS, offsetof(struct omc_meta_options, ttl)},
    {" R", GET, SECONDS, offsetof(struct omc_meta_options, recache)},
    {" N", GET | SET | ARITHMETIC, SECONDS, offsetof(struct omc_meta_options, vivify)},
    {" J", ARITHMETIC, NUMBER, offsetof(struct omc_meta_options, initial)},
    {" I", SET | DELETE, NOTHING, offsetof(struct omc_meta_options, invalidate)},
    {" u", GET, NOTHING, offsetof(struct omc_meta_options, no_lru_bump)},
    {" C", SET | DELETE | ARITHMETIC, NUMBER, offsetof(struct omc_meta_options, cas)},
    {" E", GET | SET | DELETE | ARITHMETIC, NUMBER, offsetof(struct omc_meta_options, new_cas)},
};

static const struct mode {
    char text[4];
    uint8_t commands;
    uint8_t mode;
} modes[] = {
    {"", GET | SET | DELETE | ARITHMETIC, OMCACHE_META_DEFAULT},
    {" ME", SET, OMCACHE_META_ADD},
    {" MR", SET, OMCACHE_META_REPLACE},
    {" MA", SET, OMCACHE_META_APPEND},
    {" MP", SET, OMCACHE_META_PREPEND},
    {" MD", ARITHMETIC, OMCACHE_META_DECREMENT},
};

static const struct want {
    char text[3];
    uint8_t commands;
    uint8_t usual;  /* for those commands it is wanted if nothing was said, */
    uint8_t always; /* and for these in any case */
    uint8_t bit;
} wants[] = {
    {" v", GET | ARITHMETIC, GET, ARITHMETIC, OMCACHE_META_WANT_VALUE},
    {" f", GET, GET, 0, OMCACHE_META_WANT_FLAGS},
    {" c", GET | SET | ARITHMETIC, GET, SET | ARITHMETIC, OMCACHE_META_WANT_CAS},
    {" t", GET | ARITHMETIC, 0, 0, OMCACHE_META_WANT_TTL},
    {" l", GET, 0, 0, OMCACHE_META_WANT_LAST_ACCESS},
    {" h", GET, 0, 0, OMCACHE_META_WANT_WAS_HIT},
    {" s", GET, 0, 0, OMCACHE_META_WANT_SIZE},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

void omc_meta_options_init(struct omc_meta_options *options)
{
    *options = (struct omc_meta_options){
        .ttl = OMC_META_OPTIONS_NONE,
        .recache = OMC_META_OPTIONS_NONE,
        .vivify = OMC_META_OPTIONS_NONE,
        .want = OMC_META_OPTIONS_NONE,
    };
}

/* The command that an opcode is for, 0 if it is none of these. */
static uint8_t command_of(uint8_t opcode)
{
    switch (opcode) {
    case OMC_OP_META_GET:
    case OMC_OP_META_LOOK:
        return GET;
    case OMC_OP_META_SET:
        return SET;
    case OMC_OP_META_DELETE:
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
static bool find_number(const struct omc_meta_options *options, const struct flag *flag,
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

/* Whether each of them is for the command. */
static bool are_all_for(const struct omc_meta_options *options, uint8_t command)
{
    int left = options->want == OMC_META_OPTIONS_NONE ? 0 : options->want;
    const struct mode *mode = find_mode(options->mode);
    uint64_t number;

    if (mode == NULL || (mode->commands & command) == 0)
        return false;
    for (size_t i = 0; i < COUNT(flags); i++) {
        if ((flags[i].commands & command) == 0 && find_number(options, &flags[i], &number))
            return false;
    }
    for (size_t i = 0; i < COUNT(wants); i++)
        left &= (wants[i].commands & command) != 0 ? ~(int)wants[i].bit : -1;
    return left == 0;
}

bool omc_meta_options_fit(const struct omc_meta_options *options, uint8_t opcode)
{
    bool adds = options->mode == OMCACHE_META_APPEND || options->mode == OMCACHE_META_PREPEND;
    uint8_t command = command_of(opcode);

    if (!are_all_for(options, command))
        return false;
    switch (command) {
    case GET: /* a new cas is for the value that is made */
        return options->new_cas == 0 || is_given(options->vivify);
    case SET: /* what is added to a value leaves its time alone, unless it makes the value */
        return (!adds || !is_given(options->ttl)) && (adds || !is_given(options->vivify)) &&
               (!options->invalidate || options->cas != 0);
    case DELETE: /* of what is removed there is neither time nor cas */
        return options->invalidate || (!is_given(options->ttl) && options->new_cas == 0);
    default:
        return options->initial == 0 || is_given(options->vivify);
    }
}

/* What comes back.  Of what was stored or removed nothing else can be wanted. */
static unsigned char *put_wants(unsigned char *out, const struct omc_meta_options *options,
                                uint8_t command)
{
    bool said = options->want != OMC_META_OPTIONS_NONE;

    for (size_t i = 0; i < COUNT(wants); i++) {
        bool chosen = said ? (options->want & wants[i].bit) != 0 : (wants[i].usual & command) != 0;

        if ((wants[i].always & command) != 0 || (chosen && (wants[i].commands & command) != 0))
            out = omc_line_put(out, wants[i].text);
    }
    return out;
}

size_t omc_meta_options_write(const struct omc_meta_options *options, uint8_t opcode,
                              uint64_t number, unsigned char *out)
{
    const struct mode *mode = find_mode(options->mode);
    unsigned char *start = out;
    uint64_t given;

    out = omc_line_put(out, mode == NULL ? "" : mode->text);
    if (opcode == OMC_OP_META_SET && number > 0)
        out = omc_line_put_flag(out, " F", number);
    if (opcode == OMC_OP_META_ARITHMETIC)
        out = omc_line_put_flag(out, " D", number);
    for (size_t i = 0; i < COUNT(flags); i++) {
        if (!find_number(options, &flags[i], &given))
            continue;
        out = flags[i].kind == NOTHING ? omc_line_put(out, flags[i].text)
                                       : omc_line_put_flag(out, flags[i].text, given);
    }
    return (size_t)(put_wants(out, options, command_of(opcode)) - start);
}
