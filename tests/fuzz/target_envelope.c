/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

/* The first byte says what the rest is: a header, the plaintext of a section, a ciphertext. */

static void try_header(struct view bytes)
{
    struct fuzz_world *world = fuzz_world();
    struct arena *arena = fuzz_arena();
    struct buffer plain = buffer_init(SECTION_CIPHERTEXT_MAX_BYTES);
    struct envelope_header header;
    struct section section;

    if (envelope_read_header(bytes, arena, &header) == OK) {
        const struct envelope_section *sealed = &world->sample.sections[0];
        struct envelope_part part = {sealed->slot, view_of_buffer(&sealed->ciphertext)};
        fuzz_check_form(&envelope_header_info, &header, bytes);
        bool ours = envelope_verify(bytes, view_of(world->sample.envelope.signature, 64),
                                    world->us.keys.card.sign_key) == OK;
        CHECK(ours == view_equal(bytes, view_of_buffer(&world->sample.envelope.header)));
        enum error err = envelope_open(&header, &part, world->sample.keys, &plain, arena, &section);
        CHECK(err == OK || !ours);
    }
    buffer_free(&plain);
    arena_free(&arena);
}

/* Whatever was sealed comes back, and is then taken for a section. */
static void try_plaintext(struct view bytes)
{
    struct fuzz_world *world = fuzz_world();
    struct seal_place place = {.originator = world->us.keys.identity.node,
                               .slot = world->sample.sections[0].slot};
    struct arena *arena = fuzz_arena();
    struct buffer ciphertext = buffer_init(SECTION_CIPHERTEXT_MAX_BYTES);
    struct buffer plain = buffer_init(SECTION_CIPHERTEXT_MAX_BYTES);
    struct section section;
    struct id leaf = {{0}};

    CHECK(seal_section(world->sample.keys, &place, bytes, &ciphertext, &leaf) == OK);
    CHECK(seal_open(world->sample.keys, &place, view_of_buffer(&ciphertext), &leaf, &plain) == OK);
    CHECK(view_equal(view_of_buffer(&plain), bytes));
    if (object_decode(&section_info, bytes, arena, &section) == OK) {
        fuzz_check_form(&section_info, &section, bytes);
    }
    buffer_free(&plain);
    buffer_free(&ciphertext);
    arena_free(&arena);
}

/* Only the one ciphertext that was signed opens. */
static void try_ciphertext(struct view bytes)
{
    struct fuzz_world *world = fuzz_world();
    const struct envelope_section *sealed = &world->sample.sections[0];
    struct arena *arena = fuzz_arena();
    struct buffer plain = buffer_init(SECTION_CIPHERTEXT_MAX_BYTES);
    struct envelope_header header;
    struct envelope_part part = {sealed->slot, bytes};
    struct section section;

    CHECK(envelope_read_header(view_of_buffer(&world->sample.envelope.header), arena, &header) ==
          OK);
    enum error err = envelope_open(&header, &part, world->sample.keys, &plain, arena, &section);
    CHECK((err == OK) == view_equal(bytes, view_of_buffer(&sealed->ciphertext)));
    buffer_free(&plain);
    arena_free(&arena);
}

int target_envelope(const uint8_t *data, size_t size)
{
    static void (*const tries[])(struct view) = {try_header, try_plaintext, try_ciphertext};

    if (size > 0) {
        tries[data[0] % 3](view_of(data + 1, size - 1));
    }
    return 0;
}
