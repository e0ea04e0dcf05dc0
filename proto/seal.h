/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sections: one random key each, padded so that length tells little, sealed
 * with an explicit key commitment, bound to their place in one record.
 * WIRE.md W-40..W-44.
 */

#include "bytes.h"
#include "digest.h"
#include "secret.h"

enum {
    SLOTS_MAX = 16,
    SECTION_PAD_MIN_BYTES = 1024,
    SECTION_TAG_BYTES = 16,
    RECORD_NUMBER_BYTES = 16,
    SEAL_SUITE = 1,
    SECTION_CIPHERTEXT_MAX_BYTES = 1024 * 1024,
    /* The largest plaintext whose padded ciphertext still fits. */
    SECTION_PLAINTEXT_MAX_BYTES = 1032191
};

/** Where a section belongs; enters its key derivation and its authentication. */
struct seal_place {
    struct id originator;
    uint8_t record_number[RECORD_NUMBER_BYTES];
    uint8_t slot; /* 0..SLOTS_MAX-1 */
};

/** Section keys by slot, in one piece of secret memory. */
struct section_keys;

/** Make an empty set; owned by the caller; NULL without memory. */
struct section_keys *section_keys_new(void);
void section_keys_free(struct section_keys **keys);

/**
 * Keep the keys' memory open until section_keys_release, for work on many
 * sections or records at once: opening it costs more than the work. Calls nest.
 */
void section_keys_hold(struct section_keys *keys);
void section_keys_release(struct section_keys *keys);

/** Forget all keys. */
void section_keys_clear(struct section_keys *keys);

/** Bit set of the slots that have a key. */
uint16_t section_keys_slots(const struct section_keys *keys);

/** Put a fresh random key into a slot. */
void section_keys_make(struct section_keys *keys, uint8_t slot);

/** Put the given 32 bytes into a slot; the caller wipes its copy. */
void section_keys_put(struct section_keys *keys, uint8_t slot, const uint8_t key[static KEY_BYTES]);

/** Read access to the key of a slot until section_keys_close; NULL if it has none. */
const uint8_t *section_keys_open(struct section_keys *keys, uint8_t slot);
void section_keys_close(struct section_keys *keys);

/**
 * Padded length of a plaintext: PADMÉ (Nikitin et al., "Reducing Metadata
 * Leakage from Encrypted Files and Communication with PURBs", Algorithm 1).
 * @param length 0..2^62.
 */
uint64_t padme(uint64_t length);

/**
 * Seal one section with the key of its slot.
 *
 * @param plain      at most SECTION_PLAINTEXT_MAX_BYTES.
 * @param ciphertext receives it; cleared first.
 * @param leaf       receives the leaf for the header.
 * @return OK, ERR_TOO_LARGE, ERR_NO_MEMORY, ERR_BUG if the slot has no key.
 */
MUST_CHECK enum error seal_section(struct section_keys *keys, const struct seal_place *place,
                                   struct view plain, struct buffer *ciphertext, struct id *leaf);

/**
 * Open one section after checking that key and ciphertext are the ones that
 * the originator signed: commitment and ciphertext hash against the leaf.
 *
 * @param leaf  from the verified header.
 * @param plain receives the plaintext; cleared first.
 * @return OK; ERR_BAD_COMMITMENT if key or ciphertext do not give the leaf; ERR_BAD_SEAL if
 *         it does not decrypt or the padding is wrong; ERR_TOO_LARGE; ERR_NO_MEMORY;
 *         ERR_KEY_MISSING if the slot has no key.
 */
MUST_CHECK enum error seal_open(struct section_keys *keys, const struct seal_place *place,
                                struct view ciphertext, const struct id *leaf,
                                struct buffer *plain);
