/*
 * Connecting to a server that has several addresses: all are tried, each as soon
 * as those before have failed or kept silent for a while.  The first to connect
 * wins.
 */
#ifndef OMC_LINK_RACE_H
#define OMC_LINK_RACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link/watch.h"
#include "net/address.h"

struct omc_attempt {
    struct omc_address address;
    struct omc_watch watch;
};

struct omc_race {
    struct omc_attempt *attempts; /* one for each address; NULL: no race is on */
    size_t count;
    size_t begun;    /* so many of the attempts, */
    size_t open;     /* of which so many have not ended */
    int64_t next_at; /* when the next one begins, or the last is repeated */
    int pause;       /* between repetitions */
    int error;       /* errno of the last one that failed */
    int shortage;    /* the same, if one failed for want of something of ours; or 0 */
};

enum omc_race_result {
    OMC_RACE_ON,
    OMC_RACE_WON,     /* the winner has a descriptor */
    OMC_RACE_LOST,    /* by all; `error` says why */
    OMC_RACE_STARVED, /* likewise; `shortage` says why, and nothing is known of the server */
};

/* Gets ready to connect a server to addresses in this order; false without memory. */
bool omc_race_init(struct omc_race *race, struct omc_link *link,
                   const struct omc_address **addresses, size_t count);

/* Ends the race, closing all descriptors. */
void omc_race_fini(struct omc_race *race, struct omc_watches *watches);

/* Looks at what was found about its descriptors, and begins what is due. */
enum omc_race_result omc_race_step(struct omc_race *race, struct omc_watches *watches, int64_t now,
                                   struct omc_attempt **winner);

/* Chooses its descriptors for the next wait. */
void omc_race_choose(struct omc_race *race, struct omc_watches *watches);

/* Whether each address has been tried, and the last of them has had its time for itself. */
bool omc_race_is_overdue(const struct omc_race *race, int64_t now);

/* When the next step is due whatever is found, or OMC_CLOCK_NEVER. */
int64_t omc_race_deadline(const struct omc_race *race);

#endif
