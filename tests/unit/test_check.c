/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "database.h"

#include <string.h>

enum { PEER = 2, LANE_ENTRIES = 3 };

/* A store with a peer, a lane of a few entries, and a record whose section is held. */
struct fixture {
    struct shelf *shelf;
    struct id record;
    struct id cipher;
    uint64_t number;
};

static void put_lane(struct store_txn *txn, enum store_side side)
{
    struct lane_ends ends = {digest(HASH_NODE, view_of_text("XMA")),
                             digest(HASH_NODE, view_of_text("XNH"))};
    struct lane_cursor cursor = lane_start();
    struct store_lane lane = {.incarnation = 1};

    for (int i = 0; i < LANE_ENTRIES; i++) {
        struct buffer bytes = buffer_init(LANE_ENTRY_MAX_BYTES);
        struct view payload = view_of_text("payload");
        MUST(lane_entry_make(&ends, LANE_GRANT, payload, sample_now, &cursor, &bytes) == OK);
        struct store_entry entry = {view_of_buffer(&bytes), payload, view_of_text("")};
        struct store_entry_name name = {side, PEER, 1, cursor.seq};
        MUST(store_entry_put(txn, name, &entry) == OK);
        buffer_free(&bytes);
    }
    lane.seq = cursor.seq;
    lane.hash = cursor.hash;
    MUST(store_lane_put(txn, side, PEER, &lane) == OK);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct section_keys *keys = section_keys_new();
    struct view ciphertext = view_of_text("ciphertext");
    uint8_t part[STORE_PART_BYTES] = {4, SECTION_SUMMARY};
    struct view part_view = view_of(part, sizeof part);
    struct store_peer peer = {.bundle = view_of_text("bundle")};
    void *shelf = NULL;

    MUST(shelf_new(&shelf) == 0);
    f->shelf = shelf;
    f->record = digest(HASH_RECORD, view_of_text("record"));
    f->cipher = digest(HASH_CIPHER, ciphertext);
    memcpy(part + 2, f->cipher.bytes, ID_BYTES);
    struct store_record record = {.record = f->record,
                                  .peer = PEER,
                                  .seq = 1,
                                  .header = view_of_text("header"),
                                  .parts = {1, &part_view},
                                  .reference = view_of_text("DN-XMA-2026-0014"),
                                  .version = 1,
                                  .schema = view_of_text("valise/denial/1")};
    section_keys_make(keys, 4);
    struct store_txn *txn = shelf_begin(f->shelf, STORE_WRITE);
    MUST(store_peer_put(txn, PEER, &peer) == OK);
    put_lane(txn, STORE_OUT);
    put_lane(txn, STORE_IN);
    MUST(store_record_add(txn, &record, &f->number) == OK);
    MUST(store_blob_put(txn, &f->cipher, ciphertext) == OK);
    MUST(store_keys_put(txn, &f->record, keys) == OK);
    MUST(store_index_add(txn, INDEX_STATE, view_of_text("XPE"), f->number) == OK);
    MUST(store_counter_set(txn, "n", 1) == OK);
    shelf_commit(&txn);
    section_keys_free(&keys);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    void *shelf = f->shelf;

    MUST(shelf_free(&shelf) == 0);
    free(f);
    return 0;
}

static struct store_report check(struct fixture *f)
{
    struct store_report report;

    memset(&report, 0x55, sizeof report);
    assert_ok(store_check(f->shelf->store, &report));
    return report;
}

/* A report with exactly one finding, of this rule. */
static void assert_finding(struct fixture *f, const char *rule, bool of_peer)
{
    struct store_report report = check(f);
    bool found = false;

    for (size_t i = 0; i < report.finding_count && i < COUNT(report.findings); i++) {
        found = found || strncmp(report.findings[i], rule, strlen(rule)) == 0;
    }
    if (!found) {
        fail_msg("no finding of %s among %zu: %s", rule, report.finding_count, report.findings[0]);
    }
    assert_int_equal(report.damaged_peers[PEER], of_peer);
}

static void finish_raw(struct store_txn *txn)
{
    txn->audited = true;
    MUST(store_commit(&txn) == OK);
}

static void remove_row(struct fixture *f, enum table table, const struct key *key)
{
    struct store_txn *txn = shelf_begin(f->shelf, STORE_WRITE);

    MUST(database_delete(txn, table, key) == OK);
    finish_raw(txn);
}

/* Put bytes that were not sealed with the table's key. */
static void spoil_row(struct fixture *f, enum table table, const struct key *key)
{
    struct store *store = f->shelf->store;
    MDB_env *env = table == TABLE_SECTION_KEY ? store->keys : store->data;
    MDB_val name = {key->size, (void *)(uintptr_t)key->bytes};
    MDB_val value = {0, NULL};
    MDB_txn *txn = NULL;
    struct view copy = {0};

    MUST(mdb_txn_begin(env, NULL, 0, &txn) == 0);
    MUST(mdb_get(txn, store->tables[table], &name, &value) == 0);
    MUST(arena_copy(f->shelf->arena, view_of(value.mv_data, value.mv_size), &copy) == OK);
    ((uint8_t *)(uintptr_t)copy.data)[copy.size - 1] ^= 1;
    value = (MDB_val){copy.size, (void *)(uintptr_t)copy.data};
    MUST(mdb_put(txn, store->tables[table], &name, &value, 0) == 0);
    MUST(mdb_txn_commit(txn) == 0);
}

/* Put a row under any key, past all of our code. */
static void plant_row(struct fixture *f, enum table table, const struct key *key)
{
    struct store *store = f->shelf->store;
    MDB_val name = {key->size, (void *)(uintptr_t)key->bytes};
    MDB_val value = {0, (void *)(uintptr_t) ""};
    MDB_txn *txn = NULL;

    MUST(mdb_txn_begin(store->data, NULL, 0, &txn) == 0);
    MUST(mdb_put(txn, store->tables[table], &name, &value, 0) == 0);
    MUST(mdb_txn_commit(txn) == 0);
}

static enum error seek_first(struct fixture *f, enum table table, struct key *key)
{
    struct store_txn *txn = shelf_begin(f->shelf, STORE_READ);

    *key = (struct key){{0}, 1};
    enum error err = database_seek(txn, table, SEEK_AT_OR_AFTER, key);
    store_abort(&txn);
    return err;
}

/* Put a row under a key of which one bit differs; the value stays. */
static void move_row(struct fixture *f, enum table table, struct key *key, size_t bit)
{
    struct store *store = f->shelf->store;
    MDB_val name = {key->size, key->bytes};
    MDB_val value = {0, NULL};
    MDB_txn *txn = NULL;
    struct view copy = {0};

    MUST(mdb_txn_begin(store->data, NULL, 0, &txn) == 0);
    MUST(mdb_get(txn, store->tables[table], &name, &value) == 0);
    MUST(arena_copy(f->shelf->arena, view_of(value.mv_data, value.mv_size), &copy) == OK);
    MUST(mdb_del(txn, store->tables[table], &name, NULL) == 0);
    key->bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    value = (MDB_val){copy.size, (void *)(uintptr_t)copy.data};
    MUST(mdb_put(txn, store->tables[table], &name, &value, 0) == 0);
    MUST(mdb_txn_commit(txn) == 0);
}

static struct key blob_key(struct fixture *f)
{
    struct store_txn *txn = shelf_begin(f->shelf, STORE_READ);
    uint8_t token[STORE_TOKEN_BYTES];

    database_token(txn, TOKEN_CIPHER, id_view(&f->cipher), token);
    store_abort(&txn);
    return key_token(token);
}

static struct key section_key(struct fixture *f)
{
    struct store_txn *txn = shelf_begin(f->shelf, STORE_READ);
    uint8_t token[STORE_TOKEN_BYTES];

    database_token(txn, TOKEN_KEY, id_view(&f->record), token);
    store_abort(&txn);
    return key_section(token, 4);
}

/* --- what is found ------------------------------------------------------------------------- */

static void a_sound_store_has_no_findings(void **state)
{
    struct fixture *f = *state;
    struct store_report report = check(f);

    if (report.finding_count != 0) {
        fail_msg("%s", report.findings[0]);
    }
    assert_int_equal(report.records, 1);
    assert_int_equal(report.damaged, 0);
    assert_true(report.values >= 13);
    for (size_t i = 0; i < COUNT(report.damaged_peers); i++) {
        assert_false(report.damaged_peers[i]);
    }
}

/* S-2: in every table. */
static void a_value_that_does_not_open_is_found_in_every_table(void **state)
{
    struct fixture *f = *state;
    const struct {
        enum table table;
        struct key key;
        bool of_peer;
    } rows[] = {
        {TABLE_BLOB, blob_key(f), true}, /* the record that it belongs to came by this lane */
        {TABLE_SECTION_KEY, section_key(f), true},
        {TABLE_LANE, key_lane(STORE_IN, PEER), true},
        {TABLE_ENTRY, key_entry(STORE_IN, PEER, 1, 2), true},
        {TABLE_PEER, key_peer(PEER), true},
        {TABLE_RECORD, key_number(f->number), true},
        {TABLE_AUDIT, key_number(1), false},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        spoil_row(f, rows[i].table, &rows[i].key);
        assert_finding(f, "S-2", rows[i].of_peer);
        spoil_row(f, rows[i].table, &rows[i].key); /* and back */
        assert_int_equal(check(f).finding_count, 0);
    }
}

/* S-3 */
static void an_index_row_without_its_record_is_found(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = shelf_begin(f->shelf, STORE_WRITE);

    MUST(store_index_add(txn, INDEX_STATE, view_of_text("XTO"), 99) == OK);
    finish_raw(txn);
    assert_finding(f, "S-3", false);
}

/* S-3: it would hide the record from a search. */
static void an_index_row_that_was_changed_is_found(void **state)
{
    struct fixture *f = *state;
    struct key row = {{0}, 0};

    assert_ok(seek_first(f, TABLE_INDEX, &row));
    spoil_row(f, TABLE_INDEX, &row);
    assert_finding(f, "S-3", false);
    spoil_row(f, TABLE_INDEX, &row); /* and back */
    assert_int_equal(check(f).finding_count, 0);
    /* Each bit of the key, with the tag of the row that it was. */
    for (size_t bit = 0; bit < row.size * 8; bit++) {
        move_row(f, TABLE_INDEX, &row, bit);
        assert_finding(f, "S-3", false);
        assert_true(check(f).index_rows >= 1);
        move_row(f, TABLE_INDEX, &row, bit);
    }
    assert_int_equal(check(f).finding_count, 0);
}

static enum error sweep(struct fixture *f)
{
    struct store_txn *txn = shelf_begin(f->shelf, STORE_WRITE);
    enum error err = store_index_sweep(txn);

    if (err == OK) {
        finish_raw(txn);
    } else {
        store_abort(&txn);
    }
    return err;
}

static uint64_t index_count(struct fixture *f)
{
    struct store_txn *txn = shelf_begin(f->shelf, STORE_READ);
    uint64_t count = 0;

    assert_ok(database_count(txn, TABLE_INDEX, &count));
    store_abort(&txn);
    return count;
}

/* S-3: only what is wrong goes, wherever it stands; a table that is damaged itself is not touched.
 */
static void the_index_is_swept_of_what_is_wrong(void **state)
{
    struct fixture *f = *state;
    struct key row = {{0}, 0};
    const uint64_t before = index_count(f);

    assert_ok(sweep(f));
    assert_int_equal(index_count(f), before);
    assert_ok(seek_first(f, TABLE_INDEX, &row));
    for (size_t bit = 0; bit < row.size * 8; bit += 7) {
        struct store_txn *txn = shelf_begin(f->shelf, STORE_WRITE);
        const struct key whole = row;
        MUST(store_index_add(txn, INDEX_STATE, view_of_text("XTO"), 99) == OK);
        finish_raw(txn);
        move_row(f, TABLE_INDEX, &row, bit);
        assert_ok(sweep(f));
        assert_int_equal(index_count(f), before - 1);
        row = whole;
        txn = shelf_begin(f->shelf, STORE_WRITE);
        MUST(database_mark(txn, TABLE_INDEX, &row) == OK);
        finish_raw(txn);
        assert_int_equal(check(f).finding_count, 0);
    }
    const struct key strange = {"strange", 7};
    plant_row(f, TABLE_INDEX, &strange);
    assert_error(ERR_STORE_CORRUPT, sweep(f));
    assert_int_equal(index_count(f), before + 1);
    struct store_report report = check(f);
    assert_true(report.damaged > 0);
    assert_int_equal(report.index_rows, 0);
}

/* S-3 */
static void a_record_that_is_not_found_by_its_id_is_found(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = shelf_begin(f->shelf, STORE_WRITE);
    struct store_record record;

    MUST(store_record_get(txn, f->number, f->shelf->arena, &record) == OK);
    MUST(store_record_put(txn, 7, &record) == OK);
    finish_raw(txn);
    assert_finding(f, "S-3", false);
}

/* S-4 */
static void a_record_without_its_ciphertext_or_key_is_found(void **state)
{
    struct fixture *f = *state;
    struct key blob = blob_key(f);
    struct key section = section_key(f);

    remove_row(f, TABLE_BLOB, &blob);
    assert_finding(f, "S-4", true);
    struct store_txn *txn = shelf_begin(f->shelf, STORE_WRITE);
    MUST(store_blob_put(txn, &f->cipher, view_of_text("another")) == OK); /* under its name */
    finish_raw(txn);
    assert_finding(f, "S-4", true);
    txn = shelf_begin(f->shelf, STORE_WRITE);
    MUST(store_blob_put(txn, &f->cipher, view_of_text("ciphertext")) == OK);
    finish_raw(txn);
    assert_int_equal(check(f).finding_count, 0);
    remove_row(f, TABLE_SECTION_KEY, &section);
    assert_finding(f, "S-4", true);
}

/* S-5 */
static void a_lane_with_a_gap_or_another_end_is_found(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = NULL;
    struct store_lane lane;

    for (int64_t seq = 1; seq <= LANE_ENTRIES; seq++) {
        struct key key = key_entry(STORE_OUT, PEER, 1, seq);
        remove_row(f, TABLE_ENTRY, &key);
        assert_finding(f, "S-5", true);
        txn = shelf_begin(f->shelf, STORE_WRITE);
        put_lane(txn, STORE_OUT);
        finish_raw(txn);
        assert_int_equal(check(f).finding_count, 0);
    }
    txn = shelf_begin(f->shelf, STORE_WRITE);
    MUST(store_lane_get(txn, STORE_IN, PEER, f->shelf->arena, &lane) == OK);
    lane.hash.bytes[0] ^= 1;
    MUST(store_lane_put(txn, STORE_IN, PEER, &lane) == OK);
    finish_raw(txn);
    assert_finding(f, "S-5", true);
}

/* S-5 */
static void an_entry_with_another_payload_is_found(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = shelf_begin(f->shelf, STORE_WRITE);
    struct store_entry_name name = {STORE_IN, PEER, 1, 2};
    struct store_entry entry;

    MUST(store_entry_get(txn, name, f->shelf->arena, &entry) == OK);
    entry.payload = view_of_text("another");
    MUST(store_entry_put(txn, name, &entry) == OK);
    finish_raw(txn);
    assert_finding(f, "S-5", true);
}

/* S-8 */
static void a_broken_audit_chain_is_found(void **state)
{
    struct fixture *f = *state;
    struct key first = key_number(1);

    remove_row(f, TABLE_AUDIT, &first);
    assert_finding(f, "S-8", false);
}

/* A key that cannot be ours ends the walk over its table, not the check. */
static void a_strange_key_is_found_in_every_table(void **state)
{
    struct fixture *f = *state;

    for (int table = 0; table < TABLE_DATA_COUNT; table++) {
        struct key keys[] = {{{0xff}, 1}, {{0xff}, KEY_MAX_BYTES}};
        for (size_t i = 0; i < COUNT(keys); i++) {
            struct store_txn *txn = NULL;
            plant_row(f, (enum table)table, &keys[i]);
            assert_finding(f, "S-2", check(f).damaged_peers[PEER]);
            txn = shelf_begin(f->shelf, STORE_WRITE);
            MUST(database_delete(txn, (enum table)table, &keys[i]) == OK);
            finish_raw(txn);
        }
        assert_int_equal(check(f).finding_count, 0);
    }
}

static void more_findings_than_are_kept_are_counted(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = shelf_begin(f->shelf, STORE_WRITE);

    for (uint64_t number = 100; number < 150; number++) {
        MUST(store_index_add(txn, INDEX_STATE, view_of_text("XTO"), number) == OK);
    }
    finish_raw(txn);
    assert_int_equal(check(f).finding_count, 50);
}

static void a_store_can_be_checked_beside_its_writer(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = shelf_begin(f->shelf, STORE_WRITE);

    assert_int_equal(check(f).finding_count, 0);
    store_abort(&txn);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sound_store_has_no_findings),
        TEST(a_value_that_does_not_open_is_found_in_every_table),
        TEST(an_index_row_without_its_record_is_found),
        TEST(an_index_row_that_was_changed_is_found),
        TEST(the_index_is_swept_of_what_is_wrong),
        TEST(a_record_that_is_not_found_by_its_id_is_found),
        TEST(a_record_without_its_ciphertext_or_key_is_found),
        TEST(a_lane_with_a_gap_or_another_end_is_found),
        TEST(an_entry_with_another_payload_is_found),
        TEST(a_broken_audit_chain_is_found),
        TEST(a_strange_key_is_found_in_every_table),
        TEST(more_findings_than_are_kept_are_counted),
        TEST(a_store_can_be_checked_beside_its_writer),
    };

    return RUN(tests);
}
