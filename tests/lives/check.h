/*
 * What must hold in a life.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_LIVES_CHECK_H
#define TESTS_LIVES_CHECK_H

/* Ends the test, and prints what has happened in this life. */
_Noreturn void life_fail(const char *what);

#define LIFE_CHECK(holds, what) ((holds) ? (void)0 : life_fail(what))

#endif
