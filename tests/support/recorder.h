/*
 * Callbacks that remember what they were told: log lines and answers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_RECORDER_H
#define TESTS_RECORDER_H

#include <omcache.h>
#include <stdbool.h>
#include <stddef.h>

#define RECORDER_MAX 256

struct recorded_line {
    int level;
    char text[512];
};

struct recorded_answer {
    int status;
    char key[256];
    size_t key_len;
    char data[64]; /* the beginning */
    size_t data_len;
    uint32_t flags;
    uint64_t cas;
    uint64_t delta_value;
};

/* The first RECORDER_MAX are kept, all are counted. */
struct recorder {
    size_t line_count;
    struct recorded_line lines[RECORDER_MAX];
    size_t answer_count;
    struct recorded_answer answers[RECORDER_MAX];
};

/* The running test's; a test begins with an empty one. */
extern struct recorder recorder;

void recorder_clear(void);

/* Callbacks; they ignore their context. */
omcache_log_callback_func recorder_log;
omcache_response_callback_func recorder_answer;

/* Whether a line of this severity or worse contains the text. */
bool recorder_has_line(int level, const char *text);

/* How many answers had this status. */
size_t recorder_count(int status);

/* All answers' statuses and keys, for messages; a static string. */
const char *recorder_summary(void);

#endif
