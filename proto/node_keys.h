/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * All keys of a node in one sealed file: working keys, store key, and the
 * public bundle they belong to. The authority keys are apart: they can be kept
 * on another machine. WIRE.md W-36.
 */

#include "identity.h"
#include "keyfile.h"
#include "secret.h"

/** Form of what a node's key file holds. W-36 */
extern const struct object_info node_keys_info;

/** The keys of a node while it runs. */
struct node_keys {
    struct buffer bundle; /* packed identity bundle: our events and cards */
    struct identity identity;
    struct card_facts card;   /* newest */
    struct secret *sign_key;  /* SIGN_SECRET_BYTES */
    struct secret *seal_key;  /* 32 */
    struct secret *curve_key; /* 32 */
    struct secret *master;    /* of the store, 32 */
};

/** What a new identity is made of. */
struct node_keys_wish {
    struct view state; /* alpha-3 */
    struct view name;
    const struct view *endpoints; /* tcp://HOST:PORT */
    size_t endpoint_count;
    int card_days; /* 1..CARD_DAYS_MAX */
    struct instant now;
};

/**
 * Make a new identity with a 1-of-1 authority, and a first card.
 * @param keys      receives the node's keys; node_keys_free.
 * @param authority receives the authority key in force, owned by the caller.
 * @param next      receives the key that a rotation will bring in, owned by the caller.
 * @return OK; ERR_FIELD_VALUE for a bad State, name or endpoint; ERR_NO_MEMORY.
 */
MUST_CHECK enum error node_keys_make(const struct node_keys_wish *wish, struct node_keys *keys,
                                     struct secret **authority, struct secret **next);

void node_keys_free(struct node_keys *keys);

/** Seal the keys into a key file; `to` receives its text form, appended. */
MUST_CHECK enum error node_keys_seal(const struct node_keys *keys,
                                     const struct keyfile_opener *opener, enum keyfile_cost cost,
                                     struct buffer *to);

/**
 * Open such a file.
 * @param text from a file.
 * @return OK; ERR_PASSPHRASE; ERR_IDENTITY if keys and card do not belong together;
 *         ERR_NOT_CANONICAL; ERR_CARD_UNREADABLE for another kind of file; ERR_NO_MEMORY.
 */
MUST_CHECK enum error node_keys_open(struct view text, const struct keyfile_opener *opener,
                                     struct node_keys *keys);

/** Seal one authority key into a key file of its own; `to` receives its text form, appended. */
MUST_CHECK enum error authority_key_seal(struct secret *key, const struct keyfile_opener *opener,
                                         enum keyfile_cost cost, struct buffer *to);
