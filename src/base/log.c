/*
 * Formatting and filtering of log lines; see log.h.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

void omc_log(struct omc_log *log, enum omc_log_level level, const char *format, ...)
{
    char line[512];
    va_list args;

    if (log->func == NULL || (int)level > log->level || log->calling)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    log->calling = true;
    log->func(log->context, (int)level, line);
    log->calling = false;
}

const char *omc_log_level_name(int level)
{
    static const char *const names[] = {"EMERG",   "ALERT",  "CRIT", "ERR",
                                        "WARNING", "NOTICE", "INFO", "DEBUG"};

    if (level < 0 || level > OMC_LOG_DEBUG)
        return "UNKNOWN";
    return names[level];
}
