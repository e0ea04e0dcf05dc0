/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A lane carries everything one State gives to another: a chain of entries
 * under signed heads, answered by signed acknowledgements. Completeness, gaps
 * and forks are provable; a lane's length tells nobody else anything.
 * WIRE.md W-70..W-79.
 */

#include "arena.h"
#include "digest.h"
#include "instant.h"
#include "object.h"
#include "secret.h"

#include <stdbool.h>

enum {
    LANE_ENTRY_MAX_BYTES = 512,
    LANE_HEAD_MAX_BYTES = 512,
    LANE_PAYLOAD_MAX_BYTES = PACK_OBJECT_MAX_BYTES,
    LANE_INCARNATION_FIRST = 1
};

/** What an entry carries. The numbers not listed here are refused. */
enum lane_entry_type {
    LANE_GRANT = 1,
    LANE_AMEND = 2,
    LANE_RETRACT = 3,
    LANE_PURGE = 4,
    LANE_NOTICE = 5,
    LANE_RECEIPT = 6,
    LANE_KEY_REQUEST = 7,
    LANE_RESYNC = 8,
    LANE_COVER = 9,
    LANE_FLOOR = 10
};

struct lane_entry {
    uint64_t present;
    int64_t version;
    struct id originator;
    struct id recipient;
    int64_t incarnation;
    int64_t seq;        /* 1 is the first */
    struct id previous; /* hash of the entry before; zero before the first */
    int64_t type;
    struct id payload; /* H("valise1-blob", payload) */
    int64_t payload_bytes;
    struct instant time;
};

struct lane_head {
    uint64_t present;
    int64_t version;
    struct id originator;
    struct id recipient;
    int64_t incarnation;
    int64_t seq;
    struct id hash; /* of the entry with that number */
    struct instant time;
    int64_t card_seq; /* the card whose key signs */
};

/** What an acknowledgement says of the entries up to its number. */
enum lane_ack_state { LANE_STORED = 1, LANE_APPLIED = 2 };

struct lane_ack {
    uint64_t present;
    int64_t version;
    struct id originator;
    struct id recipient;
    int64_t incarnation;
    int64_t seq;
    struct id hash;
    int64_t state;
    struct instant time;
    int64_t card_seq;
};

/** A head or an acknowledgement with its signature. */
struct lane_signed {
    uint64_t present;
    struct view body;
    uint8_t signature[SIGNATURE_BYTES];
};

extern const struct object_info lane_entry_info;
extern const struct object_info lane_head_info;
extern const struct object_info lane_ack_info;
extern const struct object_info lane_signed_info;

/** How far a lane is known: the newest entry. seq 0 and a zero hash: nothing yet. */
struct lane_cursor {
    int64_t incarnation;
    int64_t seq;
    struct id hash;
};

/** From whom to whom a lane goes. */
struct lane_ends {
    struct id originator;
    struct id recipient;
};

/** With what heads and acknowledgements are signed. */
struct lane_signer {
    int64_t card_seq; /* card that has the key's public half */
    struct secret *sign_key;
};

/** The empty lane of a fresh incarnation. */
struct lane_cursor lane_start(void);

bool lane_cursor_equal(const struct lane_cursor *a, const struct lane_cursor *b);

/**
 * Make the entry after a cursor and move the cursor onto it.
 * @param to receives the packed entry, appended.
 */
MUST_CHECK enum error lane_entry_make(const struct lane_ends *ends, enum lane_entry_type type,
                                      struct view payload, struct instant now,
                                      struct lane_cursor *cursor, struct buffer *to);

/**
 * Check that an entry follows a cursor, carries this payload, and belongs to
 * this lane; move the cursor onto it.
 *
 * @param entry receives the decoded entry.
 * @return OK; ERR_WRONG_SENDER / ERR_NOT_FOR_US for another lane; ERR_LANE_GAP if its number
 *         is not the next; ERR_LANE_FORK if it does not chain to the cursor; ERR_BAD_HASH if
 *         the payload is another; ERR_NOT_CANONICAL; ERR_TOO_LARGE; ERR_NO_MEMORY.
 */
MUST_CHECK enum error lane_entry_follow(struct view bytes, struct view payload,
                                        const struct lane_ends *ends, struct arena *arena,
                                        struct lane_cursor *cursor, struct lane_entry *entry);

/** H("valise1-lane", entry bytes). */
struct id lane_entry_hash(struct view bytes);

/** Sign a head for a cursor; `to` receives it packed, appended. */
MUST_CHECK enum error lane_head_make(const struct lane_ends *ends, const struct lane_cursor *cursor,
                                     struct instant now, const struct lane_signer *signer,
                                     struct buffer *to);

/** Sign an acknowledgement for a cursor; `to` receives it packed, appended. */
MUST_CHECK enum error lane_ack_make(const struct lane_ends *ends, const struct lane_cursor *cursor,
                                    enum lane_ack_state state, struct instant now,
                                    const struct lane_signer *signer, struct buffer *to);

/**
 * Decode a head or acknowledgement without trusting it.
 * @return OK, ERR_NOT_CANONICAL, ERR_TOO_LARGE, ERR_NO_MEMORY.
 */
MUST_CHECK enum error lane_head_read(struct view bytes, struct arena *arena,
                                     struct lane_head *head);
MUST_CHECK enum error lane_ack_read(struct view bytes, struct arena *arena, struct lane_ack *ack);

/** Verify the signature of a packed head or acknowledgement. ERR_BAD_SIGNATURE, and as above. */
MUST_CHECK enum error lane_head_verify(struct view bytes, struct arena *arena,
                                       const uint8_t sign_key[static SIGN_PUBLIC_BYTES]);
MUST_CHECK enum error lane_ack_verify(struct view bytes, struct arena *arena,
                                      const uint8_t sign_key[static SIGN_PUBLIC_BYTES]);
