/* SPDX-License-Identifier: Apache-2.0 */
#include "stage.h"

#include <string.h>

/* When a peer that cannot be reached, or misbehaves, is dialled again. */

enum {
    TRIES = 14,
    FIRST_MS = 1000,
    MOST_MS = 15 * 60 * 1000,
    YIELD_MS = 3000,
    GOOD_MS = 60000 /* a session that lasts longer ends the doubling */
};

/* W-66: doubles from 1 s to 15 min, and up to a quarter more. */
static void a_peer_that_cannot_be_reached_is_dialled_ever_more_rarely(void **state)
{
    struct stage stage;
    int64_t wanted = FIRST_MS;
    bool jittered = false;

    stage_begin(&stage, *state, PEER_IS_GREATER);
    assert_true(stage_until_dialled(&stage) <= 10);
    for (int n = 1; n <= TRIES; n++) {
        engine_link_down(stage.engine, stage.link, stage.now);
        int64_t waited = stage_until_dialled(&stage);

        assert_in_range(waited, wanted, wanted + wanted / 4 + 10);
        jittered = jittered || waited > wanted + wanted / 50;
        wanted = 2 * wanted < MOST_MS ? 2 * wanted : MOST_MS;
    }
    assert_int_equal(wanted, MOST_MS);
    assert_true(jittered);
    stage_end(&stage);
}

/* W-65: the greater node id leaves dialling to the smaller for three seconds. */
static void the_greater_node_id_waits_before_it_dials(void **state)
{
    struct stage stage;

    stage_begin(&stage, *state, PEER_IS_SMALLER);
    assert_in_range(stage_until_dialled(&stage), YIELD_MS, YIELD_MS + 20);
    engine_link_down(stage.engine, stage.link, stage.now);
    assert_in_range(stage_until_dialled(&stage), YIELD_MS + FIRST_MS,
                    YIELD_MS + FIRST_MS + FIRST_MS / 4 + 20);
    stage_end(&stage);
}

/* A peer that opens a session only to break the rules in it. */
static void misbehave(struct stage *stage, int64_t after_ms)
{
    struct message ping = {.type = MESSAGE_PING};

    stage_open_lanes(stage);
    for (int64_t passed = 0; passed < after_ms; passed += FIRST_MS) {
        stage_wait(stage, FIRST_MS);
        stage_say(stage, &ping);
        stage_forget(stage);
    }
    stage_say_bytes(stage, BYTES("no message"));
    stage_forget(stage);
}

static void assert_delay(struct stage *stage, int64_t wanted)
{
    int64_t waited = stage_until_dialled(stage);

    assert_in_range(waited, wanted, wanted + wanted / 4 + 10);
}

/* W-66: opening a session is no merit; keeping it up is. */
static void short_sessions_that_end_badly_do_not_end_the_doubling(void **state)
{
    struct stage stage;

    stage_begin(&stage, *state, PEER_IS_GREATER);
    (void)stage_until_dialled(&stage);
    for (int n = 0; n < 6; n++) {
        misbehave(&stage, n * 5000);
        assert_delay(&stage, FIRST_MS << n);
    }
    misbehave(&stage, GOOD_MS + FIRST_MS);
    assert_delay(&stage, FIRST_MS);
    stage_end(&stage);
}

/* A link that breaks is dialled soon, if a session was up before. */
static void a_link_that_breaks_in_a_session_is_dialled_soon(void **state)
{
    struct stage stage;

    stage_begin(&stage, *state, PEER_IS_GREATER);
    (void)stage_until_dialled(&stage);
    for (int n = 0; n < 3; n++) {
        engine_link_down(stage.engine, stage.link, stage.now);
        (void)stage_until_dialled(&stage);
    }
    stage_open_lanes(&stage);
    engine_link_down(stage.engine, stage.link, stage.now);
    assert_delay(&stage, FIRST_MS);
    stage_end(&stage);
}

static int64_t waits_after(struct stage *stage, int64_t retry_after_ms)
{
    struct message error = {.type = MESSAGE_ERROR};

    error.error.code = 3; /* quota */
    error.error.retry_after_ms = retry_after_ms;
    error.error.text = view_of_text("later");
    stage_open_lanes(stage);
    stage_say(stage, &error);
    stage_forget(stage);
    return stage_until_dialled(stage);
}

/* W-68: the peer says when to come again, but not for ever. */
static void a_peer_that_says_when_to_come_again_is_left_alone_so_long(void **state)
{
    struct stage stage;

    stage_begin(&stage, *state, PEER_IS_GREATER);
    (void)stage_until_dialled(&stage);
    assert_in_range(waits_after(&stage, 90000), 90000, 90010);
    assert_in_range(waits_after(&stage, 0), FIRST_MS, FIRST_MS + FIRST_MS / 4 + 10);
    assert_in_range(waits_after(&stage, MOST_MS), MOST_MS, MOST_MS + 10);
    assert_in_range(waits_after(&stage, MOST_MS + 3600000), MOST_MS, MOST_MS + 10);
    stage_end(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_peer_that_cannot_be_reached_is_dialled_ever_more_rarely,
                                        shelf_new, shelf_free),
        cmocka_unit_test_setup_teardown(the_greater_node_id_waits_before_it_dials, shelf_new,
                                        shelf_free),
        cmocka_unit_test_setup_teardown(short_sessions_that_end_badly_do_not_end_the_doubling,
                                        shelf_new, shelf_free),
        cmocka_unit_test_setup_teardown(a_link_that_breaks_in_a_session_is_dialled_soon, shelf_new,
                                        shelf_free),
        cmocka_unit_test_setup_teardown(a_peer_that_says_when_to_come_again_is_left_alone_so_long,
                                        shelf_new, shelf_free),
    };

    return RUN(tests);
}
