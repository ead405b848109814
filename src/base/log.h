/*
 * Log lines: filtered by level, formatted on the stack, handed to the
 * application's callback.  Nothing is allocated on the way.
 */
#ifndef OMC_BASE_LOG_H
#define OMC_BASE_LOG_H

#include <stdbool.h>

#include "omcache.h"

/* Severities as syslog numbers them. */
enum omc_log_level {
    OMC_LOG_ERROR = 3,
    OMC_LOG_WARNING = 4,
    OMC_LOG_NOTICE = 5,
    OMC_LOG_INFO = 6,
    OMC_LOG_DEBUG = 7,
};

struct omc_log {
    omcache_log_callback_func *func;
    void *context;
    int level;
    bool calling; /* the callback is running; it is not called from within itself */
};

void omc_log(struct omc_log *log, enum omc_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

const char *omc_log_level_name(int level);

#endif
