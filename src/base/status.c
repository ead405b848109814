/*
 * One list of the return codes and their texts.
 */
#include "base/status.h"

#include <stddef.h>

#include "omcache.h"

static const struct {
    int status;
    const char *text;
} texts[] = {
    {OMCACHE_OK, "Success"},
    {OMCACHE_NOT_FOUND, "Key not found"},
    {OMCACHE_KEY_EXISTS, "Key exists already or was changed"},
    {OMCACHE_TOO_LARGE_VALUE, "Value too large for the server"},
    {OMCACHE_NOT_STORED, "Not stored"},
    {OMCACHE_DELTA_BAD_VALUE, "Value is not a number"},
    {OMCACHE_FAIL, "Command failed"},
    {OMCACHE_AGAIN, "Not finished yet, call again"},
    {OMCACHE_INVALID, "Invalid argument"},
    {OMCACHE_BUFFERED, "Request accepted, outcome not known yet"},
    {OMCACHE_BUFFER_FULL, "Buffer limit exceeded"},
    {OMCACHE_NO_SERVERS, "No usable server"},
    {OMCACHE_SERVER_FAILURE, "Server or connection failed"},
    {OMCACHE_TIMEOUT, "Timed out"},
    {OMCACHE_CANCELLED, "Cancelled"},
    {OMCACHE_NO_MEMORY, "Out of memory"},
    {OMCACHE_NO_DESCRIPTORS, "Out of file descriptors or local ports"},
    {OMCACHE_AUTH_FAILED, "Not let in by the server"},
};

const char *omc_status_text(int status)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].status == status)
            return texts[i].text;
    }
    return "Unknown";
}
