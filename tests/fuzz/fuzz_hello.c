/*
 * The reader of answers to hellos: its verdict is the same however the bytes come.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "proto/hello.h"

#include "fuzz/fuzz.h"

enum {
    LEN_MAX = 2000, /* the longest answer has 3 lines of at most 256 bytes and their ends */
    OPAQUE = 0x41424344,
};

struct verdict {
    enum omc_hello hello;
    size_t used;
};

/* Reads the first len bytes. */
static struct verdict read(const unsigned char *bytes, size_t len,
                           const struct omc_hello_asked *asked)
{
    unsigned char *copy = fuzz_copy(bytes, len);
    const char *problem = NULL;
    struct verdict verdict = {.used = 0};

    verdict.hello = omc_hello_read(copy, len, asked, &verdict.used, &problem);
    free(copy);
    FUZZ_CHECK(verdict.used <= len);
    FUZZ_CHECK((verdict.hello == OMC_HELLO_GOOD || verdict.hello == OMC_HELLO_TEXT) ==
                   (verdict.used > 0) ||
               verdict.hello == OMC_HELLO_REFUSED);
    FUZZ_CHECK((verdict.hello != OMC_HELLO_REFUSED && verdict.hello != OMC_HELLO_DENIED) ||
               problem != NULL);
    FUZZ_CHECK(verdict.hello != OMC_HELLO_TEXT || asked->greeting == OMC_GREETING_META);
    return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz_input in = fuzz_input(bytes, size);
    unsigned choice = fuzz_byte(&in);
    const struct omc_hello_asked asked = {
        .greeting = OMC_GREETING_META + choice % (OMC_GREETING_COUNT - OMC_GREETING_META),
        .number = OPAQUE,
        .has_login = choice >= 128,
    };
    size_t len = fuzz_left(&in) < LEN_MAX ? fuzz_left(&in) : LEN_MAX;
    struct verdict whole = read(in.at, len, &asked);

    for (size_t part = 0; part < len; part++) {
        struct verdict early = read(in.at, part, &asked);

        if (early.hello == OMC_HELLO_MORE)
            continue;
        FUZZ_CHECK(early.hello == whole.hello && early.used == whole.used);
        return 0;
    }
    FUZZ_CHECK(whole.hello != OMC_HELLO_MORE || len < LEN_MAX);
    return 0;
}
