/*
 * Attempts to connect, side by side.
 */
#include "link/race.h"

#include <errno.h>
#include <poll.h>

#include "base/clock.h"
#include "base/memory.h"
#include "net/errors.h"
#include "net/socket.h"

enum {
    /* Milliseconds that an address has before the next one is tried, too: what
     * RFC 8305 recommends. */
    HEAD_START = 250,

    /* A unix socket whose queue is full cannot be waited for, only asked again: at
     * first after so many milliseconds, then after twice as many, up to the other. */
    REPEAT_MIN = 1,
    REPEAT_MAX = 64,
};

bool omc_race_init(struct omc_race *race, struct omc_link *link,
                   const struct omc_address **addresses, size_t count)
{
    struct omc_attempt *attempts = omc_memory_new(count, sizeof(*attempts));

    if (attempts == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        attempts[i].address = *addresses[i];
        omc_watch_init(&attempts[i].watch, link);
    }
    *race = (struct omc_race){.attempts = attempts, .count = count, .pause = REPEAT_MIN};
    return true;
}

void omc_race_fini(struct omc_race *race, struct omc_watches *watches)
{
    for (size_t i = 0; i < race->begun; i++)
        omc_watch_close(watches, &race->attempts[i].watch);
    omc_memory_free(race->attempts);
    *race = (struct omc_race){.attempts = NULL};
}

static bool is_over(const struct omc_race *race)
{
    return race->begun == race->count && race->open == 0;
}

static void note_error(struct omc_race *race, const struct omc_address *address, int error)
{
    race->error = error;
    if (omc_errors_is_shortage(error, address))
        race->shortage = error;
}

/* Ends those attempts that failed; the one that succeeded, or NULL. */
static struct omc_attempt *check_attempts(struct omc_race *race, struct omc_watches *watches)
{
    for (size_t i = 0; i < race->begun; i++) {
        struct omc_watch *watch = &race->attempts[i].watch;
        int error;

        if (watch->ready == 0)
            continue;
        watch->ready = 0;
        error = omc_socket_connect_error(watch->fd);
        if (error == 0)
            return &race->attempts[i];
        if (error == EINPROGRESS)
            continue;
        note_error(race, &race->attempts[i].address, error);
        race->open--;
        omc_watch_close(watches, watch);
    }
    return NULL;
}

/* Begins the next attempt. */
static void begin_attempt(struct omc_race *race, struct omc_watches *watches, int64_t now)
{
    struct omc_attempt *attempt = &race->attempts[race->begun];
    int fd = omc_socket_connect(&attempt->address);

    if (fd < 0 && errno == EAGAIN) {
        race->next_at = omc_clock_after(now, race->pause);
        race->pause = race->pause * 2 < REPEAT_MAX ? race->pause * 2 : REPEAT_MAX;
        return;
    }
    race->begun++;
    race->next_at = now;
    if (fd < 0) {
        note_error(race, &attempt->address, errno);
    } else if (!omc_watch_open(watches, &attempt->watch, fd)) {
        note_error(race, &attempt->address, ENOMEM);
        omc_socket_close(fd);
    } else {
        omc_watch_want(watches, &attempt->watch, POLLIN | POLLOUT);
        race->open++;
        race->next_at = omc_clock_after(now, HEAD_START);
    }
}

enum omc_race_result omc_race_step(struct omc_race *race, struct omc_watches *watches, int64_t now,
                                   struct omc_attempt **winner)
{
    size_t open = race->open;

    *winner = check_attempts(race, watches);
    if (*winner != NULL)
        return OMC_RACE_WON;
    if (open > 0 && race->open == 0)
        race->next_at = now; /* the next need not wait any more */
    while (race->begun < race->count && now >= race->next_at)
        begin_attempt(race, watches, now);
    if (!is_over(race))
        return OMC_RACE_ON;
    return race->shortage != 0 ? OMC_RACE_STARVED : OMC_RACE_LOST;
}

void omc_race_choose(struct omc_race *race, struct omc_watches *watches)
{
    for (size_t i = 0; i < race->begun; i++) {
        if (race->attempts[i].watch.fd >= 0)
            omc_watch_choose(watches, &race->attempts[i].watch);
    }
}

bool omc_race_is_overdue(const struct omc_race *race, int64_t now)
{
    return race->begun == race->count && now >= race->next_at;
}

int64_t omc_race_deadline(const struct omc_race *race)
{
    return race->begun < race->count ? race->next_at : OMC_CLOCK_NEVER;
}
