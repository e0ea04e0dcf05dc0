/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

/* The first byte says what the rest is: an entry, a signed head, a signed acknowledgement. */

static void try_entry(struct view bytes, struct arena *arena)
{
    struct fuzz_world *world = fuzz_world();
    struct lane_ends ends = {world->us.keys.identity.node, world->them.keys.identity.node};
    struct lane_cursor cursor = lane_start();
    struct lane_cursor before = cursor;
    struct lane_entry entry;

    enum error err =
        lane_entry_follow(bytes, view_of_text("payload"), &ends, arena, &cursor, &entry);
    if (err == OK) {
        CHECK(cursor.seq == 1);
        /* It does not follow itself. */
        CHECK(lane_entry_follow(bytes, view_of_text("payload"), &ends, arena, &cursor, &entry) ==
              ERR_LANE_GAP);
    } else {
        CHECK(lane_cursor_equal(&cursor, &before));
    }
    if (object_decode(&lane_entry_info, bytes, arena, &entry) == OK) {
        fuzz_check_form(&lane_entry_info, &entry, bytes);
    }
}

static void try_head(struct view bytes, struct arena *arena)
{
    const uint8_t *key = fuzz_world()->us.keys.card.sign_key;
    struct lane_signed outer;
    struct lane_head head;

    if (lane_head_read(bytes, arena, &head) == OK) {
        CHECK(object_decode(&lane_signed_info, bytes, arena, &outer) == OK);
        fuzz_check_form(&lane_head_info, &head, outer.body);
    }
    if (lane_head_verify(bytes, arena, key) == OK) {
        CHECK(lane_ack_verify(bytes, arena, key) == ERR_BAD_SIGNATURE);
    }
}

static void try_ack(struct view bytes, struct arena *arena)
{
    const uint8_t *key = fuzz_world()->us.keys.card.sign_key;
    struct lane_signed outer;
    struct lane_ack ack;

    if (lane_ack_read(bytes, arena, &ack) == OK) {
        CHECK(object_decode(&lane_signed_info, bytes, arena, &outer) == OK);
        fuzz_check_form(&lane_ack_info, &ack, outer.body);
        fuzz_check_form(&lane_signed_info, &outer, bytes);
    }
    if (lane_ack_verify(bytes, arena, key) == OK) {
        CHECK(lane_head_verify(bytes, arena, key) == ERR_BAD_SIGNATURE);
    }
}

int target_lane(const uint8_t *data, size_t size)
{
    static void (*const tries[])(struct view, struct arena *) = {try_entry, try_head, try_ack};
    struct arena *arena = fuzz_arena();

    if (size > 0) {
        tries[data[0] % 3](view_of(data + 1, size - 1), arena);
    }
    arena_free(&arena);
    return 0;
}
