/* SPDX-License-Identifier: Apache-2.0 */
#include "database.h"

/* Peers by number; groups, users and drafts by a token of their name. */

enum error store_peer_put(struct store_txn *txn, uint32_t peer, const struct store_peer *row)
{
    const struct key key = key_peer(peer);

    return database_put_row(txn, TABLE_PEER, &key, &peer_row_info, row);
}

enum error store_peer_next(struct store_txn *txn, uint32_t from, struct arena *arena,
                           uint32_t *peer, struct store_peer *row)
{
    struct key key = key_peer(from);
    enum error err = OK;

    TRY(database_seek(txn, TABLE_PEER, SEEK_AT_OR_AFTER, &key));
    TRY(key.size == KEY_PEER_BYTES ? OK : ERR_STORE_CORRUPT);
    TRY(database_get_row(txn, TABLE_PEER, &key, &peer_row_info, arena, row));
    *peer = get_u32(key.bytes);
out:
    return err;
}

static struct key named_key(struct store_txn *txn, uint8_t field, struct view name)
{
    uint8_t token[STORE_TOKEN_BYTES];

    database_token(txn, field, name, token);
    return key_token(token);
}

/* Row after `index` others, in the order of their tokens. These tables are small. */
static enum error row_at(struct store_txn *txn, enum table table, size_t index,
                         const struct object_info *info, struct arena *arena, void *row)
{
    struct key key = {{0}, 0};
    enum error err = OK;

    key.size = 1; /* LMDB takes no empty key; a single zero byte is before every token */
    for (size_t i = 0; i <= index; i++) {
        if (i > 0) {
            key.bytes[key.size++] = 0; /* the next possible key */
        }
        TRY(database_seek(txn, table, SEEK_AT_OR_AFTER, &key));
    }
    TRY(database_get_row(txn, table, &key, info, arena, row));
out:
    return err;
}

enum error store_group_put(struct store_txn *txn, const struct store_group *group)
{
    const struct key key = named_key(txn, TOKEN_GROUP, group->name);

    return database_put_row(txn, TABLE_GROUP, &key, &group_row_info, group);
}

enum error store_group_at(struct store_txn *txn, size_t index, struct arena *arena,
                          struct store_group *group)
{
    return row_at(txn, TABLE_GROUP, index, &group_row_info, arena, group);
}

enum error store_user_put(struct store_txn *txn, const struct store_user *user)
{
    const struct key key = named_key(txn, TOKEN_USER, user->name);

    if (user->roles == 0) {
        return database_delete(txn, TABLE_USER, &key);
    }
    return database_put_row(txn, TABLE_USER, &key, &user_row_info, user);
}

enum error store_user_at(struct store_txn *txn, size_t index, struct arena *arena,
                         struct store_user *user)
{
    return row_at(txn, TABLE_USER, index, &user_row_info, arena, user);
}

enum error store_draft_put(struct store_txn *txn, const struct store_draft *draft)
{
    const struct key key = named_key(txn, TOKEN_DRAFT, draft->reference);

    return database_put_row(txn, TABLE_DRAFT, &key, &draft_row_info, draft);
}

enum error store_draft_get(struct store_txn *txn, struct view reference, struct arena *arena,
                           struct store_draft *draft)
{
    const struct key key = named_key(txn, TOKEN_DRAFT, reference);

    return database_get_row(txn, TABLE_DRAFT, &key, &draft_row_info, arena, draft);
}

enum error store_draft_remove(struct store_txn *txn, struct view reference)
{
    const struct key key = named_key(txn, TOKEN_DRAFT, reference);

    return database_delete(txn, TABLE_DRAFT, &key);
}

enum error store_draft_at(struct store_txn *txn, size_t index, struct arena *arena,
                          struct store_draft *draft)
{
    return row_at(txn, TABLE_DRAFT, index, &draft_row_info, arena, draft);
}
