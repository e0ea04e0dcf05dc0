/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "seal.h"

#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* Vectors of others (tests/vectors/README.md) against what we use of libsodium, and PADMÉ. */

enum { FIELD_MAX_BYTES = 4096 };

/** One field of a vector as bytes. */
struct bytes {
    uint8_t data[FIELD_MAX_BYTES];
    size_t size;
};

static json_t *vectors_load(const char *name)
{
    char path[128];
    json_error_t problem;
    json_t *file = NULL;

    (void)snprintf(path, sizeof path, "tests/vectors/wycheproof/%s.json", name);
    file = json_load_file(path, JSON_REJECT_DUPLICATES, &problem);
    if (file == NULL) {
        fail_msg("%s:%d: %s", path, problem.line, problem.text);
    }
    assert_true(json_array_size(json_object_get(file, "tests")) > 100);
    return file;
}

static const char *text_of(const json_t *test, const char *name)
{
    const char *text = json_string_value(json_object_get(test, name));

    assert_non_null(text);
    return text;
}

static void read_field(const json_t *test, const char *name, struct bytes *bytes)
{
    bytes->size = hex_read(text_of(test, name), bytes->data, sizeof bytes->data);
}

static bool is_valid(const json_t *test)
{
    return strcmp(text_of(test, "result"), "valid") == 0;
}

static bool has_flag(const json_t *test, const char *flag)
{
    const json_t *flags = json_object_get(test, "flags");

    for (size_t i = 0; i < json_array_size(flags); i++) {
        if (strcmp(json_string_value(json_array_get(flags, i)), flag) == 0) {
            return true;
        }
    }
    return false;
}

static void complain(const json_t *test, const char *what)
{
    fail_msg("tcId %" JSON_INTEGER_FORMAT " (%s): %s",
             json_integer_value(json_object_get(test, "tcId")), text_of(test, "comment"), what);
}

/* --- Ed25519 ------------------------------------------------------------------------------- */

static void check_signature(const json_t *test)
{
    struct bytes key;
    struct bytes message;
    struct bytes signature;
    bool good = false;

    read_field(test, "key", &key);
    read_field(test, "msg", &message);
    read_field(test, "sig", &signature);
    assert_int_equal(key.size, SIGN_PUBLIC_BYTES);
    good = signature.size == SIGNATURE_BYTES &&
           crypto_sign_verify_detached(signature.data, message.data, message.size, key.data) == 0;
    if (good != is_valid(test)) {
        complain(test, good ? "accepted" : "refused");
    }
    /* Under a label of ours it is never a signature of the bare message. W-11 */
    if (sign_verify(key.data, SIGN_RECORD, view_of(message.data, message.size),
                    view_of(signature.data, signature.size)) != ERR_BAD_SIGNATURE) {
        complain(test, "accepted under a label");
    }
}

static void signatures_are_judged_as_wycheproof_does(void **state)
{
    json_t *file = vectors_load("ed25519");
    const json_t *tests = json_object_get(file, "tests");

    (void)state;
    for (size_t i = 0; i < json_array_size(tests); i++) {
        check_signature(json_array_get(tests, i));
    }
    json_decref(file);
}

/* --- X25519 -------------------------------------------------------------------------------- */

/* Two of our key agreements for one vector: the bare product, and whether the key is let in. */
static void check_agreement(const json_t *test)
{
    struct bytes public_key;
    struct bytes private_key;
    struct bytes wanted;
    uint8_t shared[crypto_scalarmult_BYTES];
    bool zero = has_flag(test, "ZeroSharedSecret");

    read_field(test, "public", &public_key);
    read_field(test, "private", &private_key);
    read_field(test, "shared", &wanted);
    assert_int_equal(wanted.size, sizeof shared);
    bool made = crypto_scalarmult(shared, private_key.data, public_key.data) == 0;
    if (made == zero) {
        complain(test, made ? "a product of zero passes" : "no product");
    }
    if (made && memcmp(shared, wanted.data, sizeof shared) != 0) {
        complain(test, "another product");
    }
    /* Whether a key of a card is let in depends on the public half alone. W-23 */
    if (box_public_is_good(public_key.data) == zero) {
        complain(test, "the check of a card's key says otherwise");
    }
}

static void key_agreement_gives_what_wycheproof_gives(void **state)
{
    json_t *file = vectors_load("x25519");
    const json_t *tests = json_object_get(file, "tests");

    (void)state;
    for (size_t i = 0; i < json_array_size(tests); i++) {
        check_agreement(json_array_get(tests, i));
    }
    json_decref(file);
}

/* --- XChaCha20-Poly1305 -------------------------------------------------------------------- */

static void check_sealing(const json_t *test, const struct bytes *key, const struct bytes *nonce)
{
    struct bytes associated;
    struct bytes plain;
    struct bytes sealed;
    struct bytes tag;
    uint8_t room[2 * FIELD_MAX_BYTES];

    read_field(test, "aad", &associated);
    read_field(test, "msg", &plain);
    read_field(test, "ct", &sealed);
    read_field(test, "tag", &tag);
    assert_true(sealed.size + tag.size <= sizeof sealed.data);
    memcpy(sealed.data + sealed.size, tag.data, tag.size);
    sealed.size += tag.size;
    bool opens = crypto_aead_xchacha20poly1305_ietf_decrypt(
                     room, NULL, NULL, sealed.data, sealed.size, associated.data, associated.size,
                     nonce->data, key->data) == 0;
    if (opens != is_valid(test)) {
        complain(test, opens ? "opens" : "does not open");
    }
    if (opens && memcmp(room, plain.data, plain.size) != 0) {
        complain(test, "opens to something else");
    }
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(room, NULL, plain.data, plain.size,
                                                     associated.data, associated.size, NULL,
                                                     nonce->data, key->data);
    if (is_valid(test) && memcmp(room, sealed.data, sealed.size) != 0) {
        complain(test, "seals to something else");
    }
}

static void sealing_gives_what_wycheproof_gives(void **state)
{
    json_t *file = vectors_load("xchacha20_poly1305");
    const json_t *tests = json_object_get(file, "tests");

    (void)state;
    for (size_t i = 0; i < json_array_size(tests); i++) {
        const json_t *test = json_array_get(tests, i);
        struct bytes key;
        struct bytes nonce;

        read_field(test, "key", &key);
        read_field(test, "iv", &nonce);
        assert_int_equal(key.size, KEY_BYTES);
        if (nonce.size != crypto_aead_xchacha20poly1305_ietf_NPUBBYTES) {
            assert_false(is_valid(test)); /* our formats have room for no other nonce */
            continue;
        }
        check_sealing(test, &key, &nonce);
    }
    json_decref(file);
}

/* --- PADMÉ --------------------------------------------------------------------------------- */

/* W-41 */
static void padme_gives_the_published_lengths(void **state)
{
    FILE *file = fopen("tests/vectors/padme/padme.csv", "rb");
    char line[64];
    size_t rows = 0;

    (void)state;
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file)); /* names of the columns */
    while (fgets(line, sizeof line, file) != NULL) {
        uint64_t length = 0;
        uint64_t padded = 0;

        assert_int_equal(sscanf(line, "%" SCNu64 ",%" SCNu64, &length, &padded), 2);
        assert_int_equal(padme(length), padded);
        rows++;
    }
    (void)fclose(file);
    assert_true(rows > 250);
}

/* The loss is at most 12 %, and padding twice changes nothing. */
static void padme_wastes_little_and_is_idempotent(void **state)
{
    (void)state;
    for (uint64_t length = 0; length < 70000; length++) {
        uint64_t padded = padme(length);

        assert_true(padded >= length && padded - length <= length * 12 / 100 + 1);
        assert_int_equal(padme(padded), padded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_judged_as_wycheproof_does),
        cmocka_unit_test(key_agreement_gives_what_wycheproof_gives),
        cmocka_unit_test(sealing_gives_what_wycheproof_gives),
        cmocka_unit_test(padme_gives_the_published_lengths),
        cmocka_unit_test(padme_wastes_little_and_is_idempotent),
    };

    return RUN(tests);
}
