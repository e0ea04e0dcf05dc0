/* SPDX-License-Identifier: Apache-2.0 */
#include "database.h"

#include <string.h>

/* What to send is head minus acknowledgement; there is no second outbox. */

enum error store_lane_get(struct store_txn *txn, enum store_side side, uint32_t peer,
                          struct arena *arena, struct store_lane *lane)
{
    const struct key key = key_lane(side, peer);
    enum error err = database_get_row(txn, TABLE_LANE, &key, &lane_row_info, arena, lane);

    if (err == ERR_NOT_FOUND) {
        *lane = (struct store_lane){.incarnation = LANE_INCARNATION_FIRST};
        err = OK;
    }
    return err;
}

enum error store_lane_put(struct store_txn *txn, enum store_side side, uint32_t peer,
                          const struct store_lane *lane)
{
    const struct key key = key_lane(side, peer);

    return database_put_row(txn, TABLE_LANE, &key, &lane_row_info, lane);
}

static struct key entry_key(struct store_entry_name name)
{
    return key_entry(name.side, name.peer, name.incarnation, name.seq);
}

enum error store_entry_put(struct store_txn *txn, struct store_entry_name name,
                           const struct store_entry *entry)
{
    const struct key key = entry_key(name);
    const struct entry_row row = {
        .entry = entry->entry, .payload = entry->payload, .head = entry->head};

    return database_put_row(txn, TABLE_ENTRY, &key, &entry_row_info, &row);
}

enum error store_entry_get(struct store_txn *txn, struct store_entry_name name, struct arena *arena,
                           struct store_entry *entry)
{
    const struct key key = entry_key(name);
    struct entry_row row = {0};
    enum error err = OK;

    TRY(database_get_row(txn, TABLE_ENTRY, &key, &entry_row_info, arena, &row));
    *entry = (struct store_entry){row.entry, row.payload, row.head};
out:
    return err;
}

static bool same_peer(const struct key *key, uint32_t peer)
{
    return key->size == KEY_PENDING_BYTES && get_u32(key->bytes) == peer;
}

enum error store_pending_add(struct store_txn *txn, uint32_t peer,
                             const struct store_pending *pending)
{
    struct key key = key_pending(peer, UINT64_MAX);
    uint64_t order = 1;
    enum error err = database_seek(txn, TABLE_PENDING, SEEK_BEFORE, &key);

    if (err == OK && same_peer(&key, peer)) {
        order = get_u64(key.bytes + 4) + 1;
    } else if (err != OK && err != ERR_NOT_FOUND) {
        return database_fail(txn, err);
    }
    key = key_pending(peer, order);
    return database_put_row(txn, TABLE_PENDING, &key, &pending_row_info, pending);
}

enum error store_pending_take(struct store_txn *txn, uint32_t peer, struct arena *arena,
                              struct store_pending *pending)
{
    struct key key = key_pending(peer, 0);
    enum error err = OK;

    TRY(database_seek(txn, TABLE_PENDING, SEEK_AT_OR_AFTER, &key));
    if (!same_peer(&key, peer)) {
        return ERR_NOT_FOUND;
    }
    TRY(database_get_row(txn, TABLE_PENDING, &key, &pending_row_info, arena, pending));
    TRY(database_delete(txn, TABLE_PENDING, &key));
out:
    return err;
}

enum error store_pending_count(struct store_txn *txn, uint32_t peer, uint64_t *count)
{
    struct key first = key_pending(peer, 0);
    struct key last = key_pending(peer, UINT64_MAX);
    enum error err = database_seek(txn, TABLE_PENDING, SEEK_AT_OR_AFTER, &first);

    *count = 0;
    if (err == ERR_NOT_FOUND || (err == OK && !same_peer(&first, peer))) {
        return OK;
    }
    TRY(err);
    TRY(database_seek(txn, TABLE_PENDING, SEEK_BEFORE, &last));
    /* Orders are given without gaps and taken from the front. */
    *count = get_u64(last.bytes + 4) - get_u64(first.bytes + 4) + 1;
out:
    return err;
}
