/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_ledger.h"

#include "reader.h"

#include <stdlib.h>
#include <string.h>

struct ledger_entry *ledger_add(struct sim *sim)
{
    struct sim_ledger *ledger = &sim->ledger;

    if (ledger->count == ledger->capacity) {
        ledger->capacity = ledger->capacity == 0 ? 64 : 2 * ledger->capacity;
        ledger->entries = realloc(ledger->entries, ledger->capacity * sizeof *ledger->entries);
        if (ledger->entries == NULL) {
            abort();
        }
    }
    struct ledger_entry *entry = &ledger->entries[ledger->count++];
    memset(entry, 0, sizeof *entry);
    entry->step = sim->step;
    return entry;
}

bool ledger_is_sure(const struct ledger_entry *entry)
{
    return !id_is_none(&entry->record) && !entry->never && !entry->forgotten;
}

struct ledger_entry *ledger_find(struct sim *sim, const struct id *record)
{
    for (size_t i = 0; i < sim->ledger.count; i++) {
        if (id_equal(&sim->ledger.entries[i].record, record)) {
            return &sim->ledger.entries[i];
        }
    }
    return NULL;
}

struct ledger_entry *ledger_find_version(struct sim *sim, struct view reference, int64_t version)
{
    for (size_t i = sim->ledger.count; i > 0; i--) {
        struct ledger_entry *entry = &sim->ledger.entries[i - 1];
        if (entry->version == version && !entry->never && view_is(reference, entry->reference)) {
            return entry;
        }
    }
    return NULL;
}

bool ledger_find_cipher(struct sim *sim, const struct id *cipher, struct ledger_entry **entry,
                        int *section)
{
    for (size_t i = 0; i < sim->ledger.count; i++) {
        struct ledger_entry *one = &sim->ledger.entries[i];
        for (int s = 0; s < SECTION_COUNT; s++) {
            if (one->has_cipher[s] && id_equal(&one->ciphers[s], cipher)) {
                *entry = one;
                *section = s;
                return true;
            }
        }
    }
    return false;
}

void ledger_keep(struct sim *sim, struct packed *to, const struct value *tree)
{
    struct buffer bytes = buffer_init(2 * RECORD_JSON_MAX_BYTES);

    value_pack(&bytes, tree);
    to->data = malloc(bytes.size + 1);
    if (to->data == NULL || bytes.error != OK) {
        abort();
    }
    memcpy(to->data, bytes.data, bytes.size);
    to->size = bytes.size;
    sim->ledger.bytes += bytes.size;
    buffer_free(&bytes);
}

static void take_over(struct ledger_entry *entry, const struct store_record *row)
{
    entry->record = row->record;
    for (size_t i = 0; i < row->parts.count; i++) {
        const uint8_t *part = row->parts.items[i].data;
        if (part[1] < SECTION_COUNT) {
            entry->has_cipher[part[1]] = true;
            memcpy(entry->ciphers[part[1]].bytes, part + 2, ID_BYTES);
        }
    }
}

bool ledger_learn(struct sim *sim, struct ledger_entry *entry)
{
    struct sim_node *node = &sim->nodes[entry->originator];
    struct store_txn *txn = NULL;
    struct store_record row = {0};
    uint64_t number = 0;
    enum error err = OK;

    TRY(store_begin(node->store, STORE_READ, &txn));
    TRY(reader_find(node->engine, txn, view_of_text(entry->reference), entry->version, &number));
    TRY(store_record_get(txn, number, sim->check_arena, &row));
    take_over(entry, &row);
out:
    store_abort(&txn);
    if (err != OK && err != ERR_NOT_FOUND) {
        sim_fail(sim, "I1", "%s cannot read %s: %s", node->state, entry->reference,
                 error_info(err)->code);
    }
    return err == OK;
}

void ledger_settle(struct sim_node *node)
{
    struct sim *sim = node->sim;

    for (size_t i = 0; i < sim->ledger.count; i++) {
        struct ledger_entry *entry = &sim->ledger.entries[i];
        if (entry->originator == node->index && id_is_none(&entry->record) && !entry->never) {
            arena_clear(sim->check_arena);
            entry->never = !ledger_learn(sim, entry);
            sim->counts.published += entry->never ? 0 : 1;
        }
    }
}

void ledger_free(struct sim *sim)
{
    for (size_t i = 0; i < sim->ledger.count; i++) {
        for (int s = 0; s < SECTION_COUNT; s++) {
            free(sim->ledger.entries[i].parts[s].data);
        }
        free(sim->ledger.entries[i].tree.data);
    }
    free(sim->ledger.entries);
    sim->ledger = (struct sim_ledger){0};
}
