/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What one entry of a lane brings, on its way into the store: its ciphertexts
 * found and its sections opened and joined with what is held of the record.
 * Nothing is written here.
 */

#include "contents.h"
#include "receive.h"
#include "record_sections.h"

/** One parcel on its way into the store. All views borrow from the payload or the arena. */
struct incoming {
    struct parcel parcel;
    struct grant_parts grant;
    struct envelope_header header;
    struct id record_id;
    struct record_parts parts;
    struct view ciphertexts[SLOTS_MAX];  /* of each granted slot */
    bool kept[SLOTS_MAX];                /* the ciphertext lies in the store already */
    enum section_id sections[SLOTS_MAX]; /* of each granted slot */
    struct value *record;                /* merged, with what was held of it before */
    struct contents contents;            /* what it is found by */
    bool held;                           /* a part of it is here already */
    uint64_t number;                     /* of what is here */
    struct store_record held_row;
    struct reference reference;
    int64_t version;
};

/**
 * Find the ciphertexts of the granted slots: in the batch, else in the store.
 * @param in its parcel and header are read.
 * @return ERR_NOT_FOUND when some are missing, named in peer->wanted then;
 *         ERR_BLOB_MISSING when the peer said that it cannot give one;
 *         ERR_STORE_*, ERR_MEMORY.
 */
MUST_CHECK enum error incoming_find_ciphers(struct receive *receive, struct incoming *in);

/**
 * Open the granted sections, join them with what an earlier grant of the same
 * record gave, check the whole, and collect what it is found by.
 * @param in its ciphertexts are found, its keys are in engine->scratch_keys.
 * @return ERR_BAD_HASH, ERR_BAD_SEAL, ERR_BAD_COMMITMENT, ERR_RECORD_CONFLICT,
 *         ERR_CODE_NOT_KNOWN_HERE or what record_check says when the record is
 *         bad; ERR_STORE_*, ERR_MEMORY.
 */
MUST_CHECK enum error incoming_open(struct receive *receive, struct incoming *in);
