/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who a node is. A self-signed inception names the State and its authority
 * keys; its hash is the node id, stable for life. Rotations replace the keys
 * by ones that were committed to beforehand. A card, signed by the authority
 * keys, carries the short-lived working keys. WIRE.md W-20..W-27.
 */

#include "arena.h"
#include "digest.h"
#include "instant.h"
#include "object.h"
#include "secret.h"

enum {
    IDENTITY_KEYS_MAX = 16,
    IDENTITY_EVENTS_MAX = 64,
    IDENTITY_CARDS_MAX = 64,
    IDENTITY_NAME_MAX_BYTES = 120,
    STATE_TEXT_BYTES = 4,
    CARD_ENDPOINTS_MAX = 4,
    ENDPOINT_MAX_BYTES = 255,
    BOX_PUBLIC_BYTES = 32,
    SIGNED_EVENT_MAX_BYTES = 4096,
    CARD_MAX_BYTES = 4096,
    IDENTITY_BUNDLE_MAX_BYTES = PACK_OBJECT_MAX_BYTES,
    CARD_DAYS_MAX = 400
};

/** First event of an identity. */
struct inception {
    uint64_t present;
    int64_t version;
    int64_t type; /* 0 */
    int64_t threshold;
    struct views keys; /* of SIGN_PUBLIC_BYTES */
    int64_t next_threshold;
    struct views next; /* hashes of the next keys */
    struct instant time;
    struct view state; /* alpha-3 */
    struct view name;
};

/** A later event, which brings in the keys that were committed to. */
struct rotation {
    uint64_t present;
    int64_t version;
    int64_t type; /* 1 */
    struct id node;
    int64_t seq;
    struct id previous; /* hash of the event before */
    int64_t threshold;
    struct views keys;
    int64_t next_threshold;
    struct views next;
    struct instant time;
};

/** The working keys of a node for a time. */
struct card {
    uint64_t present;
    int64_t version;
    struct id node;
    int64_t card_seq;
    int64_t event_seq; /* the authority keys that signed it */
    struct instant not_before;
    struct instant not_after;
    uint8_t sign_key[SIGN_PUBLIC_BYTES];
    uint8_t seal_key[BOX_PUBLIC_BYTES];
    uint8_t curve_key[BOX_PUBLIC_BYTES];
    int64_t features;
    struct id previous; /* hash of the card before, or zero */
    struct views endpoints;
    bool emergency;
};

/** A body and the signatures over it. */
struct signed_object {
    uint64_t present;
    struct view body;
    struct views signatures; /* key index (1 byte) ‖ signature */
};

/** All events and cards of one identity, as it travels and as `valise peer card` writes it. */
struct identity_bundle {
    uint64_t present;
    int64_t version;
    struct views events; /* signed, oldest first */
    struct views cards;  /* signed, oldest first */
};

extern const struct object_info inception_info;
extern const struct object_info rotation_info;
extern const struct object_info card_info;
extern const struct object_info signed_object_info;
extern const struct object_info identity_bundle_info;

/** A verified identity: the state after its events. Plain data. */
struct identity {
    struct id node;
    char state[STATE_TEXT_BYTES];
    char name[IDENTITY_NAME_MAX_BYTES + 1];
    int64_t event_seq;
    struct id last_event; /* hash of the newest event's body */
    int64_t threshold;
    size_t key_count;
    uint8_t keys[IDENTITY_KEYS_MAX][SIGN_PUBLIC_BYTES];
    int64_t next_threshold;
    size_t next_count;
    struct id next[IDENTITY_KEYS_MAX];
};

/** A verified card. Plain data. */
struct card_facts {
    int64_t card_seq;
    int64_t event_seq;
    struct instant not_before;
    struct instant not_after;
    struct id card;    /* hash of its body */
    struct id sign_id; /* names sign_key */
    struct id seal_id; /* names seal_key */
    uint8_t sign_key[SIGN_PUBLIC_BYTES];
    uint8_t seal_key[BOX_PUBLIC_BYTES];
    uint8_t curve_key[BOX_PUBLIC_BYTES];
    bool emergency;
    size_t endpoint_count;
    char endpoints[CARD_ENDPOINTS_MAX][ENDPOINT_MAX_BYTES + 1];
};

/**
 * Make and sign an inception with one authority key, 1-of-1.
 *
 * @param authority the key in force; @param next the key that a rotation will bring in.
 * @param state     alpha-3; @param name 1..IDENTITY_NAME_MAX_BYTES bytes.
 * @param to        receives the signed event, appended.
 * @return OK, ERR_FIELD_VALUE, ERR_NO_MEMORY, ERR_TOO_LARGE.
 */
MUST_CHECK enum error inception_make(struct secret *authority, struct secret *next,
                                     struct view state, struct view name, struct instant now,
                                     struct buffer *to);

/**
 * Make and sign a rotation of a 1-of-1 identity: the committed next key comes
 * in force and commits to the one after it.
 * @param old the key in force, @param next the committed one, @param after the one after it.
 */
MUST_CHECK enum error rotation_make(const struct identity *identity, struct secret *old,
                                    struct secret *next, struct secret *after, struct instant now,
                                    struct buffer *to);

/**
 * Sign a card with one authority key.
 * @param card filled in by the caller, node and event_seq included.
 * @param index place of the key among the identity's keys.
 * @param to   receives the signed card, appended.
 */
MUST_CHECK enum error card_make(const struct card *card, struct secret *authority, uint8_t index,
                                struct buffer *to);

/**
 * Verify a signed inception. W-21.
 * @return OK; ERR_IDENTITY: too few valid signatures, a key that is no good point of the
 *         curve, bad State or name; ERR_NOT_CANONICAL; ERR_NO_MEMORY; ERR_TOO_LARGE.
 */
MUST_CHECK enum error identity_begin(struct view signed_inception, struct arena *arena,
                                     struct identity *identity);

/**
 * Verify the next event and bring its keys in force. W-22.
 * @return OK; ERR_EXISTS for an event that is already part of the identity; ERR_IDENTITY_FORK
 *         for another event with the number of the newest one; ERR_LANE_GAP for a number
 *         further on; ERR_IDENTITY for keys not committed to or too few signatures (by the
 *         old threshold or the new); and as identity_begin.
 */
MUST_CHECK enum error identity_rotate(struct identity *identity, struct view signed_rotation,
                                      struct arena *arena);

/**
 * Verify a card by the identity's keys. Dates are not judged here: see card_in_force. W-23.
 * @return OK; ERR_IDENTITY: another node's card, other keys' event, too few signatures, a key of
 *         small order, validity over CARD_DAYS_MAX days; and as identity_begin.
 */
MUST_CHECK enum error card_verify(const struct identity *identity, struct view signed_card,
                                  struct arena *arena, struct card_facts *facts);

/** Whether the card is in force at a time: not_before <= now < not_after. W-24. */
bool card_in_force(const struct card_facts *card, struct instant now);

/**
 * Verify a whole bundle.
 * @param bundle packed struct identity_bundle, from anybody.
 * @param cards  receives its cards in the arena, ascending numbers; the last is the newest.
 * @param count  receives how many, at least 1.
 */
MUST_CHECK enum error identity_bundle_verify(struct view bundle, struct arena *arena,
                                             struct identity *identity, struct card_facts **cards,
                                             size_t *count);

/** Whether an X25519 public key is usable (not of small order). R07. */
bool box_public_is_good(const uint8_t key[static BOX_PUBLIC_BYTES]);

/** Make an X25519 key pair; the secret half is the caller's; NULL without memory. */
struct secret *box_new(uint8_t public_key[static BOX_PUBLIC_BYTES]);

/** The public half of an X25519 secret. */
void box_public(struct secret *key, uint8_t public_key[static BOX_PUBLIC_BYTES]);

/** Whether text is an endpoint we dial: "tcp://HOST:PORT", port 1..65535. Z16, U04. */
bool endpoint_is_valid(struct view text);
