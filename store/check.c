/* SPDX-License-Identifier: Apache-2.0 */
#include "database.h"

#include "grant.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHECK_ARENA_BYTES = 8 * 1024 * 1024, FINDINGS_KEPT = 16 };

/* The walk over the whole store. */
struct check {
    struct store_txn *txn;
    struct arena *arena; /* cleared for each value */
    struct store_report *report;
};

static void finding(struct check *check, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void finding(struct check *check, const char *format, ...)
{
    struct store_report *report = check->report;

    if (report->finding_count < FINDINGS_KEPT) {
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(report->findings[report->finding_count], sizeof report->findings[0], format,
                        arguments);
        va_end(arguments);
    }
    report->finding_count++;
}

static void damaged(struct check *check, enum table table, uint32_t peer)
{
    check->report->damaged++;
    finding(check, "S-2: a value of table %s does not open", table_name(table));
    if (peer <= STORE_PEERS_MAX) {
        check->report->damaged_peers[peer] = true;
    }
}

/* The peer whose lane could give a damaged row again. */
static uint32_t peer_of_key(enum table table, const struct key *key)
{
    switch (table) {
    case TABLE_ENTRY:
    case TABLE_LANE:
        return get_u32(key->bytes + 1);
    case TABLE_PENDING:
    case TABLE_PEER:
        return get_u32(key->bytes);
    default:
        return UINT32_MAX;
    }
}

/* A key that cannot be ours: the walk over its table ends there, with ERR_NOT_FOUND. */
static enum error strange_key(struct check *check, enum table table)
{
    check->report->damaged++;
    check->report->index_broken = check->report->index_broken || table == TABLE_INDEX;
    finding(check, "S-2: a key of table %s is none of ours", table_name(table));
    return ERR_NOT_FOUND;
}

/*
 * The walk over a table: LMDB counts the rows apart from the pages, so a page that a flipped bit
 * makes hide rows, or show the same ones without end, is seen.
 */
struct walk {
    enum table table;
    struct key key;
    uint64_t count; /* as LMDB has it */
    uint64_t seen;
};

static enum error walk_begin(struct check *check, enum table table, struct walk *walk)
{
    *walk = (struct walk){.table = table, .key = {{0}, 1}};
    return database_count(check->txn, table, &walk->count);
}

/* The next key; ERR_NOT_FOUND at the end, or where the walk cannot go on. */
static enum error walk_next(struct check *check, struct walk *walk)
{
    enum error err = OK;

    if (walk->seen > 0 && walk->key.size == KEY_MAX_BYTES) {
        return strange_key(check, walk->table);
    }
    if (walk->seen > 0) {
        walk->key.bytes[walk->key.size++] = 0;
    }
    err = database_seek(check->txn, walk->table, SEEK_AT_OR_AFTER, &walk->key);
    if (err == ERR_STORE_CORRUPT) {
        return strange_key(check, walk->table);
    }
    if (err == ERR_NOT_FOUND ? walk->seen != walk->count : walk->seen == walk->count) {
        check->report->damaged++;
        check->report->index_broken = check->report->index_broken || walk->table == TABLE_INDEX;
        finding(check, "S-2: table %s has %llu rows, but %s are found", table_name(walk->table),
                (unsigned long long)walk->count, err == OK ? "more" : "fewer");
        return ERR_NOT_FOUND;
    }
    walk->seen++;
    return err;
}

/* Open every value of a table. S-2 */
static enum error check_values(struct check *check, enum table table)
{
    struct walk walk;
    enum error err = walk_begin(check, table, &walk);

    TRY(err);
    while ((err = walk_next(check, &walk)) == OK) {
        struct view value = {0};

        arena_clear(check->arena);
        err = database_get(check->txn, table, &walk.key, check->arena, &value);
        /* A key that the walk meets and a search does not is on a page that misleads. */
        if (err == ERR_STORE_CORRUPT || err == ERR_NOT_FOUND) {
            damaged(check, table, peer_of_key(table, &walk.key));
        } else {
            TRY(err);
            check->report->values++;
        }
    }
out:
    return err == ERR_NOT_FOUND ? OK : err;
}

/* S-3: an index row is as it was written, where a search finds it, and names a stored record. */
static enum error check_index(struct check *check)
{
    struct walk walk;
    enum error err = walk_begin(check, TABLE_INDEX, &walk);

    TRY(err);
    while ((err = walk_next(check, &walk)) == OK) {
        struct key record = key_number(get_u64(walk.key.bytes + KEY_INDEX_BYTES - 8));

        err = database_marked(check->txn, TABLE_INDEX, &walk.key);
        if (err == ERR_STORE_CORRUPT || err == ERR_NOT_FOUND) {
            check->report->index_rows++;
            finding(check, "S-3: an index row is not as it was written");
            continue;
        }
        TRY(err);
        if (!database_has(check->txn, TABLE_RECORD, &record)) {
            check->report->index_rows++;
            finding(check, "S-3: an index row names record %llu, which is not here",
                    (unsigned long long)get_u64(record.bytes));
        }
    }
out:
    return err == ERR_NOT_FOUND ? OK : err;
}

/* S-4: the ciphertexts and keys of a record's parts are here, and fit together. */
static enum error check_parts(struct check *check, uint64_t number,
                              const struct store_record *record, struct section_keys *keys)
{
    enum error err = OK;

    err = store_keys_get(check->txn, &record->record, keys);
    /* A damaged key was counted by check_values; here its slot lacks one. */
    TRY(err == ERR_STORE_CORRUPT ? OK : err);
    for (size_t i = 0; i < record->parts.count; i++) {
        const uint8_t *part = record->parts.items[i].data;
        struct view bytes = {0};
        struct id cipher = {{0}};

        (void)id_from_view(view_of(part + 2, ID_BYTES), &cipher);
        err = store_blob_get(check->txn, &cipher, check->arena, &bytes);
        struct id hash = digest(HASH_CIPHER, bytes);
        bool good = err == OK && id_equal(&hash, &cipher) &&
                    ((section_keys_slots(keys) >> (part[0] % SLOTS_MAX)) & 1U) != 0;
        if (!good) {
            finding(check, "S-4: record %llu lacks the ciphertext or key of slot %u",
                    (unsigned long long)number, part[0]);
            check->report->damaged_peers[record->peer] = true;
        }
        err = OK;
    }
out:
    return err;
}

static enum error check_records(struct check *check)
{
    struct section_keys *keys = section_keys_new();
    uint64_t number = 0;
    enum error err = OK;

    TRY(keys == NULL ? ERR_NO_MEMORY : OK);
    for (;;) {
        struct store_record record = {0};
        uint64_t found = 0;
        uint64_t before = number;

        err = store_record_before(check->txn, number, &number);
        if (err == ERR_NOT_FOUND || err == ERR_STORE_CORRUPT ||
            (err == OK && before != 0 && number >= before)) {
            err = OK; /* a strange key or a page that misleads was counted by check_values */
            break;
        }
        TRY(err);
        check->report->records++;
        arena_clear(check->arena);
        err = store_record_get(check->txn, number, check->arena, &record);
        if (err == ERR_STORE_CORRUPT) {
            /* Which lane it came by is not known any more: all of them are asked. */
            for (size_t i = 0; i <= STORE_PEERS_MAX; i++) {
                check->report->damaged_peers[i] = true;
            }
            continue; /* counted by check_values */
        }
        TRY(err);
        if (store_record_find(check->txn, &record.record, &found) != OK || found != number) {
            check->report->index_rows++;
            finding(check, "S-3: record %llu cannot be found by its id",
                    (unsigned long long)number);
        }
        TRY(check_parts(check, number, &record, keys));
    }
out:
    section_keys_free(&keys);
    return err;
}

/* S-5: a lane has no gaps, chains to its newest entry, and each entry has its payload. */
static enum error check_lane(struct check *check, enum store_side side, uint32_t peer)
{
    struct store_lane lane = {0};
    struct lane_cursor cursor = lane_start();
    int64_t incarnation = 0;
    int64_t last = 0;
    struct id hash = {{0}};
    enum error err = OK;

    arena_clear(check->arena);
    err = store_lane_get(check->txn, side, peer, check->arena, &lane);
    if (err == ERR_STORE_CORRUPT) {
        return OK; /* counted by check_values */
    }
    TRY(err);
    incarnation = lane.incarnation;
    last = lane.seq;
    hash = lane.hash;
    cursor.incarnation = incarnation;
    while (cursor.seq < last) {
        struct store_entry_name name = {side, peer, incarnation, cursor.seq + 1};
        struct store_entry entry = {0};
        struct lane_entry decoded = {0};

        arena_clear(check->arena);
        err = store_entry_get(check->txn, name, check->arena, &entry);
        if (err == OK) {
            err = object_decode(&lane_entry_info, entry.entry, check->arena, &decoded);
        }
        if (err == OK) {
            const struct lane_ends ends = {decoded.originator, decoded.recipient};
            err = lane_entry_follow(entry.entry, entry.payload, &ends, check->arena, &cursor,
                                    &decoded);
        }
        if (err != OK) {
            finding(check, "S-5: entry %lld of the lane %s peer %u: %s", (long long)cursor.seq + 1,
                    side == STORE_OUT ? "to" : "from", peer, error_info(err)->text);
            check->report->damaged_peers[peer] = true;
            return OK;
        }
    }
    if (!id_equal(&hash, &cursor.hash)) {
        finding(check, "S-5: the lane %s peer %u does not end in its newest entry",
                side == STORE_OUT ? "to" : "from", peer);
        check->report->damaged_peers[peer] = true;
    }
out:
    return err;
}

static enum error check_lanes(struct check *check)
{
    uint32_t peer = 0;
    enum error err = OK;

    for (;;) {
        struct key key = key_peer(peer + 1);

        err = database_seek(check->txn, TABLE_PEER, SEEK_AT_OR_AFTER, &key);
        if (err == ERR_NOT_FOUND || err == ERR_STORE_CORRUPT) {
            return OK; /* a strange key was counted by check_values */
        }
        TRY(err);
        if (get_u32(key.bytes) <= peer || get_u32(key.bytes) > STORE_PEERS_MAX) {
            (void)strange_key(check, TABLE_PEER);
            return OK;
        }
        peer = get_u32(key.bytes);
        TRY(check_lane(check, STORE_OUT, peer));
        TRY(check_lane(check, STORE_IN, peer));
    }
out:
    return err;
}

static enum error check_audit(struct check *check)
{
    int64_t entries = 0;
    enum error err = store_audit_verify(check->txn, &entries);

    if (err == ERR_AUDIT_BROKEN || err == ERR_STORE_CORRUPT || err == ERR_NOT_CANONICAL) {
        finding(check, "S-8: the audit chain breaks after entry %lld", (long long)entries);
        err = OK;
    }
    return err;
}

enum error store_check(struct store *store, struct store_report *report)
{
    struct check check = {.report = report};
    enum error err = OK;

    memset(report, 0, sizeof *report);
    check.arena = arena_new(CHECK_ARENA_BYTES);
    TRY(check.arena == NULL ? ERR_NO_MEMORY : OK);
    TRY(store_begin(store, STORE_READ, &check.txn));
    for (int table = 0; table < TABLE_COUNT; table++) {
        if (table != TABLE_INDEX) {
            TRY(check_values(&check, (enum table)table));
        }
    }
    TRY(check_index(&check));
    TRY(check_records(&check));
    TRY(check_lanes(&check));
    TRY(check_audit(&check));
out:
    store_abort(&check.txn);
    arena_free(&check.arena);
    return err;
}
