/*
 * The decoder of the text protocol.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "proto/text.h"

#include "fuzz/decode.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    decode_try(&omc_text_codec, bytes, size);
    return 0;
}
