/* SPDX-License-Identifier: Apache-2.0 */
#include "seal.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
    NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    COMMITMENT_BYTES = 32,
    CONTEXT_BYTES = ID_BYTES + RECORD_NUMBER_BYTES + 2,
    PAD_MARK = 0x80
};

_Static_assert(NONCE_BYTES == 24 && SECTION_TAG_BYTES == crypto_aead_xchacha20poly1305_ietf_ABYTES,
               "sizes of XChaCha20-Poly1305");

struct section_keys {
    struct secret *secret; /* SLOTS_MAX keys one after another */
    uint16_t slots;
};

struct section_keys *section_keys_new(void)
{
    struct section_keys *keys = calloc(1, sizeof *keys);

    if (keys == NULL) {
        return NULL;
    }
    keys->secret = secret_new((size_t)SLOTS_MAX * KEY_BYTES);
    if (keys->secret == NULL) {
        free(keys);
        return NULL;
    }
    return keys;
}

void section_keys_free(struct section_keys **keys)
{
    if (keys == NULL || *keys == NULL) {
        return;
    }
    secret_free(&(*keys)->secret);
    free(*keys);
    *keys = NULL;
}

void section_keys_hold(struct section_keys *keys)
{
    (void)secret_open_for_writing(keys->secret);
}

void section_keys_release(struct section_keys *keys)
{
    secret_close(keys->secret);
}

void section_keys_clear(struct section_keys *keys)
{
    sodium_memzero(secret_open_for_writing(keys->secret), secret_size(keys->secret));
    secret_close(keys->secret);
    keys->slots = 0;
}

uint16_t section_keys_slots(const struct section_keys *keys)
{
    return keys->slots;
}

void section_keys_make(struct section_keys *keys, uint8_t slot)
{
    random_fill(secret_open_for_writing(keys->secret) + (size_t)slot * KEY_BYTES, KEY_BYTES);
    secret_close(keys->secret);
    keys->slots = (uint16_t)(keys->slots | (1U << slot));
}

void section_keys_put(struct section_keys *keys, uint8_t slot, const uint8_t key[static KEY_BYTES])
{
    memcpy(secret_open_for_writing(keys->secret) + (size_t)slot * KEY_BYTES, key, KEY_BYTES);
    secret_close(keys->secret);
    keys->slots = (uint16_t)(keys->slots | (1U << slot));
}

const uint8_t *section_keys_open(struct section_keys *keys, uint8_t slot)
{
    if (slot >= SLOTS_MAX || ((keys->slots >> slot) & 1U) == 0) {
        return NULL;
    }
    return secret_open(keys->secret) + (size_t)slot * KEY_BYTES;
}

void section_keys_close(struct section_keys *keys)
{
    secret_close(keys->secret);
}

uint64_t padme(uint64_t length)
{
    if (length < 2) {
        return length;
    }
    /* e = floor(log2 L), s = floor(log2 e) + 1; the last e - s bits become zero, rounding up. */
    unsigned e = 63 - (unsigned)__builtin_clzll(length);
    unsigned s = 32 - (unsigned)__builtin_clz(e == 0 ? 1 : e);
    uint64_t mask = e > s ? ((uint64_t)1 << (e - s)) - 1 : 0;

    return (length + mask) & ~mask;
}

/* What the derived values of one section are bound to. */
static void context_make(const struct seal_place *place, uint8_t context[static CONTEXT_BYTES])
{
    memcpy(context, place->originator.bytes, ID_BYTES);
    memcpy(context + ID_BYTES, place->record_number, RECORD_NUMBER_BYTES);
    context[CONTEXT_BYTES - 2] = place->slot;
    context[CONTEXT_BYTES - 1] = SEAL_SUITE;
}

/* Key, nonce and commitment of one section. */
struct derived {
    uint8_t key[KEY_BYTES];
    uint8_t nonce[32]; /* the KDF gives at least 16 bytes; 24 are used */
    uint8_t commitment[COMMITMENT_BYTES];
};

static void derive(const uint8_t *section_key, const uint8_t *context, struct derived *derived)
{
    struct view key = view_of(section_key, KEY_BYTES);
    struct view input = view_of(context, CONTEXT_BYTES);

    kdf(key, KDF_SECTION_KEY, &input, 1, derived->key, KEY_BYTES);
    kdf(key, KDF_SECTION_NONCE, &input, 1, derived->nonce, NONCE_BYTES);
    kdf(key, KDF_SECTION_COMMIT, &input, 1, derived->commitment, COMMITMENT_BYTES);
}

static struct id leaf_of(uint8_t slot, struct view ciphertext, const uint8_t *commitment)
{
    struct id hash = digest(HASH_CIPHER, ciphertext);
    uint8_t length[8];
    struct view parts[4];

    put_u64(length, ciphertext.size);
    parts[0] = view_of(&slot, 1);
    parts[1] = id_view(&hash);
    parts[2] = view_of(commitment, COMMITMENT_BYTES);
    parts[3] = view_of(length, sizeof length);
    return digest_parts(HASH_LEAF, parts, 4);
}

enum error seal_section(struct section_keys *keys, const struct seal_place *place,
                        struct view plain, struct buffer *ciphertext, struct id *leaf)
{
    uint8_t context[CONTEXT_BYTES];
    struct derived derived;
    uint64_t padded = 0;
    const uint8_t *key = NULL;
    uint8_t *bytes = NULL;

    buffer_clear(ciphertext);
    if (plain.size > SECTION_PLAINTEXT_MAX_BYTES) {
        return ERR_TOO_LARGE;
    }
    padded = padme(plain.size + 1);
    padded = padded < SECTION_PAD_MIN_BYTES ? SECTION_PAD_MIN_BYTES : padded;
    bytes = buffer_extend(ciphertext, (size_t)padded + SECTION_TAG_BYTES);
    if (bytes == NULL) {
        return ciphertext->error;
    }
    key = section_keys_open(keys, place->slot);
    if (key == NULL) {
        return ERR_BUG;
    }
    context_make(place, context);
    derive(key, context, &derived);
    section_keys_close(keys);
    if (plain.size > 0) {
        memcpy(bytes, plain.data, plain.size);
    }
    bytes[plain.size] = PAD_MARK;
    memset(bytes + plain.size + 1, 0, (size_t)padded - plain.size - 1);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(
        bytes, NULL, bytes, padded, context, CONTEXT_BYTES, NULL, derived.nonce, derived.key);
    *leaf = leaf_of(place->slot, view_of_buffer(ciphertext), derived.commitment);
    sodium_memzero(&derived, sizeof derived);
    return OK;
}

/* Cut the padding off; exactly one form is allowed, so that bytes cannot hide in it. */
static enum error unpad(struct buffer *plain)
{
    size_t size = plain->size;
    uint64_t padded = 0;

    while (size > 0 && plain->data[size - 1] == 0) {
        size--;
    }
    if (size == 0 || plain->data[size - 1] != PAD_MARK) {
        return ERR_BAD_SEAL;
    }
    padded = padme(size);
    padded = padded < SECTION_PAD_MIN_BYTES ? SECTION_PAD_MIN_BYTES : padded;
    if (padded != plain->size) {
        return ERR_BAD_SEAL;
    }
    plain->size = size - 1;
    return OK;
}

enum error seal_open(struct section_keys *keys, const struct seal_place *place,
                     struct view ciphertext, const struct id *leaf, struct buffer *plain)
{
    uint8_t context[CONTEXT_BYTES];
    struct derived derived;
    struct id expected = {{0}};
    const uint8_t *key = NULL;
    uint8_t *bytes = NULL;
    enum error err = OK;

    buffer_clear(plain);
    if (ciphertext.size < SECTION_PAD_MIN_BYTES + SECTION_TAG_BYTES) {
        return ERR_BAD_SEAL;
    }
    if (ciphertext.size > SECTION_CIPHERTEXT_MAX_BYTES) {
        return ERR_TOO_LARGE;
    }
    bytes = buffer_extend(plain, ciphertext.size - SECTION_TAG_BYTES);
    if (bytes == NULL) {
        return plain->error;
    }
    key = section_keys_open(keys, place->slot);
    if (key == NULL) {
        return ERR_KEY_MISSING;
    }
    context_make(place, context);
    derive(key, context, &derived);
    section_keys_close(keys);
    /* The commitment comes first: the AEAD alone lets one ciphertext open under two keys. */
    expected = leaf_of(place->slot, ciphertext, derived.commitment);
    if (!id_equal(&expected, leaf)) {
        err = ERR_BAD_COMMITMENT;
    } else if (crypto_aead_xchacha20poly1305_ietf_decrypt(bytes, NULL, NULL, ciphertext.data,
                                                          ciphertext.size, context, CONTEXT_BYTES,
                                                          derived.nonce, derived.key) != 0) {
        err = ERR_BAD_SEAL;
    } else {
        err = unpad(plain);
    }
    sodium_memzero(&derived, sizeof derived);
    if (err != OK) {
        buffer_clear(plain);
    }
    return err;
}
