/* SPDX-License-Identifier: Apache-2.0 */
#include "stage.h"

#include "contents.h"

#include <string.h>

/* What the node counts and bounds, over minutes and days. */

static const struct views no_blobs = {0, NULL};

/* --- callers ------------------------------------------------------------------------------- */

enum { NOTED_A_MINUTE = 60 };

/* Who asks for what it may not must not fill the store. */
static void refusals_are_noted_sixty_times_a_minute_then_counted(void **state)
{
    struct stage stage;

    stage_begin(&stage, *state, PEER_IS_GREATER);
    stage_wait(&stage, MINUTE_MS); /* the first one begins a minute */
    for (int n = 0; n < NOTED_A_MINUTE + 15; n++) {
        assert_error(ERR_ROLE, stage_ask(&stage, ROLE_VIEWER, "draft.list", NULL, NULL));
    }
    assert_int_equal(stage_events(&stage, "command.refused"), NOTED_A_MINUTE);
    stage_wait(&stage, MINUTE_MS - 10);
    assert_error(ERR_ROLE, stage_ask(&stage, ROLE_VIEWER, "draft.list", NULL, NULL));
    assert_int_equal(stage_events(&stage, "command.refused"), NOTED_A_MINUTE);
    stage_wait(&stage, 10);
    assert_error(ERR_ROLE, stage_ask(&stage, ROLE_VIEWER, "draft.list", NULL, NULL));
    assert_int_equal(stage_events(&stage, "command.refused"), NOTED_A_MINUTE + 1);
    assert_non_null(strstr(stage_detail(&stage, "command.refused"), "16 more"));
    stage_wait(&stage, MINUTE_MS);
    assert_error(ERR_ROLE, stage_ask(&stage, ROLE_VIEWER, "draft.list", NULL, NULL));
    assert_string_equal(stage_detail(&stage, "command.refused"), "role");
    stage_end(&stage);
}

static void only_auditors_begin_to_watch_in_the_past(void **state)
{
    static const char from[] = "{\"from\": \"1\"}";
    struct stage stage;
    struct value *result = NULL;

    stage_begin(&stage, *state, PEER_IS_GREATER);
    for (unsigned role = ROLE_VIEWER; role < ROLE_AUDITOR; role <<= 1) {
        enum error err = stage_ask(&stage, role, "watch", from, NULL);
        assert_error(ERR_ROLE, err);
    }
    assert_ok(stage_ask(&stage, ROLE_AUDITOR, "watch", from, &result));
    assert_int_equal(value_get_integer(result, "after", -1), 1);
    assert_ok(stage_ask(&stage, ROLE_VIEWER, "watch", NULL, &result));
    assert_int_equal(value_get_integer(result, "after", -1), engine_last_event(stage.engine));
    stage_end(&stage);
}

/* --- quotas -------------------------------------------------------------------------------- */

/* Push cover of some size; whether it was acknowledged. If not, the lane stays as it was. */
static bool push_cover(struct stage *stage, size_t size)
{
    static uint8_t payload[LANE_PAYLOAD_MAX_BYTES];
    const struct lane_cursor before = stage->lane;
    struct message message;

    stage_forget(stage);
    stage_push(stage, LANE_COVER, view_of(payload, size), no_blobs);
    bool taken = stage_heard(stage, MESSAGE_LANE_ACK, &message);
    if (!taken) {
        assert_true(stage_heard(stage, MESSAGE_LANE_NACK, &message));
        assert_int_equal(message.lane_nack.reason, NACK_QUOTA);
        stage->lane = before;
    }
    stage_forget(stage);
    return taken;
}

static void come_again(struct stage *stage)
{
    (void)stage_until_dialled(stage);
    stage_open_lanes(stage);
}

/* One mebibyte a day, and no more for a new session; the next day as much again. */
static void a_peer_brings_so_many_bytes_a_day_and_as_many_the_next(void **state)
{
    enum { PART_BYTES = 16384, PARTS = 63 /* what is left is entries */ };
    struct stage stage;

    stage_begin(&stage, *state, PEER_IS_GREATER);
    for (int day = 0; day < 3; day++) {
        int taken = 0;

        come_again(&stage);
        while (push_cover(&stage, PART_BYTES)) {
            taken++;
        }
        assert_int_equal(taken, PARTS);
        come_again(&stage);
        assert_false(push_cover(&stage, 1));
        stage_wait(&stage, DAY_MS);
    }
    stage_end(&stage);
}

/* P13: what costs the peer no credit costs the node time. */
static void a_peer_asks_five_hundred_times_a_second_and_no_more(void **state)
{
    struct message ping = {.type = MESSAGE_PING};
    struct message heard;
    struct stage stage;

    stage_begin(&stage, *state, PEER_IS_GREATER);
    come_again(&stage);
    for (int second = 0; second < 2; second++) {
        stage_wait(&stage, SECOND_MS);
        for (int n = 0; n < 500; n++) {
            stage_forget(&stage);
            stage_say(&stage, &ping);
            assert_true(stage_heard(&stage, MESSAGE_PONG, &heard));
        }
    }
    const unsigned before = stage.hung_up;
    stage_forget(&stage);
    stage_say(&stage, &ping);
    assert_false(stage_heard(&stage, MESSAGE_PONG, &heard));
    assert_true(stage_heard(&stage, MESSAGE_ERROR, &heard));
    assert_int_equal(heard.error.code, PEER_ERROR_QUOTA);
    assert_int_equal(stage.hung_up, before + 1);
    stage_end(&stage);
}

/* --- what a record is found by ------------------------------------------------------------- */

/* A record with so many serial numbers, one by one. */
static struct value *record_of(struct arena *arena, size_t serials)
{
    struct value *record = sample_record(arena, "DN-XMA-2026-0014");
    struct value *list = value_list(arena);

    for (size_t n = 0; n < serials; n++) {
        MUST(value_append(arena, list, value_string(arena, arena_printf(arena, "Q%06zu", n))) ==
             OK);
    }
    set_at(arena, record, "/body/items/0/serials", list);
    return record;
}

static void a_record_is_found_by_so_many_values_and_no_more(void **state)
{
    struct arena *arena = ((struct shelf *)*state)->arena;
    struct contents contents = {0};

    assert_ok(contents_collect(record_of(arena, 0), arena, &contents));
    const size_t others = contents.count;
    assert_in_range(others, 10, 500);
    assert_ok(contents_collect(record_of(arena, RECORD_INDEX_MAX - others - 1), arena, &contents));
    assert_int_equal(contents.count, RECORD_INDEX_MAX - 1);
    assert_ok(contents_collect(record_of(arena, RECORD_INDEX_MAX - others), arena, &contents));
    assert_int_equal(contents.count, RECORD_INDEX_MAX);
    assert_error(ERR_TOO_LARGE, contents_collect(record_of(arena, RECORD_INDEX_MAX - others + 1),
                                                 arena, &contents));
}

static enum error count_said(void *context, enum index_field field, struct view value)
{
    (void)field;
    (void)value;
    ++*(size_t *)context;
    return OK;
}

/* The same value again makes no row, but is looked for among the others. */
static void what_is_said_again_makes_no_row_and_has_a_limit(void **state)
{
    struct arena *arena = ((struct shelf *)*state)->arena;
    struct contents contents = {0};
    size_t said = 0;

    assert_ok(contents_collect(record_of(arena, 1), arena, &contents));
    const size_t rows = contents.count;
    assert_ok(record_index(record_of(arena, 0), count_said, &said));
    for (int more = -1; more <= 1; more++) {
        struct value *record = record_of(arena, 0);
        struct value *list = value_list(arena);
        for (size_t n = said; n < CONTENTS_SAID_MAX + (size_t)(more + 1) - 1; n++) {
            MUST(value_append(arena, list, value_string(arena, "Q000000")) == OK);
        }
        set_at(arena, record, "/body/items/0/serials", list);
        assert_error(more <= 0 ? OK : ERR_TOO_LARGE, contents_collect(record, arena, &contents));
        assert_true(more > 0 || contents.count == rows);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refusals_are_noted_sixty_times_a_minute_then_counted,
                                        shelf_new, shelf_free),
        cmocka_unit_test_setup_teardown(only_auditors_begin_to_watch_in_the_past, shelf_new,
                                        shelf_free),
        cmocka_unit_test_setup_teardown(a_peer_brings_so_many_bytes_a_day_and_as_many_the_next,
                                        shelf_new, shelf_free),
        cmocka_unit_test_setup_teardown(a_peer_asks_five_hundred_times_a_second_and_no_more,
                                        shelf_new, shelf_free),
        cmocka_unit_test_setup_teardown(a_record_is_found_by_so_many_values_and_no_more, shelf_new,
                                        shelf_free),
        cmocka_unit_test_setup_teardown(what_is_said_again_makes_no_row_and_has_a_limit, shelf_new,
                                        shelf_free),
    };

    return RUN(tests);
}
