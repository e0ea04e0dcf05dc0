/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where a node keeps everything: two LMDB environments in one directory, the
 * data and the section keys. Every value is sealed, every index key is a keyed
 * token. One process writes. Layout byte by byte: LAYOUT.md (rules S-n).
 *
 * Transactions keep their first error: after it, calls do nothing and the
 * commit gives it back, so a sequence is checked once at its end. Views that a
 * call gives borrow from the arena passed to it, never from LMDB.
 */

#include "arena.h"
#include "caveats.h"
#include "chain.h"
#include "digest.h"
#include "envelope.h"
#include "error.h"
#include "instant.h"
#include "lane.h"
#include "record.h"
#include "seal.h"
#include "secret.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    STORE_SCHEMA_VERSION = 1,
    STORE_PEERS_MAX = 256,
    STORE_TOKEN_BYTES = 16,
    STORE_INTERNAL_SLOT = SLOTS_MAX - 1, /* own records only; never in a header of ours */
    STORE_QUARANTINE_PEER_MAX = 1000     /* objects kept aside for one peer */
};

struct store;
struct store_txn;

/** Called at named points of every commit; a test makes the call fail or the process end. */
typedef enum error (*store_point)(void *context, const char *name);

/** How a store is opened. */
struct store_options {
    const char *path;      /* existing directory, 0700, ours, no symbolic link */
    struct secret *master; /* 32 bytes, borrowed while the store is open */
    struct id node;        /* whose store it is */
    uint64_t max_bytes;    /* of the data environment; at least STORE_MIN_BYTES */
    bool allow_tmpfs;      /* training and tests: a power cut loses everything */
    bool accept_older;     /* open although the anchor says that more was committed */
    bool read_only;        /* to check beside the process that writes */
    store_point point;     /* or NULL */
    void *point_context;
};

static const uint64_t STORE_MIN_BYTES = 4ULL * 1024 * 1024;

/**
 * Open a store, or make one in an empty directory.
 *
 * @param store receives it, owned by the caller.
 * @return OK; ERR_FILE; ERR_FILE_UNSAFE (modes, owner, link); ERR_STORE_PLACE (network or
 *         memory file system); ERR_STORE_LOCKED; ERR_STORE_VERSION; ERR_STORE_FOREIGN
 *         (another node's, or another master key); ERR_STORE_ROLLED_BACK; ERR_STORE_CORRUPT;
 *         ERR_STORE_IO; ERR_DISK_FULL; ERR_NO_MEMORY.
 */
MUST_CHECK enum error store_open(const struct store_options *options, struct store **store);

/** Close; NULL is allowed; *store becomes NULL. No transaction may be open. */
void store_close(struct store **store);

/** Whether an older copy was opened (store_options.accept_older): what came after it is lost here.
 */
bool store_is_older(const struct store *store);

/**
 * Stand by an older copy: from now on it opens without being told to. Call it
 * once what the loss asks for is committed; until then each start asks again. S-9
 */
void store_accept_older(struct store *store);

/** Number of the newest audit entry that is committed. */
int64_t store_last_event(const struct store *store);

/** Whether the last close was in order; true for a new store. After a crash a full check is due. */
bool store_was_closed(const struct store *store);

enum store_mode { STORE_READ, STORE_WRITE };

/**
 * Begin a transaction. One writer at a time; read transactions are short.
 * @param txn receives it, owned by the caller until commit or abort.
 * @return OK, ERR_STORE_READERS, ERR_STORE_IO, ERR_NO_MEMORY.
 */
MUST_CHECK enum error store_begin(struct store *store, enum store_mode mode,
                                  struct store_txn **txn);

/**
 * Make everything durable, keys first. A write transaction that changed
 * something without an audit entry is ERR_BUG and changes nothing (S-7).
 * @return the first error of the transaction; ERR_STORE_FULL; ERR_DISK_FULL; ERR_STORE_IO, after
 *         which nothing may be acknowledged and the process should end.
 */
MUST_CHECK enum error store_commit(struct store_txn **txn);

/** Undo a transaction, or end one that only read; NULL is allowed; *txn becomes NULL. */
void store_abort(struct store_txn **txn);

/** The first error of a transaction so far. */
enum error store_error(const struct store_txn *txn);

/**
 * Keep the store's keys open until store_release_keys, for many transactions in
 * a row: opening them costs more than a small one. Calls nest.
 */
void store_hold_keys(struct store *store);
void store_release_keys(struct store *store);

/** Sweep readers that died (every minute, and on ERR_STORE_READERS). */
void store_sweep_readers(struct store *store);

/** Bytes in use and allowed, free bytes on the disk. */
struct store_space {
    uint64_t used_bytes;
    uint64_t max_bytes;
    uint64_t disk_free_bytes;
};

void store_space(struct store *store, struct store_space *space);

/** Whether new records may come in: the last sixteenth is kept for purging and repairing. */
bool store_has_room(struct store *store);

/* --- records ------------------------------------------------------------------------------- */

/** Where a version stands among the others of its reference. */
enum record_standing {
    RECORD_CURRENT = 0,
    RECORD_SUPERSEDED = 1, /* a newer version is held */
    RECORD_CONTESTED = 2   /* its State signed this version twice, with different bytes */
};

/** One record version as it is kept. Number and rid name it; views borrow from an arena. */
struct store_record {
    uint64_t present;
    struct id record;     /* rid */
    struct id originator; /* node */
    int64_t peer;         /* lane it came by; 0 for our own */
    int64_t seq;          /* entry of that lane; 0 for our own */
    struct view header;
    uint8_t signature[SIGNATURE_BYTES];
    struct views parts; /* each: slot (1) ‖ enum section_id (1) ‖ hash of the ciphertext (32) */
    struct view reference;
    int64_t version;
    struct view schema;
    struct view caveats; /* packed; what the grant allows us */
    struct instant stored_at;
    struct id internal_leaf; /* own records: leaf of the internal section; else zero */
    int64_t standing;        /* enum record_standing */
    struct view supersedes;  /* reference#version, or empty */
};

enum { STORE_PART_BYTES = 2 + ID_BYTES };

/** Add a record; its number is the next free one. ERR_EXISTS if the rid is held already. */
MUST_CHECK enum error store_record_add(struct store_txn *txn, const struct store_record *record,
                                       uint64_t *number);

/**
 * Index a stored record by its id, which store_record_add does by itself.
 * @return OK; errors of the store.
 */
MUST_CHECK enum error store_record_index(struct store_txn *txn, const struct id *record,
                                         uint64_t number);

/** Write a record again under its number (repair, superseded). */
MUST_CHECK enum error store_record_put(struct store_txn *txn, uint64_t number,
                                       const struct store_record *record);

/** ERR_NOT_FOUND, ERR_STORE_CORRUPT. */
MUST_CHECK enum error store_record_get(struct store_txn *txn, uint64_t number, struct arena *arena,
                                       struct store_record *record);

/** The number of a rid. ERR_NOT_FOUND. */
MUST_CHECK enum error store_record_find(struct store_txn *txn, const struct id *record,
                                        uint64_t *number);

/** The greatest number below `below` (0: of all). ERR_NOT_FOUND when there is none. */
MUST_CHECK enum error store_record_before(struct store_txn *txn, uint64_t below, uint64_t *number);

/** How many records are held. */
MUST_CHECK enum error store_record_count(struct store_txn *txn, uint64_t *count);

/** Keep a ciphertext under its hash; keeping it again changes nothing. */
MUST_CHECK enum error store_blob_put(struct store_txn *txn, const struct id *cipher,
                                     struct view bytes);
MUST_CHECK enum error store_blob_get(struct store_txn *txn, const struct id *cipher,
                                     struct arena *arena, struct view *bytes);
MUST_CHECK enum error store_blob_remove(struct store_txn *txn, const struct id *cipher);
bool store_blob_has(struct store_txn *txn, const struct id *cipher);

/** Which sections of a record a peer was granted (holder ledger). */
struct store_holder {
    uint64_t present;
    int64_t sections; /* bit set by enum section_id */
    int64_t slots;    /* bit set of slots */
    struct instant granted_at;
    int64_t seq; /* entry of our lane to it; 0 until numbered */
};

MUST_CHECK enum error store_holder_put(struct store_txn *txn, uint64_t number, uint32_t peer,
                                       const struct store_holder *holder);
/** ERR_NOT_FOUND. */
MUST_CHECK enum error store_holder_get(struct store_txn *txn, uint64_t number, uint32_t peer,
                                       struct store_holder *holder);

/* --- section keys (second environment) ----------------------------------------------------- */

/** Keep the keys of all slots in `keys` for a record. */
MUST_CHECK enum error store_keys_put(struct store_txn *txn, const struct id *record,
                                     struct section_keys *keys);

/** Add the keys that are held for a record to `keys`, which is cleared first. */
MUST_CHECK enum error store_keys_get(struct store_txn *txn, const struct id *record,
                                     struct section_keys *keys);

/* --- blind index --------------------------------------------------------------------------- */

/** Note that a record holds a value in a field. */
MUST_CHECK enum error store_index_add(struct store_txn *txn, enum index_field field,
                                      struct view value, uint64_t number);

/** Record numbers found; the caller gives the room. */
struct store_numbers {
    uint64_t *items;
    size_t max;
    size_t count;
};

/**
 * Records that hold a value, newest first.
 * @param below   only numbers smaller than this; 0 for all.
 * @param numbers receives at most numbers->max.
 */
MUST_CHECK enum error store_index_find(struct store_txn *txn, enum index_field field,
                                       struct view value, uint64_t below,
                                       struct store_numbers *numbers);

/**
 * Take the rows of the index away that are not as they were written, or name no record.
 * @return OK; ERR_STORE_CORRUPT if the table itself is damaged, so that writing to it could
 *         damage others; errors of the store.
 */
MUST_CHECK enum error store_index_sweep(struct store_txn *txn);

/** Whether a record holds a value. */
bool store_index_has(struct store_txn *txn, enum index_field field, struct view value,
                     uint64_t number);

/* --- lanes --------------------------------------------------------------------------------- */

/** Which lane of a pair. */
enum store_side { STORE_OUT = 0, STORE_IN = 1 };

/** Where one lane stands. */
struct store_lane {
    uint64_t present;
    int64_t incarnation;
    int64_t seq;
    struct id hash;       /* of entry seq; zero at 0 */
    struct view head;     /* newest signed head, or empty */
    struct view ack;      /* newest signed acknowledgement, or empty */
    int64_t acked_seq;    /* of that acknowledgement */
    int64_t frozen;       /* 1 after a fork */
    struct view evidence; /* the other signed head, after a fork */
};

/** Get the state of a lane; a lane never used is at lane_start(). */
MUST_CHECK enum error store_lane_get(struct store_txn *txn, enum store_side side, uint32_t peer,
                                     struct arena *arena, struct store_lane *lane);
MUST_CHECK enum error store_lane_put(struct store_txn *txn, enum store_side side, uint32_t peer,
                                     const struct store_lane *lane);

/** One entry as it is kept. */
struct store_entry {
    struct view entry;
    struct view payload;
    struct view head; /* signed head that closed a batch with it, or empty */
};

/** Names one entry of one lane. */
struct store_entry_name {
    enum store_side side;
    uint32_t peer;
    int64_t incarnation;
    int64_t seq;
};

MUST_CHECK enum error store_entry_put(struct store_txn *txn, struct store_entry_name name,
                                      const struct store_entry *entry);
/** ERR_NOT_FOUND, ERR_STORE_CORRUPT. */
MUST_CHECK enum error store_entry_get(struct store_txn *txn, struct store_entry_name name,
                                      struct arena *arena, struct store_entry *entry);

/** What waits for a number because the peer was not heard since the start. */
struct store_pending {
    uint64_t present;
    int64_t record; /* number of the record that is granted */
};

MUST_CHECK enum error store_pending_add(struct store_txn *txn, uint32_t peer,
                                        const struct store_pending *pending);
/** Take the oldest away. ERR_NOT_FOUND when nothing waits. */
MUST_CHECK enum error store_pending_take(struct store_txn *txn, uint32_t peer, struct arena *arena,
                                         struct store_pending *pending);
MUST_CHECK enum error store_pending_count(struct store_txn *txn, uint32_t peer, uint64_t *count);

/* --- peers, groups, users ------------------------------------------------------------------ */

/** What an operator decided about a peer. */
enum peer_standing { PEER_UNVERIFIED = 0, PEER_VERIFIED = 1, PEER_PAUSED = 2, PEER_REMOVED = 3 };

struct store_peer {
    uint64_t present;
    struct view bundle;  /* packed identity bundle */
    int64_t standing;    /* enum peer_standing */
    struct view address; /* instead of the card's endpoints, or empty */
    struct view verified_who;
    struct view verified_how;
    struct instant verified_at;
    struct view frozen; /* why the exchange is frozen, or empty */
};

/** Peer numbers are local, 1..STORE_PEERS_MAX, and never cross the wire. */
MUST_CHECK enum error store_peer_put(struct store_txn *txn, uint32_t peer,
                                     const struct store_peer *row);
/** The first peer with a number of at least `from`. ERR_NOT_FOUND when there is none. */
MUST_CHECK enum error store_peer_next(struct store_txn *txn, uint32_t from, struct arena *arena,
                                      uint32_t *peer, struct store_peer *row);

struct store_group {
    uint64_t present;
    struct view name;
    struct views states; /* alpha-3 */
    struct id group;
};

MUST_CHECK enum error store_group_put(struct store_txn *txn, const struct store_group *group);
/** The group after `index` others (their order is stable). ERR_NOT_FOUND. */
MUST_CHECK enum error store_group_at(struct store_txn *txn, size_t index, struct arena *arena,
                                     struct store_group *group);

struct store_user {
    uint64_t present;
    struct view name; /* UNIX user, or @group */
    int64_t roles;    /* set of enum role; 0 removes the user */
};

MUST_CHECK enum error store_user_put(struct store_txn *txn, const struct store_user *user);
MUST_CHECK enum error store_user_at(struct store_txn *txn, size_t index, struct arena *arena,
                                    struct store_user *user);

/* --- drafts, numbers, quarantine ----------------------------------------------------------- */

struct store_draft {
    uint64_t present;
    struct view reference;
    struct view author;
    struct instant changed_at;
    struct view record; /* packed tree */
};

MUST_CHECK enum error store_draft_put(struct store_txn *txn, const struct store_draft *draft);
/** ERR_NOT_FOUND. */
MUST_CHECK enum error store_draft_get(struct store_txn *txn, struct view reference,
                                      struct arena *arena, struct store_draft *draft);
MUST_CHECK enum error store_draft_remove(struct store_txn *txn, struct view reference);
MUST_CHECK enum error store_draft_at(struct store_txn *txn, size_t index, struct arena *arena,
                                     struct store_draft *draft);

/** A named counter, such as the last number given in "DN-2026"; 0 if never set. */
MUST_CHECK enum error store_counter_get(struct store_txn *txn, const char *name, int64_t *value);
MUST_CHECK enum error store_counter_set(struct store_txn *txn, const char *name, int64_t value);

/** Something a peer sent that did not pass. Kept as bounded evidence, never shown as a record. */
struct store_quarantine {
    uint64_t present;
    int64_t peer;
    int64_t seq;   /* entry of its lane, or 0 */
    int64_t error; /* enum error */
    struct instant time;
    struct view bytes; /* as received, cut to QUARANTINE_BYTES_MAX */
};

/** Forget the oldest row of a peer, so that evidence stays bounded. ERR_NOT_FOUND. */
MUST_CHECK enum error store_quarantine_trim(struct store_txn *txn, uint32_t peer,
                                            struct arena *arena);

enum { QUARANTINE_BYTES_MAX = 4096 };

MUST_CHECK enum error store_quarantine_add(struct store_txn *txn,
                                           const struct store_quarantine *row);
/** The newest with a number below `below` (0: of all). ERR_NOT_FOUND. */
MUST_CHECK enum error store_quarantine_before(struct store_txn *txn, uint64_t below,
                                              struct arena *arena, uint64_t *number,
                                              struct store_quarantine *row);
MUST_CHECK enum error store_quarantine_count(struct store_txn *txn, uint64_t *count);

/* --- audit --------------------------------------------------------------------------------- */

/** What is to be noted; `detail` holds no names and no contents of records. */
struct store_event {
    struct instant time;
    const char *event;   /* "record.published" */
    const char *actor;   /* UNIX user, or "node" */
    const char *subject; /* reference, State or group; "" if none */
    const char *detail;  /* "" if none */
};

MUST_CHECK enum error store_audit_add(struct store_txn *txn, const struct store_event *event);

/** Entry by number. ERR_NOT_FOUND, ERR_STORE_CORRUPT. */
MUST_CHECK enum error store_audit_get(struct store_txn *txn, int64_t seq, struct arena *arena,
                                      struct audit_entry *entry);

/** Number and hash of the newest entry. */
MUST_CHECK enum error store_audit_cursor(struct store_txn *txn, struct audit_cursor *cursor);

/** Walk the whole chain. ERR_AUDIT_BROKEN, ERR_STORE_CORRUPT. */
MUST_CHECK enum error store_audit_verify(struct store_txn *txn, int64_t *entries);

/* --- check --------------------------------------------------------------------------------- */

/** What a full check found. */
struct store_report {
    uint64_t records;
    uint64_t values;      /* values opened */
    uint64_t damaged;     /* values that did not open */
    uint64_t index_rows;  /* rows of the index that are wrong or missing */
    bool index_broken;    /* the table of the index is damaged itself: do not write to it */
    size_t finding_count; /* broken rules, of which the first are kept */
    char findings[16][160];
    bool damaged_peers[STORE_PEERS_MAX + 1]; /* lanes to fetch again, by peer number */
};

/**
 * Check every value and the rules S-1..S-9 of LAYOUT.md.
 * @return OK whatever was found; ERR_STORE_IO, ERR_NO_MEMORY.
 */
MUST_CHECK enum error store_check(struct store *store, struct store_report *report);
