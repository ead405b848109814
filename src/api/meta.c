/*
 * Choosing options of the meta protocol.
 */
#include "api/meta.h"

#include "base/memory.h"

omcache_meta_t *omcache_meta_new(void)
{
    omcache_meta_t *meta = omc_memory_new(1, sizeof(*meta));

    if (meta != NULL)
        omc_meta_options_init(&meta->options);
    return meta;
}

int omcache_meta_free(omcache_meta_t *meta)
{
    if (meta == NULL)
        return OMCACHE_INVALID;
    omc_memory_free(meta);
    return OMCACHE_OK;
}

/* Whether it is -1 or what memcached reads as a time in its lines. */
static bool is_time(int64_t seconds)
{
    return seconds >= OMC_META_OPTIONS_NONE && seconds <= INT32_MAX;
}

static bool is_switch(int on)
{
    return on == 0 || on == 1;
}

int omcache_meta_set_ttl(omcache_meta_t *meta, time_t expiration)
{
    if (meta == NULL || !is_time(expiration))
        return OMCACHE_INVALID;
    meta->options.ttl = expiration;
    return OMCACHE_OK;
}

int omcache_meta_set_recache(omcache_meta_t *meta, int64_t seconds)
{
    if (meta == NULL || !is_time(seconds))
        return OMCACHE_INVALID;
    meta->options.recache = seconds;
    return OMCACHE_OK;
}

int omcache_meta_set_vivify(omcache_meta_t *meta, time_t expiration)
{
    if (meta == NULL || !is_time(expiration))
        return OMCACHE_INVALID;
    meta->options.vivify = expiration;
    return OMCACHE_OK;
}

int omcache_meta_set_initial(omcache_meta_t *meta, uint64_t initial)
{
    if (meta == NULL)
        return OMCACHE_INVALID;
    meta->options.initial = initial;
    return OMCACHE_OK;
}

int omcache_meta_set_no_lru_bump(omcache_meta_t *meta, int on)
{
    if (meta == NULL || !is_switch(on))
        return OMCACHE_INVALID;
    meta->options.no_lru_bump = on == 1;
    return OMCACHE_OK;
}

int omcache_meta_set_invalidate(omcache_meta_t *meta, int on)
{
    if (meta == NULL || !is_switch(on))
        return OMCACHE_INVALID;
    meta->options.invalidate = on == 1;
    return OMCACHE_OK;
}

int omcache_meta_set_drop_value(omcache_meta_t *meta, int on)
{
    if (meta == NULL || !is_switch(on))
        return OMCACHE_INVALID;
    meta->options.drop_value = on == 1;
    return OMCACHE_OK;
}

int omcache_meta_add_flag(omcache_meta_t *meta, int letter, const void *token, size_t len)
{
    const void *word = len == 0 ? "" : token;

    if (meta == NULL || word == NULL || !omc_meta_options_add(&meta->options, letter, word, len))
        return OMCACHE_INVALID;
    return OMCACHE_OK;
}

int omcache_meta_set_cas(omcache_meta_t *meta, uint64_t cas)
{
    if (meta == NULL)
        return OMCACHE_INVALID;
    meta->options.cas = cas;
    return OMCACHE_OK;
}

int omcache_meta_set_new_cas(omcache_meta_t *meta, uint64_t cas)
{
    if (meta == NULL)
        return OMCACHE_INVALID;
    meta->options.new_cas = cas;
    return OMCACHE_OK;
}

int omcache_meta_set_mode(omcache_meta_t *meta, int mode)
{
    if (meta == NULL || !omc_meta_options_is_mode(mode))
        return OMCACHE_INVALID;
    meta->options.mode = mode;
    return OMCACHE_OK;
}

int omcache_meta_set_want(omcache_meta_t *meta, int want)
{
    if (meta == NULL || !omc_meta_options_can_want(want))
        return OMCACHE_INVALID;
    meta->options.want = want;
    return OMCACHE_OK;
}
