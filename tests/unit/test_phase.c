/*
 * The table of phases: every phase with every event.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>

#include "link/phase.h"
#include "support/fixture.h"

#define P(name) OMC_PHASE_##name

static void assert_step(enum omc_phase phase, bool up, enum omc_event event, enum omc_phase next,
                        enum omc_action action)
{
    struct omc_transition transition = omc_phase_next(phase, up, event);

    ck_assert_msg(transition.next == next && transition.action == action,
                  "phase %d, event %d: to %d with action %d, expected %d with %d", (int)phase,
                  (int)event, (int)transition.next, (int)transition.action, (int)next, (int)action);
}

/* The same for a link that is up and one that is down. */
static void assert_steps(enum omc_phase phase, enum omc_event event, enum omc_phase next,
                         enum omc_action action)
{
    assert_step(phase, true, event, next, action);
    assert_step(phase, false, event, next, action);
}

START_TEST(a_good_server_gets_ready)
{
    assert_steps(P(REST), OMC_EVENT_START, P(FINDING), OMC_ACTION_RESOLVE);
    assert_steps(P(FINDING), OMC_EVENT_RESOLVED, P(DIALLING), OMC_ACTION_CONNECT);
    assert_steps(P(DIALLING), OMC_EVENT_CONNECTED, P(SECURING), OMC_ACTION_SECURE);
    assert_steps(P(SECURING), OMC_EVENT_SECURED, P(GREETING), OMC_ACTION_GREET);
    assert_steps(P(GREETING), OMC_EVENT_VERIFIED, P(READY), OMC_ACTION_WELCOME);
}
END_TEST

START_TEST(one_that_proved_itself_may_try_again_at_once)
{
    assert_step(P(READY), true, OMC_EVENT_FAILED, P(REST), OMC_ACTION_CLOSE);
    assert_step(P(READY), true, OMC_EVENT_USELESS, P(REST), OMC_ACTION_DISABLE);
}
END_TEST

START_TEST(one_that_did_not_is_disabled)
{
    assert_steps(P(FINDING), OMC_EVENT_FAILED, P(REST), OMC_ACTION_DISABLE);
    assert_steps(P(DIALLING), OMC_EVENT_FAILED, P(REST), OMC_ACTION_DISABLE);
    assert_steps(P(SECURING), OMC_EVENT_FAILED, P(REST), OMC_ACTION_DISABLE);
    assert_steps(P(GREETING), OMC_EVENT_FAILED, P(REST), OMC_ACTION_DISABLE);
}
END_TEST

START_TEST(one_that_is_doubted_goes_on_but_is_down)
{
    assert_step(P(FINDING), true, OMC_EVENT_DOUBTED, P(FINDING), OMC_ACTION_LEAVE);
    assert_step(P(DIALLING), true, OMC_EVENT_DOUBTED, P(DIALLING), OMC_ACTION_LEAVE);
    assert_step(P(SECURING), true, OMC_EVENT_DOUBTED, P(SECURING), OMC_ACTION_LEAVE);
    assert_step(P(GREETING), true, OMC_EVENT_DOUBTED, P(GREETING), OMC_ACTION_NONE);
    assert_step(P(FINDING), false, OMC_EVENT_DOUBTED, P(FINDING), OMC_ACTION_NONE);
    assert_step(P(DIALLING), false, OMC_EVENT_DOUBTED, P(DIALLING), OMC_ACTION_NONE);
    assert_step(P(SECURING), false, OMC_EVENT_DOUBTED, P(SECURING), OMC_ACTION_NONE);
}
END_TEST

START_TEST(what_we_lack_is_not_held_against_the_server)
{
    for (enum omc_phase phase = P(FINDING); phase <= P(READY); phase++)
        assert_steps(phase, OMC_EVENT_STARVED, P(REST), OMC_ACTION_STARVE);
}
END_TEST

START_TEST(what_we_discard_is_not_held_against_the_server)
{
    for (enum omc_phase phase = P(REST); phase <= P(READY); phase++)
        assert_steps(phase, OMC_EVENT_DISCARD, P(REST), OMC_ACTION_CLOSE);
}
END_TEST

/* The actions that make it up or down come on no other event, and nothing changes without one. */
START_TEST(no_other_way_leads_up_or_down)
{
    for (int phase = 0; phase < OMC_PHASE_COUNT; phase++) {
        for (int event = 0; event < OMC_EVENT_COUNT; event++) {
            struct omc_transition step =
                omc_phase_next((enum omc_phase)phase, true, (enum omc_event)event);

            if (step.action == OMC_ACTION_DISABLE)
                ck_assert(event == OMC_EVENT_FAILED || event == OMC_EVENT_USELESS);
            if (step.action == OMC_ACTION_LEAVE)
                ck_assert_int_eq(event, OMC_EVENT_DOUBTED);
            ck_assert((step.action == OMC_ACTION_WELCOME) ==
                      (step.next == P(READY) && phase != P(READY)));
            if (step.action == OMC_ACTION_NONE)
                ck_assert_int_eq(step.next, phase);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("phase");
    TCase *tcase = fixture_case(suite, "phase");

    tcase_add_test(tcase, a_good_server_gets_ready);
    tcase_add_test(tcase, one_that_proved_itself_may_try_again_at_once);
    tcase_add_test(tcase, one_that_did_not_is_disabled);
    tcase_add_test(tcase, one_that_is_doubted_goes_on_but_is_down);
    tcase_add_test(tcase, what_we_lack_is_not_held_against_the_server);
    tcase_add_test(tcase, what_we_discard_is_not_held_against_the_server);
    tcase_add_test(tcase, no_other_way_leads_up_or_down);
    return fixture_run(suite);
}
