/* SPDX-License-Identifier: Apache-2.0 */
#include "database.h"

#include <sodium.h>

/* Section keys, in an environment of their own so that purging can rewrite it. */

static struct key section_key(struct store_txn *txn, const struct id *record, uint8_t slot)
{
    uint8_t token[STORE_TOKEN_BYTES];

    database_token(txn, TOKEN_KEY, id_view(record), token);
    return key_section(token, slot);
}

enum error store_keys_put(struct store_txn *txn, const struct id *record, struct section_keys *keys)
{
    uint16_t slots = section_keys_slots(keys);
    struct key key = section_key(txn, record, 0);
    enum error err = OK;

    for (uint8_t slot = 0; slot < SLOTS_MAX; slot++) {
        const uint8_t *bytes = section_keys_open(keys, slot);
        if (((slots >> slot) & 1U) == 0 || bytes == NULL) {
            continue;
        }
        key.bytes[key.size - 1] = slot;
        err = database_put(txn, TABLE_SECTION_KEY, &key, view_of(bytes, KEY_BYTES));
        section_keys_close(keys);
        TRY(err);
    }
out:
    return err;
}

enum error store_keys_get(struct store_txn *txn, const struct id *record, struct section_keys *keys)
{
    struct arena *arena = arena_new(SLOTS_MAX * 64);
    struct key key = section_key(txn, record, 0);
    enum error err = OK;

    section_keys_clear(keys);
    TRY(arena == NULL ? ERR_NO_MEMORY : OK);
    for (uint8_t slot = 0; slot < SLOTS_MAX; slot++) {
        struct view bytes = {0};
        key.bytes[key.size - 1] = slot;
        err = database_get(txn, TABLE_SECTION_KEY, &key, arena, &bytes);
        if (err == ERR_NOT_FOUND) {
            err = OK;
            continue;
        }
        TRY(err);
        TRY(bytes.size == KEY_BYTES ? OK : ERR_STORE_CORRUPT);
        section_keys_put(keys, slot, bytes.data);
    }
out:
    arena_free(&arena); /* wipes the copies */
    return err;
}
