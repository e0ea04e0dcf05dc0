/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <sodium.h>
#include <string.h>

enum { ARENA_BYTES = 16 * 1024 * 1024 };

const struct fuzz_row fuzz_rows[] = {
    {"pack", target_pack},
    {"record_json", target_record_json},
    {"record_parts", target_record_parts},
    {"envelope", target_envelope},
    {"grant", target_grant},
    {"lane", target_lane},
    {"message", target_message},
    {"control", target_control},
    {"frame", target_frame},
    {"keyfile", target_keyfile},
    {"card", target_card},
    {"transport", target_transport},
    {NULL, NULL},
};

/* --- random numbers that are not ------------------------------------------------------------ */

static struct dice dice = {20260311};

static const char *dice_name(void)
{
    return "fixed";
}

static uint32_t dice_word(void)
{
    return (uint32_t)dice_roll(&dice, UINT64_C(1) << 32);
}

static void dice_bytes(void *const bytes, const size_t size)
{
    dice_fill(&dice, bytes, size);
}

static struct randombytes_implementation fixed = {
    .implementation_name = dice_name, .random = dice_word, .buf = dice_bytes};

void fuzz_start(void)
{
    MUST(randombytes_set_implementation(&fixed) == 0);
    MUST(secret_start() == OK);
}

struct fuzz_world *fuzz_world(void)
{
    static struct fuzz_world *world;

    if (world == NULL) {
        struct fuzz_world *made = calloc(1, sizeof *made);
        MUST(made != NULL);
        dice = (struct dice){20260311}; /* whatever was drawn before */
        party_make(&made->us, "XMA", "Marentia");
        party_make(&made->them, "XNH", "Norrhaven");
        sample_make(&made->sample, &made->us);
        made->pair_key = party_pair_key(&made->us, &made->them);
        world = made;
    }
    return world;
}

struct arena *fuzz_arena(void)
{
    struct arena *arena = arena_new(ARENA_BYTES);

    MUST(arena != NULL);
    return arena;
}

void fuzz_check_form(const struct object_info *info, const void *object, struct view bytes)
{
    struct pack_reader reader = pack_reader_init(bytes);
    struct buffer again = buffer_init(info->max_bytes);

    if (pack_read_map(&reader) == info->field_count) {
        CHECK(object_encode(info, object, &again) == OK);
        CHECK(view_equal(view_of_buffer(&again), bytes));
    }
    buffer_free(&again);
}
