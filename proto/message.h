/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What peers say to each other, as one table: a type byte, then a canonical
 * map. Every message after HELLO carries the tag of its session and direction
 * and a counter, so that none can be replayed or reflected. WIRE.md W-61..W-69.
 */

#include "arena.h"
#include "digest.h"
#include "identity.h"
#include "lane.h"
#include "object.h"
#include "seal.h"

enum {
    PROTOCOL_VERSION = 1,
    PROTOCOL_VERSION_MIN = 1, /* pinned: below this no session */
    SESSION_TAG_BYTES = 16,
    HELLO_NONCE_BYTES = 32,
    HELLO_MAX_BYTES = 1024,
    MESSAGE_MAX_BYTES = 1024 * 1024 + 64 * 1024,
    LANE_BATCH_ENTRIES_MAX = 64,
    LANE_BATCH_BYTES = 1024 * 1024,
    BLOBS_IN_BATCH_MAX = LANE_BATCH_ENTRIES_MAX * SLOTS_MAX,
    MESSAGE_TEXT_MAX_BYTES = 200,
    CREDIT_BYTES = 8 * 1024 * 1024 /* what may be under way in one direction */
};

/** First byte of a message. 0x30..0x6f are kept for later versions. */
enum message_type {
    MESSAGE_HELLO = 0x01,
    MESSAGE_ERROR = 0x02,
    MESSAGE_PING = 0x03,
    MESSAGE_PONG = 0x04,
    MESSAGE_BYE = 0x05,
    MESSAGE_IDENT_PULL = 0x10,
    MESSAGE_IDENT = 0x11,
    MESSAGE_HEADS = 0x20,
    MESSAGE_LANE_PULL = 0x21,
    MESSAGE_LANE_DATA = 0x22,
    MESSAGE_LANE_PUSH = 0x23,
    MESSAGE_LANE_ACK = 0x24,
    MESSAGE_LANE_NACK = 0x25,
    MESSAGE_BLOB_PULL = 0x26,
    MESSAGE_BLOB = 0x27,
    MESSAGE_CREDIT = 0x28
};

/** Signed body of HELLO. */
struct hello {
    uint64_t present;
    int64_t version;
    int64_t version_min;
    struct id node;
    struct id to;
    int64_t card_seq;
    int64_t event_seq;
    struct instant time;
    uint8_t nonce[HELLO_NONCE_BYTES];
    uint8_t echo[HELLO_NONCE_BYTES]; /* nonce of the HELLO this one answers, or nil */
    struct view software;
};

enum { HELLO_ECHO = 8 };

/** What every message after HELLO begins with. */
struct message_session {
    uint64_t present;
    uint8_t tag[SESSION_TAG_BYTES];
    int64_t counter; /* 1, 2, 3, … in each direction */
};

struct message_hello {
    uint64_t present;
    struct view body;
    uint8_t signature[SIGNATURE_BYTES];
};

struct message_error {
    struct message_session session;
    int64_t code; /* enum message_error_code */
    int64_t retry_after_ms;
    struct view text;
};

enum message_error_code {
    PEER_ERROR_VERSION = 1,
    PEER_ERROR_PROTOCOL = 2,
    PEER_ERROR_QUOTA = 3,
    PEER_ERROR_FROZEN = 4,
    PEER_ERROR_BUSY = 5
};

struct message_time {
    struct message_session session;
    struct instant time;
};

struct message_ident_pull {
    struct message_session session;
    int64_t card_seq; /* newest card of yours that I hold */
};

struct message_ident {
    struct message_session session;
    struct view bundle;
};

/** Where both lanes of the pair stand, as signed heads and acknowledgements. */
struct message_heads {
    struct message_session session;
    struct view mine;  /* my signed head of my lane to you, or nil */
    struct view yours; /* your newest signed head of your lane that I hold, or nil */
    struct view acked; /* your newest acknowledgement of my lane that I hold, or nil */
    int64_t yours_seq; /* how far I hold your lane */
    struct id yours_hash;
    int64_t incarnation; /* of my lane to you */
};

enum { HEADS_MINE = 2, HEADS_YOURS = 3, HEADS_ACKED = 4 };

enum lane_side {
    LANE_OF_SENDER = 0,  /* the lane of whoever sends the message */
    LANE_OF_RECEIVER = 1 /* the other one: recovery of a lost lane */
};

struct message_lane_pull {
    struct message_session session;
    int64_t side; /* whose lane is wanted, seen from the sender of this message */
    int64_t incarnation;
    int64_t after; /* entries with greater numbers are wanted */
};

struct message_lane_data {
    struct message_session session;
    int64_t side; /* whose lane it is, seen from the sender of this message */
    struct views entries;
    struct views payloads; /* one for each entry */
    struct view head;      /* signed by the lane's originator; covers the last entry */
    struct views blobs;    /* ciphertexts that the payloads name, as far as they fit */
};

struct message_lane_ack {
    struct message_session session;
    struct view ack;
};

enum lane_nack_reason {
    NACK_GAP = 1,
    NACK_FORK = 2,
    NACK_KEY_RETIRED = 3,
    NACK_BAD_SIGNATURE = 4,
    NACK_POLICY = 5,
    NACK_QUOTA = 6,
    NACK_BLOB_MISSING = 7,
    NACK_TIME = 8 /* not yet by the receiver's clock: it asks again */
};

struct message_lane_nack {
    struct message_session session;
    int64_t reason;
    int64_t seq;
    struct id entry; /* hash of the entry it is about, or zero */
};

struct message_blob_pull {
    struct message_session session;
    struct views ids;
};

struct message_blob {
    struct message_session session;
    struct view bytes;
};

struct message_credit {
    struct message_session session;
    int64_t bytes;
};

/** A decoded message; which member holds follows from `type`. */
struct message {
    enum message_type type;
    union {
        struct message_session session; /* of all but HELLO */
        struct message_hello hello;
        struct message_error error;
        struct message_time time; /* PING, PONG */
        struct message_ident_pull ident_pull;
        struct message_ident ident;
        struct message_heads heads;
        struct message_lane_pull lane_pull;
        struct message_lane_data lane_data; /* LANE_DATA, LANE_PUSH */
        struct message_lane_ack lane_ack;
        struct message_lane_nack lane_nack;
        struct message_blob_pull blob_pull;
        struct message_blob blob;
        struct message_credit credit;
    };
};

/** One row of the table of messages. */
struct message_info {
    enum message_type type;
    const char *name;
    const struct object_info *object;
    bool in_session; /* carries session tag and counter */
    bool costs_credit;
    const char *help;
};

/** All messages; `count` rows, static. */
const struct message_info *message_table(size_t *count);

/** The row of a type; NULL if there is no such message. */
const struct message_info *message_info_find(uint8_t type);

extern const struct object_info hello_info;

/**
 * Decode a message.
 * @param bytes borrowed by the result.
 * @return OK; ERR_PEER_PROTOCOL for no bytes, an unknown type, or lists that do not match;
 *         ERR_NOT_CANONICAL; ERR_TOO_LARGE; ERR_NO_MEMORY.
 */
MUST_CHECK enum error message_decode(struct view bytes, struct arena *arena,
                                     struct message *message);

/** Encode a message, appending. ERR_TOO_LARGE, ERR_NO_MEMORY, ERR_BUG. */
MUST_CHECK enum error message_encode(const struct message *message, struct buffer *to);

/**
 * The tag of one direction of a session: H("valise1-session", from ‖ to ‖
 * nonce of from ‖ nonce of to), first 16 bytes. W-63
 */
void session_tag(const struct id *from, const struct id *to,
                 const uint8_t from_nonce[static HELLO_NONCE_BYTES],
                 const uint8_t to_nonce[static HELLO_NONCE_BYTES],
                 uint8_t tag[static SESSION_TAG_BYTES]);

/** Sign a hello and append the whole message. */
MUST_CHECK enum error hello_make(const struct hello *hello, struct secret *sign_key,
                                 struct buffer *to);

/**
 * Decode a HELLO's body without trusting it; it borrows from the message.
 * @return OK, ERR_NOT_CANONICAL, ERR_TOO_LARGE, ERR_NO_MEMORY.
 */
MUST_CHECK enum error hello_read(const struct message_hello *message, struct arena *arena,
                                 struct hello *hello);

/** Verify a HELLO's signature. ERR_BAD_SIGNATURE, ERR_NO_MEMORY. */
MUST_CHECK enum error hello_verify(const struct message_hello *message,
                                   const uint8_t sign_key[static SIGN_PUBLIC_BYTES]);
