/*
 * Telling the application what to watch; see tell.h.
 */
#include "client/tell.h"

#include "client/handle.h"
#include "net/socket.h"

void omc_tell_set_watch_callback(omcache_t *mc, omcache_watch_callback_func *func, void *context)
{
    omc_watch_set_callback(&mc->shared.watches, func, context);
}

/* The callback may change anything: each step starts from what there is then. */
void omc_tell_watches(omcache_t *mc)
{
    struct omc_watch_news news;

    while (omc_watch_take_news(&mc->shared.watches, &news)) {
        mc->shared.watches.func(mc, news.fd, news.events, mc->shared.watches.context);
        if (news.closing)
            omc_socket_close(news.fd);
    }
}
