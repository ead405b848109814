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
    unsigned i = (unsigned)((struct book_entry *)claim->asker - book.entries);

    LIFE_CHECK(i < book.count, "reported what nobody has asked");
    return &book.entries[i];
}

static char tag_of(const struct omc_report *report)
{
    return (char)book_find(&report->claim)->key[1];
}

struct book_entry *book_next(void)
{
    struct book_entry *entry = &book.entries[book.count];

    *entry = (struct book_entry){
        .asker = {.key = entry->key, .key_len = BOOK_KEY, .waits = true},
        .key = {'k', (unsigned char)(NETWORK_FIRST_TAG + book.count)},
    };
    return entry;
}

void book_add(bool quiet, bool keyed)
{
    struct book_entry *entry = &book.entries[book.count++];

    entry->quiet = quiet;
    entry->keyed = keyed;
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
    const unsigned char *key = report->claim.asker->key;
    struct wire *wire = network_first();

    LIFE_CHECK(wire != NULL && peer_has_answered(wire, tag_of(report)),
               "reported an answer that the peer has not given");
    if (!omc_opcode_is_get(report->reply.opcode) || value->status != OMCACHE_OK)
        return;
    LIFE_CHECK(value->key_len == BOOK_KEY && memcmp(value->key, key, BOOK_KEY) == 0,
               "reported another request's key");
    LIFE_CHECK(value->data_len == BOOK_KEY && memcmp(value->data, key, BOOK_KEY) == 0,
               "reported another request's value");
}

void book_check_returned(const struct omc_report *report)
{
    char tag = tag_of(report);

    LIFE_CHECK(!peer_has_begun(tag) || peer_may_repeat(tag), "returned what may have been read");
    LIFE_CHECK(report->ask->key_len == BOOK_KEY && report->ask->key[1] == (unsigned char)tag,
               "returned another request");
}

/* What was never sent goes elsewhere. */
static void check_failure(const struct omc_report *report)
{
    bool begun = peer_has_begun(tag_of(report));

    if (report->kind == OMC_REPORT_RETURNED)
        book_check_returned(report);
    else if (report->status == OMCACHE_SERVER_FAILURE)
        LIFE_CHECK(begun, "failed what was not sent");
}

void book_note(const struct omc_report *report)
{
    struct book_entry *entry;

    if (report->claim.owner == OMC_OWNER_GONE) {
        LIFE_CHECK(report->claim.asker == NULL, "knows who asked for what was given up");
        return;
    }
    entry = book_find(&report->claim);
    LIFE_CHECK(entry->state != BOOK_GIVEN_UP, "reported what was given up");
    LIFE_CHECK(entry->state != BOOK_FORGOTTEN, "reported what was forgotten");
    LIFE_CHECK(entry->state != BOOK_OVER, "reported a second outcome");
    if (report->kind == OMC_REPORT_RENEWED)
        return;
    if (report->kind == OMC_REPORT_ANSWER)
        check_answer(report);
    if (report->kind == OMC_REPORT_RETURNED || report->kind == OMC_REPORT_FAILED)
        check_failure(report);
    if (report->kind == OMC_REPORT_SILENCE)
        LIFE_CHECK(entry->quiet, "was silent about what is not quiet");
    if (report->kind != OMC_REPORT_ANSWER || report->reply.last)
        entry->state = BOOK_OVER;
}
