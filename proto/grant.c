/* SPDX-License-Identifier: Apache-2.0 */
#include "grant.h"

#include <sodium.h>
#include <string.h>

#define FIELD(object, member) offsetof(struct object, member)

enum { PLAIN_KEYS_BYTES = SLOTS_MAX * (1 + KEY_BYTES) };

_Static_assert(WRAPPED_KEYS_BYTES == PLAIN_KEYS_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES,
               "wrapped keys are fixed in size");
_Static_assert(GRANT_NONCE_BYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");

static const struct object_field terms_fields[] = {
    {0, OBJECT_INTEGER, false, FIELD(grant_terms, version), 1, 1, 0, "v", "version"},
    {1, OBJECT_FIXED, false, FIELD(grant_terms, issuer), 0, ID_BYTES, 0, "issuer", "node id"},
    {2, OBJECT_FIXED, false, FIELD(grant_terms, subject), 0, ID_BYTES, 0, "subject", "node id"},
    {3, OBJECT_FIXED, false, FIELD(grant_terms, record), 0, ID_BYTES, 0, "rid", "record id"},
    {4, OBJECT_FIXED, false, FIELD(grant_terms, issuer_seal_id), 0, ID_BYTES, 0, "issuer key",
     "H(\"valise1-key\", seal key)"},
    {5, OBJECT_FIXED, false, FIELD(grant_terms, subject_seal_id), 0, ID_BYTES, 0, "subject key",
     "H(\"valise1-key\", seal key)"},
    {GRANT_SECRET_EPOCH, OBJECT_INTEGER, true, FIELD(grant_terms, secret_epoch), 1, INT32_MAX, 0,
     "secret epoch", "of the pair secret"},
    {7, OBJECT_INTEGER, false, FIELD(grant_terms, suite), GRANT_SUITE, GRANT_SUITE, 0, "suite",
     "1 = X25519, XChaCha20-Poly1305"},
    {8, OBJECT_BYTES, false, FIELD(grant_terms, caveats), 1, CAVEATS_MAX_BYTES, 0, "caveats",
     "packed caveats"},
    {9, OBJECT_INSTANT, false, FIELD(grant_terms, issued_at), 0, INT64_MAX, 0, "issued at",
     "when made"},
    {GRANT_PARENT, OBJECT_FIXED, true, FIELD(grant_terms, parent), 0, ID_BYTES, 0, "parent",
     "H(\"valise1-grant\", parent)"},
    {11, OBJECT_INTEGER, false, FIELD(grant_terms, depth), 0, GRANT_CHAIN_MAX, 0, "depth",
     "hops from the originator"},
    {12, OBJECT_FIXED, false, FIELD(grant_terms, nonce), 0, GRANT_NONCE_BYTES, 0, "nonce",
     "random"},
};

static const struct object_field grant_fields[] = {
    {0, OBJECT_BYTES, false, FIELD(grant, terms), 1, GRANT_TERMS_MAX_BYTES, 0, "terms",
     "packed terms, the additional data of the wrap"},
    {1, OBJECT_FIXED, false, FIELD(grant, wrapped), 0, WRAPPED_KEYS_BYTES, 0, "wrapped",
     "16 × (have ‖ key or random), sealed"},
    {GRANT_SIGNATURE, OBJECT_FIXED, true, FIELD(grant, signature), 0, SIGNATURE_BYTES, 0,
     "signature", "over terms ‖ wrapped, where third parties must be convinced"},
};

static const struct object_field parcel_fields[] = {
    {0, OBJECT_INTEGER, false, FIELD(parcel, version), 1, 1, 0, "v", "version"},
    {1, OBJECT_BYTES, false, FIELD(parcel, grant), 1, GRANT_MAX_BYTES, 0, "grant", "packed grant"},
    {2, OBJECT_BYTES, false, FIELD(parcel, header), 1, ENVELOPE_HEADER_MAX_BYTES, 0, "header",
     "packed record header"},
    {3, OBJECT_FIXED, false, FIELD(parcel, signature), 0, SIGNATURE_BYTES, 0, "signature",
     "the originator's, over the header"},
    {4, OBJECT_BYTES, false, FIELD(parcel, slots), 1, SLOTS_MAX, 0, "slots",
     "granted slots, ascending, a byte each"},
    {5, OBJECT_LIST, false, FIELD(parcel, ciphers), ID_BYTES, ID_BYTES, SLOTS_MAX, "ciphertexts",
     "H(\"valise1-ct\", ciphertext) of each of them"},
    {6, OBJECT_LIST, false, FIELD(parcel, parents), 1, GRANT_MAX_BYTES, GRANT_CHAIN_MAX, "parents",
     "grants this one rests on, nearest first"},
};

#define INFO(name, text, bytes, table)                                                             \
    const struct object_info name##_info = {text, table, sizeof table / sizeof table[0],           \
                                            sizeof(struct name), bytes}

INFO(grant_terms, "grant terms", GRANT_TERMS_MAX_BYTES, terms_fields);
INFO(grant, "grant", GRANT_MAX_BYTES, grant_fields);
INFO(parcel, "parcel", PARCEL_MAX_BYTES, parcel_fields);

struct secret *pair_key_new(struct secret *seal_secret, const struct pair_end *us,
                            const struct pair_end *them, struct secret *pair_secret, int64_t epoch)
{
    bool we_first = memcmp(us->node.bytes, them->node.bytes, ID_BYTES) < 0;
    const struct pair_end *first = we_first ? us : them;
    const struct pair_end *second = we_first ? them : us;
    struct id first_key = key_id(first->seal_key);
    struct id second_key = key_id(second->seal_key);
    uint8_t epoch_bytes[8];
    struct secret *input = secret_new(2 * KEY_BYTES);
    struct secret *pair = secret_new(KEY_BYTES);
    bool good = input != NULL && pair != NULL;

    if (good) {
        uint8_t *bytes = secret_open_for_writing(input);
        good = crypto_scalarmult(bytes, secret_open(seal_secret), them->seal_key) == 0;
        secret_close(seal_secret);
        if (pair_secret != NULL) {
            memcpy(bytes + KEY_BYTES, secret_open(pair_secret), KEY_BYTES);
            secret_close(pair_secret);
        }
        secret_close(input);
    }
    if (good) {
        put_u64(epoch_bytes, (uint64_t)epoch);
        struct view parts[5] = {id_view(&first->node), id_view(&second->node), id_view(&first_key),
                                id_view(&second_key), view_of(epoch_bytes, sizeof epoch_bytes)};
        kdf(view_of(secret_open(input), 2 * KEY_BYTES), KDF_PAIR_WRAP, parts, 5,
            secret_open_for_writing(pair), KEY_BYTES);
        secret_close(pair);
        secret_close(input);
    } else {
        secret_free(&pair);
    }
    secret_free(&input);
    return pair;
}

/* The fixed-size plaintext of the wrap: a flag and a key, or a flag and random bytes. */
static enum error fill_plain(struct section_keys *keys, uint16_t slots, uint8_t *plain)
{
    random_fill(plain, PLAIN_KEYS_BYTES);
    for (uint8_t slot = 0; slot < SLOTS_MAX; slot++) {
        uint8_t *place = plain + (size_t)slot * (1 + KEY_BYTES);
        place[0] = (uint8_t)((slots >> slot) & 1U);
        if (place[0] == 0) {
            continue;
        }
        const uint8_t *key = section_keys_open(keys, slot);
        if (key == NULL) {
            return ERR_KEY_MISSING;
        }
        memcpy(place + 1, key, KEY_BYTES);
        section_keys_close(keys);
    }
    return OK;
}

static enum error sign_grant(struct grant *grant, struct secret *sign_key)
{
    struct buffer bytes = buffer_init(GRANT_MAX_BYTES);
    enum error err = OK;

    buffer_append(&bytes, grant->terms);
    buffer_append(&bytes, view_of(grant->wrapped, WRAPPED_KEYS_BYTES));
    TRY(bytes.error);
    TRY(sign(sign_key, SIGN_GRANT, view_of_buffer(&bytes), grant->signature));
    OBJECT_SET(grant, GRANT_SIGNATURE);
out:
    buffer_free(&bytes);
    return err;
}

enum error grant_make(struct grant_terms *terms, struct section_keys *keys, uint16_t slots,
                      struct secret *pair_key, struct secret *sign_key, struct buffer *to)
{
    struct buffer terms_bytes = buffer_init(GRANT_TERMS_MAX_BYTES);
    struct grant grant = {0};
    uint8_t plain[PLAIN_KEYS_BYTES];
    enum error err = OK;

    if (slots == 0) {
        return ERR_AUDIENCE_EMPTY;
    }
    random_fill(terms->nonce, GRANT_NONCE_BYTES);
    TRY(object_encode(&grant_terms_info, terms, &terms_bytes));
    TRY(fill_plain(keys, slots, plain));
    grant.terms = view_of_buffer(&terms_bytes);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(grant.wrapped, NULL, plain, sizeof plain,
                                                     terms_bytes.data, terms_bytes.size, NULL,
                                                     terms->nonce, secret_open(pair_key));
    secret_close(pair_key);
    if (sign_key != NULL) {
        TRY(sign_grant(&grant, sign_key));
    }
    TRY(object_encode(&grant_info, &grant, to));
out:
    sodium_memzero(plain, sizeof plain);
    buffer_free(&terms_bytes);
    return err;
}

enum error grant_read(struct view bytes, struct arena *arena, struct grant_parts *parts)
{
    enum error err = OK;

    TRY(object_decode(&grant_info, bytes, arena, &parts->grant));
    TRY(object_decode(&grant_terms_info, parts->grant.terms, arena, &parts->terms));
    TRY(caveats_read(parts->terms.caveats, arena, &parts->caveats));
out:
    return err;
}

enum error grant_unwrap(const struct grant_parts *parts, struct secret *pair_key,
                        struct section_keys *keys)
{
    uint8_t plain[PLAIN_KEYS_BYTES];
    enum error err = OK;
    int bad = crypto_aead_xchacha20poly1305_ietf_decrypt(
        plain, NULL, NULL, parts->grant.wrapped, WRAPPED_KEYS_BYTES, parts->grant.terms.data,
        parts->grant.terms.size, parts->terms.nonce, secret_open(pair_key));

    secret_close(pair_key);
    section_keys_clear(keys);
    if (bad != 0) {
        return ERR_BAD_SEAL;
    }
    for (uint8_t slot = 0; slot < SLOTS_MAX; slot++) {
        const uint8_t *place = plain + (size_t)slot * (1 + KEY_BYTES);
        if (place[0] > 1) {
            err = ERR_BAD_SEAL;
            break;
        }
        if (place[0] == 1) {
            section_keys_put(keys, slot, place + 1);
        }
    }
    sodium_memzero(plain, sizeof plain);
    if (err != OK) {
        section_keys_clear(keys);
    }
    return err;
}

enum error grant_verify(const struct grant *grant, const uint8_t sign_key[static SIGN_PUBLIC_BYTES])
{
    struct buffer bytes = buffer_init(GRANT_MAX_BYTES);
    enum error err = OK;

    if (!OBJECT_HAS(grant, GRANT_SIGNATURE)) {
        return ERR_BAD_SIGNATURE;
    }
    buffer_append(&bytes, grant->terms);
    buffer_append(&bytes, view_of(grant->wrapped, WRAPPED_KEYS_BYTES));
    TRY(bytes.error);
    TRY(sign_verify(sign_key, SIGN_GRANT, view_of_buffer(&bytes),
                    view_of(grant->signature, SIGNATURE_BYTES)));
out:
    buffer_free(&bytes);
    return err;
}

struct id grant_hash(struct view bytes)
{
    return digest(HASH_GRANT, bytes);
}

enum error parcel_read(struct view bytes, struct arena *arena, struct parcel *parcel)
{
    enum error err = object_decode(&parcel_info, bytes, arena, parcel);

    if (err != OK) {
        return err;
    }
    if (parcel->slots.size != parcel->ciphers.count) {
        return ERR_NOT_CANONICAL;
    }
    for (size_t i = 0; i < parcel->slots.size; i++) {
        uint8_t slot = parcel->slots.data[i];
        if (slot >= SLOTS_MAX || (i > 0 && slot <= parcel->slots.data[i - 1])) {
            return ERR_NOT_CANONICAL;
        }
    }
    return OK;
}
