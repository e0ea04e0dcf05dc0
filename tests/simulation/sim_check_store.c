/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_check.h"
#include "sim_ledger.h"
#include "sim_node.h"

#include "chain.h"
#include "reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/** One look at everything that a node holds. */
struct look {
    struct sim *sim;
    struct sim_node *node;
    struct store_txn *txn;
};

static void fail(const struct look *look, const char *invariant, const struct ledger_entry *entry,
                 const char *what)
{
    sim_fail(look->sim, invariant, "%s, %s#%" PRId64 " of %s: %s", look->node->state,
             entry->reference, entry->version, look->sim->nodes[entry->originator].state, what);
}

/* --- one record ---------------------------------------------------------------------------- */

/* Signed by whom it says it is from. I3 */
static void check_signature(const struct look *look, const struct ledger_entry *entry,
                            const struct store_record *row)
{
    const struct node_keys *keys = &look->sim->nodes[entry->originator].keys;
    struct id record = envelope_record_id(row->header);

    if (!id_equal(&row->originator, &keys->identity.node) || !id_equal(&record, &entry->record) ||
        envelope_verify(row->header, view_of(row->signature, SIGNATURE_BYTES),
                        keys->card.sign_key) != OK) {
        fail(look, "I3", entry, "it is shown without the signature of its originator");
    }
}

/* The grant that brought a record is for this node, from its originator, for this record. I3 */
static void check_grant(const struct look *look, const struct ledger_entry *entry,
                        const struct store_record *row)
{
    const struct sim *sim = look->sim;
    struct store_entry_name name = {STORE_IN, (uint32_t)row->peer, LANE_INCARNATION_FIRST,
                                    row->seq};
    struct store_entry lane_entry = {0};
    struct parcel parcel = {0};
    struct grant_parts grant = {0};
    enum error err = OK;

    TRY(store_entry_get(look->txn, name, sim->check_arena, &lane_entry));
    TRY(parcel_read(lane_entry.payload, sim->check_arena, &parcel));
    TRY(grant_read(parcel.grant, sim->check_arena, &grant));
    TRY(id_equal(&grant.terms.subject, &look->node->keys.identity.node) ? OK : ERR_NOT_FOR_US);
    TRY(id_equal(&grant.terms.issuer, &sim->nodes[entry->originator].keys.identity.node)
            ? OK
            : ERR_WRONG_SENDER);
    TRY(id_equal(&grant.terms.record, &entry->record) ? OK : ERR_BAD_HASH);
    TRY(view_equal(parcel.header, row->header) ? OK : ERR_BAD_HASH);
out:
    if (err != OK) {
        fail(look, "I3", entry, error_info(err)->text);
    }
}

/* What the sections that a node has say, put together as the ledger has them. */
static enum error merge_expected(const struct look *look, const struct ledger_entry *entry,
                                 uint16_t sections, struct value **record)
{
    struct record_parts parts = {{NULL}};
    enum error err = OK;

    for (int s = 0; s < SECTION_COUNT; s++) {
        if (((sections >> s) & 1U) != 0) {
            TRY(value_unpack(look->sim->check_arena,
                             view_of(entry->parts[s].data, entry->parts[s].size),
                             &parts.section[s]));
        }
    }
    TRY(record_merge(&parts, look->sim->check_arena, record));
out:
    return err;
}

/* It opens exactly what was granted, and that says what was published. I2, I4 */
static void check_sections(const struct look *look, const struct ledger_entry *entry,
                           const struct reading *reading)
{
    const struct sim_node *node = look->node;
    bool own = entry->originator == node->index;
    uint16_t all = (uint16_t)(entry->present | (1U << SECTION_INTERNAL));
    uint16_t granted = own ? all : entry->audience[node->index];
    struct value *expected = NULL;

    if ((reading->sections & ~granted) != 0) {
        fail(look, "I2", entry, "it opens a section that it was not granted");
        return;
    }
    /* Our own sections that nobody else held are gone with the disk. */
    if (reading->sections != granted && !(own && node->ever_rolled_back)) {
        fail(look, "I1", entry, "a section that it was granted is missing");
        return;
    }
    if (merge_expected(look, entry, reading->sections, &expected) != OK ||
        !value_equal(expected, reading->record)) {
        fail(look, "I4", entry, "what is shown is not what was published");
    }
}

/* Keys are held for the granted sections only. I2 */
static void check_keys(const struct look *look, const struct ledger_entry *entry,
                       const struct store_record *row)
{
    uint16_t slots = 0;

    for (size_t i = 0; i < row->parts.count; i++) {
        slots = (uint16_t)(slots | (1U << (row->parts.items[i].data[0] % SLOTS_MAX)));
    }
    if (store_keys_get(look->txn, &entry->record, look->sim->check_keys) != OK ||
        section_keys_slots(look->sim->check_keys) != slots) {
        fail(look, "I2", entry, "the keys held are not those of the sections held");
    }
}

static void check_record(const struct look *look, uint64_t number)
{
    struct sim *sim = look->sim;
    struct store_record row = {0};
    struct reading reading = {0};
    enum error err = OK;

    TRY(store_record_get(look->txn, number, sim->check_arena, &row));
    struct ledger_entry *entry = ledger_find(sim, &row.record);
    if (entry == NULL || entry->never) {
        sim_fail(sim, "I3", "%s shows %.*s, which nobody published", look->node->state,
                 (int)row.reference.size, (const char *)row.reference.data);
        return;
    }
    check_signature(look, entry, &row);
    if (entry->originator != look->node->index) {
        check_grant(look, entry, &row);
    }
    check_keys(look, entry, &row);
    err = reader_open(look->node->engine, look->txn, number, sim->check_arena, &reading);
    if (err != OK) {
        fail(look, "I4", entry, error_info(err)->text);
        return;
    }
    check_sections(look, entry, &reading);
out:
    if (err != OK) {
        sim_fail(sim, "I10", "record %" PRIu64 " of %s cannot be read: %s", number,
                 look->node->state, error_info(err)->code);
    }
}

/* --- all records --------------------------------------------------------------------------- */

/* The newest version held is current, older ones are superseded. I6 */
static void check_standing(const struct look *look, const struct ledger_entry *entry)
{
    struct store_record row = {0};
    uint64_t number = 0;
    bool newest = true;

    if (store_record_find(look->txn, &entry->record, &number) != OK ||
        store_record_get(look->txn, number, look->sim->check_arena, &row) != OK) {
        return;
    }
    for (int64_t v = entry->version + 1; newest; v++) {
        const struct ledger_entry *later =
            ledger_find_version(look->sim, view_of_text(entry->reference), v);
        if (later == NULL) {
            break;
        }
        newest = store_record_find(look->txn, &later->record, &number) != OK;
    }
    /* A traitor contests its own records, and those that a restored disk made forget. */
    if (row.standing == RECORD_CONTESTED &&
        (look->sim->nodes[entry->originator].traitor ||
         (look->sim->traitor.acts != 0 && look->sim->nodes[entry->originator].ever_rolled_back))) {
        return;
    }
    if (row.standing != (newest ? RECORD_CURRENT : RECORD_SUPERSEDED)) {
        fail(look, "I6", entry,
             newest ? "the newest version held is not current" : "an older version is current");
    }
}

/* What this node may not read, it holds neither keys nor ciphertexts of. I2 */
static void check_absence(const struct look *look, const struct ledger_entry *entry)
{
    uint16_t granted = entry->audience[look->node->index];

    if (entry->originator == look->node->index) {
        return;
    }
    for (int s = 0; s < SECTION_COUNT; s++) {
        bool may = s < SECTION_SHARED_COUNT && ((granted >> s) & 1U) != 0;
        if (!may && entry->has_cipher[s] && store_blob_has(look->txn, &entry->ciphers[s])) {
            fail(look, "I2", entry, "it holds the ciphertext of a section it was not granted");
        }
    }
    if (granted == 0 && (store_keys_get(look->txn, &entry->record, look->sim->check_keys) != OK ||
                         section_keys_slots(look->sim->check_keys) != 0)) {
        fail(look, "I2", entry, "it holds keys of a record it was not granted");
    }
}

/* The publisher can say of each reader that it has it. I7 */
static void check_delivered(const struct look *look, const struct ledger_entry *entry,
                            uint64_t number)
{
    struct sim *sim = look->sim;

    for (size_t i = 0; i < sim->count; i++) {
        const struct peer *peer = node_peer(look->node, i);
        struct store_holder holder = {0};
        if (!entry->expected[i] || !node_is_honest(&sim->nodes[i])) {
            continue;
        }
        if (store_holder_get(look->txn, number, peer->number, &holder) != OK || holder.seq == 0 ||
            holder.seq > peer->out_acked || holder.sections != entry->audience[i]) {
            fail(look, "I7", entry, "the ledger of holders does not say that it was delivered");
        }
    }
}

static void check_presence(const struct look *look, const struct ledger_entry *entry)
{
    const struct sim_node *node = look->node;
    uint64_t number = 0;
    bool here = store_record_find(look->txn, &entry->record, &number) == OK;

    if (entry->originator == node->index && !here && !node->rolled_back && node_is_honest(node)) {
        fail(look, "I1", entry, "it was published with success and is not there");
    }
    if (entry->originator == node->index && here && look->sim->at_rest && node_is_honest(node)) {
        check_delivered(look, entry, number);
    }
    /* After the faults everybody has everything. I7 */
    if (look->sim->at_rest && entry->expected[node->index] && node_is_honest(node) && !here &&
        node_is_honest(&look->sim->nodes[entry->originator])) {
        fail(look, "I7", entry, "it did not arrive");
    }
}

/* Every version that was published: is it where it should be, and only there? */
static void check_entries(const struct look *look)
{
    struct sim *sim = look->sim;

    for (size_t i = 0; i < sim->ledger.count && !sim->failure.found; i++) {
        const struct ledger_entry *entry = &sim->ledger.entries[i];
        arena_clear(sim->check_arena);
        if (!ledger_is_sure(entry)) {
            continue;
        }
        check_absence(look, entry);
        if (node_is_honest(look->node)) {
            check_presence(look, entry);
            check_standing(look, entry);
        }
    }
}

static void check_records(const struct look *look)
{
    struct sim *sim = look->sim;
    uint64_t number = 0;
    enum error err = OK;

    for (;;) {
        arena_clear(sim->check_arena);
        err = store_record_before(look->txn, number, &number);
        if (err != OK || sim->failure.found) {
            break;
        }
        check_record(look, number);
    }
    if (err != ERR_NOT_FOUND && err != OK) {
        sim_fail(sim, "I10", "the records of %s cannot be listed", look->node->state);
    }
}

/* --- lanes --------------------------------------------------------------------------------- */

/* What is kept of a lane's ends is signed by whom it should be. I3 */
static void check_lane_proofs(const struct look *look, size_t other)
{
    struct sim *sim = look->sim;
    const struct peer *peer = node_peer(look->node, other);
    const uint8_t *key = sim->nodes[other].keys.card.sign_key;
    struct store_lane in = {0};
    struct store_lane out = {0};
    enum error err = OK;

    TRY(store_lane_get(look->txn, STORE_IN, peer->number, sim->check_arena, &in));
    TRY(store_lane_get(look->txn, STORE_OUT, peer->number, sim->check_arena, &out));
    TRY(in.head.size == 0 ? OK : lane_head_verify(in.head, sim->check_arena, key));
    TRY(out.ack.size == 0 ? OK : lane_ack_verify(out.ack, sim->check_arena, key));
    TRY(in.seq == peer->in.seq && id_equal(&in.hash, &peer->in.hash) ? OK : ERR_STORE_CORRUPT);
    TRY(out.seq == peer->out.seq && id_equal(&out.hash, &peer->out.hash) ? OK : ERR_STORE_CORRUPT);
    TRY(out.acked_seq == peer->out_acked ? OK : ERR_STORE_CORRUPT);
out:
    if (err != OK) {
        sim_fail(sim, "I3", "%s keeps of its lanes with %s what nobody signed: %s",
                 look->node->state, sim->nodes[other].state, error_info(err)->code);
    }
}

/* Both ends hold the same history. I1 */
static void check_lane_hash(const struct look *look, size_t other)
{
    struct sim *sim = look->sim;
    const struct peer *in = node_peer(look->node, other);
    const struct peer *out = node_peer(&sim->nodes[other], look->node->index);
    struct store_txn *txn = NULL;
    struct store_entry entry = {0};

    if (out == NULL || in->in.seq == 0 || in->in.seq > out->out.seq ||
        store_begin(sim->nodes[other].store, STORE_READ, &txn) != OK) {
        return;
    }
    struct store_entry_name name = {STORE_OUT, out->number, in->in.incarnation, in->in.seq};
    enum error err = store_entry_get(txn, name, sim->check_arena, &entry);
    struct id hash = lane_entry_hash(entry.entry);
    store_abort(&txn);
    if (err != OK || !id_equal(&hash, &in->in.hash)) {
        sim_fail(sim, "I1", "%s and %s hold different entries %" PRId64, look->node->state,
                 sim->nodes[other].state, in->in.seq);
    }
}

/* --- audit --------------------------------------------------------------------------------- */

/* The trail says once that a record came. I6 */
static void count_received(const struct look *look, const struct audit_entry *event)
{
    struct sim *sim = look->sim;
    char detail[32];
    long long version = 0;

    (void)snprintf(detail, sizeof detail, "%.*s",
                   (int)(event->detail.size < 31 ? event->detail.size : 31),
                   (const char *)event->detail.data);
    if (!view_is(event->event, "record.received") ||
        sscanf(detail, "version %lld", &version) != 1) {
        return;
    }
    struct ledger_entry *entry = ledger_find_version(sim, event->subject, version);
    if (entry != NULL && ++entry->received[look->node->index] > 1 &&
        !sim->nodes[entry->originator].ever_rolled_back) {
        fail(look, "I6", entry, "it was taken in twice");
    }
}

static void check_audit(const struct look *look)
{
    struct sim *sim = look->sim;
    int64_t entries = 0;
    enum error err = OK;

    TRY(store_audit_verify(look->txn, &entries));
    if (look->node->audit_read == 0) {
        for (size_t i = 0; i < sim->ledger.count; i++) {
            sim->ledger.entries[i].received[look->node->index] = 0;
        }
    }
    while (look->node->audit_read < entries) {
        struct audit_entry event = {0};
        arena_clear(sim->check_arena);
        TRY(store_audit_get(look->txn, ++look->node->audit_read, sim->check_arena, &event));
        count_received(look, &event);
    }
out:
    if (err != OK) {
        sim_fail(sim, "I10", "the audit trail of %s is broken after %" PRId64 ": %s",
                 look->node->state, entries, error_info(err)->code);
    }
}

void check_store(struct sim_node *node)
{
    struct sim *sim = node->sim;
    struct look look = {.sim = sim, .node = node};

    if (store_begin(node->store, STORE_READ, &look.txn) != OK) {
        sim_fail(sim, "I10", "the store of %s does not open", node->state);
        return;
    }
    if (node_is_honest(node)) {
        check_records(&look);
    }
    check_entries(&look);
    for (size_t i = 0; i < sim->count && !sim->failure.found; i++) {
        arena_clear(sim->check_arena);
        if (i == node->index) {
            continue;
        }
        check_lane_proofs(&look, i);
        if (node_is_honest(node) && node_is_honest(&sim->nodes[i]) && !sim->nodes[i].rolled_back &&
            !node->rolled_back) {
            check_lane_hash(&look, i);
        }
    }
    check_audit(&look);
    store_abort(&look.txn);
}
