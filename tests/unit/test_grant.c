/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "grant.h"

#include <sodium.h>
#include <string.h>

/* Three States, a record of the first, a grant of two of its sections to the second. */
struct fixture {
    struct party marentia;
    struct party norrhaven;
    struct party oldenreach;
    struct sample sample;
    struct secret *pair;
    struct section_keys *keys;
    struct buffer grant;
    struct buffer caveats;
    struct arena *arena;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct caveats caveats = sample_caveats();

    party_make(&f->marentia, "XMA", "Marentia");
    party_make(&f->norrhaven, "XNH", "Norrhaven");
    party_make(&f->oldenreach, "XOR", "Oldenreach");
    sample_make(&f->sample, &f->marentia);
    f->pair = party_pair_key(&f->norrhaven, &f->marentia);
    f->keys = section_keys_new();
    f->grant = buffer_init(GRANT_MAX_BYTES);
    f->caveats = buffer_init(CAVEATS_MAX_BYTES);
    f->arena = big_arena();
    MUST(object_encode(&caveats_info, &caveats, &f->caveats) == OK);
    sample_grant(&f->marentia, &f->norrhaven, &f->sample, 2, &f->grant);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    party_free(&f->marentia);
    party_free(&f->norrhaven);
    party_free(&f->oldenreach);
    sample_free(&f->sample);
    secret_free(&f->pair);
    section_keys_free(&f->keys);
    buffer_free(&f->grant);
    buffer_free(&f->caveats);
    arena_free(&f->arena);
    free(f);
    return 0;
}

/* Read and unwrap as the subject does. */
static enum error receive(struct fixture *f, struct view grant, struct secret *pair)
{
    struct grant_parts parts;
    enum error err = grant_read(grant, f->arena, &parts);

    return err == OK ? grant_unwrap(&parts, pair, f->keys) : err;
}

/* --- pair keys ----------------------------------------------------------------------------- */

/* W-55 */
static void both_ends_of_a_pair_make_the_same_key(void **state)
{
    struct fixture *f = *state;
    struct secret *ours = party_pair_key(&f->marentia, &f->norrhaven);
    struct secret *other = party_pair_key(&f->marentia, &f->oldenreach);

    assert_true(secret_equal(ours, f->pair));
    assert_false(secret_equal(ours, other));
    secret_free(&ours);
    secret_free(&other);
}

/* P15: the same key agreement between other names gives another key. */
static void P15_a_pair_key_is_bound_to_both_identities(void **state)
{
    struct fixture *f = *state;
    struct pair_end us = party_end(&f->marentia);
    struct pair_end them = party_end(&f->norrhaven);

    us.node = f->oldenreach.keys.identity.node;
    struct secret *key = pair_key_new(f->marentia.keys.seal_key, &us, &them, NULL, 0);
    assert_false(secret_equal(key, f->pair));
    secret_free(&key);
    us = party_end(&f->marentia);
    them.node = f->oldenreach.keys.identity.node;
    key = pair_key_new(f->marentia.keys.seal_key, &us, &them, NULL, 0);
    assert_false(secret_equal(key, f->pair));
    secret_free(&key);
    them = party_end(&f->norrhaven);
    us.seal_key[0] ^= 1; /* claims another seal key than it uses */
    key = pair_key_new(f->marentia.keys.seal_key, &us, &them, NULL, 0);
    assert_false(secret_equal(key, f->pair));
    secret_free(&key);
}

static void a_pair_secret_and_its_epoch_enter_the_key(void **state)
{
    struct fixture *f = *state;
    struct pair_end us = party_end(&f->marentia);
    struct pair_end them = party_end(&f->norrhaven);
    struct secret *sheet = secret_random(KEY_BYTES);
    struct secret *one = pair_key_new(f->marentia.keys.seal_key, &us, &them, sheet, 1);
    struct secret *two = pair_key_new(f->marentia.keys.seal_key, &us, &them, sheet, 2);
    struct secret *far = pair_key_new(f->norrhaven.keys.seal_key, &them, &us, sheet, 1);

    assert_false(secret_equal(one, f->pair));
    assert_false(secret_equal(one, two));
    assert_true(secret_equal(one, far));
    secret_free(&sheet);
    secret_free(&one);
    secret_free(&two);
    secret_free(&far);
}

/* R07 */
static void R07_a_seal_key_of_small_order_makes_no_pair_key(void **state)
{
    struct fixture *f = *state;
    struct pair_end us = party_end(&f->marentia);
    struct pair_end them = party_end(&f->norrhaven);

    memset(them.seal_key, 0, sizeof them.seal_key);
    assert_null(pair_key_new(f->marentia.keys.seal_key, &us, &them, NULL, 0));
    them.seal_key[0] = 1;
    assert_null(pair_key_new(f->marentia.keys.seal_key, &us, &them, NULL, 0));
}

/* --- wrapping ------------------------------------------------------------------------------ */

/* W-53 W-54 */
static void a_grant_gives_exactly_the_keys_it_names(void **state)
{
    struct fixture *f = *state;

    assert_ok(receive(f, view_of_buffer(&f->grant), f->pair));
    assert_int_equal(section_keys_slots(f->keys), sample_slots(&f->sample, 2));
    for (size_t i = 0; i < 2; i++) {
        uint8_t slot = f->sample.sections[i].slot;
        uint8_t got[KEY_BYTES];
        memcpy(got, section_keys_open(f->keys, slot), KEY_BYTES);
        section_keys_close(f->keys);
        assert_memory_equal(got, section_keys_open(f->sample.keys, slot), KEY_BYTES);
        section_keys_close(f->sample.keys);
    }
    assert_null(section_keys_open(f->keys, f->sample.sections[2].slot));
}

/* W-54: nobody can count the sections of a grant. */
static void grants_of_one_and_of_three_sections_are_of_one_size(void **state)
{
    struct fixture *f = *state;

    for (size_t count = 1; count <= SAMPLE_SECTIONS; count++) {
        struct buffer other = buffer_init(GRANT_MAX_BYTES);
        sample_grant(&f->marentia, &f->norrhaven, &f->sample, count, &other);
        assert_int_equal(other.size, f->grant.size);
        buffer_free(&other);
    }
}

static void the_terms_come_back_as_they_went(void **state)
{
    struct fixture *f = *state;
    struct grant_parts parts;

    assert_ok(grant_read(view_of_buffer(&f->grant), f->arena, &parts));
    assert_true(id_equal(&parts.terms.issuer, &f->marentia.keys.identity.node));
    assert_true(id_equal(&parts.terms.subject, &f->norrhaven.keys.identity.node));
    assert_true(id_equal(&parts.terms.record, &f->sample.envelope.record_id));
    assert_true(parts.terms.issued_at.ms == sample_now.ms);
    assert_true(parts.caveats.tlp == TLP_AMBER && parts.caveats.export_mode == EXPORT_PRINT);
    assert_false(OBJECT_HAS(&parts.terms, GRANT_PARENT));
    assert_false(OBJECT_HAS(&parts.grant, GRANT_SIGNATURE));
}

/* R02: terms are the additional data of the wrap, so every byte counts without a signature. */
static void R02_every_changed_byte_of_a_grant_is_refused(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < f->grant.size; i++) {
        f->grant.data[i] ^= 1;
        arena_clear(f->arena);
        enum error err = receive(f, view_of_buffer(&f->grant), f->pair);
        assert_true(err == ERR_BAD_SEAL || err == ERR_NOT_CANONICAL || err == ERR_POLICY_INVALID);
        assert_int_equal(section_keys_slots(f->keys), 0);
        f->grant.data[i] ^= 1;
    }
    assert_ok(receive(f, view_of_buffer(&f->grant), f->pair));
}

static void a_grant_that_is_cut_is_refused(void **state)
{
    struct fixture *f = *state;

    for (size_t size = 0; size < f->grant.size; size++) {
        assert_error(ERR_NOT_CANONICAL, receive(f, view_of(f->grant.data, size), f->pair));
    }
}

/* R13: the wrap for one State is nothing to another. */
static void R13_a_grant_for_another_state_does_not_unwrap(void **state)
{
    struct fixture *f = *state;
    struct secret *other = party_pair_key(&f->oldenreach, &f->marentia);

    assert_error(ERR_BAD_SEAL, receive(f, view_of_buffer(&f->grant), other));
    assert_int_equal(section_keys_slots(f->keys), 0);
    secret_free(&other);
}

static void unwrapping_clears_what_was_held(void **state)
{
    struct fixture *f = *state;

    section_keys_make(f->keys, 15);
    assert_ok(receive(f, view_of_buffer(&f->grant), f->pair));
    assert_null(section_keys_open(f->keys, 15));
}

/* A flag of the wrap is 0 or 1: nothing else can hide there. */
static void a_wrap_with_another_flag_is_refused(void **state)
{
    struct fixture *f = *state;
    uint8_t plain[SLOTS_MAX * (1 + KEY_BYTES)] = {0};
    struct grant_parts parts;

    assert_ok(grant_read(view_of_buffer(&f->grant), f->arena, &parts));
    for (uint8_t flag = 0; flag <= 2; flag++) {
        plain[0] = 1;
        plain[33] = flag;
        crypto_aead_xchacha20poly1305_ietf_encrypt(parts.grant.wrapped, NULL, plain, sizeof plain,
                                                   parts.grant.terms.data, parts.grant.terms.size,
                                                   NULL, parts.terms.nonce, secret_open(f->pair));
        secret_close(f->pair);
        assert_error(flag <= 1 ? OK : ERR_BAD_SEAL, grant_unwrap(&parts, f->pair, f->keys));
        assert_int_equal(section_keys_slots(f->keys), flag == 0 ? 1 : flag == 1 ? 3 : 0);
    }
}

/* W-54: whoever unwraps it learns nothing of how many sections there are. */
static void a_slot_without_a_key_is_filled_at_random(void **state)
{
    enum { SLOT_BYTES = 1 + KEY_BYTES, PLAIN_BYTES = SLOTS_MAX * SLOT_BYTES };
    struct fixture *f = *state;
    const uint16_t granted = sample_slots(&f->sample, 2);
    struct grant_parts parts;
    uint8_t plain[PLAIN_BYTES];

    assert_ok(grant_read(view_of_buffer(&f->grant), f->arena, &parts));
    assert_int_equal(0, crypto_aead_xchacha20poly1305_ietf_decrypt(
                            plain, NULL, NULL, parts.grant.wrapped, WRAPPED_KEYS_BYTES,
                            parts.grant.terms.data, parts.grant.terms.size, parts.terms.nonce,
                            secret_open(f->pair)));
    secret_close(f->pair);
    for (size_t slot = 0; slot < SLOTS_MAX; slot++) {
        const uint8_t *place = plain + slot * SLOT_BYTES;

        assert_int_equal(place[0], (granted >> slot) & 1);
        for (size_t other = 0; other < slot; other++) {
            /* Neither zeros nor anything else twice, a key least of all. */
            assert_memory_not_equal(place + 1, plain + other * SLOT_BYTES + 1, KEY_BYTES);
        }
        assert_false(sodium_is_zero(place + 1, KEY_BYTES));
    }
}

static void a_grant_of_nothing_or_of_keys_not_held_is_not_made(void **state)
{
    struct fixture *f = *state;
    struct buffer to = buffer_init(GRANT_MAX_BYTES);
    struct grant_terms terms =
        sample_terms(&f->marentia, &f->norrhaven, &f->sample, view_of_buffer(&f->caveats));

    assert_error(ERR_AUDIENCE_EMPTY, grant_make(&terms, f->sample.keys, 0, f->pair, NULL, &to));
    assert_error(ERR_KEY_MISSING, grant_make(&terms, f->sample.keys, 0x8000, f->pair, NULL, &to));
    assert_int_equal(to.size, 0);
    buffer_free(&to);
}

/* W-51: contradictions are refused before anything is unwrapped. */
static void a_grant_with_contradictory_caveats_is_refused(void **state)
{
    struct fixture *f = *state;
    struct caveats caveats = sample_caveats();
    struct buffer to = buffer_init(GRANT_MAX_BYTES);

    caveats.onward = ONWARD_LISTED;
    buffer_clear(&f->caveats);
    assert_ok(object_encode(&caveats_info, &caveats, &f->caveats));
    struct grant_terms terms =
        sample_terms(&f->marentia, &f->norrhaven, &f->sample, view_of_buffer(&f->caveats));
    assert_ok(grant_make(&terms, f->sample.keys, sample_slots(&f->sample, 1), f->pair, NULL, &to));
    assert_error(ERR_POLICY_INVALID, receive(f, view_of_buffer(&to), f->pair));
    buffer_free(&to);
}

static void depth_has_a_limit(void **state)
{
    struct fixture *f = *state;

    for (int64_t depth = GRANT_CHAIN_MAX - 1; depth <= GRANT_CHAIN_MAX + 1; depth++) {
        struct buffer to = buffer_init(GRANT_MAX_BYTES);
        struct grant_terms terms =
            sample_terms(&f->marentia, &f->norrhaven, &f->sample, view_of_buffer(&f->caveats));
        terms.depth = depth;
        assert_error(
            depth <= GRANT_CHAIN_MAX ? OK : ERR_BUG,
            grant_make(&terms, f->sample.keys, sample_slots(&f->sample, 1), f->pair, NULL, &to));
        buffer_free(&to);
    }
}

static void a_grant_that_is_too_large_is_refused(void **state)
{
    struct fixture *f = *state;
    uint8_t *bytes = calloc(1, GRANT_MAX_BYTES + 1);

    assert_error(ERR_TOO_LARGE, receive(f, view_of(bytes, GRANT_MAX_BYTES + 1), f->pair));
    assert_error(ERR_NOT_CANONICAL, receive(f, view_of(bytes, GRANT_MAX_BYTES), f->pair));
    free(bytes);
}

/* --- signed grants ------------------------------------------------------------------------- */

static void sign_sample(struct fixture *f, struct buffer *to)
{
    struct grant_terms terms =
        sample_terms(&f->marentia, &f->norrhaven, &f->sample, view_of_buffer(&f->caveats));

    MUST(grant_make(&terms, f->sample.keys, sample_slots(&f->sample, 2), f->pair,
                    f->marentia.keys.sign_key, to) == OK);
}

/* W-54 */
static void a_signed_grant_convinces_third_parties(void **state)
{
    struct fixture *f = *state;
    struct buffer to = buffer_init(GRANT_MAX_BYTES);
    struct grant_parts parts;

    sign_sample(f, &to);
    assert_ok(grant_read(view_of_buffer(&to), f->arena, &parts));
    assert_true(OBJECT_HAS(&parts.grant, GRANT_SIGNATURE));
    assert_ok(grant_verify(&parts.grant, f->marentia.keys.card.sign_key));
    assert_error(ERR_BAD_SIGNATURE, grant_verify(&parts.grant, f->norrhaven.keys.card.sign_key));
    assert_ok(grant_unwrap(&parts, f->pair, f->keys));
    buffer_free(&to);
}

static void a_grant_without_signature_convinces_nobody(void **state)
{
    struct fixture *f = *state;
    struct grant_parts parts;

    assert_ok(grant_read(view_of_buffer(&f->grant), f->arena, &parts));
    assert_error(ERR_BAD_SIGNATURE, grant_verify(&parts.grant, f->marentia.keys.card.sign_key));
}

/* R02 */
static void R02_every_changed_byte_of_a_signed_grant_breaks_its_signature(void **state)
{
    struct fixture *f = *state;
    struct buffer to = buffer_init(GRANT_MAX_BYTES);

    sign_sample(f, &to);
    for (size_t i = 0; i < to.size; i++) {
        struct grant_parts parts;
        to.data[i] ^= 1;
        arena_clear(f->arena);
        enum error err = grant_read(view_of_buffer(&to), f->arena, &parts);
        if (err == OK) {
            assert_error(ERR_BAD_SIGNATURE,
                         grant_verify(&parts.grant, f->marentia.keys.card.sign_key));
        }
        to.data[i] ^= 1;
    }
    buffer_free(&to);
}

static void the_name_of_a_grant_is_its_hash(void **state)
{
    struct fixture *f = *state;
    struct id hash = digest(HASH_GRANT, view_of_buffer(&f->grant));
    struct id name = grant_hash(view_of_buffer(&f->grant));

    assert_true(id_equal(&hash, &name));
}

/* --- parcels ------------------------------------------------------------------------------- */

/* W-56 */
static void a_parcel_carries_grant_and_header(void **state)
{
    struct fixture *f = *state;
    struct buffer bytes = buffer_init(PARCEL_MAX_BYTES);
    struct parcel parcel;

    sample_parcel(&f->marentia, &f->norrhaven, &f->sample, 2, &bytes);
    assert_ok(parcel_read(view_of_buffer(&bytes), f->arena, &parcel));
    assert_views_equal(parcel.header, view_of_buffer(&f->sample.envelope.header));
    assert_int_equal(parcel.slots.size, 2);
    assert_int_equal(parcel.ciphers.count, 2);
    assert_ok(receive(f, parcel.grant, f->pair));
    assert_ok(envelope_verify(parcel.header, view_of(parcel.signature, SIGNATURE_BYTES),
                              f->marentia.keys.card.sign_key));
    buffer_free(&bytes);
}

static void slots_of_a_parcel_ascend_and_match_their_ciphertexts(void **state)
{
    static const struct {
        const char *slots;
        size_t size;
        size_t ciphers;
        enum error wanted;
    } rows[] = {
        {"\x00", 1, 1, OK},
        {"\x0f", 1, 1, OK},
        {"\x00\x01\x02", 3, 3, OK},
        {"\x10", 1, 1, ERR_NOT_CANONICAL},
        {"\xff", 1, 1, ERR_NOT_CANONICAL},
        {"\x01\x01", 2, 2, ERR_NOT_CANONICAL},
        {"\x02\x01", 2, 2, ERR_NOT_CANONICAL},
        {"\x01\x02", 2, 1, ERR_NOT_CANONICAL},
        {"\x01", 1, 2, ERR_NOT_CANONICAL},
        {"\x01", 1, 0, ERR_NOT_CANONICAL},
    };
    struct fixture *f = *state;
    struct id id = digest(HASH_CIPHER, view_of_text("x"));
    struct view ciphers[3] = {id_view(&id), id_view(&id), id_view(&id)};

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer bytes = buffer_init(PARCEL_MAX_BYTES);
        struct parcel parcel = {.version = 1,
                                .grant = view_of_buffer(&f->grant),
                                .header = view_of_buffer(&f->sample.envelope.header),
                                .slots = view_of(rows[i].slots, rows[i].size),
                                .ciphers = {rows[i].ciphers, ciphers}};
        assert_ok(object_encode(&parcel_info, &parcel, &bytes));
        assert_error(rows[i].wanted, parcel_read(view_of_buffer(&bytes), f->arena, &parcel));
        buffer_free(&bytes);
    }
}

/* W-58 */
static void parents_of_a_parcel_have_a_limit(void **state)
{
    struct fixture *f = *state;
    struct view parents[GRANT_CHAIN_MAX + 1];
    struct id id = digest(HASH_CIPHER, view_of_text("x"));
    struct view cipher = id_view(&id);

    for (size_t i = 0; i < COUNT(parents); i++) {
        parents[i] = view_of_buffer(&f->grant);
    }
    for (size_t count = GRANT_CHAIN_MAX - 1; count <= GRANT_CHAIN_MAX + 1; count++) {
        struct buffer bytes = buffer_init(PARCEL_MAX_BYTES);
        struct parcel parcel = {.version = 1,
                                .grant = view_of_buffer(&f->grant),
                                .header = view_of_buffer(&f->sample.envelope.header),
                                .slots = BYTES("\0"),
                                .ciphers = {1, &cipher},
                                .parents = {count, parents}};
        enum error err = object_encode(&parcel_info, &parcel, &bytes);
        assert_error(count <= GRANT_CHAIN_MAX ? OK : ERR_BUG, err);
        if (err == OK) {
            assert_ok(parcel_read(view_of_buffer(&bytes), f->arena, &parcel));
            assert_int_equal(parcel.parents.count, count);
        }
        buffer_free(&bytes);
    }
}

static void a_parcel_that_is_too_large_or_cut_is_refused(void **state)
{
    struct fixture *f = *state;
    struct buffer bytes = buffer_init(PARCEL_MAX_BYTES);
    uint8_t *large = calloc(1, PARCEL_MAX_BYTES + 1);
    struct parcel parcel;

    assert_error(ERR_TOO_LARGE,
                 parcel_read(view_of(large, PARCEL_MAX_BYTES + 1), f->arena, &parcel));
    assert_error(ERR_NOT_CANONICAL,
                 parcel_read(view_of(large, PARCEL_MAX_BYTES), f->arena, &parcel));
    sample_parcel(&f->marentia, &f->norrhaven, &f->sample, 2, &bytes);
    for (size_t size = 0; size < bytes.size; size += 7) {
        assert_error(ERR_NOT_CANONICAL, parcel_read(view_of(bytes.data, size), f->arena, &parcel));
    }
    free(large);
    buffer_free(&bytes);
}

/* --- draws --------------------------------------------------------------------------------- */

static int compare_nonces(const void *a, const void *b)
{
    return memcmp(a, b, GRANT_NONCE_BYTES);
}

/* R24 */
static void R24_ten_thousand_grants_draw_distinct_nonces(void **state)
{
    enum { DRAWS = 10000 };
    struct fixture *f = *state;
    uint8_t *drawn = malloc((size_t)DRAWS * GRANT_NONCE_BYTES);
    struct grant_terms terms =
        sample_terms(&f->marentia, &f->norrhaven, &f->sample, view_of_buffer(&f->caveats));

    for (size_t i = 0; i < DRAWS; i++) {
        buffer_clear(&f->grant);
        assert_ok(grant_make(&terms, f->sample.keys, sample_slots(&f->sample, 1), f->pair, NULL,
                             &f->grant));
        memcpy(drawn + i * GRANT_NONCE_BYTES, terms.nonce, GRANT_NONCE_BYTES);
    }
    qsort(drawn, DRAWS, GRANT_NONCE_BYTES, compare_nonces);
    for (size_t i = 1; i < DRAWS; i++) {
        assert_true(compare_nonces(drawn + (i - 1) * GRANT_NONCE_BYTES,
                                   drawn + i * GRANT_NONCE_BYTES) != 0);
    }
    free(drawn);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_ends_of_a_pair_make_the_same_key),
        TEST(P15_a_pair_key_is_bound_to_both_identities),
        TEST(a_pair_secret_and_its_epoch_enter_the_key),
        TEST(R07_a_seal_key_of_small_order_makes_no_pair_key),
        TEST(a_grant_gives_exactly_the_keys_it_names),
        TEST(grants_of_one_and_of_three_sections_are_of_one_size),
        TEST(the_terms_come_back_as_they_went),
        TEST(R02_every_changed_byte_of_a_grant_is_refused),
        TEST(a_grant_that_is_cut_is_refused),
        TEST(R13_a_grant_for_another_state_does_not_unwrap),
        TEST(unwrapping_clears_what_was_held),
        TEST(a_wrap_with_another_flag_is_refused),
        TEST(a_slot_without_a_key_is_filled_at_random),
        TEST(a_grant_of_nothing_or_of_keys_not_held_is_not_made),
        TEST(a_grant_with_contradictory_caveats_is_refused),
        TEST(depth_has_a_limit),
        TEST(a_grant_that_is_too_large_is_refused),
        TEST(a_signed_grant_convinces_third_parties),
        TEST(a_grant_without_signature_convinces_nobody),
        TEST(R02_every_changed_byte_of_a_signed_grant_breaks_its_signature),
        TEST(the_name_of_a_grant_is_its_hash),
        TEST(a_parcel_carries_grant_and_header),
        TEST(slots_of_a_parcel_ascend_and_match_their_ciphertexts),
        TEST(parents_of_a_parcel_have_a_limit),
        TEST(a_parcel_that_is_too_large_or_cut_is_refused),
        TEST(R24_ten_thousand_grants_draw_distinct_nonces),
    };

    return RUN(tests);
}
