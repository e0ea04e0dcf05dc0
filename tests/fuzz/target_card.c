/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "armor.h"

/* The first byte says what the rest is: a bundle, its text, a signed event, a signed card. */

static void try_bundle(struct view bytes, struct arena *arena)
{
    struct identity identity;
    struct card_facts *cards = NULL;
    size_t count = 0;

    if (identity_bundle_verify(bytes, arena, &identity, &cards, &count) == OK) {
        CHECK(count >= 1 && identity.key_count >= 1);
        CHECK(identity.threshold >= 1 && identity.threshold <= (int64_t)identity.key_count);
        for (size_t i = 0; i < count; i++) {
            CHECK(box_public_is_good(cards[i].seal_key) && box_public_is_good(cards[i].curve_key));
        }
    }
}

static void try_text(struct view text, struct arena *arena)
{
    struct buffer bytes = buffer_init(IDENTITY_BUNDLE_MAX_BYTES);

    if (armor_read("valise-card-1", text, &bytes) == OK) {
        try_bundle(view_of_buffer(&bytes), arena);
    } else {
        CHECK(bytes.size == 0);
    }
    buffer_free(&bytes);
}

static void try_event(struct view bytes, struct arena *arena)
{
    struct identity identity = fuzz_world()->us.keys.identity;
    struct identity before = identity;

    if (identity_rotate(&identity, bytes, arena) != OK) {
        CHECK(identity.event_seq == before.event_seq);
    }
    if (identity_begin(bytes, arena, &identity) == OK) {
        CHECK(identity.event_seq == 0 && !id_is_none(&identity.node));
    }
}

static void try_card(struct view bytes, struct arena *arena)
{
    struct card_facts facts;

    if (card_verify(&fuzz_world()->us.keys.identity, bytes, arena, &facts) == OK) {
        CHECK(facts.not_after.ms > facts.not_before.ms);
        for (size_t i = 0; i < facts.endpoint_count; i++) {
            CHECK(endpoint_is_valid(view_of_text(facts.endpoints[i])));
        }
    }
}

int target_card(const uint8_t *data, size_t size)
{
    static void (*const tries[])(struct view, struct arena *) = {try_bundle, try_text, try_event,
                                                                 try_card};
    struct arena *arena = fuzz_arena();

    if (size > 0) {
        tries[data[0] % 4](view_of(data + 1, size - 1), arena);
    }
    arena_free(&arena);
    return 0;
}
