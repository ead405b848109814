/*
 * Callbacks that remember what they were told.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/recorder.h"

#include "support/assert.h"

#include <stdio.h>
#include <string.h>

struct recorder recorder;

void recorder_clear(void)
{
    memset(&recorder, 0, sizeof(recorder));
}

void recorder_log(void *context, int level, const char *msg)
{
    (void)context;
    if (recorder.line_count < RECORDER_MAX) {
        struct recorded_line *line = &recorder.lines[recorder.line_count];
        line->level = level;
        snprintf(line->text, sizeof(line->text), "%s", msg);
    }
    recorder.line_count++;
}

static size_t keep(char *to, size_t room, const unsigned char *from, size_t len)
{
    size_t kept = len < room - 1 ? len : room - 1;
    if (kept > 0) {
        memcpy(to, from, kept);
    }
    to[kept] = 0;
    return len;
}

void recorder_answer(omcache_t *mc, omcache_value_t *result, void *context)
{
    (void)mc;
    (void)context;
    if (recorder.answer_count < RECORDER_MAX) {
        struct recorded_answer *answer = &recorder.answers[recorder.answer_count];
        answer->status = result->status;
        answer->key_len = keep(answer->key, sizeof(answer->key), result->key, result->key_len);
        answer->data_len = keep(answer->data, sizeof(answer->data), result->data, result->data_len);
        answer->flags = result->flags;
        answer->cas = result->cas;
        answer->delta_value = result->delta_value;
    }
    recorder.answer_count++;
}

static size_t kept(size_t count)
{
    return count < RECORDER_MAX ? count : RECORDER_MAX;
}

bool recorder_has_line(int level, const char *text)
{
    for (size_t i = 0; i < kept(recorder.line_count); i++) {
        if (recorder.lines[i].level <= level && strstr(recorder.lines[i].text, text)) {
            return true;
        }
    }
    return false;
}

size_t recorder_count(int status)
{
    size_t count = 0;
    for (size_t i = 0; i < kept(recorder.answer_count); i++) {
        count += recorder.answers[i].status == status;
    }
    return count;
}

const char *recorder_summary(void)
{
    static char text[1024];
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; i < kept(recorder.answer_count) && used + 120 < sizeof(text); i++) {
        const struct recorded_answer *answer = &recorder.answers[i];
        used += (size_t)snprintf(text + used, sizeof(text) - used, "[%s key '%.32s'] ",
                                 omcache_strerror(answer->status), answer->key);
    }
    return text;
}
