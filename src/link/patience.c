/*
 * Deadlines of servers, each derived from what its connection is about.
 */
#include "link/patience.h"

#include "base/clock.h"
#include "link/doubt.h"
#include "link/link.h"
#include "link/work.h"

/* When an attempt to connect, the lookup before it included, has lasted too long. */
static int64_t connect_deadline(const struct omc_link *link)
{
    return omc_clock_after(link->conn.since, link->shared->settings.connect_timeout);
}

/* When one that owes something has kept silent for too long. */
static int64_t dead_deadline(const struct omc_link *link)
{
    return omc_clock_after(link->conn.since, link->shared->settings.dead_timeout);
}

int64_t omc_patience_deadline(const struct omc_link *link)
{
    const struct omc_connection *conn = &link->conn;
    int64_t deadline = OMC_CLOCK_NEVER;

    if (omc_work_is_pending(link)) /* its descriptor need not tell of it */
        return 0;
    if (link->phase == OMC_PHASE_DIALLING)
        deadline = omc_race_deadline(&link->race);
    if (omc_phase_is_connecting(link->phase))
        return deadline < connect_deadline(link) ? deadline : connect_deadline(link);
    if (omc_phase_is_connected(link->phase) && omc_connection_is_owed(conn))
        deadline = dead_deadline(link);
    return omc_doubt_deadline(link) < deadline ? omc_doubt_deadline(link) : deadline;
}

/* Perhaps nobody has looked for a long time, or a callback asks that was told an answer while
 * others wait behind it.  But what comes may be of no use, such as TLS records with nothing in
 * them: then reading it was the last excuse. */
static bool is_silence_ours(const struct omc_link *link)
{
    const struct omc_connection *conn = &link->conn;

    if (conn->handling && omc_buffer_size(&conn->in.buffer) > 0)
        return true;
    return !conn->foreign && !conn->futile && omc_work_has_come(link);
}

const char *omc_patience_reason(struct omc_link *link, int64_t now)
{
    if (omc_phase_is_connected(link->phase)) {
        if (!omc_connection_is_owed(&link->conn) || now < dead_deadline(link))
            return NULL; /* it was the second connection's */
        if (!is_silence_ours(link)) {
            omc_connection_note_read(&link->conn); /* it had time enough */
            return "no answer within the dead timeout";
        }
        link->conn.since = now;
        link->conn.excused = true;
        return NULL;
    }
    if (now < connect_deadline(link))
        return NULL;
    if (link->phase == OMC_PHASE_FINDING)
        return "name not found within the connect timeout";
    if (link->phase == OMC_PHASE_SECURING)
        return "no secure connection within the connect timeout";
    return link->phase == OMC_PHASE_DIALLING ? "connect timeout" : NULL;
}
