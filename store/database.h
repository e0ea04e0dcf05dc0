/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The LMDB side of the store. Private to store/. */

#include "layout.h"
#include "store.h"

#include <lmdb.h>

enum {
    DATA_READERS = 126,
    /* Fields whose tokens stand in keys: the record's (enum index_field), then the store's own. */
    TOKEN_RID = 16,
    TOKEN_CIPHER,
    TOKEN_KEY,
    TOKEN_GROUP,
    TOKEN_USER,
    TOKEN_DRAFT,
    TOKEN_COUNTER,
    TOKEN_FIELD_COUNT,
    /* Order of the derived keys in memory. */
    DERIVED_TOKENS = TABLE_COUNT,
    DERIVED_ANCHOR = DERIVED_TOKENS + TOKEN_FIELD_COUNT,
    DERIVED_COUNT
};

_Static_assert((int)INDEX_FIELD_COUNT <= (int)TOKEN_RID, "the fields of records come first");

/** Where the audit chain stood at a commit, and how many records there were. */
struct anchor {
    int64_t audit_seq;
    struct id audit_hash;
    uint64_t records;
};

struct store {
    MDB_env *data;
    MDB_env *keys;
    MDB_dbi tables[TABLE_COUNT];
    struct secret *table_keys; /* DERIVED_COUNT keys one after another */
    int lock_fd;
    int anchor_fd;
    unsigned anchor_turn; /* which half of the anchor file is written next */
    bool anchor_sync;     /* the next write of it is synced */
    uint64_t max_bytes;
    char *path;
    bool was_closed;
    bool is_older;         /* opened although more was committed once */
    bool failed;           /* an input/output error happened: nothing is written any more */
    struct anchor current; /* as of the last commit */
    store_point point;
    void *point_context;
    bool writing; /* a write transaction is open */
};

struct store_txn {
    struct store *store;
    enum store_mode mode;
    MDB_txn *data;
    MDB_txn *keys;       /* begun when first needed */
    enum error error;    /* first error */
    bool changed;        /* something other than the audit trail was written */
    bool audited;        /* an audit entry was written */
    struct anchor next;  /* becomes current when committed */
    uint8_t nonce[24];   /* of the next sealed value: random, then counted up */
    const uint8_t *open; /* table keys, open while the transaction lasts */
};

/** The error that an LMDB result stands for. */
enum error database_error(int result);

/** Keep the first error of a transaction and give it back. */
enum error database_fail(struct store_txn *txn, enum error error);

/** Commit one environment; the handle is gone whatever happens. Errors as database_error. */
MUST_CHECK enum error database_commit(struct store *store, MDB_txn **handle);

/* Values are sealed on the way in and opened on the way out. */
MUST_CHECK enum error database_put(struct store_txn *txn, enum table table, const struct key *key,
                                   struct view value);
MUST_CHECK enum error database_get(struct store_txn *txn, enum table table, const struct key *key,
                                   struct arena *arena, struct view *value);
MUST_CHECK enum error database_delete(struct store_txn *txn, enum table table,
                                      const struct key *key);
bool database_has(struct store_txn *txn, enum table table, const struct key *key);

/** Put a key that says all by itself (index rows); its value is a tag over it (S-3). */
MUST_CHECK enum error database_mark(struct store_txn *txn, enum table table, const struct key *key);
/** Look such a key up. @return OK, ERR_NOT_FOUND, ERR_STORE_CORRUPT for a tag that does not fit. */
MUST_CHECK enum error database_marked(struct store_txn *txn, enum table table,
                                      const struct key *key);

/* Rows are objects: encoded and sealed, opened and decoded. */
MUST_CHECK enum error database_put_row(struct store_txn *txn, enum table table,
                                       const struct key *key, const struct object_info *info,
                                       const void *row);
MUST_CHECK enum error database_get_row(struct store_txn *txn, enum table table,
                                       const struct key *key, const struct object_info *info,
                                       struct arena *arena, void *row);

enum seek {
    SEEK_AT_OR_AFTER, /* the smallest key not below the given one */
    SEEK_BEFORE,      /* the greatest key below the given one */
    SEEK_LAST         /* the greatest key of all */
};

/**
 * Find a key. `key` is read and then replaced.
 * @return OK, ERR_NOT_FOUND, ERR_STORE_CORRUPT for a key of another size than its table has.
 */
MUST_CHECK enum error database_seek(struct store_txn *txn, enum table table, enum seek seek,
                                    struct key *key);

/**
 * Walk over a table and delete the rows that are not good, where they stand: a search may not find
 * them. Nothing else moves.
 * @param seen receives how many rows were met.
 * @return OK; ERR_STORE_CORRUPT for a key of another size, or good rows that do not ascend.
 */
MUST_CHECK enum error database_sweep(struct store_txn *txn, enum table table,
                                     bool (*is_good)(struct store_txn *, const struct key *),
                                     uint64_t *seen);

/** Rows of a table. */
MUST_CHECK enum error database_count(struct store_txn *txn, enum table table, uint64_t *count);

/** A keyed token that stands for a value in a key. */
void database_token(struct store_txn *txn, uint8_t field, struct view value,
                    uint8_t out[static STORE_TOKEN_BYTES]);

/** Seal or open a value under the key of a table; used by the anchor too. */
enum error database_seal(const uint8_t *table_key, const uint8_t nonce[static 24],
                         struct view associated, struct view plain, struct buffer *sealed);
enum error database_unseal(const uint8_t *table_key, struct view associated, struct view sealed,
                           struct buffer *plain);

/* anchor.c */
MUST_CHECK enum error anchor_open(struct store *store);
/** Read the newest valid half. ERR_NOT_FOUND for a new file; ERR_STORE_CORRUPT; ERR_NO_MEMORY. */
MUST_CHECK enum error anchor_read(struct store *store, struct anchor *anchor);
void anchor_write(struct store *store);

/* place.c */
MUST_CHECK enum error place_check(const char *path, bool allow_tmpfs);
MUST_CHECK enum error place_lock(const char *path, int *lock_fd);
/** Open a file of the store that is ours, private and no link; it is made if missing. */
MUST_CHECK enum error place_file(const char *path, const char *name, int *fd);
/** Remember whether the store was closed in order; the marker lies in the lock file. */
bool place_was_closed(int lock_fd);
void place_mark(int lock_fd, bool closed);
/** Make durable which files are in the directory. ERR_STORE_IO, ERR_FILE. */
MUST_CHECK enum error place_sync(const char *path);
