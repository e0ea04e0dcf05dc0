/* SPDX-License-Identifier: Apache-2.0 */
#include "publish.h"

#include "contents.h"
#include "granting.h"
#include "peer.h"
#include "policy_caveats.h"
#include "reader.h"
#include "record_sections.h"
#include "world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ISSUED_AHEAD_MAX_MS = 10 * 60 * 1000 };

/* --- deciding ------------------------------------------------------------------------------ */

static uint16_t present_sections(const struct record_parts *parts)
{
    uint16_t present = 0;

    for (int s = 0; s < SECTION_SHARED_COUNT; s++) {
        present = (uint16_t)(present | (parts->section[s] != NULL ? 1U << s : 0));
    }
    return present;
}

static enum error check_issued(struct publish *publish, const struct value *record,
                               struct instant *issued)
{
    enum error err = OK;

    TRY(instant_parse(value_get_text(record, "issued_at"), issued));
    if (issued->ms > publish->now.wall.ms + ISSUED_AHEAD_MAX_MS) {
        return problem_add(publish->problems, ERR_FIELD_VALUE, "/issued_at",
                           "it lies in the future");
    }
    if (!view_is(value_get_text(value_get(record, "originator"), "state"),
                 publish->engine->keys->identity.state)) {
        return problem_add(publish->problems, ERR_FIELD_VALUE, "/originator/state",
                           "it must be our own State, %s", publish->engine->keys->identity.state);
    }
out:
    return err;
}

/* Everything that preview and publishing have in common: there is no second path. */
static enum error decide(struct publish *publish, struct value *record, struct record_parts *parts,
                         struct contents *contents, struct policy_preview *preview)
{
    struct instant issued = {0};
    enum error err = OK;

    TRY(drafts_fill(publish, record));
    TRY(record_fill_defaults(record, publish->arena));
    TRY(record_check(record, RECORD_OWN, publish->arena, publish->problems, &publish->warnings));
    TRY(check_issued(publish, record, &issued));
    const struct value *handling = value_get(record, "handling");
    TRY(policy_check(handling, publish->engine->world, issued, publish->problems));
    TRY(record_split(record, publish->arena, parts));
    err = contents_collect(record, publish->arena, contents);
    if (err == ERR_TOO_LARGE) {
        err = problem_add(publish->problems, ERR_TOO_LARGE, "/body",
                          "its names, numbers and serials are more than a record can be found by");
        problem_mend(publish->problems, "split it: at most %d of them, said %d times in all",
                     RECORD_INDEX_MAX, CONTENTS_SAID_MAX);
    }
    TRY(err);
    TRY(policy_preview(handling, publish->engine->world, present_sections(parts), publish->arena,
                       preview));
out:
    return err;
}

enum error publish_preview(struct publish *publish, struct value *record,
                           struct policy_preview *preview)
{
    struct record_parts parts = {{NULL}};
    struct contents contents = {0};

    return decide(publish, record, &parts, &contents, preview);
}

/* --- sealing and storing ------------------------------------------------------------------- */

/** A record on its way out. */
struct outgoing {
    struct value *record;
    struct record_parts parts;
    struct contents contents;
    struct policy_preview preview;
    struct caveats caveats;
    struct envelope envelope;
    size_t count;
    struct envelope_section sections[SECTION_COUNT]; /* shared ones first, internal last */
    enum section_id names[SECTION_COUNT];
    struct buffer bodies[SECTION_COUNT];
    struct id internal_leaf;
    struct lane_cursor cursors[STORE_PEERS_MAX]; /* by place in engine->peers */
    bool granted[STORE_PEERS_MAX];
    uint64_t number;
    struct store_record row; /* as stored under that number */
    uint8_t part_bytes[SECTION_COUNT][STORE_PART_BYTES];
    struct view parts_of_row[SECTION_COUNT];
};

static void outgoing_free(struct outgoing *out)
{
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        envelope_section_free(&out->sections[i]);
        buffer_free(&out->bodies[i]);
    }
    envelope_free(&out->envelope);
}

static enum error pack_sections(struct outgoing *out)
{
    struct view schema = value_get_text(out->record, "schema");
    int64_t version = value_get_integer(out->record, "version", 1);
    enum error err = OK;

    for (int s = 0; s < SECTION_COUNT; s++) {
        size_t i = out->count;

        if (out->parts.section[s] == NULL) {
            continue;
        }
        out->bodies[i] = buffer_init(PACK_SECTION_MAX_BYTES);
        value_pack(&out->bodies[i], out->parts.section[s]);
        TRY(out->bodies[i].error);
        out->names[i] = (enum section_id)s;
        out->sections[i].section =
            (struct section){.name = view_of_text(section_name((enum section_id)s)),
                             .schema = schema,
                             .version = version,
                             .body = view_of_buffer(&out->bodies[i])};
        out->count++;
    }
out:
    return err;
}

/* The internal section is sealed like the others, into a slot that no header of ours has. */
static enum error seal_internal(struct engine *engine, struct outgoing *out)
{
    struct envelope_section *section = &out->sections[out->count - 1];
    struct buffer plain = buffer_init(SECTION_PLAINTEXT_MAX_BYTES);
    struct seal_place place = {.originator = engine->keys->identity.node,
                               .slot = STORE_INTERNAL_SLOT};
    enum error err = OK;

    memcpy(place.record_number, out->envelope.record_number, RECORD_NUMBER_BYTES);
    TRY(object_encode(&section_info, &section->section, &plain));
    section_keys_make(engine->scratch_keys, STORE_INTERNAL_SLOT);
    section->slot = STORE_INTERNAL_SLOT;
    section->ciphertext = buffer_init(SECTION_CIPHERTEXT_MAX_BYTES);
    TRY(seal_section(engine->scratch_keys, &place, view_of_buffer(&plain), &section->ciphertext,
                     &out->internal_leaf));
    section->cipher_id = digest(HASH_CIPHER, view_of_buffer(&section->ciphertext));
out:
    buffer_free(&plain);
    return err;
}

static enum error seal_all(struct engine *engine, struct outgoing *out)
{
    enum error err = OK;

    TRY(pack_sections(out));
    /* handling is always there, so the last section is always the internal one. */
    const struct envelope_draft draft = {
        .originator = engine->keys->identity.node,
        .sections = out->sections,
        .count = out->count - 1,
        .retention_years = policy_retention_years(value_get(out->record, "handling"))};
    TRY(envelope_make(&draft, engine->keys->sign_key, engine->scratch_keys, &out->envelope));
    TRY(seal_internal(engine, out));
out:
    return err;
}

static enum error put_row(struct publish *publish, struct store_txn *txn, struct outgoing *out)
{
    struct store_record row = {.record = out->envelope.record_id,
                               .originator = publish->engine->keys->identity.node,
                               .header = view_of_buffer(&out->envelope.header),
                               .reference = value_get_text(out->record, "reference"),
                               .version = value_get_integer(out->record, "version", 1),
                               .schema = value_get_text(out->record, "schema"),
                               .stored_at = publish->now.wall,
                               .internal_leaf = out->internal_leaf,
                               .supersedes = value_get_text(out->record, "supersedes")};

    memcpy(row.signature, out->envelope.signature, SIGNATURE_BYTES);
    for (size_t i = 0; i < out->count; i++) {
        uint8_t *part = out->part_bytes[i];
        part[0] = out->sections[i].slot;
        part[1] = (uint8_t)out->names[i];
        memcpy(part + 2, out->sections[i].cipher_id.bytes, ID_BYTES);
        out->parts_of_row[i] = view_of(part, STORE_PART_BYTES);
    }
    row.parts = (struct views){out->count, out->parts_of_row};
    out->row = row;
    return store_record_add(txn, &out->row, &out->number);
}

static enum error put_contents(struct publish *publish, struct store_txn *txn,
                               const struct outgoing *out)
{
    enum error err = OK;

    for (size_t i = 0; i < out->count; i++) {
        const struct id *cipher = &out->sections[i].cipher_id;
        TRY(store_blob_put(txn, cipher, view_of_buffer(&out->sections[i].ciphertext)));
        TRY(store_index_add(txn, INDEX_CIPHER, id_view(cipher), out->number));
    }
    TRY(store_keys_put(txn, &out->envelope.record_id, publish->engine->scratch_keys));
    TRY(contents_put(txn, out->number, &out->contents));
out:
    return err;
}

/* The version before is superseded in the same transaction. */
static enum error supersede(struct publish *publish, struct store_txn *txn,
                            const struct value *record)
{
    struct store_record row = {0};
    uint64_t number = 0;
    enum error err = OK;

    if (value_get_text(record, "supersedes").size == 0) {
        return OK;
    }
    TRY(reader_find(publish->engine, txn, value_get_text(record, "reference"), 0, &number));
    TRY(store_record_get(txn, number, publish->arena, &row));
    row.standing = RECORD_SUPERSEDED;
    TRY(store_record_put(txn, number, &row));
out:
    return err;
}

/* --- granting ------------------------------------------------------------------------------ */

/* Each reader's lane gets a grant now if it may grow, else when the State says where it stands. */
static enum error grant_all(struct publish *publish, struct store_txn *txn, struct outgoing *out)
{
    struct engine *engine = publish->engine;
    const struct granting granting = {.engine = engine,
                                      .txn = txn,
                                      .number = out->number,
                                      .row = &out->row,
                                      .caveats = out->caveats,
                                      .now = publish->now.wall};
    enum error err = OK;

    for (size_t i = 0; i < out->preview.count; i++) {
        const struct policy_row *row = &out->preview.rows[i];
        if (row->member->self || row->sections == 0) {
            continue;
        }
        for (size_t place = 0; place < engine->peer_count; place++) {
            const struct peer *peer = engine->peers[place];
            if (!id_equal(&peer->identity.node, &row->member->node)) {
                continue;
            }
            out->cursors[place] = peer->out;
            TRY(peer->lane_confirmed
                    ? granting_give(&granting, peer, row->sections, &out->cursors[place])
                    : granting_queue(&granting, peer, row->sections));
            out->granted[place] = true;
        }
    }
out:
    return err;
}

static enum error note(struct publish *publish, struct store_txn *txn, const struct outgoing *out)
{
    char reference[REFERENCE_TEXT_BYTES];
    struct buffer detail = buffer_init(AUDIT_DETAIL_MAX_BYTES);
    struct view text = value_get_text(out->record, "reference");
    enum error err = OK;

    (void)snprintf(reference, sizeof reference, "%.*s", (int)text.size, (const char *)text.data);
    buffer_printf(&detail, "version %" PRId64 " to", value_get_integer(out->record, "version", 1));
    for (size_t i = 0; i < out->preview.count; i++) {
        const struct policy_row *row = &out->preview.rows[i];
        if (!row->member->self && row->sections != 0) {
            buffer_printf(&detail, " %s", row->member->state);
        }
    }
    const char *shown = buffer_text(&detail);
    struct store_event event = {.time = publish->now.wall,
                                .event = "record.published",
                                .actor = publish->actor,
                                .subject = reference,
                                .detail = shown == NULL ? "to many States" : shown};
    err = store_audit_add(txn, &event);
    buffer_free(&detail);
    return err;
}

/* Blobs, record, keys, grants, lane entries, audit: one transaction. */
static enum error store_all(struct publish *publish, struct outgoing *out)
{
    struct engine *engine = publish->engine;
    struct store_txn *txn = NULL;
    enum error err = OK;

    TRY(store_begin(engine->store, STORE_WRITE, &txn));
    TRY(drafts_check_follows(publish, txn, out->record));
    TRY(supersede(publish, txn, out->record));
    TRY(put_row(publish, txn, out));
    TRY(put_contents(publish, txn, out));
    TRY(grant_all(publish, txn, out));
    TRY(store_draft_remove(txn, value_get_text(out->record, "reference")));
    TRY(note(publish, txn, out));
    TRY(engine->ports->point(engine->ports->context, "publish.before-commit"));
    TRY(engine_commit(engine, &txn));
    TRY(engine->ports->point(engine->ports->context, "publish.after-commit"));
out:
    store_abort(&txn);
    return err;
}

/* Only now do the lanes in memory follow, and links are woken. */
static void committed(struct publish *publish, const struct outgoing *out)
{
    struct engine *engine = publish->engine;

    for (size_t place = 0; place < engine->peer_count; place++) {
        struct peer *peer = engine->peers[place];
        if (!out->granted[place]) {
            continue;
        }
        if (peer->lane_confirmed) {
            peer->out = out->cursors[place];
        } else {
            peer->pending++;
        }
        granting_push(engine, peer, publish->now);
    }
}

static enum error check_preview(struct publish *publish, const struct policy_preview *preview,
                                struct view expected)
{
    struct id seen = {{0}};

    if (policy_readers(preview) == 0) {
        return problem_add(publish->problems, ERR_AUDIENCE_EMPTY, "/handling/read",
                           "no State would be able to read it");
    }
    if (expected.size > 0 && (!id_parse(expected, &seen) || !id_equal(&seen, &preview->hash))) {
        return problem_add(publish->problems, ERR_PREVIEW_CHANGED, "preview",
                           "who would read it is not what was shown");
    }
    return OK;
}

/* Many transactions, signatures and wraps follow one another: open each key once for all. */
static void hold_keys(struct engine *engine)
{
    section_keys_hold(engine->scratch_keys);
    secret_pool_hold(engine->pair_keys);
    (void)secret_open(engine->keys->sign_key);
    store_hold_keys(engine->store);
}

static void release_keys(struct engine *engine)
{
    store_release_keys(engine->store);
    secret_close(engine->keys->sign_key);
    secret_pool_release(engine->pair_keys);
    section_keys_clear(engine->scratch_keys);
    section_keys_release(engine->scratch_keys);
}

enum error publish_try(struct publish *publish, struct value *record,
                       struct policy_preview *preview)
{
    char reference[REFERENCE_TEXT_BYTES] = "";
    struct record_parts parts = {{NULL}};
    struct contents contents = {0};
    enum error err = OK;

    publish->dry_run = true;
    TRY(drafts_keep(publish, record, reference));
    TRY(decide(publish, record, &parts, &contents, preview));
    TRY(check_preview(publish, preview, view_of(NULL, 0)));
out:
    return err;
}

enum error publish_record(struct publish *publish, struct view reference, struct view expected,
                          struct policy_preview *preview)
{
    struct outgoing *out = calloc(1, sizeof *out);
    struct buffer packed = buffer_init(CAVEATS_MAX_BYTES);
    enum error err = OK;

    hold_keys(publish->engine);
    TRY(out == NULL ? ERR_NO_MEMORY : OK);
    TRY(drafts_load(publish, reference, &out->record));
    TRY(decide(publish, out->record, &out->parts, &out->contents, &out->preview));
    TRY(check_preview(publish, &out->preview, expected));
    *preview = out->preview;
    if (publish->dry_run) {
        goto out;
    }
    TRY(store_has_room(publish->engine->store) ? OK : ERR_STORE_FULL);
    TRY(policy_caveats(value_get(out->record, "handling"), publish->engine->world, publish->arena,
                       &out->caveats));
    /* What could not be granted later must not be published now. */
    TRY(object_encode(&caveats_info, &out->caveats, &packed));
    TRY(seal_all(publish->engine, out));
    TRY(store_all(publish, out));
    committed(publish, out);
out:
    release_keys(publish->engine);
    buffer_free(&packed);
    if (out != NULL) {
        outgoing_free(out);
    }
    free(out);
    return err;
}
