/*
 * Options of the meta protocol's requests.
 */
#include "proto/meta_options.h"

#include "omcache.h"
#include "proto/line.h"
#include "proto/opcode.h"

enum {
    WANT_ANY = OMCACHE_META_WANT_VALUE | OMCACHE_META_WANT_FLAGS | OMCACHE_META_WANT_CAS |
               OMCACHE_META_WANT_TTL | OMCACHE_META_WANT_LAST_ACCESS | OMCACHE_META_WANT_WAS_HIT |
               OMCACHE_META_WANT_SIZE,
    WANT_GET = OMCACHE_META_WANT_VALUE | OMCACHE_META_WANT_FLAGS | OMCACHE_META_WANT_CAS,
};

void omc_meta_options_init(struct omc_meta_options *options)
{
    *options = (struct omc_meta_options){
        .ttl = OMC_META_OPTIONS_NONE,
        .recache = OMC_META_OPTIONS_NONE,
        .vivify = OMC_META_OPTIONS_NONE,
        .want = OMC_META_OPTIONS_NONE,
    };
}

static bool is_given(int64_t seconds)
{
    return seconds != OMC_META_OPTIONS_NONE;
}

/* Whether nothing but this is wanted. */
static bool wants_only(const struct omc_meta_options *options, int bits)
{
    return options->want == OMC_META_OPTIONS_NONE || (options->want & ~bits) == 0;
}

/* Whether there is one that only gets have. */
static bool is_about_getting(const struct omc_meta_options *options)
{
    return is_given(options->recache) || options->no_lru_bump;
}

static bool fits_get(const struct omc_meta_options *options)
{
    return options->mode == OMCACHE_META_DEFAULT && options->initial == 0 && options->cas == 0 &&
           !options->invalidate && (options->new_cas == 0 || is_given(options->vivify)) &&
           wants_only(options, WANT_ANY);
}

/* What is added to a value leaves its time alone, unless it makes the value. */
static bool fits_set(const struct omc_meta_options *options)
{
    bool adds = options->mode == OMCACHE_META_APPEND || options->mode == OMCACHE_META_PREPEND;

    return !is_about_getting(options) && options->initial == 0 &&
           options->mode != OMCACHE_META_DECREMENT && (!adds || !is_given(options->ttl)) &&
           (adds || !is_given(options->vivify)) && (!options->invalidate || options->cas != 0) &&
           wants_only(options, OMCACHE_META_WANT_CAS);
}

/* Of what is removed there is neither time nor cas. */
static bool fits_delete(const struct omc_meta_options *options)
{
    return !is_about_getting(options) && options->mode == OMCACHE_META_DEFAULT &&
           options->initial == 0 && !is_given(options->vivify) &&
           (options->invalidate || (!is_given(options->ttl) && options->new_cas == 0)) &&
           wants_only(options, 0);
}

static bool fits_arithmetic(const struct omc_meta_options *options)
{
    return !is_about_getting(options) && !options->invalidate &&
           (options->mode == OMCACHE_META_DEFAULT || options->mode == OMCACHE_META_DECREMENT) &&
           (options->initial == 0 || is_given(options->vivify)) &&
           wants_only(options,
                      OMCACHE_META_WANT_VALUE | OMCACHE_META_WANT_CAS | OMCACHE_META_WANT_TTL);
}

bool omc_meta_options_fit(const struct omc_meta_options *options, uint8_t opcode)
{
    switch (opcode) {
    case OMC_OP_META_GET:
    case OMC_OP_META_LOOK:
        return fits_get(options);
    case OMC_OP_META_SET:
        return fits_set(options);
    case OMC_OP_META_DELETE:
        return fits_delete(options);
    case OMC_OP_META_ARITHMETIC:
        return fits_arithmetic(options);
    default:
        return false;
    }
}

static unsigned char *put_seconds(unsigned char *out, const char *flag, int64_t seconds)
{
    return is_given(seconds) ? omc_line_put_flag(out, flag, (uint64_t)seconds) : out;
}

static unsigned char *put_if(unsigned char *out, const char *flag, bool wanted)
{
    return wanted ? omc_line_put(out, flag) : out;
}

static unsigned char *put_cas(unsigned char *out, const char *flag, uint64_t cas)
{
    return cas != 0 ? omc_line_put_flag(out, flag, cas) : out;
}

static unsigned char *put_want(unsigned char *out, int want)
{
    out = put_if(out, " v", (want & OMCACHE_META_WANT_VALUE) != 0);
    out = put_if(out, " f", (want & OMCACHE_META_WANT_FLAGS) != 0);
    out = put_if(out, " c", (want & OMCACHE_META_WANT_CAS) != 0);
    out = put_if(out, " t", (want & OMCACHE_META_WANT_TTL) != 0);
    out = put_if(out, " l", (want & OMCACHE_META_WANT_LAST_ACCESS) != 0);
    out = put_if(out, " h", (want & OMCACHE_META_WANT_WAS_HIT) != 0);
    return put_if(out, " s", (want & OMCACHE_META_WANT_SIZE) != 0);
}

static const char *mode_flag(int mode)
{
    switch (mode) {
    case OMCACHE_META_ADD:
        return " ME";
    case OMCACHE_META_REPLACE:
        return " MR";
    case OMCACHE_META_APPEND:
        return " MA";
    case OMCACHE_META_PREPEND:
        return " MP";
    case OMCACHE_META_DECREMENT:
        return " MD";
    default:
        return "";
    }
}

/* What is wanted of an operation if nothing was said; numbers and cas of what is
 * changed always. */
static int wanted(const struct omc_meta_options *options, uint8_t opcode)
{
    int want = options->want == OMC_META_OPTIONS_NONE ? 0 : options->want;

    switch (opcode) {
    case OMC_OP_META_GET:
    case OMC_OP_META_LOOK:
        return options->want == OMC_META_OPTIONS_NONE ? WANT_GET : want;
    case OMC_OP_META_SET:
        return OMCACHE_META_WANT_CAS;
    case OMC_OP_META_ARITHMETIC:
        return want | OMCACHE_META_WANT_VALUE | OMCACHE_META_WANT_CAS;
    default:
        return 0;
    }
}

size_t omc_meta_options_write(const struct omc_meta_options *options, uint8_t opcode,
                              uint64_t number, unsigned char *out)
{
    unsigned char *start = out;

    out = omc_line_put(out, mode_flag(options->mode));
    if (opcode == OMC_OP_META_SET && number > 0)
        out = omc_line_put_flag(out, " F", number);
    if (opcode == OMC_OP_META_ARITHMETIC)
        out = omc_line_put_flag(out, " D", number);
    out = put_seconds(out, " T", options->ttl);
    out = put_seconds(out, " R", options->recache);
    out = put_seconds(out, " N", options->vivify);
    if (options->initial > 0)
        out = omc_line_put_flag(out, " J", options->initial);
    out = put_if(out, " I", options->invalidate);
    out = put_if(out, " u", options->no_lru_bump);
    out = put_cas(out, " C", options->cas);
    out = put_cas(out, " E", options->new_cas);
    return (size_t)(put_want(out, wanted(options, opcode)) - start);
}
