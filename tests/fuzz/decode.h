/*
 * What the three targets for decoders do: replies from arbitrary bytes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_FUZZ_DECODE_H
#define TESTS_FUZZ_DECODE_H

#include "proto/codec.h"

#include <stddef.h>
#include <stdint.h>

/* Decodes an input at once and in pieces, and checks that both come to the same. */
void decode_try(const struct omc_codec *codec, const uint8_t *bytes, size_t size);

#endif
