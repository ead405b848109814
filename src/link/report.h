/*
 * What a link reports: what has become of requests, and of its connection.
 */
#ifndef OMC_LINK_REPORT_H
#define OMC_LINK_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link/connection.h"
#include "link/queue.h"
#include "omcache.h"
#include "proto/ask.h"
#include "proto/codec.h"

enum omc_report_kind {
    OMC_REPORT_NONE,

    /* Of a request, which has left the link but for answers that are not the last: */
    OMC_REPORT_ANSWER,
    OMC_REPORT_SILENCE,   /* it was quiet, and succeeded or found nothing */
    OMC_REPORT_FAILED,    /* with that status */
    OMC_REPORT_TOO_LARGE, /* its answer is over the receive limit */
    OMC_REPORT_RETURNED,  /* nobody can have read it, or it was sent blind (see connecting.md): it
                           * may  go elsewhere; else it fails with the status */
    OMC_REPORT_RENEWED,   /* another one goes on for it */
    OMC_REPORT_STRAY,     /* an answer to nothing that the application asked */

    /* Of the connection; requests that it has cost were reported before. */
    OMC_REPORT_EXPOSED, /* credentials are about to go where others could read them */
    OMC_REPORT_UP,
    OMC_REPORT_CLOSED,
    OMC_REPORT_REPLACED, /* by the second one */
    OMC_REPORT_LEFT,     /* there is none yet, and the server counts as down until there is one */
    OMC_REPORT_STARVED,  /* something of ours has run out: `error` */
    OMC_REPORT_DOWN,     /* to be tried again when `pause` is over */
    OMC_REPORT_REFUSED,  /* the codec, which was just chosen, cannot carry all that waited */
};

/* What is reported of a connection. */
struct omc_notice {
    enum omc_report_kind kind;
    int error;
    const char *reason; /* for the log; a static string, or what strerror gave last */
    int64_t pause;      /* in milliseconds; of OMC_REPORT_LEFT how long it has tried */
    bool is_news;       /* not the same again */
};

/* Where answers go that a call waits for, and nobody else hears of: they are not reported. */
struct omc_sink {
    omcache_value_t *values;
    size_t room;        /* for so many, */
    size_t stored;      /* of which so many have come; */
    unsigned depth;     /* of the call, at whose level they are pinned */
    const void *orders; /* who asks is in this memory, */
    size_t orders_size; /* of so many bytes; */
    size_t settled;     /* so many have had their answer here, which nobody has counted yet */
};

struct omc_report {
    enum omc_report_kind kind;
    struct omc_sink *sink; /* or NULL; whoever wants reports of answers sets it */
    int status;
    struct omc_claim claim; /* whose the request is */
    uint8_t op;
    bool unanswered;           /* others behind it were answered */
    const struct omc_ask *ask; /* of one that was returned */
    struct omc_reply reply;
    bool has_more; /* what is to be reported of that answer; see omc_life_next */
    struct omc_notice notice;
};

/* What becomes of the requests of a connection that has ended. */
enum omc_fate {
    OMC_FATE_END,    /* they end with the status */
    OMC_FATE_MOVE,   /* those that were sent, but for gets that were blind; others are returned */
    OMC_FATE_STARVE, /* those that were not sent */
};

/* Those that have not been reported yet. */
struct omc_ending {
    struct omc_remains remains;
    uint32_t next; /* so many were reported */
    enum omc_fate fate;
    int status;
};

/* Reports of a request that it is over in that way; false if nobody is to hear of it. */
static inline bool omc_report_end(struct omc_report *report, enum omc_report_kind kind,
                                  const struct omc_pending *pending, int status)
{
    if (pending->claim.owner >= OMC_OWNER_LINK)
        return false;
    report->kind = kind;
    report->status = status;
    report->claim = pending->claim;
    report->op = pending->ask.op;
    report->unanswered = false;
    return true;
}

#endif
