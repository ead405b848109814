/*
 * What must hold of a link at any time, as doc/design.md has it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_LIVES_RULES_H
#define TESTS_LIVES_RULES_H

#include "link/link.h"
#include "link/report.h"

enum {
    RULES_STAGES = 2 * OMC_PHASE_COUNT, /* each phase for links that are up, and then for others */
};

unsigned rules_stage(const struct omc_link *link);

/* Checks that a stage can follow another one with that report, or OMC_REPORT_NONE. */
void rules_check_step(unsigned before, unsigned after, enum omc_report_kind kind);

/* Checks what holds when the link has been dealt with. */
void rules_check(void);

/* Whether it is the peer's turn or the resolver's, by what they have been asked. */
bool rules_is_awaited(void);

/* Whether there is nothing to be done, and nothing that nobody has looked at. */
bool rules_is_at_rest(void);

#endif
