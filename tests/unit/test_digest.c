/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "failing.h"

#include <sodium.h>
#include <string.h>

/* --- labels -------------------------------------------------------------------------------- */

static bool is_prefix(const char *a, const char *b)
{
    return strncmp(a, b, strlen(a)) == 0;
}

/* W-13: no two uses can be confused, not even by what follows a label. */
static void labels_are_unique_and_prefix_free(void **state)
{
    const char *labels[HASH_LABEL_COUNT + SIGN_LABEL_COUNT + KDF_LABEL_COUNT];
    size_t count = 0;

    (void)state;
    for (int i = 0; i < HASH_LABEL_COUNT; i++) {
        labels[count++] = hash_label_text((enum hash_label)i);
    }
    for (int i = 0; i < SIGN_LABEL_COUNT; i++) {
        labels[count++] = sign_label_text((enum sign_label)i);
    }
    for (int i = 0; i < KDF_LABEL_COUNT; i++) {
        labels[count++] = kdf_label_text((enum kdf_label)i);
    }
    for (size_t i = 0; i < count; i++) {
        assert_true(labels[i] != NULL && labels[i][0] != '\0');
        for (size_t j = 0; j < count; j++) {
            if (i != j && is_prefix(labels[i], labels[j])) {
                fail_msg("%s begins %s", labels[i], labels[j]);
            }
        }
    }
}

static void labels_fit_their_places(void **state)
{
    (void)state;
    for (int i = 0; i < HASH_LABEL_COUNT; i++) {
        assert_true(strlen(hash_label_text((enum hash_label)i)) <= HASH_LABEL_BYTES);
    }
    for (int i = 0; i < SIGN_LABEL_COUNT; i++) {
        assert_true(strlen(sign_label_text((enum sign_label)i)) < SIGN_LABEL_BYTES);
    }
}

static void labels_beyond_the_table_have_no_text(void **state)
{
    (void)state;
    assert_null(hash_label_text(HASH_LABEL_COUNT));
    assert_null(sign_label_text(SIGN_LABEL_COUNT));
    assert_null(kdf_label_text(KDF_LABEL_COUNT));
}

/* --- hashes -------------------------------------------------------------------------------- */

/* W-10: computed by Python's hashlib.blake2b(b"abc", digest_size=32, person=b"valise1-node"). */
static void a_hash_is_blake2b_with_the_label_as_person(void **state)
{
    char text[ID_TEXT_BYTES];
    struct id id = digest(HASH_NODE, view_of_text("abc"));

    (void)state;
    assert_string_equal(id_format(&id, text),
                        "2bf1d325a44f8649f2f1c58d1557f59c210c912f7526733faaf48c9af841e6d4");
}

static void every_label_gives_another_hash(void **state)
{
    (void)state;
    for (int i = 0; i < HASH_LABEL_COUNT; i++) {
        for (int j = 0; j < i; j++) {
            struct id a = digest((enum hash_label)i, view_of_text("x"));
            struct id b = digest((enum hash_label)j, view_of_text("x"));
            assert_false(id_equal(&a, &b));
        }
    }
}

static void parts_hash_like_the_whole(void **state)
{
    struct view parts[3] = {view_of_text("a"), view_of(NULL, 0), view_of_text("bc")};
    struct id whole = digest(HASH_LEAF, view_of_text("abc"));
    struct id joined = digest_parts(HASH_LEAF, parts, 3);

    (void)state;
    assert_true(id_equal(&whole, &joined));
}

static void the_name_of_a_key_is_its_labelled_hash(void **state)
{
    uint8_t key[32] = {1, 2, 3};
    struct id name = key_id(key);
    struct id hash = digest(HASH_KEY, view_of(key, 32));

    (void)state;
    assert_true(id_equal(&name, &hash));
}

/* --- ids ----------------------------------------------------------------------------------- */

static void ids_are_written_and_read_as_hexadecimal(void **state)
{
    struct id id = digest(HASH_NODE, view_of_text("x"));
    struct id again = {{0}};
    char text[ID_TEXT_BYTES];
    char brief[ID_SHORT_BYTES];

    (void)state;
    assert_int_equal(strlen(id_format(&id, text)), 64);
    assert_true(id_parse(view_of_text(text), &again));
    assert_true(id_equal(&id, &again));
    assert_int_equal(strlen(id_format_short(&id, brief)), 12);
    assert_memory_equal(brief, text, 12);
    assert_views_equal(id_view(&id), view_of(id.bytes, ID_BYTES));
}

static void anything_but_64_digits_is_no_id(void **state)
{
    struct id id = {{7}};
    char text[67];

    (void)state;
    memset(text, 'a', sizeof text);
    assert_false(id_parse(view_of(text, 63), &id));
    assert_true(id_parse(view_of(text, 64), &id));
    assert_false(id_parse(view_of(text, 65), &id));
    text[63] = 'g';
    assert_false(id_parse(view_of(text, 64), &id));
    text[63] = '\0';
    assert_false(id_parse(view_of(text, 64), &id));
    text[0] = ':';
    assert_false(id_parse(view_of(text, 64), &id));
    assert_false(id_parse(view_of(NULL, 0), &id));
}

static void an_id_is_made_of_32_bytes_only(void **state)
{
    uint8_t bytes[33] = {9};
    struct id id = {{0}};

    (void)state;
    assert_false(id_from_view(view_of(bytes, 31), &id));
    assert_false(id_from_view(view_of(bytes, 33), &id));
    assert_true(id_is_none(&id));
    assert_true(id_from_view(view_of(bytes, 32), &id));
    assert_false(id_is_none(&id));
}

/* --- derived keys -------------------------------------------------------------------------- */

/* W-12: the lengths are hashed too, so inputs cannot run into each other. */
static void derived_keys_depend_on_key_label_inputs_and_size(void **state)
{
    static const uint8_t key[32] = {1};
    static const uint8_t other_key[32] = {2};
    struct view ab_c[2] = {view_of_text("ab"), view_of_text("c")};
    struct view a_bc[2] = {view_of_text("a"), view_of_text("bc")};
    uint8_t first[32];
    uint8_t second[32];

    (void)state;
    kdf(view_of(key, 32), KDF_SECTION_KEY, ab_c, 2, first, 32);
    kdf(view_of(key, 32), KDF_SECTION_KEY, ab_c, 2, second, 32);
    assert_memory_equal(first, second, 32);
    kdf(view_of(key, 32), KDF_SECTION_KEY, a_bc, 2, second, 32);
    assert_memory_not_equal(first, second, 32);
    kdf(view_of(key, 32), KDF_SECTION_KEY, ab_c, 1, second, 32);
    assert_memory_not_equal(first, second, 32);
    kdf(view_of(other_key, 32), KDF_SECTION_KEY, ab_c, 2, second, 32);
    assert_memory_not_equal(first, second, 32);
    kdf(view_of(key, 32), KDF_SECTION_NONCE, ab_c, 2, second, 32);
    assert_memory_not_equal(first, second, 32);
    kdf(view_of(key, 32), KDF_SECTION_KEY, ab_c, 2, second, 24);
    assert_memory_not_equal(first, second, 24);
}

/* W-12: computed by hashlib.blake2b(…, key=bytes(32), person=b"valise1-kdf"). */
static void a_derived_key_is_the_frozen_one(void **state)
{
    static const uint8_t key[32] = {0};
    struct view inputs[2] = {view_of_text("ab"), view_of_text("c")};
    struct id derived = {{0}};
    char text[ID_TEXT_BYTES];

    (void)state;
    kdf(view_of(key, 32), KDF_SECTION_KEY, inputs, 2, derived.bytes, 32);
    assert_string_equal(id_format(&derived, text),
                        "5bb017f2ed16067783fb21b8c268cd2b7037f5c626772f39441e198939b3e9e9");
}

/* W-13 */
static void tokens_depend_on_key_and_value(void **state)
{
    static const uint8_t key[32] = {1};
    static const uint8_t other[32] = {2};
    uint8_t a[16];
    uint8_t b[16];

    (void)state;
    token(view_of(key, 32), view_of_text("XMA"), a);
    token(view_of(key, 32), view_of_text("XMA"), b);
    assert_memory_equal(a, b, 16);
    token(view_of(key, 32), view_of_text("XMB"), b);
    assert_memory_not_equal(a, b, 16);
    token(view_of(other, 32), view_of_text("XMA"), b);
    assert_memory_not_equal(a, b, 16);
}

/* --- signatures ---------------------------------------------------------------------------- */

static void a_signature_verifies_with_its_key_only(void **state)
{
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    uint8_t other_key[SIGN_PUBLIC_BYTES];
    uint8_t again[SIGN_PUBLIC_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
    struct secret *key = sign_new(public_key);
    struct secret *other = sign_new(other_key);
    struct view bytes = view_of_text("text");

    (void)state;
    sign_public(key, again);
    assert_memory_equal(public_key, again, SIGN_PUBLIC_BYTES);
    assert_ok(sign(key, SIGN_RECORD, bytes, signature));
    assert_ok(sign_verify(public_key, SIGN_RECORD, bytes, view_of(signature, 64)));
    assert_error(ERR_BAD_SIGNATURE,
                 sign_verify(other_key, SIGN_RECORD, bytes, view_of(signature, 64)));
    secret_free(&key);
    secret_free(&other);
}

/* R01 W-11 */
static void R01_every_changed_bit_of_a_signature_is_refused(void **state)
{
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
    struct secret *key = sign_new(public_key);
    struct view bytes = view_of_text("text");

    (void)state;
    assert_ok(sign(key, SIGN_RECORD, bytes, signature));
    for (size_t bit = 0; bit < 8 * sizeof signature; bit++) {
        signature[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        assert_error(ERR_BAD_SIGNATURE,
                     sign_verify(public_key, SIGN_RECORD, bytes, view_of(signature, 64)));
        signature[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    assert_error(ERR_BAD_SIGNATURE,
                 sign_verify(public_key, SIGN_RECORD, bytes, view_of(signature, 63)));
    assert_error(ERR_BAD_SIGNATURE, sign_verify(public_key, SIGN_RECORD, bytes, view_of(NULL, 0)));
    secret_free(&key);
}

/* R05: every pair of labels. */
static void R05_a_signature_holds_for_its_label_only(void **state)
{
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    struct secret *key = sign_new(public_key);
    struct view bytes = view_of_text("the same bytes");

    (void)state;
    for (int made = 0; made < SIGN_LABEL_COUNT; made++) {
        uint8_t signature[SIGNATURE_BYTES];
        assert_ok(sign(key, (enum sign_label)made, bytes, signature));
        for (int read = 0; read < SIGN_LABEL_COUNT; read++) {
            assert_error(made == read ? OK : ERR_BAD_SIGNATURE,
                         sign_verify(public_key, (enum sign_label)read, bytes,
                                     view_of(signature, SIGNATURE_BYTES)));
        }
    }
    secret_free(&key);
}

/* A label is padded to 32 bytes, so bytes cannot move between label and message. */
static void R05_bytes_do_not_move_between_label_and_message(void **state)
{
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
    uint8_t plain[SIGN_LABEL_BYTES + 4] = {0};
    struct secret *key = sign_new(public_key);

    (void)state;
    memcpy(plain, "valise1/sig/card", 16);
    memcpy(plain + SIGN_LABEL_BYTES, "text", 4);
    crypto_sign_detached(signature, NULL, plain, sizeof plain, secret_open(key));
    secret_close(key);
    assert_ok(sign_verify(public_key, SIGN_CARD, view_of_text("text"), view_of(signature, 64)));
    crypto_sign_detached(signature, NULL, (const uint8_t *)"valise1/sig/cardtext", 20,
                         secret_open(key));
    secret_close(key);
    assert_error(ERR_BAD_SIGNATURE,
                 sign_verify(public_key, SIGN_CARD, view_of_text("text"), view_of(signature, 64)));
    secret_free(&key);
}

/* R06: S + L signs the same message in plain Ed25519; it must not pass here. */
static void R06_a_malleated_signature_is_refused(void **state)
{
    static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,
                                      0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
                                      0,    0,    0,    0,    0,    0,    0,    0,
                                      0,    0,    0,    0,    0,    0,    0,    0x10};
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
    struct secret *key = sign_new(public_key);
    unsigned carry = 0;

    (void)state;
    assert_ok(sign(key, SIGN_RECORD, view_of_text("text"), signature));
    for (size_t i = 0; i < 32; i++) {
        unsigned sum = signature[32 + i] + order[i] + carry;
        signature[32 + i] = (uint8_t)sum;
        carry = sum >> 8;
    }
    assert_int_equal(carry, 0);
    assert_error(ERR_BAD_SIGNATURE, sign_verify(public_key, SIGN_RECORD, view_of_text("text"),
                                                view_of(signature, 64)));
    secret_free(&key);
}

/* R07: with the neutral element as key, R = S·B is a signature of everything. */
static void R07_a_small_order_signing_key_is_refused(void **state)
{
    static const uint8_t neutral[32] = {1};
    uint8_t signature[SIGNATURE_BYTES] = {1}; /* R = neutral element, S = 0 */

    (void)state;
    assert_error(ERR_BAD_SIGNATURE,
                 sign_verify(neutral, SIGN_RECORD, view_of_text("text"), view_of(signature, 64)));
}

static void signing_without_memory_fails(void **state)
{
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    uint8_t signature[SIGNATURE_BYTES] = {0};
    struct secret *key = sign_new(public_key);

    (void)state;
    failing_set(1);
    assert_error(ERR_NO_MEMORY, sign(key, SIGN_RECORD, view_of_text("a"), signature));
    failing_set(1);
    assert_error(ERR_NO_MEMORY,
                 sign_verify(public_key, SIGN_RECORD, view_of_text("a"), view_of(signature, 64)));
    failing_set(1);
    assert_null(sign_new(public_key));
    failing_set(0);
    secret_free(&key);
}

/* The 32 bytes of the label count towards 2 MiB. */
static void messages_of_two_mebibytes_are_signed(void **state)
{
    enum { TOP = 2 * 1024 * 1024 };
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
    struct secret *key = sign_new(public_key);
    uint8_t *bytes = calloc(1, TOP + 1);

    (void)state;
    assert_ok(sign(key, SIGN_RECORD, view_of(bytes, TOP - 1), signature));
    assert_ok(sign(key, SIGN_RECORD, view_of(bytes, TOP), signature));
    assert_error(ERR_TOO_LARGE, sign(key, SIGN_RECORD, view_of(bytes, TOP + 1), signature));
    free(bytes);
    secret_free(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_unique_and_prefix_free),
        cmocka_unit_test(labels_fit_their_places),
        cmocka_unit_test(labels_beyond_the_table_have_no_text),
        cmocka_unit_test(a_hash_is_blake2b_with_the_label_as_person),
        cmocka_unit_test(every_label_gives_another_hash),
        cmocka_unit_test(parts_hash_like_the_whole),
        cmocka_unit_test(the_name_of_a_key_is_its_labelled_hash),
        cmocka_unit_test(ids_are_written_and_read_as_hexadecimal),
        cmocka_unit_test(anything_but_64_digits_is_no_id),
        cmocka_unit_test(an_id_is_made_of_32_bytes_only),
        cmocka_unit_test(derived_keys_depend_on_key_label_inputs_and_size),
        cmocka_unit_test(a_derived_key_is_the_frozen_one),
        cmocka_unit_test(tokens_depend_on_key_and_value),
        cmocka_unit_test(a_signature_verifies_with_its_key_only),
        cmocka_unit_test(R01_every_changed_bit_of_a_signature_is_refused),
        cmocka_unit_test(R05_a_signature_holds_for_its_label_only),
        cmocka_unit_test(R05_bytes_do_not_move_between_label_and_message),
        cmocka_unit_test(R06_a_malleated_signature_is_refused),
        cmocka_unit_test(R07_a_small_order_signing_key_is_refused),
        cmocka_unit_test(signing_without_memory_fails),
        cmocka_unit_test(messages_of_two_mebibytes_are_signed),
    };

    return RUN(tests);
}
