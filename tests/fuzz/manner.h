/*
 * What the peers do of themselves, when the input says nothing more.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_FUZZ_MANNER_H
#define TESTS_FUZZ_MANNER_H

#include "fuzz/server.h"

#include <stdbool.h>

enum manner {
    MANNER_SILENT,
    MANNER_FRIENDLY, /* they answer all that is left */
    MANNER_GENEROUS, /* and on each connection one answer too many */
    MANNER_BABBLING, /* they answer nothing but no-ops, and go on answering those */
    MANNER_CLOSING,  /* they answer no-ops, and close */
    MANNERS
};

/* Starts anew. */
void manner_start(void);

/* Does it once; whether that was anything.  kinds: what each server speaks. */
bool manner_act(enum manner manner, const enum server_kind *kinds);

#endif
