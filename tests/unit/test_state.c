/*
 * The state table: every state with every event.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>

#include "link/state.h"
#include "support/fixture.h"

#define S(name) OMC_STATE_##name

static void assert_step(enum omc_state state, enum omc_event event, enum omc_state next,
                        enum omc_action action)
{
    struct omc_transition transition = omc_state_next(state, event);

    ck_assert_msg(transition.next == next && transition.action == action,
                  "state %d, event %d: to %d with action %d, expected %d with %d", (int)state,
                  (int)event, (int)transition.next, (int)transition.action, (int)next, (int)action);
}

START_TEST(a_good_server_gets_ready)
{
    assert_step(S(IDLE), OMC_EVENT_START, S(RESOLVING), OMC_ACTION_RESOLVE);
    assert_step(S(CONNECTING), OMC_EVENT_CONNECTED, S(HANDSHAKE), OMC_ACTION_GREET);
    assert_step(S(HANDSHAKE), OMC_EVENT_VERIFIED, S(READY), OMC_ACTION_WELCOME);
}
END_TEST

START_TEST(one_that_proved_itself_may_try_again_at_once)
{
    assert_step(S(READY), OMC_EVENT_FAILED, S(IDLE), OMC_ACTION_CLOSE);
    assert_step(S(READY), OMC_EVENT_USELESS, S(DOWN), OMC_ACTION_DISABLE);
}
END_TEST

START_TEST(one_that_did_not_is_disabled)
{
    assert_step(S(CONNECTING), OMC_EVENT_FAILED, S(DOWN), OMC_ACTION_DISABLE);
    assert_step(S(HANDSHAKE), OMC_EVENT_FAILED, S(DOWN), OMC_ACTION_DISABLE);
    assert_step(S(RECONNECTING), OMC_EVENT_FAILED, S(DOWN), OMC_ACTION_DISABLE);
    assert_step(S(REVERIFYING), OMC_EVENT_FAILED, S(DOWN), OMC_ACTION_DISABLE);
}
END_TEST

START_TEST(a_disabled_one_comes_back_only_verified)
{
    assert_step(S(DOWN), OMC_EVENT_START, S(RERESOLVING), OMC_ACTION_RESOLVE);
    assert_step(S(RECONNECTING), OMC_EVENT_CONNECTED, S(REVERIFYING), OMC_ACTION_GREET);
    assert_step(S(REVERIFYING), OMC_EVENT_VERIFIED, S(READY), OMC_ACTION_WELCOME);
    ck_assert(!omc_state_is_up(S(DOWN)));
    ck_assert(!omc_state_is_up(S(RECONNECTING)));
    ck_assert(!omc_state_is_up(S(REVERIFYING)));
}
END_TEST

START_TEST(one_that_is_doubted_goes_on_as_one_that_is_down)
{
    assert_step(S(RESOLVING), OMC_EVENT_DOUBTED, S(RERESOLVING), OMC_ACTION_LEAVE);
    assert_step(S(CONNECTING), OMC_EVENT_DOUBTED, S(RECONNECTING), OMC_ACTION_LEAVE);
    assert_step(S(HANDSHAKE), OMC_EVENT_DOUBTED, S(HANDSHAKE), OMC_ACTION_NONE);
}
END_TEST

START_TEST(what_we_lack_is_not_held_against_the_server)
{
    assert_step(S(RESOLVING), OMC_EVENT_STARVED, S(IDLE), OMC_ACTION_STARVE);
    assert_step(S(CONNECTING), OMC_EVENT_STARVED, S(IDLE), OMC_ACTION_STARVE);
    assert_step(S(HANDSHAKE), OMC_EVENT_STARVED, S(IDLE), OMC_ACTION_STARVE);
    assert_step(S(READY), OMC_EVENT_STARVED, S(IDLE), OMC_ACTION_STARVE);
    assert_step(S(RECONNECTING), OMC_EVENT_STARVED, S(DOWN), OMC_ACTION_STARVE);
}
END_TEST

START_TEST(what_we_discard_is_not_held_against_the_server)
{
    assert_step(S(CONNECTING), OMC_EVENT_DISCARD, S(IDLE), OMC_ACTION_CLOSE);
    assert_step(S(HANDSHAKE), OMC_EVENT_DISCARD, S(IDLE), OMC_ACTION_CLOSE);
    assert_step(S(READY), OMC_EVENT_DISCARD, S(IDLE), OMC_ACTION_CLOSE);
    assert_step(S(IDLE), OMC_EVENT_DISCARD, S(IDLE), OMC_ACTION_CLOSE);
}
END_TEST

/* Whatever happens, being up and being down are left only through the doors. */
START_TEST(no_other_way_leads_up_or_down)
{
    for (int state = 0; state < OMC_STATE_COUNT; state++) {
        for (int event = 0; event < OMC_EVENT_COUNT; event++) {
            struct omc_transition step =
                omc_state_next((enum omc_state)state, (enum omc_event)event);
            bool was_up = omc_state_is_up((enum omc_state)state);
            bool is_up = omc_state_is_up(step.next);

            if (was_up && !is_up)
                ck_assert_int_eq(step.action, event == OMC_EVENT_DOUBTED ? OMC_ACTION_LEAVE
                                                                         : OMC_ACTION_DISABLE);
            if (!was_up && is_up)
                ck_assert_int_eq(step.action, OMC_ACTION_WELCOME);
            if ((int)step.next == state && event != OMC_EVENT_DISCARD)
                ck_assert_int_eq(step.action, OMC_ACTION_NONE);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("state");
    TCase *tcase = fixture_case(suite, "state");

    tcase_add_test(tcase, a_good_server_gets_ready);
    tcase_add_test(tcase, one_that_proved_itself_may_try_again_at_once);
    tcase_add_test(tcase, one_that_did_not_is_disabled);
    tcase_add_test(tcase, a_disabled_one_comes_back_only_verified);
    tcase_add_test(tcase, one_that_is_doubted_goes_on_as_one_that_is_down);
    tcase_add_test(tcase, what_we_lack_is_not_held_against_the_server);
    tcase_add_test(tcase, what_we_discard_is_not_held_against_the_server);
    tcase_add_test(tcase, no_other_way_leads_up_or_down);
    return fixture_run(suite);
}
