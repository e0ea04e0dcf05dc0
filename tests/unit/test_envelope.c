/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "envelope.h"

#include <string.h>

/* A State, a record of it, and room for what is opened. */
struct fixture {
    struct party party;
    struct sample sample;
    struct arena *arena;
    struct buffer plain;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    party_make(&f->party, "XMA", "Marentia");
    sample_make(&f->sample, &f->party);
    f->arena = big_arena();
    f->plain = buffer_init(SECTION_CIPHERTEXT_MAX_BYTES);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    sample_free(&f->sample);
    party_free(&f->party);
    buffer_free(&f->plain);
    arena_free(&f->arena);
    free(f);
    return 0;
}

static struct view header_of(struct fixture *f)
{
    return view_of_buffer(&f->sample.envelope.header);
}

static enum error verify(struct fixture *f, struct view header)
{
    return envelope_verify(header, view_of(f->sample.envelope.signature, SIGNATURE_BYTES),
                           f->party.keys.card.sign_key);
}

static enum error open_part(struct fixture *f, uint8_t slot, struct view ciphertext,
                            struct section *section)
{
    struct envelope_header header;
    struct envelope_part part = {slot, ciphertext};

    MUST(envelope_read_header(header_of(f), f->arena, &header) == OK);
    return envelope_open(&header, &part, f->sample.keys, &f->plain, f->arena, section);
}

/* W-45 W-49 */
static void a_header_says_who_signed_and_how_long_to_keep(void **state)
{
    struct fixture *f = *state;
    struct envelope_header header;

    assert_ok(envelope_read_header(header_of(f), f->arena, &header));
    assert_ok(verify(f, header_of(f)));
    assert_true(id_equal(&header.originator, &f->party.keys.identity.node));
    assert_true(id_equal(&header.sign_id, &f->party.keys.card.sign_id));
    assert_memory_equal(header.record_number, f->sample.envelope.record_number,
                        RECORD_NUMBER_BYTES);
    assert_true(header.retention_years == RETENTION_YEARS_MIN && header.version == 1);
    struct id rid = envelope_record_id(header_of(f));
    assert_true(id_equal(&rid, &f->sample.envelope.record_id));
}

static void every_section_opens_with_its_key(void **state)
{
    static const char *const names[] = {"manifest", "summary", "restricted"};
    struct fixture *f = *state;

    for (size_t i = 0; i < SAMPLE_SECTIONS; i++) {
        const struct envelope_section *sealed = &f->sample.sections[i];
        struct section section;
        assert_ok(open_part(f, sealed->slot, view_of_buffer(&sealed->ciphertext), &section));
        assert_view(section.name, names[i]);
        assert_view(section.schema, "valise/denial/1");
        assert_views_equal(section.body, sealed->section.body);
        struct id cipher = digest(HASH_CIPHER, view_of_buffer(&sealed->ciphertext));
        assert_true(id_equal(&cipher, &sealed->cipher_id));
    }
}

/* W-46: a reader cannot tell a section from a decoy, nor how many there are. */
static void all_records_have_eight_leaves_of_one_size(void **state)
{
    struct fixture *f = *state;
    struct envelope_header header;

    assert_ok(envelope_read_header(header_of(f), f->arena, &header));
    assert_int_equal(header.leaves.count, ENVELOPE_SLOTS);
    for (size_t i = 0; i < ENVELOPE_SLOTS; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_false(view_equal(header.leaves.items[i], header.leaves.items[j]));
        }
    }
    for (size_t i = 1; i < SAMPLE_SECTIONS; i++) {
        assert_int_equal(f->sample.sections[i].ciphertext.size,
                         f->sample.sections[0].ciphertext.size);
    }
}

/* Each of the 8 places comes up; the chance that one does not is 8·(7/8)^300 < 10^-16. */
static void the_manifest_may_stand_in_any_slot(void **state)
{
    struct fixture *f = *state;
    unsigned seen = 0;

    for (int i = 0; i < 300; i++) {
        struct sample sample;
        sample_make(&sample, &f->party);
        assert_true(sample.sections[0].slot < ENVELOPE_SLOTS);
        assert_true(sample.sections[0].slot != sample.sections[1].slot);
        seen |= 1U << sample.sections[0].slot;
        sample_free(&sample);
    }
    assert_int_equal(seen, 0xff);
}

/* R02 */
static void R02_every_changed_byte_of_a_header_is_refused(void **state)
{
    struct fixture *f = *state;
    struct buffer changed = buffer_init(ENVELOPE_HEADER_MAX_BYTES);

    buffer_append(&changed, header_of(f));
    for (size_t i = 0; i < changed.size; i++) {
        changed.data[i] ^= 1;
        assert_error(ERR_BAD_SIGNATURE, verify(f, view_of_buffer(&changed)));
        changed.data[i] ^= 1;
    }
    for (size_t size = 0; size < changed.size; size++) {
        struct envelope_header header;
        assert_error(ERR_BAD_SIGNATURE, verify(f, view_of(changed.data, size)));
        assert_error(ERR_NOT_CANONICAL,
                     envelope_read_header(view_of(changed.data, size), f->arena, &header));
    }
    buffer_free(&changed);
}

/* R02 */
static void R02_every_changed_byte_of_a_section_is_refused(void **state)
{
    struct fixture *f = *state;
    struct envelope_section *sealed = &f->sample.sections[1];
    struct section section;

    for (size_t i = 0; i < sealed->ciphertext.size; i++) {
        sealed->ciphertext.data[i] ^= 1;
        arena_clear(f->arena);
        assert_error(ERR_BAD_COMMITMENT,
                     open_part(f, sealed->slot, view_of_buffer(&sealed->ciphertext), &section));
        sealed->ciphertext.data[i] ^= 1;
    }
}

/* R03 R04 R05 */
static void R04_the_right_state_with_a_key_for_another_purpose_is_refused(void **state)
{
    struct fixture *f = *state;
    uint8_t authority[SIGN_PUBLIC_BYTES];
    uint8_t signature[SIGNATURE_BYTES];

    sign_public(f->party.authority, authority);
    assert_ok(sign(f->party.authority, SIGN_RECORD, header_of(f), signature));
    assert_error(ERR_BAD_SIGNATURE, envelope_verify(header_of(f), view_of(signature, 64),
                                                    f->party.keys.card.sign_key));
    assert_error(
        ERR_BAD_SIGNATURE,
        envelope_verify(header_of(f), view_of(f->sample.envelope.signature, 64), authority));
    for (int label = 0; label < SIGN_LABEL_COUNT; label++) {
        assert_ok(sign(f->party.keys.sign_key, (enum sign_label)label, header_of(f), signature));
        assert_error(
            label == SIGN_RECORD ? OK : ERR_BAD_SIGNATURE,
            envelope_verify(header_of(f), view_of(signature, 64), f->party.keys.card.sign_key));
    }
}

/* R14 */
static void R14_a_section_of_another_slot_or_record_is_refused(void **state)
{
    struct fixture *f = *state;
    struct envelope_section *one = &f->sample.sections[0];
    struct envelope_section *two = &f->sample.sections[1];
    struct section section;
    struct sample other;

    assert_error(ERR_BAD_COMMITMENT,
                 open_part(f, one->slot, view_of_buffer(&two->ciphertext), &section));
    sample_make(&other, &f->party);
    assert_error(ERR_BAD_COMMITMENT,
                 open_part(f, one->slot, view_of_buffer(&other.sections[0].ciphertext), &section));
    sample_free(&other);
}

/* R15: leaves are signed in their order and number. */
static void R15_changed_order_or_number_of_sections_is_refused(void **state)
{
    struct fixture *f = *state;
    struct buffer changed = buffer_init(ENVELOPE_HEADER_MAX_BYTES);
    struct envelope_header header;
    struct view kept = {0};

    assert_ok(envelope_read_header(header_of(f), f->arena, &header));
    kept = header.leaves.items[0];
    header.leaves.items[0] = header.leaves.items[1];
    header.leaves.items[1] = kept;
    assert_ok(object_encode(&envelope_header_info, &header, &changed));
    assert_ok(envelope_read_header(view_of_buffer(&changed), f->arena, &header));
    assert_error(ERR_BAD_SIGNATURE, verify(f, view_of_buffer(&changed)));
    buffer_clear(&changed);
    header.leaves.count = 4;
    assert_ok(object_encode(&envelope_header_info, &header, &changed));
    assert_ok(envelope_read_header(view_of_buffer(&changed), f->arena, &header));
    assert_error(ERR_BAD_SIGNATURE, verify(f, view_of_buffer(&changed)));
    buffer_free(&changed);
}

/* W-45 */
static void only_powers_of_two_leaves_are_read(void **state)
{
    struct fixture *f = *state;
    struct envelope_header header;
    struct view leaves[17];

    assert_ok(envelope_read_header(header_of(f), f->arena, &header));
    for (size_t i = 0; i < COUNT(leaves); i++) {
        leaves[i] = header.leaves.items[0];
    }
    for (size_t count = 0; count <= 16; count++) {
        struct buffer bytes = buffer_init(ENVELOPE_HEADER_MAX_BYTES);
        struct envelope_header made = header;
        struct envelope_header read;
        bool good = count == 1 || count == 2 || count == 4 || count == 8 || count == 16;
        made.leaves = (struct views){count, leaves};
        assert_ok(object_encode(&envelope_header_info, &made, &bytes));
        assert_error(good ? OK : ERR_NOT_CANONICAL,
                     envelope_read_header(view_of_buffer(&bytes), f->arena, &read));
        buffer_free(&bytes);
    }
    header.leaves = (struct views){17, leaves};
    struct buffer bytes = buffer_init(ENVELOPE_HEADER_MAX_BYTES);
    assert_error(ERR_BUG, object_encode(&envelope_header_info, &header, &bytes));
    buffer_free(&bytes);
}

static void a_slot_beyond_the_leaves_opens_nothing(void **state)
{
    struct fixture *f = *state;
    struct section section;

    for (uint8_t slot = ENVELOPE_SLOTS; slot < 20; slot++) {
        assert_error(
            ERR_BAD_COMMITMENT,
            open_part(f, slot, view_of_buffer(&f->sample.sections[0].ciphertext), &section));
    }
}

static void a_section_without_its_key_stays_closed(void **state)
{
    struct fixture *f = *state;
    struct section section;

    section_keys_clear(f->sample.keys);
    assert_error(ERR_KEY_MISSING,
                 open_part(f, f->sample.sections[0].slot,
                           view_of_buffer(&f->sample.sections[0].ciphertext), &section));
}

/* W-44: what was sealed is still checked. */
static void plaintext_that_is_no_section_is_refused(void **state)
{
    struct fixture *f = *state;
    struct envelope_header header;
    struct view leaves[1];
    struct buffer ciphertext = buffer_init(SECTION_CIPHERTEXT_MAX_BYTES);
    struct seal_place place = {.originator = f->party.keys.identity.node};
    struct id leaf = {{0}};
    struct section section;

    assert_ok(envelope_read_header(header_of(f), f->arena, &header));
    memcpy(place.record_number, header.record_number, RECORD_NUMBER_BYTES);
    section_keys_make(f->sample.keys, 0);
    assert_ok(seal_section(f->sample.keys, &place, view_of_text("no map"), &ciphertext, &leaf));
    leaves[0] = id_view(&leaf);
    header.leaves = (struct views){1, leaves};
    struct envelope_part part = {0, view_of_buffer(&ciphertext)};
    assert_error(ERR_NOT_CANONICAL,
                 envelope_open(&header, &part, f->sample.keys, &f->plain, f->arena, &section));
    buffer_free(&ciphertext);
}

/* --- limits of making ---------------------------------------------------------------------- */

static enum error make(struct fixture *f, struct envelope_section *sections, size_t count,
                       int64_t years)
{
    struct envelope_draft draft = {f->party.keys.identity.node, sections, count, years};
    struct envelope envelope;

    memset(&envelope, 0, sizeof envelope);
    enum error err = envelope_make(&draft, f->party.keys.sign_key, f->sample.keys, &envelope);
    for (size_t i = 0; i < count && i <= ENVELOPE_SLOTS; i++) {
        envelope_section_free(&sections[i]);
    }
    envelope_free(&envelope);
    return err;
}

static void a_record_has_one_to_eight_sections(void **state)
{
    struct fixture *f = *state;
    struct envelope_section sections[ENVELOPE_SLOTS + 1];

    for (size_t i = 0; i < COUNT(sections); i++) {
        sections[i] = (struct envelope_section){.section = f->sample.sections[0].section};
    }
    assert_error(ERR_TOO_LARGE, make(f, sections, 0, 10));
    assert_ok(make(f, sections, 1, 10));
    assert_ok(make(f, sections, ENVELOPE_SLOTS - 1, 10));
    assert_ok(make(f, sections, ENVELOPE_SLOTS, 10));
    assert_error(ERR_TOO_LARGE, make(f, sections, ENVELOPE_SLOTS + 1, 10));
}

static void retention_has_limits(void **state)
{
    struct fixture *f = *state;
    struct envelope_section section = {.section = f->sample.sections[0].section};

    assert_error(ERR_BUG, make(f, &section, 1, RETENTION_YEARS_MIN - 1));
    assert_ok(make(f, &section, 1, RETENTION_YEARS_MIN));
    assert_ok(make(f, &section, 1, RETENTION_YEARS_MIN + 1));
    assert_ok(make(f, &section, 1, RETENTION_YEARS_MAX));
    assert_error(ERR_BUG, make(f, &section, 1, RETENTION_YEARS_MAX + 1));
}

static void a_section_that_does_not_fit_is_too_large(void **state)
{
    struct fixture *f = *state;
    uint8_t *body = malloc(SECTION_PLAINTEXT_MAX_BYTES);
    struct envelope_section section = {.section = f->sample.sections[0].section};
    /* Around the body: map 1, keys 4, name 9, schema 16, version 1, head of the body 5. */
    size_t largest = SECTION_PLAINTEXT_MAX_BYTES - 36;

    memset(body, 0xc0, SECTION_PLAINTEXT_MAX_BYTES);
    for (size_t size = largest - 1; size <= largest + 1; size++) {
        section.section.body = view_of(body, size);
        assert_error(size <= largest ? OK : ERR_TOO_LARGE, make(f, &section, 1, 10));
    }
    free(body);
}

static void names_of_sections_have_a_limit(void **state)
{
    struct fixture *f = *state;
    char name[SECTION_NAME_MAX_BYTES + 1];
    struct envelope_section section = {.section = f->sample.sections[0].section};

    memset(name, 'n', sizeof name);
    for (size_t size = SECTION_NAME_MAX_BYTES - 1; size <= sizeof name; size++) {
        section.section.name = view_of(name, size);
        assert_error(size <= SECTION_NAME_MAX_BYTES ? OK : ERR_BUG, make(f, &section, 1, 10));
    }
    section.section.name = view_of_text("");
    assert_error(ERR_BUG, make(f, &section, 1, 10));
}

static int compare_numbers(const void *a, const void *b)
{
    return memcmp(a, b, RECORD_NUMBER_BYTES);
}

/* R24 */
static void R24_ten_thousand_records_draw_distinct_numbers(void **state)
{
    enum { DRAWS = 10000 };
    struct fixture *f = *state;
    uint8_t *drawn = malloc((size_t)DRAWS * RECORD_NUMBER_BYTES);

    for (size_t i = 0; i < DRAWS; i++) {
        struct envelope_section section = {.section = f->sample.sections[0].section};
        struct envelope_draft draft = {f->party.keys.identity.node, &section, 1, 10};
        struct envelope envelope;
        memset(&envelope, 0, sizeof envelope);
        assert_ok(envelope_make(&draft, f->party.keys.sign_key, f->sample.keys, &envelope));
        memcpy(drawn + i * RECORD_NUMBER_BYTES, envelope.record_number, RECORD_NUMBER_BYTES);
        envelope_section_free(&section);
        envelope_free(&envelope);
    }
    qsort(drawn, DRAWS, RECORD_NUMBER_BYTES, compare_numbers);
    for (size_t i = 1; i < DRAWS; i++) {
        assert_true(compare_numbers(drawn + (i - 1) * RECORD_NUMBER_BYTES,
                                    drawn + i * RECORD_NUMBER_BYTES) != 0);
    }
    free(drawn);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_header_says_who_signed_and_how_long_to_keep),
        TEST(every_section_opens_with_its_key),
        TEST(all_records_have_eight_leaves_of_one_size),
        TEST(the_manifest_may_stand_in_any_slot),
        TEST(R02_every_changed_byte_of_a_header_is_refused),
        TEST(R02_every_changed_byte_of_a_section_is_refused),
        TEST(R04_the_right_state_with_a_key_for_another_purpose_is_refused),
        TEST(R14_a_section_of_another_slot_or_record_is_refused),
        TEST(R15_changed_order_or_number_of_sections_is_refused),
        TEST(only_powers_of_two_leaves_are_read),
        TEST(a_slot_beyond_the_leaves_opens_nothing),
        TEST(a_section_without_its_key_stays_closed),
        TEST(plaintext_that_is_no_section_is_refused),
        TEST(a_record_has_one_to_eight_sections),
        TEST(retention_has_limits),
        TEST(a_section_that_does_not_fit_is_too_large),
        TEST(names_of_sections_have_a_limit),
        TEST(R24_ten_thousand_records_draw_distinct_numbers),
    };

    return RUN(tests);
}
