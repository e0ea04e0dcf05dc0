/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "seal.h"

#include "failing.h"

#include <sodium.h>
#include <string.h>

/* One slot with a key, and a place for it. */
struct fixture {
    struct section_keys *keys;
    struct seal_place place;
    struct buffer ciphertext;
    struct buffer plain;
    struct id leaf;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->keys = section_keys_new();
    f->place.originator = digest(HASH_NODE, view_of_text("XMA"));
    memset(f->place.record_number, 7, RECORD_NUMBER_BYTES);
    f->place.slot = 3;
    f->ciphertext = buffer_init(SECTION_CIPHERTEXT_MAX_BYTES);
    f->plain = buffer_init(SECTION_CIPHERTEXT_MAX_BYTES);
    section_keys_make(f->keys, 3);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    section_keys_free(&f->keys);
    buffer_free(&f->ciphertext);
    buffer_free(&f->plain);
    free(f);
    return 0;
}

static enum error seal(struct fixture *f, struct view plain)
{
    return seal_section(f->keys, &f->place, plain, &f->ciphertext, &f->leaf);
}

static enum error unseal(struct fixture *f)
{
    return seal_open(f->keys, &f->place, view_of_buffer(&f->ciphertext), &f->leaf, &f->plain);
}

/* --- padding ------------------------------------------------------------------------------- */

/* W-41: computed by an independent program from Algorithm 1 of the PURBs paper. */
static void padded_lengths_are_those_of_padme(void **state)
{
    static const uint64_t rows[][2] = {{0, 0},
                                       {1, 1},
                                       {2, 2},
                                       {3, 3},
                                       {7, 7},
                                       {8, 8},
                                       {9, 10},
                                       {10, 10},
                                       {15, 16},
                                       {16, 16},
                                       {17, 18},
                                       {31, 32},
                                       {33, 36},
                                       {63, 64},
                                       {65, 72},
                                       {100, 104},
                                       {127, 128},
                                       {129, 144},
                                       {255, 256},
                                       {257, 272},
                                       {511, 512},
                                       {513, 544},
                                       {1000, 1024},
                                       {1023, 1024},
                                       {1024, 1024},
                                       {1025, 1088},
                                       {1500, 1536},
                                       {2047, 2048},
                                       {2049, 2176},
                                       {4095, 4096},
                                       {4097, 4352},
                                       {10000, 10240},
                                       {65535, 65536},
                                       {65537, 67584},
                                       {100000, 100352},
                                       {1000000, 1015808},
                                       {1032192, 1032192},
                                       {1048576, 1048576},
                                       {1048577, 1081344},
                                       {123456789, 123731968},
                                       {1099511627777, 1116691496960},
                                       {2305843009213706297, 2341871806232657920},
                                       {4611686018427387904, 4611686018427387904}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (padme(rows[i][0]) != rows[i][1]) {
            fail_msg("padme(%llu) gave %llu", (unsigned long long)rows[i][0],
                     (unsigned long long)padme(rows[i][0]));
        }
    }
}

static void padding_never_shortens_and_costs_at_most_an_eighth(void **state)
{
    (void)state;
    for (uint64_t length = 0; length < 70000; length++) {
        uint64_t padded = padme(length);
        assert_true(padded >= length && padded - length <= length / 8 + 1);
        assert_true(padme(padded) == padded);
        assert_true(padme(length + 1) >= padded);
    }
}

/* --- sealing and opening ------------------------------------------------------------------- */

/* W-40 W-41: the plaintext and one mark share the padded length, at least 1 KiB. */
static void sections_of_every_size_survive(void **state)
{
    static const size_t sizes[] = {0,
                                   1,
                                   2,
                                   1021,
                                   1022,
                                   1023,
                                   1024,
                                   1025,
                                   1500,
                                   4095,
                                   4096,
                                   4097,
                                   100000,
                                   SECTION_PLAINTEXT_MAX_BYTES - 1,
                                   SECTION_PLAINTEXT_MAX_BYTES};
    struct fixture *f = *state;
    uint8_t *bytes = malloc(SECTION_PLAINTEXT_MAX_BYTES);

    /* Bytes that look like padding must survive too. */
    memset(bytes, 0, SECTION_PLAINTEXT_MAX_BYTES);
    bytes[0] = 0x80;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        assert_ok(seal(f, view_of(bytes, sizes[i])));
        uint64_t padded = padme(sizes[i] + 1);
        padded = padded < 1024 ? 1024 : padded;
        assert_int_equal(f->ciphertext.size, padded + SECTION_TAG_BYTES);
        assert_ok(unseal(f));
        assert_views_equal(view_of_buffer(&f->plain), view_of(bytes, sizes[i]));
    }
    free(bytes);
}

static void a_section_that_is_too_large_is_refused(void **state)
{
    struct fixture *f = *state;
    uint8_t *bytes = calloc(1, SECTION_CIPHERTEXT_MAX_BYTES + 1);

    assert_error(ERR_TOO_LARGE, seal(f, view_of(bytes, SECTION_PLAINTEXT_MAX_BYTES + 1)));
    assert_error(ERR_TOO_LARGE,
                 seal_open(f->keys, &f->place, view_of(bytes, SECTION_CIPHERTEXT_MAX_BYTES + 1),
                           &f->leaf, &f->plain));
    assert_error(ERR_BAD_COMMITMENT,
                 seal_open(f->keys, &f->place, view_of(bytes, SECTION_CIPHERTEXT_MAX_BYTES),
                           &f->leaf, &f->plain));
    free(bytes);
}

static void a_section_that_is_too_short_is_refused(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[SECTION_PAD_MIN_BYTES + SECTION_TAG_BYTES] = {0};

    assert_error(ERR_BAD_SEAL, seal_open(f->keys, &f->place, view_of(bytes, sizeof bytes - 1),
                                         &f->leaf, &f->plain));
    assert_error(ERR_BAD_COMMITMENT,
                 seal_open(f->keys, &f->place, view_of(bytes, sizeof bytes), &f->leaf, &f->plain));
    assert_error(ERR_BAD_SEAL,
                 seal_open(f->keys, &f->place, view_of(NULL, 0), &f->leaf, &f->plain));
}

static void a_slot_without_a_key_seals_and_opens_nothing(void **state)
{
    struct fixture *f = *state;

    assert_ok(seal(f, view_of_text("text")));
    f->place.slot = 4;
    assert_error(ERR_KEY_MISSING, unseal(f));
    assert_error(ERR_BUG, seal(f, view_of_text("text")));
    f->place.slot = SLOTS_MAX;
    assert_error(ERR_KEY_MISSING, unseal(f));
}

/* R02 R12: the leaf that the originator signed names this very ciphertext. */
static void R12_every_changed_byte_of_a_ciphertext_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_ok(seal(f, view_of_text("text")));
    for (size_t i = 0; i < f->ciphertext.size; i++) {
        f->ciphertext.data[i] ^= 0x80;
        assert_error(ERR_BAD_COMMITMENT, unseal(f));
        assert_int_equal(f->plain.size, 0);
        f->ciphertext.data[i] ^= 0x80;
    }
    f->leaf.bytes[0] ^= 1;
    assert_error(ERR_BAD_COMMITMENT, unseal(f));
}

/* R14: bound to slot, record and originator. */
static void R14_a_section_moved_elsewhere_is_refused(void **state)
{
    struct fixture *f = *state;
    uint8_t key[KEY_BYTES];

    assert_ok(seal(f, view_of_text("text")));
    memcpy(key, section_keys_open(f->keys, 3), KEY_BYTES);
    section_keys_close(f->keys);
    section_keys_put(f->keys, 4, key);
    f->place.slot = 4;
    assert_error(ERR_BAD_COMMITMENT, unseal(f));
    f->place.slot = 3;
    f->place.record_number[15] ^= 1;
    assert_error(ERR_BAD_COMMITMENT, unseal(f));
    f->place.record_number[15] ^= 1;
    f->place.originator.bytes[31] ^= 1;
    assert_error(ERR_BAD_COMMITMENT, unseal(f));
    f->place.originator.bytes[31] ^= 1;
    assert_ok(unseal(f));
}

/* --- the same by hand ---------------------------------------------------------------------- */

enum { CONTEXT_BYTES = ID_BYTES + RECORD_NUMBER_BYTES + 2 };

/* What WIRE.md derives from a section key for its place. */
struct by_hand {
    uint8_t context[CONTEXT_BYTES];
    uint8_t key[32];
    uint8_t nonce[24];
    uint8_t commitment[32];
};

static struct by_hand derive(const struct seal_place *place, const uint8_t *section_key)
{
    struct by_hand made = {{0}, {0}, {0}, {0}};
    struct view input = view_of(made.context, CONTEXT_BYTES);

    memcpy(made.context, place->originator.bytes, ID_BYTES);
    memcpy(made.context + ID_BYTES, place->record_number, RECORD_NUMBER_BYTES);
    made.context[CONTEXT_BYTES - 2] = place->slot;
    made.context[CONTEXT_BYTES - 1] = SEAL_SUITE;
    kdf(view_of(section_key, 32), KDF_SECTION_KEY, &input, 1, made.key, 32);
    kdf(view_of(section_key, 32), KDF_SECTION_NONCE, &input, 1, made.nonce, 24);
    kdf(view_of(section_key, 32), KDF_SECTION_COMMIT, &input, 1, made.commitment, 32);
    return made;
}

static struct id leaf_of(const struct fixture *f, const struct by_hand *hand)
{
    uint8_t length[8];
    struct id cipher = digest(HASH_CIPHER, view_of_buffer(&f->ciphertext));
    struct view parts[4] = {view_of(&f->place.slot, 1), id_view(&cipher),
                            view_of(hand->commitment, 32), view_of(length, 8)};

    put_u64(length, f->ciphertext.size);
    return digest_parts(HASH_LEAF, parts, 4);
}

/* Seal any padded bytes as WIRE.md says, whatever they are. */
static void seal_by_hand(struct fixture *f, struct view padded)
{
    struct by_hand hand = derive(&f->place, section_keys_open(f->keys, 3));

    section_keys_close(f->keys);
    buffer_clear(&f->ciphertext);
    uint8_t *to = buffer_extend(&f->ciphertext, padded.size + 16);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(to, NULL, padded.data, padded.size,
                                                     hand.context, CONTEXT_BYTES, NULL, hand.nonce,
                                                     hand.key);
    f->leaf = leaf_of(f, &hand);
}

/* W-42 W-43 W-44 */
static void what_is_sealed_by_hand_opens(void **state)
{
    struct fixture *f = *state;
    uint8_t padded[1024] = {'t', 'e', 'x', 't', 0x80};
    struct id leaf = {{0}};
    struct buffer ciphertext = buffer_init(2000);

    seal_by_hand(f, view_of(padded, sizeof padded));
    assert_ok(unseal(f));
    assert_view(view_of_buffer(&f->plain), "text");
    assert_ok(seal_section(f->keys, &f->place, view_of_text("text"), &ciphertext, &leaf));
    assert_views_equal(view_of_buffer(&ciphertext), view_of_buffer(&f->ciphertext));
    assert_true(id_equal(&leaf, &f->leaf));
    buffer_free(&ciphertext);
}

/* W-41: exactly one padding is allowed, so that nothing can hide in it. */
static void any_other_padding_is_refused(void **state)
{
    struct fixture *f = *state;
    uint8_t padded[2048] = {'t', 'e', 'x', 't'};
    static const struct {
        size_t mark;
        size_t size;
        enum error wanted;
    } rows[] = {
        {4, 1024, OK},
        {4, 1025, ERR_BAD_SEAL}, /* a byte too long */
        {4, 1088, ERR_BAD_SEAL}, /* the next size of the scheme */
        {4, 2048, ERR_BAD_SEAL}, /* far too long */
        {1023, 1024, OK},        /* no zero at all */
        {1024, 1088, OK},        /* the smallest that needs more */
        {1024, 1056, ERR_BAD_SEAL},
        {1024, 1120, ERR_BAD_SEAL},
        {2048, 1024, ERR_BAD_SEAL}, /* no mark */
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        if (rows[i].mark < sizeof padded) {
            padded[rows[i].mark] = 0x80;
        }
        if (rows[i].wanted == OK) {
            uint64_t size = padme(rows[i].mark + 1);
            assert_int_equal(rows[i].size, size < 1024 ? 1024 : size);
        }
        seal_by_hand(f, view_of(padded, rows[i].size));
        assert_error(rows[i].wanted, unseal(f));
        padded[rows[i].mark % sizeof padded] = rows[i].mark == 2048 ? 't' : 0;
    }
    padded[4] = 0x80;
    padded[600] = 1; /* after the mark */
    seal_by_hand(f, view_of(padded, 1024));
    assert_error(ERR_BAD_SEAL, unseal(f));
}

static void nothing_but_zeros_is_no_plaintext(void **state)
{
    static const uint8_t zeros[1024] = {0};
    struct fixture *f = *state;

    seal_by_hand(f, view_of(zeros, sizeof zeros));
    assert_error(ERR_BAD_SEAL, unseal(f));
}

/*
 * R11: this one ciphertext opens under two keys, for Poly1305 does not commit
 * to its key (the block was solved for). Without the commitment its originator
 * could show two States two readings of what it signed once.
 */
static void R11_a_second_key_for_one_ciphertext_is_refused(void **state)
{
    static const uint8_t block[18] = {0x5c, 0x90, 0x41, 0xdb, 0x9c, 0x6d, 0x3c, 0x54, 0xde,
                                      0x0e, 0x2f, 0x2a, 0x00, 0x48, 0xd8, 0xa2, 0x01, 0x00};
    static const uint8_t tag[16] = {0x74, 0xb0, 0x78, 0xcb, 0x1d, 0x0a, 0xbb, 0xaa,
                                    0x08, 0xcf, 0xd5, 0xd4, 0xc4, 0x19, 0x26, 0xe6};
    struct fixture *f = *state;
    uint8_t readings[2][1024];
    struct id leaves[2];

    memset(buffer_extend(&f->ciphertext, 1024), 0, 1024);
    memcpy(f->ciphertext.data, block, sizeof block);
    buffer_append(&f->ciphertext, view_of(tag, sizeof tag));
    for (size_t i = 0; i < 2; i++) {
        uint8_t key[KEY_BYTES];
        memset(key, i == 0 ? 0x0a : 0x0b, sizeof key);
        struct by_hand hand = derive(&f->place, key);
        leaves[i] = leaf_of(f, &hand);
        assert_int_equal(crypto_aead_xchacha20poly1305_ietf_decrypt(
                             readings[i], NULL, NULL, f->ciphertext.data, f->ciphertext.size,
                             hand.context, CONTEXT_BYTES, hand.nonce, hand.key),
                         0);
    }
    assert_memory_not_equal(readings[0], readings[1], 1024);
    assert_false(id_equal(&leaves[0], &leaves[1]));
    uint8_t second[KEY_BYTES];
    memset(second, 0x0b, sizeof second);
    section_keys_put(f->keys, 3, second);
    f->leaf = leaves[0];
    assert_error(ERR_BAD_COMMITMENT, unseal(f));
}

/* A commitment alone is not enough: the cipher still authenticates. */
static void a_committed_ciphertext_that_does_not_decrypt_is_refused(void **state)
{
    struct fixture *f = *state;
    struct by_hand hand = derive(&f->place, section_keys_open(f->keys, 3));

    section_keys_close(f->keys);
    memset(buffer_extend(&f->ciphertext, 1040), 1, 1040);
    f->leaf = leaf_of(f, &hand);
    assert_error(ERR_BAD_SEAL, unseal(f));
}

/* --- keys ---------------------------------------------------------------------------------- */

static void keys_are_kept_by_slot(void **state)
{
    struct section_keys *keys = section_keys_new();
    uint8_t key[KEY_BYTES] = {9};

    (void)state;
    assert_int_equal(section_keys_slots(keys), 0);
    assert_null(section_keys_open(keys, 0));
    section_keys_put(keys, 15, key);
    section_keys_make(keys, 0);
    assert_int_equal(section_keys_slots(keys), 0x8001);
    assert_memory_equal(section_keys_open(keys, 15), key, KEY_BYTES);
    section_keys_close(keys);
    assert_null(section_keys_open(keys, 16));
    assert_null(section_keys_open(keys, 255));
    section_keys_clear(keys);
    assert_int_equal(section_keys_slots(keys), 0);
    section_keys_free(&keys);
    section_keys_free(&keys);
    section_keys_free(NULL);
}

static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, KEY_BYTES);
}

/* R24: the nonce is derived from the key, so distinct keys are distinct nonces. */
static void R24_ten_thousand_sections_draw_distinct_keys(void **state)
{
    enum { DRAWS = 10000 };
    struct section_keys *keys = section_keys_new();
    uint8_t *drawn = malloc((size_t)DRAWS * KEY_BYTES);

    (void)state;
    for (size_t i = 0; i < DRAWS; i++) {
        section_keys_make(keys, (uint8_t)(i % SLOTS_MAX));
        memcpy(drawn + i * KEY_BYTES, section_keys_open(keys, (uint8_t)(i % SLOTS_MAX)), KEY_BYTES);
        section_keys_close(keys);
    }
    qsort(drawn, DRAWS, KEY_BYTES, compare_keys);
    for (size_t i = 1; i < DRAWS; i++) {
        assert_true(memcmp(drawn + (i - 1) * KEY_BYTES, drawn + i * KEY_BYTES, KEY_BYTES) != 0);
    }
    free(drawn);
    section_keys_free(&keys);
}

static void without_memory_nothing_is_sealed(void **state)
{
    struct fixture *f = *state;

    failing_set(1);
    assert_error(ERR_NO_MEMORY, seal(f, view_of_text("text")));
    failing_set(0);
    buffer_clear(&f->ciphertext);
    assert_ok(seal(f, view_of_text("text")));
    failing_set(1);
    assert_error(ERR_NO_MEMORY, unseal(f));
    for (long n = 1; n <= 3; n++) {
        failing_set(n);
        assert_null(section_keys_new());
    }
    failing_set(0);
}

static void keys_serve_as_well_while_they_are_held(void **state)
{
    struct fixture *f = *state;
    static const uint8_t key[KEY_BYTES] = "other";

    section_keys_hold(f->keys);
    section_keys_hold(f->keys);
    assert_ok(seal(f, view_of_text("held")));
    section_keys_put(f->keys, 5, key);
    section_keys_make(f->keys, 6);
    section_keys_release(f->keys);
    assert_ok(unseal(f));
    section_keys_release(f->keys);
    assert_view(view_of_buffer(&f->plain), "held");
    assert_int_equal(section_keys_slots(f->keys), 1 << 3 | 1 << 5 | 1 << 6);
    assert_memory_equal(section_keys_open(f->keys, 5), key, KEY_BYTES);
    section_keys_close(f->keys);
    section_keys_hold(f->keys);
    section_keys_clear(f->keys);
    section_keys_release(f->keys);
    assert_int_equal(section_keys_slots(f->keys), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(padded_lengths_are_those_of_padme),
        TEST(padding_never_shortens_and_costs_at_most_an_eighth),
        TEST(sections_of_every_size_survive),
        TEST(a_section_that_is_too_large_is_refused),
        TEST(a_section_that_is_too_short_is_refused),
        TEST(a_slot_without_a_key_seals_and_opens_nothing),
        TEST(R12_every_changed_byte_of_a_ciphertext_is_refused),
        TEST(R14_a_section_moved_elsewhere_is_refused),
        TEST(what_is_sealed_by_hand_opens),
        TEST(any_other_padding_is_refused),
        TEST(nothing_but_zeros_is_no_plaintext),
        TEST(R11_a_second_key_for_one_ciphertext_is_refused),
        TEST(a_committed_ciphertext_that_does_not_decrypt_is_refused),
        TEST(keys_are_kept_by_slot),
        TEST(keys_serve_as_well_while_they_are_held),
        TEST(R24_ten_thousand_sections_draw_distinct_keys),
        TEST(without_memory_nothing_is_sealed),
    };

    return RUN(tests);
}
