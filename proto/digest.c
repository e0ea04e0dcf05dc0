/* SPDX-License-Identifier: Apache-2.0 */
#include "digest.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

static const char *const hash_labels[HASH_LABEL_COUNT] = {
    [HASH_NODE] = "valise1-node",       [HASH_EVENT] = "valise1-event",
    [HASH_CARD] = "valise1-card",       [HASH_KEY] = "valise1-key",
    [HASH_RECORD] = "valise1-rec",      [HASH_CIPHER] = "valise1-ct",
    [HASH_LEAF] = "valise1-leaf",       [HASH_GRANT] = "valise1-grant",
    [HASH_PAYLOAD] = "valise1-blob",    [HASH_LANE] = "valise1-lane",
    [HASH_GROUP] = "valise1-group",     [HASH_PREVIEW] = "valise1-view",
    [HASH_SESSION] = "valise1-session", [HASH_AUDIT] = "valise1-audit",
    [HASH_SAFETY] = "valise1-fpr",
};

static const char *const sign_labels[SIGN_LABEL_COUNT] = {
    [SIGN_INCEPTION] = "valise1/sig/inception", [SIGN_ROTATION] = "valise1/sig/rotation",
    [SIGN_CARD] = "valise1/sig/card",           [SIGN_CHARTER] = "valise1/sig/charter",
    [SIGN_RECORD] = "valise1/sig/record",       [SIGN_GRANT] = "valise1/sig/grant",
    [SIGN_LANE_HEAD] = "valise1/sig/lanehead",  [SIGN_LANE_ACK] = "valise1/sig/laneack",
    [SIGN_AUDIT] = "valise1/sig/audit",         [SIGN_HELLO] = "valise1/sig/hello",
};

static const char *const kdf_labels[KDF_LABEL_COUNT] = {
    [KDF_SECTION_KEY] = "sec/key",       [KDF_SECTION_NONCE] = "sec/nonce",
    [KDF_SECTION_COMMIT] = "sec/commit", [KDF_PAIR_WRAP] = "pair/wrap",
    [KDF_PAIR_RATCHET] = "psk/ratchet",  [KDF_STORE_VALUE] = "store/val",
    [KDF_STORE_INDEX] = "store/idx",     [KDF_STORE_AUDIT] = "store/aud",
    [KDF_STORE_KEY] = "store/key",       [KDF_STORE_ANCHOR] = "store/anchor",
    [KDF_KEYFILE] = "keyfile",           [KDF_BACKUP] = "backup",
};

static const char kdf_personal[] = "valise1-kdf";

enum { SIGNED_MAX_BYTES = SIGN_LABEL_BYTES + 2 * 1024 * 1024 };

const char *hash_label_text(enum hash_label label)
{
    return (unsigned)label < HASH_LABEL_COUNT ? hash_labels[label] : NULL;
}

const char *sign_label_text(enum sign_label label)
{
    return (unsigned)label < SIGN_LABEL_COUNT ? sign_labels[label] : NULL;
}

const char *kdf_label_text(enum kdf_label label)
{
    return (unsigned)label < KDF_LABEL_COUNT ? kdf_labels[label] : NULL;
}

static void hash_start(crypto_generichash_blake2b_state *state, struct view key,
                       const char *personal, size_t size)
{
    uint8_t padded[HASH_LABEL_BYTES] = {0};
    int bad = 0;

    memcpy(padded, personal, strlen(personal));
    bad = crypto_generichash_blake2b_init_salt_personal(state, key.data, key.size, size, NULL,
                                                        padded);
    assert(bad == 0); /* only fails for sizes that no caller can pass */
    (void)bad;
}

struct id digest_parts(enum hash_label label, const struct view *parts, size_t count)
{
    crypto_generichash_blake2b_state state;
    struct id id = {{0}};

    hash_start(&state, view_of(NULL, 0), hash_labels[label], ID_BYTES);
    for (size_t i = 0; i < count; i++) {
        (void)crypto_generichash_blake2b_update(&state, parts[i].data, parts[i].size);
    }
    (void)crypto_generichash_blake2b_final(&state, id.bytes, ID_BYTES);
    return id;
}

struct id digest(enum hash_label label, struct view bytes)
{
    return digest_parts(label, &bytes, 1);
}

struct id key_id(const uint8_t key[static 32])
{
    return digest(HASH_KEY, view_of(key, 32));
}

void digest_iterate(uint8_t state[static 64], struct view bytes)
{
    crypto_generichash_blake2b_state hash;

    hash_start(&hash, view_of(NULL, 0), hash_labels[HASH_SAFETY], 64);
    (void)crypto_generichash_blake2b_update(&hash, state, 64);
    (void)crypto_generichash_blake2b_update(&hash, bytes.data, bytes.size);
    (void)crypto_generichash_blake2b_final(&hash, state, 64);
}

bool id_equal(const struct id *a, const struct id *b)
{
    return memcmp(a->bytes, b->bytes, ID_BYTES) == 0;
}

bool id_is_none(const struct id *id)
{
    return sodium_is_zero(id->bytes, ID_BYTES) == 1;
}

struct view id_view(const struct id *id)
{
    return view_of(id->bytes, ID_BYTES);
}

bool id_from_view(struct view bytes, struct id *id)
{
    if (bytes.size != ID_BYTES) {
        return false;
    }
    memcpy(id->bytes, bytes.data, ID_BYTES);
    return true;
}

const char *id_format(const struct id *id, char text[static ID_TEXT_BYTES])
{
    return sodium_bin2hex(text, ID_TEXT_BYTES, id->bytes, ID_BYTES);
}

const char *id_format_short(const struct id *id, char text[static ID_SHORT_BYTES])
{
    return sodium_bin2hex(text, ID_SHORT_BYTES, id->bytes, (ID_SHORT_BYTES - 1) / 2);
}

bool id_parse(struct view text, struct id *id)
{
    struct id found = {{0}};
    size_t size = 0;
    const char *end = NULL;

    if (text.size != ID_TEXT_BYTES - 1 ||
        sodium_hex2bin(found.bytes, ID_BYTES, (const char *)text.data, text.size, NULL, &size,
                       &end) != 0 ||
        size != ID_BYTES) {
        return false;
    }
    *id = found;
    return true;
}

void random_fill(uint8_t *bytes, size_t size)
{
    randombytes_buf(bytes, size);
}

static void hash_prefixed(crypto_generichash_blake2b_state *state, struct view bytes)
{
    uint8_t size[4];

    put_u32(size, (uint32_t)bytes.size);
    (void)crypto_generichash_blake2b_update(state, size, sizeof size);
    (void)crypto_generichash_blake2b_update(state, bytes.data, bytes.size);
}

void kdf(struct view key, enum kdf_label label, const struct view *inputs, size_t count,
         uint8_t *out, size_t size)
{
    crypto_generichash_blake2b_state state;

    assert(key.size >= 16 && key.size <= 64 && size >= 16 && size <= 64);
    assert(count <= KDF_INPUTS_MAX);
    hash_start(&state, key, kdf_personal, size);
    hash_prefixed(&state, view_of_text(kdf_labels[label]));
    for (size_t i = 0; i < count; i++) {
        hash_prefixed(&state, inputs[i]);
    }
    (void)crypto_generichash_blake2b_final(&state, out, size);
    sodium_memzero(&state, sizeof state);
}

void token(struct view key, struct view value, uint8_t out[static 16])
{
    (void)crypto_generichash_blake2b_salt_personal(out, 16, value.data, value.size, key.data,
                                                   key.size, NULL,
                                                   (const uint8_t *)"valise1-tok\0\0\0\0");
}

struct secret *sign_new(uint8_t public_key[static SIGN_PUBLIC_BYTES])
{
    struct secret *key = secret_new(SIGN_SECRET_BYTES);

    if (key != NULL) {
        (void)crypto_sign_keypair(public_key, secret_open_for_writing(key));
        secret_close(key);
    }
    return key;
}

void sign_public(struct secret *key, uint8_t public_key[static SIGN_PUBLIC_BYTES])
{
    (void)crypto_sign_ed25519_sk_to_pk(public_key, secret_open(key));
    secret_close(key);
}

/* Ed25519 hashes its message twice, so the labelled message must lie in one piece. */
static enum error labelled(enum sign_label label, struct view bytes, struct buffer *message)
{
    uint8_t padded[SIGN_LABEL_BYTES] = {0};
    const char *text = sign_labels[label];

    memcpy(padded, text, strlen(text));
    buffer_append(message, view_of(padded, sizeof padded));
    buffer_append(message, bytes);
    return message->error;
}

enum error sign(struct secret *key, enum sign_label label, struct view bytes,
                uint8_t signature[static SIGNATURE_BYTES])
{
    struct buffer message = buffer_init(SIGNED_MAX_BYTES);
    enum error err = labelled(label, bytes, &message);

    if (err == OK) {
        (void)crypto_sign_detached(signature, NULL, message.data, message.size, secret_open(key));
        secret_close(key);
    }
    buffer_free(&message);
    return err;
}

enum error sign_verify(const uint8_t public_key[static SIGN_PUBLIC_BYTES], enum sign_label label,
                       struct view bytes, struct view signature)
{
    struct buffer message = buffer_init(SIGNED_MAX_BYTES);
    enum error err = OK;

    if (signature.size != SIGNATURE_BYTES) {
        return ERR_BAD_SIGNATURE;
    }
    err = labelled(label, bytes, &message);
    if (err == OK &&
        crypto_sign_verify_detached(signature.data, message.data, message.size, public_key) != 0) {
        err = ERR_BAD_SIGNATURE;
    }
    buffer_free(&message);
    return err;
}
