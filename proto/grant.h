/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A grant gives one State the keys of the sections it may read of one record.
 * The keys are wrapped under the pair's key, always in the same size, so that
 * nobody can count sections. A parcel is a grant with the header it opens: the
 * payload of a lane entry. WIRE.md W-53..W-58.
 */

#include "arena.h"
#include "caveats.h"
#include "digest.h"
#include "envelope.h"
#include "object.h"
#include "seal.h"

enum {
    GRANT_NONCE_BYTES = 24,
    WRAPPED_KEYS_BYTES = SLOTS_MAX * (1 + KEY_BYTES) + 16,
    GRANT_TERMS_MAX_BYTES = CAVEATS_MAX_BYTES + 512,
    GRANT_MAX_BYTES = GRANT_TERMS_MAX_BYTES + WRAPPED_KEYS_BYTES + 128,
    GRANT_CHAIN_MAX = 4,
    PARCEL_MAX_BYTES = 49152,
    GRANT_SUITE = 1
};

/** What the wrapped keys are bound to: their additional data. */
struct grant_terms {
    uint64_t present;
    int64_t version;
    struct id issuer;
    struct id subject;
    struct id record;
    struct id issuer_seal_id;
    struct id subject_seal_id;
    int64_t secret_epoch; /* or nil */
    int64_t suite;
    struct view caveats;
    struct instant issued_at;
    struct id parent; /* or nil: hash of the parent grant */
    int64_t depth;
    uint8_t nonce[GRANT_NONCE_BYTES];
};

struct grant {
    uint64_t present;
    struct view terms;
    uint8_t wrapped[WRAPPED_KEYS_BYTES];
    uint8_t signature[SIGNATURE_BYTES]; /* or nil */
};

struct parcel {
    uint64_t present;
    int64_t version;
    struct view grant;
    struct view header;
    uint8_t signature[SIGNATURE_BYTES];
    struct view slots;    /* ascending; one byte for each granted section */
    struct views ciphers; /* hash of the ciphertext in each of these slots */
    struct views parents; /* grants this one rests on, nearest first */
};

enum { GRANT_SECRET_EPOCH = 6, GRANT_PARENT = 10, GRANT_SIGNATURE = 2 };

extern const struct object_info grant_terms_info;
extern const struct object_info grant_info;
extern const struct object_info parcel_info;

/** One end of a pair: who, and which seal key. */
struct pair_end {
    struct id node;
    uint8_t seal_key[32]; /* X25519 public */
};

/**
 * The key that wraps section keys between two nodes; the same at both ends.
 *
 * @param seal_secret our X25519 secret, whose public half is in `us`.
 * @param pair_secret 32 bytes agreed outside the network, or NULL.
 * @param epoch       of the pair secret; 0 without one.
 * @return owned by the caller; NULL without memory or for a peer key of small order.
 */
struct secret *pair_key_new(struct secret *seal_secret, const struct pair_end *us,
                            const struct pair_end *them, struct secret *pair_secret, int64_t epoch);

/**
 * Make a grant.
 *
 * @param terms    filled in by the caller, all but nonce, which is drawn here.
 * @param keys     holds at least the keys of `slots`.
 * @param slots    bit set of the sections granted; never 0.
 * @param sign_key our signing key to sign it with as well, or NULL.
 * @param to       receives the grant, appended.
 * @return OK, ERR_AUDIENCE_EMPTY for no slots, ERR_KEY_MISSING, ERR_NO_MEMORY, ERR_TOO_LARGE.
 */
MUST_CHECK enum error grant_make(struct grant_terms *terms, struct section_keys *keys,
                                 uint16_t slots, struct secret *pair_key, struct secret *sign_key,
                                 struct buffer *to);

/** A grant taken apart; views borrow from its bytes. */
struct grant_parts {
    struct grant grant;
    struct grant_terms terms;
    struct caveats caveats;
};

/**
 * Take a grant apart without trusting it.
 * @return OK, ERR_NOT_CANONICAL, ERR_POLICY_INVALID for contradictory caveats, ERR_TOO_LARGE,
 *         ERR_NO_MEMORY.
 */
MUST_CHECK enum error grant_read(struct view bytes, struct arena *arena, struct grant_parts *parts);

/**
 * Unwrap the section keys.
 * @param keys cleared, then holds the granted keys.
 * @return OK; ERR_BAD_SEAL if the pair key or the terms are not the right ones.
 */
MUST_CHECK enum error grant_unwrap(const struct grant_parts *parts, struct secret *pair_key,
                                   struct section_keys *keys);

/** Verify a grant's own signature. ERR_BAD_SIGNATURE also if it has none; ERR_NO_MEMORY. */
MUST_CHECK enum error grant_verify(const struct grant *grant,
                                   const uint8_t sign_key[static SIGN_PUBLIC_BYTES]);

/** H("valise1-grant", bytes). */
struct id grant_hash(struct view bytes);

/**
 * Decode a parcel without trusting it; slots ascend and match ciphers in number.
 * @return OK, ERR_NOT_CANONICAL, ERR_TOO_LARGE, ERR_NO_MEMORY.
 */
MUST_CHECK enum error parcel_read(struct view bytes, struct arena *arena, struct parcel *parcel);
