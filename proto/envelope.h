/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A record as it travels: a signed header over slot leaves. Leaves of sections
 * and random decoys look alike, so a reader of one section still verifies the
 * originator's signature over the whole record and learns nothing of the rest.
 * WIRE.md W-45..W-49.
 */

#include "arena.h"
#include "digest.h"
#include "object.h"
#include "seal.h"
#include "secret.h"

enum {
    ENVELOPE_HEADER_MAX_BYTES = 1024,
    ENVELOPE_SLOTS = 8, /* what we write: all our records look alike */
    SECTION_NAME_MAX_BYTES = 32,
    SECTION_SCHEMA_MAX_BYTES = 64,
    RETENTION_YEARS_MIN = 10, /* Treaty Article 12 (4) */
    RETENTION_YEARS_MAX = 100
};

/** The signed header. */
struct envelope_header {
    uint64_t present;
    int64_t version;
    struct id originator;
    struct id sign_id; /* names the signing key */
    uint8_t record_number[RECORD_NUMBER_BYTES];
    struct views leaves; /* 1, 2, 4, 8 or 16 of ID_BYTES */
    int64_t retention_years;
    int64_t charter_epoch; /* or nil */
};

/** What a section's plaintext holds. */
struct section {
    uint64_t present;
    struct view name;
    struct view schema;
    int64_t version;
    struct view body; /* canonical map with text keys */
};

extern const struct object_info envelope_header_info;
extern const struct object_info section_info;

/** One section on its way into an envelope. */
struct envelope_section {
    struct section section;   /* borrowed by envelope_make */
    uint8_t slot;             /* set by envelope_make */
    struct buffer ciphertext; /* set by envelope_make; owned by the caller, buffer_free it */
    struct id cipher_id;      /* hash of the ciphertext, set by envelope_make */
};

/** A record on its way into an envelope. */
struct envelope_draft {
    struct id originator;              /* our node id */
    struct envelope_section *sections; /* 1..ENVELOPE_SLOTS; slot, ciphertext, cipher_id are set */
    size_t count;
    int64_t retention_years; /* RETENTION_YEARS_MIN..MAX */
};

/** One ciphertext and the slot it belongs to. */
struct envelope_part {
    uint8_t slot;
    struct view ciphertext;
};

/** A finished envelope: bytes that are kept and sent as they are. */
struct envelope {
    struct buffer header; /* owned, buffer_free it */
    uint8_t signature[SIGNATURE_BYTES];
    struct id record_id;
    uint8_t record_number[RECORD_NUMBER_BYTES];
};

/** Free what envelope_make gave. */
void envelope_free(struct envelope *envelope);
void envelope_section_free(struct envelope_section *section);

/**
 * Seal sections into slots in random order, fill the rest with decoys, sign.
 *
 * @param sign_key our card's signing key.
 * @param keys     cleared, then holds a fresh key for each section's slot.
 * @param envelope receives header and signature; zeroed by the caller before.
 * @return OK, ERR_TOO_LARGE for a section that does not fit or too many, ERR_NO_MEMORY.
 */
MUST_CHECK enum error envelope_make(const struct envelope_draft *draft, struct secret *sign_key,
                                    struct section_keys *keys, struct envelope *envelope);

/**
 * Decode a header without trusting it.
 * @return OK, ERR_NOT_CANONICAL (also for another number of leaves), ERR_TOO_LARGE, ERR_NO_MEMORY.
 */
MUST_CHECK enum error envelope_read_header(struct view bytes, struct arena *arena,
                                           struct envelope_header *header);

/**
 * Verify the originator's signature over a header.
 * @param sign_key the key that header->sign_id names.
 * @return OK, ERR_BAD_SIGNATURE, ERR_NO_MEMORY.
 */
MUST_CHECK enum error envelope_verify(struct view header_bytes, struct view signature,
                                      const uint8_t sign_key[static SIGN_PUBLIC_BYTES]);

/** H("valise1-rec", header bytes): the name of this version of the record. */
struct id envelope_record_id(struct view header_bytes);

/**
 * Open one section of a verified header.
 * @param plain   receives the plaintext that `section` then borrows; cleared first.
 * @return as seal_open and object_decode; ERR_BAD_COMMITMENT for a slot beyond the leaves.
 */
MUST_CHECK enum error envelope_open(const struct envelope_header *header,
                                    const struct envelope_part *part, struct section_keys *keys,
                                    struct buffer *plain, struct arena *arena,
                                    struct section *section);
