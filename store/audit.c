/* SPDX-License-Identifier: Apache-2.0 */
#include "database.h"

#include <string.h>

/* A text cut to what the entry takes, never within a character. */
static struct view cut(const char *text, size_t max)
{
    struct view view = view_of_text(text);

    if (view.size > max) {
        view.size = max;
        while (view.size > 0 && (view.data[view.size] & 0xc0) == 0x80) {
            view.size--;
        }
    }
    return view;
}

enum error store_audit_add(struct store_txn *txn, const struct store_event *event)
{
    struct buffer bytes = buffer_init(AUDIT_ENTRY_MAX_BYTES);
    struct audit_cursor cursor = {txn->next.audit_seq, txn->next.audit_hash};
    struct audit_entry entry = {.time = event->time,
                                .event = cut(event->event, 64),
                                .actor = cut(event->actor, AUDIT_ACTOR_MAX_BYTES),
                                .subject = cut(event->subject, AUDIT_SUBJECT_MAX_BYTES),
                                .detail = cut(event->detail, AUDIT_DETAIL_MAX_BYTES)};
    enum error err = OK;

    TRY(txn->error);
    TRY(database_fail(txn, audit_entry_make(&entry, &cursor, &bytes)));
    struct key key = key_number((uint64_t)cursor.seq);
    TRY(database_put(txn, TABLE_AUDIT, &key, view_of_buffer(&bytes)));
    txn->next.audit_seq = cursor.seq;
    txn->next.audit_hash = cursor.hash;
out:
    buffer_free(&bytes);
    return err;
}

enum error store_audit_get(struct store_txn *txn, int64_t seq, struct arena *arena,
                           struct audit_entry *entry)
{
    const struct key key = key_number((uint64_t)seq);

    return database_get_row(txn, TABLE_AUDIT, &key, &audit_entry_info, arena, entry);
}

enum error store_audit_cursor(struct store_txn *txn, struct audit_cursor *cursor)
{
    struct arena *arena = arena_new(65536);
    struct key key = {{0}, 0};
    struct view bytes = {0};
    enum error err = OK;

    *cursor = (struct audit_cursor){0};
    TRY(arena == NULL ? ERR_NO_MEMORY : OK);
    err = database_seek(txn, TABLE_AUDIT, SEEK_LAST, &key);
    if (err == ERR_NOT_FOUND) {
        err = OK;
        goto out;
    }
    TRY(err);
    TRY(database_get(txn, TABLE_AUDIT, &key, arena, &bytes));
    cursor->seq = (int64_t)get_u64(key.bytes);
    cursor->hash = digest(HASH_AUDIT, bytes);
out:
    arena_free(&arena);
    return err;
}

enum error store_audit_verify(struct store_txn *txn, int64_t *entries)
{
    struct arena *arena = arena_new(65536);
    struct audit_cursor cursor = {0};
    enum error err = OK;

    *entries = 0;
    TRY(arena == NULL ? ERR_NO_MEMORY : OK);
    while (cursor.seq < txn->next.audit_seq) {
        struct key key = key_number((uint64_t)cursor.seq + 1);
        struct view bytes = {0};
        struct audit_entry entry = {0};

        arena_clear(arena);
        err = database_get(txn, TABLE_AUDIT, &key, arena, &bytes);
        if (err == ERR_NOT_FOUND) {
            err = ERR_AUDIT_BROKEN;
        }
        TRY(err);
        TRY(audit_entry_follow(bytes, arena, &cursor, &entry));
        *entries = cursor.seq;
    }
    if (!id_equal(&cursor.hash, &txn->next.audit_hash)) {
        err = ERR_AUDIT_BROKEN;
    }
out:
    arena_free(&arena);
    return err;
}
