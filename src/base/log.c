/*
 * Formatting and filtering of log lines; see log.h.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

/* Names of servers and errors are not ours: whatever is in them, it is one line. */
static void make_printable(char *line)
{
    for (; *line != '\0'; line++) {
        if ((unsigned char)*line < ' ' || *line == 0x7f)
            *line = '?';
    }
}

void omc_log(struct omc_log *log, enum omc_log_level level, const char *format, ...)
{
    char line[512];
    va_list args;

    if (log->func == NULL || (int)level > log->level || log->calling)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    make_printable(line);
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
