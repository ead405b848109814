/*
 * Requests and their outcomes; see book.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lives/book.h"

#include "lives/check.h"
#include "lives/peer.h"
#include "proto/opcode.h"

#include <string.h>

struct book book;

struct book_entry *book_find(const struct omc_claim *claim)
{
    unsigned i = claim->tag - NETWORK_FIRST_TAG;

    LIFE_CHECK(i < book.count, "reported what nobody has asked");
    return &book.entries[i];
}

void book_add(uint32_t number, bool quiet, bool keyed)
{
    book.entries[book.count++] =
        (struct book_entry){.number = number, .quiet = quiet, .keyed = keyed};
}

struct book_entry *book_oldest(void)
{
    for (unsigned i = 0; i < book.count; i++) {
        if (book.entries[i].state == BOOK_OPEN)
            return &book.entries[i];
    }
    return NULL;
}

unsigned book_open(void)
{
    unsigned open = 0;

    for (unsigned i = 0; i < book.count; i++)
        open += book.entries[i].state == BOOK_OPEN;
    return open;
}

void book_check_answered(void)
{
    const struct wire *wire = network_first();

    for (unsigned i = 0; wire != NULL && i < book.count; i++)
        LIFE_CHECK(book.entries[i].state != BOOK_OPEN ||
                       !peer_is_done(wire, (char)(NETWORK_FIRST_TAG + i)),
                   "does not report what was answered");
}

void book_forget(void)
{
    for (unsigned i = 0; i < book.count; i++) {
        if (book.entries[i].state != BOOK_OVER)
            book.entries[i].state = BOOK_FORGOTTEN;
    }
}

/* The answer is the one that the peer has given to that request. */
static void check_answer(const struct omc_report *report)
{
    const omcache_value_t *value = &report->reply.value;
    const unsigned char key[BOOK_KEY] = {'k', (unsigned char)report->claim.tag};
    struct wire *wire = network_first();

    LIFE_CHECK(wire != NULL && peer_has_answered(wire, (char)report->claim.tag),
               "reported an answer that the peer has not given");
    if (!omc_opcode_is_get(report->reply.opcode) || value->status != OMCACHE_OK)
        return;
    LIFE_CHECK(value->key_len == BOOK_KEY && memcmp(value->key, key, BOOK_KEY) == 0,
               "reported another request's key");
    LIFE_CHECK(value->data_len == BOOK_KEY && memcmp(value->data, key, BOOK_KEY) == 0,
               "reported another request's value");
}

/* What was never sent goes elsewhere, and what may have been never does. */
static void check_failure(const struct omc_report *report)
{
    bool begun = peer_has_begun((char)report->claim.tag);

    if (report->kind == OMC_REPORT_RETURNED)
        LIFE_CHECK(!begun, "returned what may have been sent");
    else if (report->status == OMCACHE_SERVER_FAILURE)
        LIFE_CHECK(begun, "failed what was not sent");
}

void book_note(const struct omc_report *report)
{
    struct book_entry *entry = book_find(&report->claim);

    if (entry->state == BOOK_GIVEN_UP) {
        LIFE_CHECK(report->claim.owner == OMC_OWNER_GONE, "reported what was given up");
        return;
    }
    LIFE_CHECK(entry->state != BOOK_FORGOTTEN, "reported what was forgotten");
    LIFE_CHECK(entry->state != BOOK_OVER, "reported a second outcome");
    if (report->kind == OMC_REPORT_RENEWED) {
        entry->number = report->number;
        return;
    }
    if (report->kind == OMC_REPORT_ANSWER)
        check_answer(report);
    if (report->kind == OMC_REPORT_RETURNED || report->kind == OMC_REPORT_FAILED)
        check_failure(report);
    if (report->kind == OMC_REPORT_SILENCE)
        LIFE_CHECK(entry->quiet, "was silent about what is not quiet");
    if (report->kind != OMC_REPORT_ANSWER || report->reply.last)
        entry->state = BOOK_OVER;
}
