/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * BLAKE2b with a mandatory label, keys derived from keys, and Ed25519 with a
 * mandatory label. Every label of the product stands in one table, so that no
 * two uses can be confused. Source: WIRE.md W-10..W-13.
 */

#include "bytes.h"
#include "secret.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    ID_BYTES = 32,
    ID_TEXT_BYTES = 65,  /* hexadecimal and its end */
    ID_SHORT_BYTES = 13, /* first 12 hexadecimal digits and their end */
    SIGNATURE_BYTES = 64,
    SIGN_PUBLIC_BYTES = 32,
    SIGN_SECRET_BYTES = 64,
    SIGN_LABEL_BYTES = 32,
    HASH_LABEL_BYTES = 16,
    KDF_INPUTS_MAX = 8
};

/** A BLAKE2b-256 hash that names something. All zero means "none". */
struct id {
    uint8_t bytes[ID_BYTES];
};

/** What a hash is for. */
enum hash_label {
    HASH_NODE,    /* node id of an inception */
    HASH_EVENT,   /* committed next key; previous event */
    HASH_CARD,    /* a card */
    HASH_KEY,     /* name of a public key */
    HASH_RECORD,  /* record id of a header */
    HASH_CIPHER,  /* a section's ciphertext */
    HASH_LEAF,    /* slot leaf */
    HASH_GRANT,   /* a grant */
    HASH_PAYLOAD, /* payload of a lane entry */
    HASH_LANE,    /* a lane entry */
    HASH_GROUP,   /* a group */
    HASH_PREVIEW, /* a preview table */
    HASH_SESSION, /* tag of one direction of one session */
    HASH_AUDIT,   /* an audit entry */
    HASH_SAFETY,  /* safety number */
    HASH_LABEL_COUNT
};

/** What a signature is for. */
enum sign_label {
    SIGN_INCEPTION,
    SIGN_ROTATION,
    SIGN_CARD,
    SIGN_CHARTER,
    SIGN_RECORD,
    SIGN_GRANT,
    SIGN_LANE_HEAD,
    SIGN_LANE_ACK,
    SIGN_AUDIT,
    SIGN_HELLO,
    SIGN_LABEL_COUNT
};

/** What a derived key is for. */
enum kdf_label {
    KDF_SECTION_KEY,
    KDF_SECTION_NONCE,
    KDF_SECTION_COMMIT,
    KDF_PAIR_WRAP,
    KDF_PAIR_RATCHET,
    KDF_STORE_VALUE,
    KDF_STORE_INDEX,
    KDF_STORE_AUDIT,
    KDF_STORE_KEY,
    KDF_STORE_ANCHOR,
    KDF_KEYFILE,
    KDF_BACKUP,
    KDF_LABEL_COUNT
};

/** The text of a label, static; index beyond the table gives NULL. */
const char *hash_label_text(enum hash_label label);
const char *sign_label_text(enum sign_label label);
const char *kdf_label_text(enum kdf_label label);

/** H(label, bytes). Cannot fail. W-10. */
struct id digest(enum hash_label label, struct view bytes);

/** H(label, part ‖ part ‖ …): the parts are joined without lengths, so give them fixed sizes. */
struct id digest_parts(enum hash_label label, const struct view *parts, size_t count);

/**
 * BLAKE2b-512 of `previous ‖ bytes` for the safety number's iteration. W-32.
 * @param state 64 bytes, replaced.
 */
void digest_iterate(uint8_t state[static 64], struct view bytes);

/** The name of a public key of 32 bytes: H("valise1-key", key). */
struct id key_id(const uint8_t key[static 32]);

bool id_equal(const struct id *a, const struct id *b);
bool id_is_none(const struct id *id);
struct view id_view(const struct id *id);

/** Copy 32 bytes into an id. @return false, id untouched, if the size is not 32. */
bool id_from_view(struct view bytes, struct id *id);

/** Write an id as 64 hexadecimal digits, or its first 12. @return text. */
const char *id_format(const struct id *id, char text[static ID_TEXT_BYTES]);
const char *id_format_short(const struct id *id, char text[static ID_SHORT_BYTES]);

/** Read 64 hexadecimal digits. @return false if it is anything else. */
bool id_parse(struct view text, struct id *id);

/** Random bytes that tests can replace (libsodium's randombytes implementation). */
void random_fill(uint8_t *bytes, size_t size);

/**
 * KDF(key, label, inputs…; size): keyed BLAKE2b over the length-prefixed label
 * and inputs. W-12.
 * @param key    16..64 bytes, open.
 * @param inputs at most KDF_INPUTS_MAX.
 * @param out    16..64 bytes to fill.
 */
void kdf(struct view key, enum kdf_label label, const struct view *inputs, size_t count,
         uint8_t *out, size_t size);

/**
 * A keyed token of 16 bytes for the blind index. W-12 with a precomputed key.
 * @param key 32 bytes, open.
 */
void token(struct view key, struct view value, uint8_t out[static 16]);

/**
 * Make an Ed25519 key pair.
 * @return the secret half (SIGN_SECRET_BYTES), owned by the caller; NULL without memory.
 */
struct secret *sign_new(uint8_t public_key[static SIGN_PUBLIC_BYTES]);

/** The public half of a signing key of SIGN_SECRET_BYTES. */
void sign_public(struct secret *key, uint8_t public_key[static SIGN_PUBLIC_BYTES]);

/** Sign `label padded to 32 bytes ‖ bytes` (W-11). Cannot fail for bytes up to 2 MiB. */
MUST_CHECK enum error sign(struct secret *key, enum sign_label label, struct view bytes,
                           uint8_t signature[static SIGNATURE_BYTES]);

/**
 * Verify such a signature. Small-order keys and malleated signatures are refused.
 * @return OK, ERR_BAD_SIGNATURE, ERR_NO_MEMORY.
 */
MUST_CHECK enum error sign_verify(const uint8_t public_key[static SIGN_PUBLIC_BYTES],
                                  enum sign_label label, struct view bytes, struct view signature);
