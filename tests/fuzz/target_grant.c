/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

/* The first byte says what the rest is: a grant, caveats, a parcel. */

static void use_caveats(const struct caveats *caveats, struct arena *arena)
{
    struct caveats plain = sample_caveats();
    struct caveats meet;

    CHECK(caveats_within(caveats, caveats));
    if (caveats_meet(caveats, &plain, arena, &meet) == OK) {
        CHECK(caveats_within(&meet, caveats) && caveats_within(&meet, &plain));
    }
    CHECK(caveats_meet(caveats, caveats, arena, &meet) == OK);
    CHECK(caveats_within(&meet, caveats) && caveats_within(caveats, &meet));
}

static void try_grant(struct view bytes)
{
    struct fuzz_world *world = fuzz_world();
    struct arena *arena = fuzz_arena();
    struct section_keys *keys = section_keys_new();
    struct grant_parts parts;

    CHECK(keys != NULL);
    if (grant_read(bytes, arena, &parts) == OK) {
        fuzz_check_form(&grant_info, &parts.grant, bytes);
        fuzz_check_form(&grant_terms_info, &parts.terms, parts.grant.terms);
        fuzz_check_form(&caveats_info, &parts.caveats, parts.terms.caveats);
        use_caveats(&parts.caveats, arena);
        if (grant_unwrap(&parts, world->pair_key, keys) != OK) {
            CHECK(section_keys_slots(keys) == 0);
        }
        (void)(grant_verify(&parts.grant, world->us.keys.card.sign_key) == OK);
    }
    section_keys_free(&keys);
    arena_free(&arena);
}

static void try_caveats(struct view bytes)
{
    struct arena *arena = fuzz_arena();
    struct caveats caveats;

    if (caveats_read(bytes, arena, &caveats) == OK) {
        fuzz_check_form(&caveats_info, &caveats, bytes);
        use_caveats(&caveats, arena);
    }
    arena_free(&arena);
}

static void try_parcel(struct view bytes)
{
    struct arena *arena = fuzz_arena();
    struct parcel parcel;
    struct envelope_header header;

    if (parcel_read(bytes, arena, &parcel) == OK) {
        fuzz_check_form(&parcel_info, &parcel, bytes);
        CHECK(parcel.slots.size == parcel.ciphers.count);
        try_grant(parcel.grant);
        (void)(envelope_read_header(parcel.header, arena, &header) == OK);
        for (size_t i = 0; i < parcel.parents.count; i++) {
            try_grant(parcel.parents.items[i]);
        }
    }
    arena_free(&arena);
}

int target_grant(const uint8_t *data, size_t size)
{
    static void (*const tries[])(struct view) = {try_grant, try_caveats, try_parcel};

    if (size > 0) {
        tries[data[0] % 3](view_of(data + 1, size - 1));
    }
    return 0;
}
