/*
 * Clients of servers that cannot be used.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNUSABLE_H
#define TESTS_UNUSABLE_H

#include <stdint.h>

/* An address of this process's where nobody listens; a static string. */
const char *nobody(void);

/* Sets `client` to one whose limits are far away, so that nothing ends by them,
 * and whose log is recorded. */
void patient_client(const char *servers);

/* omcache_get from `client`, waiting without limit. */
int get_patiently(const char *key);

/* That gets and no-ops fail as they should, each within `limit` ms. */
void assert_unusable(int64_t limit);

#endif
