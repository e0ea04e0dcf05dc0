/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the engine knows while it runs. Everything that must survive is in the store. */

#include "engine.h"
#include "grant.h"
#include "lane.h"
#include "message.h"
#include "policy.h"
#include "seal.h"

enum {
    PEER_CARDS_MAX = IDENTITY_CARDS_MAX,
    ENGINE_ARENA_BYTES = 24 * 1024 * 1024,
    HELLOS_PER_MINUTE = 12,
    REQUESTS_PER_SECOND = 500,
    BLOBS_WANTED_MAX = SLOTS_MAX,
    /* Before a lane must have moved on by an entry. One entry can need all of it. */
    ROUNDS_MAX = 32,
    FETCHED_MAX_BYTES = SLOTS_MAX * SECTION_CIPHERTEXT_MAX_BYTES
};

/** States of the session with one peer. The table of them is in peer.c. */
enum peer_state {
    PEER_IDLE,     /* not to be contacted: unverified, paused, removed, frozen */
    PEER_BACKOFF,  /* waiting to dial, or to be dialled */
    PEER_DIALLING, /* link asked for */
    PEER_HELLO,    /* link up, our HELLO sent, theirs not seen yet */
    PEER_SYNC,     /* session up, HEADS not exchanged yet */
    PEER_STEADY    /* exchanging */
};

/** One session: a link, and what binds messages to it. */
struct session {
    link_id link;
    bool dialled; /* by us */
    uint8_t nonce[HELLO_NONCE_BYTES];
    uint8_t tag_out[SESSION_TAG_BYTES];
    uint8_t tag_in[SESSION_TAG_BYTES];
    int64_t counter_out;      /* of the last message sent */
    int64_t counter_in;       /* of the last message taken */
    int64_t credit_out;       /* bytes we may still send */
    int64_t credit_in;        /* bytes they may still send */
    int64_t requests_from_ms; /* steady: the second that `requests` counts */
    size_t requests;
    unsigned rounds;      /* questions about a lane since it moved on */
    size_t fetched_bytes; /* of ciphertexts that came meanwhile */
    int64_t heard_at_ms;  /* steady */
    int64_t ping_at_ms;   /* steady: when the last PING went out */
    int64_t opened_ms;    /* steady: when both sides had said HELLO */
    int64_t ack_due_ms;   /* steady: by when sent entries must be acknowledged; 0 if none are */
    int64_t pushed_seq;   /* newest entry of our lane sent in this session */
    int64_t pull_at_ms;   /* steady: when to ask again for entries that our clock held back; or 0 */
    int64_t push_at_ms;   /* steady: when to try again what our store did not let us send; or 0 */
    bool heads_sent;
    bool heads_seen;
    int idents_taken; /* how often the peer sent its identity */
    /* What it asked for while it gave us no credit, until it gives some. */
    bool gives_back; /* its own lane, after an entry */
    int64_t give_after;
    size_t owed_count; /* ciphertexts */
    struct id owed[BLOBS_WANTED_MAX];
};

/** A signing key of a peer, by its name. */
struct peer_key {
    struct id sign_id;
    uint8_t sign_key[SIGN_PUBLIC_BYTES];
    int64_t card_seq;
    struct instant not_before;
    struct instant not_after;
};

/** One peer. */
struct peer {
    uint32_t number; /* in the store; local */
    struct identity identity;
    struct card_facts card; /* newest */
    struct buffer bundle;
    size_t key_count;
    struct peer_key *keys; /* of all its cards, oldest first */
    enum peer_standing standing;
    char address[ENDPOINT_MAX_BYTES + 1];
    char verified_who[201];
    char verified_how[41];
    struct instant verified_at;
    char frozen[101]; /* why, or "" */
    struct secret *pair_key;

    enum peer_state state;
    struct session session; /* holds in PEER_HELLO and later */
    unsigned attempts;      /* dials that failed in a row */
    int64_t retry_after_ms; /* as the peer asked when it ended the session */
    int64_t dial_at_ms;     /* steady: when to dial next */
    int64_t dialled_ms;     /* steady: when it was dialled last */
    unsigned endpoint;      /* which of the card's endpoints is tried */
    int64_t hello_minute_ms;
    unsigned hellos; /* in that minute */
    enum error last_error;
    int64_t clock_ahead_ms; /* of the peer against us */
    int64_t round_trip_ms;  /* of the last PING; -1 if none yet */
    char software[65];
    struct instant heard_at; /* wall; 0 if not since the start */

    bool lane_confirmed; /* HEADS were compared in this session: numbers may be given */
    bool recovering;     /* our lane is being fetched back from the peer */
    int64_t recover_to;  /* newest entry of it that the peer holds */
    bool peer_lost;      /* the peer holds less of its own lane than we do */
    /* A damaged store is mended by fetching a lane again from its start. */
    bool mend_in;                 /* its lane to us is to be fetched again */
    bool mend_out;                /* our lane to it is to be fetched again */
    struct lane_cursor mended_in; /* how far that went */
    struct lane_cursor mended_out;
    struct lane_cursor out; /* our lane to it */
    int64_t out_acked;      /* newest entry it acknowledged */
    struct lane_cursor in;  /* its lane to us */
    int64_t in_head;        /* newest entry of it that we have heard of */
    size_t wanted_count;    /* ciphertexts asked for and not here yet */
    struct id wanted[BLOBS_WANTED_MAX];
    size_t fetched_count; /* ciphertexts stored for an entry that is not applied yet */
    struct id fetched[BLOBS_WANTED_MAX];
    size_t absent_count; /* ciphertexts that it said it cannot give */
    struct id absent[BLOBS_WANTED_MAX];
    int64_t pending;      /* grants that wait for a number */
    uint64_t quarantined; /* objects of it kept aside */

    int64_t day; /* days since 1970 that the two counts below are of */
    int64_t records_today;
    int64_t bytes_today;
};

/** A link that a peer opened and over which no session runs yet. */
struct accepted_link {
    link_id link;
    uint8_t curve_key[BOX_PUBLIC_BYTES]; /* that the other side proved */
    int64_t since_ms;                    /* steady */
    uint32_t peer;                       /* number of whose HELLO we answered; 0 before */
    uint8_t nonce[HELLO_NONCE_BYTES];    /* of our answer */
    uint8_t theirs[HELLO_NONCE_BYTES];   /* of its HELLO */
};

enum { ACCEPTED_MAX = 128 };

struct engine {
    struct store *store;
    struct node_keys *keys;
    const struct ports *ports;
    struct engine_limits limits;
    char software[65];
    size_t peer_count;
    struct peer *peers[STORE_PEERS_MAX];
    struct policy_world *world;        /* made from peers and groups, kept up to date */
    struct section_keys *scratch_keys; /* of the record that is made or taken over */
    struct section_keys *reader_keys;  /* of a stored record while it is opened */
    struct secret_pool *pair_keys;     /* of all peers */
    struct arena *arena;               /* for one event at a time */
    struct arena *record_arena;        /* for one record at a time */
    link_id next_link;
    size_t accepted_count;
    struct accepted_link accepted[ACCEPTED_MAX];
    int64_t last_event; /* newest audit entry */
    int64_t swept_at_ms;
    struct instant started_at;
    struct instant floor;      /* the latest time trusted; in the store, never goes back */
    struct moment clock;       /* when the wall clock was last believed */
    bool clock_doubted;        /* it jumped by more than an hour, and is not believed */
    struct instant floor_kept; /* as of the last commit that kept it */
    int64_t refusals_from_ms;  /* steady: when the minute of `refusals` began */
    size_t refusals;           /* of commands for want of a role */
    bool failed;               /* the store broke */
    bool checking;             /* a full check of the store is under way */
    bool check_owed;           /* the store was not closed in order and not checked since */
    int64_t check_at_ms;       /* steady: when to try again a check that could not be made; or 0 */
    enum error check_error;    /* of the last check; with OK `report` holds */
    int64_t check_event;       /* newest audit entry when the last check began */
    struct instant checked_at; /* 0 if never */
    struct store_report *report;
    bool index_mended; /* after the last check; the next must find it whole */
    bool index_waits;  /* for a lane: once it is mended, the store is checked again */
    bool index_waited;
    bool stopping;
};

/** Write a log line; see struct ports. */
void engine_log(const struct engine *engine, enum log_level level, const char *event,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

/** Log what went wrong with the store and remember that it broke, if it did. */
void engine_store_failed(struct engine *engine, enum error error);

/** Have the store checked beside the node; engine_store_checked is told what came of it. */
void engine_start_check(struct engine *engine);

/** Commit, and note the newest audit entry. An error means that nothing was committed. */
MUST_CHECK enum error engine_commit(struct engine *engine, struct store_txn **txn);

/** The peer with a node id, a State code, or a CURVE key; NULL. Removed peers have none. */
struct peer *engine_peer_by_node(struct engine *engine, const struct id *node);
struct peer *engine_peer_by_state(struct engine *engine, struct view state);
struct peer *engine_peer_by_number(struct engine *engine, uint32_t number);

/** Our own end and the peer's, for the pair key. */
void engine_pair_ends(const struct engine *engine, const struct peer *peer, struct pair_end *us,
                      struct pair_end *them);
