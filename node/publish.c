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

enum { ISSUED_AHEAD_MAX_MS = 10 * 60 * 1000, REFERENCES_SKIPPED = 100 };

/* --- drafts -------------------------------------------------------------------------------- */

enum { ONCE_NAME_BYTES = 64 };

static void counter_name(const struct record_kind *kind, int year, char name[static 32])
{
    (void)snprintf(name, 32, "%s-%04d", kind->prefix, year);
}

static int year_of(struct instant time)
{
    char text[DATE_TEXT_BYTES];

    return atoi(instant_format_date(time, text));
}

enum error publish_skip_references(struct engine *engine, struct instant now)
{
    const struct store_event event = {.time = now,
                                      .event = "references.skipped",
                                      .actor = "node",
                                      .subject = "",
                                      .detail = "an older copy of the store was opened"};
    struct store_txn *txn = NULL;
    size_t count = 0;
    const struct record_kind *kinds = record_kinds(&count);
    enum error err = OK;

    TRY(store_begin(engine->store, STORE_WRITE, &txn));
    for (size_t i = 0; i < count; i++) {
        char name[32];
        int64_t last = 0;

        counter_name(&kinds[i], year_of(now), name);
        TRY(store_counter_get(txn, name, &last));
        last += REFERENCES_SKIPPED;
        TRY(store_counter_set(txn, name, last < RECORD_NUMBER_MAX ? last : RECORD_NUMBER_MAX));
    }
    TRY(store_audit_add(txn, &event));
    TRY(engine_commit(engine, &txn));
out:
    store_abort(&txn);
    return err;
}

/* The version that a record claims to follow must be our newest of that reference. */
static enum error check_follows(struct publish *publish, struct store_txn *txn,
                                const struct value *record)
{
    struct view reference = value_get_text(record, "reference");
    struct view supersedes = value_get_text(record, "supersedes");
    int64_t version = value_get_integer(record, "version", 1);
    char wanted[REFERENCE_TEXT_BYTES + 24];
    struct store_record row = {0};
    uint64_t number = 0;
    enum error err = reader_find(publish->engine, txn, reference, 0, &number);

    if (err == ERR_NOT_FOUND) {
        if (supersedes.size > 0 || version != 1) {
            return problem_add(publish->problems, ERR_NOT_FOUND, "/supersedes",
                               "there is no earlier version of this record here");
        }
        return OK;
    }
    TRY(err);
    TRY(store_record_get(txn, number, publish->arena, &row));
    (void)snprintf(wanted, sizeof wanted, "%.*s#%" PRId64, (int)reference.size,
                   (const char *)reference.data, row.version);
    if (!view_is(supersedes, wanted) || version != row.version + 1) {
        err = problem_add(publish->problems,
                          supersedes.size == 0 ? ERR_REFERENCE_TAKEN : ERR_SUPERSEDED, "/reference",
                          "it is published already; its newest version is %" PRId64, row.version);
        problem_mend(publish->problems,
                     "for a new version: \"version\": %" PRId64 ", \"supersedes\": \"%s\"",
                     row.version + 1, wanted);
    }
out:
    return err;
}

/* Give a reference, or take the one that was typed, so that no number is used twice. */
static enum error settle_reference(struct publish *publish, struct store_txn *txn,
                                   struct value *record, const struct record_kind *kind)
{
    struct engine *engine = publish->engine;
    struct view typed = value_get_text(record, "reference");
    struct reference reference = {.kind = kind, .year = year_of(publish->now.wall)};
    char name[32];
    char text[REFERENCE_TEXT_BYTES];
    int64_t last = 0;
    enum error err = OK;

    (void)snprintf(reference.state, sizeof reference.state, "%s", engine->keys->identity.state);
    if (typed.size > 0) {
        TRY(reference_parse(typed, &reference));
        if (strcmp(reference.state, engine->keys->identity.state) != 0) {
            return problem_add(publish->problems, ERR_FIELD_VALUE, "/reference",
                               "it must name our own State, %s", engine->keys->identity.state);
        }
    }
    counter_name(kind, reference.year, name);
    TRY(store_counter_get(txn, name, &last));
    if (typed.size == 0) {
        TRY(last < RECORD_NUMBER_MAX ? OK : ERR_TOO_LARGE);
        reference.number = (int)last + 1;
        TRY(value_put_string(publish->arena, record, "reference",
                             reference_format(&reference, text)));
    }
    if (reference.number > last) {
        TRY(store_counter_set(txn, name, reference.number));
    }
out:
    return err;
}

/* What an officer need not type. */
static enum error fill_envelope(struct publish *publish, struct value *record)
{
    struct value *originator = value_get(record, "originator");
    struct instant now = publish->now.wall;
    char text[INSTANT_TEXT_BYTES];
    enum error err = OK;

    now.ms -= now.ms % SECOND_MS;
    if (value_get(record, "issued_at") == NULL) {
        TRY(value_put_string(publish->arena, record, "issued_at", instant_format(now, text)));
    }
    if (originator != NULL && originator->kind == PACK_MAP &&
        value_get(originator, "state") == NULL) {
        TRY(value_put_string(publish->arena, originator, "state",
                             publish->engine->keys->identity.state));
    }
out:
    return err;
}

/* Where is kept what reference a record got that came without one. */
static enum error once_name(const struct publish *publish, const struct value *record,
                            char name[static ONCE_NAME_BYTES])
{
    struct buffer packed = buffer_init(RECORD_JSON_MAX_BYTES);
    char hash[ID_TEXT_BYTES];

    name[0] = '\0';
    if (!publish->once || value_get(record, "reference") != NULL) {
        return OK;
    }
    value_pack(&packed, record);
    /* It never leaves this node, so any label does. */
    struct id id = digest(HASH_PAYLOAD, view_of_buffer(&packed));
    (void)snprintf(name, ONCE_NAME_BYTES, "once-%.48s", id_format(&id, hash));
    enum error err = packed.error;
    buffer_free(&packed);
    return err;
}

/* Give the record the reference that it got when it came before, unless that was discarded. */
static enum error recall_reference(struct publish *publish, struct store_txn *txn,
                                   struct value *record, const char *name)
{
    struct reference reference = {.kind = record_kind_of(record)};
    char text[REFERENCE_TEXT_BYTES];
    struct store_draft draft = {0};
    int64_t kept = 0;
    uint64_t number = 0;
    enum error err = OK;

    TRY(name[0] == '\0' ? OK : store_counter_get(txn, name, &kept));
    if (kept == 0) {
        return OK;
    }
    (void)snprintf(reference.state, sizeof reference.state, "%s",
                   publish->engine->keys->identity.state);
    reference.year = (int)(kept / (RECORD_NUMBER_MAX + 1));
    reference.number = (int)(kept % (RECORD_NUMBER_MAX + 1));
    (void)reference_format(&reference, text);
    err = reader_find(publish->engine, txn, view_of_text(text), 0, &number);
    publish->published = err == OK;
    if (err == ERR_NOT_FOUND) {
        err = store_draft_get(txn, view_of_text(text), publish->arena, &draft);
    }
    if (err == ERR_NOT_FOUND) {
        return OK;
    }
    TRY(err);
    TRY(value_put_string(publish->arena, record, "reference", text));
out:
    return err;
}

static enum error keep_reference(struct store_txn *txn, const char *name, const char *text)
{
    struct reference reference = {0};
    enum error err = OK;

    if (name[0] == '\0') {
        return OK;
    }
    TRY(reference_parse(view_of_text(text), &reference));
    TRY(store_counter_set(txn, name,
                          (int64_t)reference.year * (RECORD_NUMBER_MAX + 1) + reference.number));
out:
    return err;
}

enum error publish_draft(struct publish *publish, struct value *record,
                         char reference[static REFERENCE_TEXT_BYTES])
{
    struct engine *engine = publish->engine;
    struct buffer packed = buffer_init(RECORD_JSON_MAX_BYTES);
    struct store_txn *txn = NULL;
    struct store_draft draft = {.author = view_of_text(publish->actor),
                                .changed_at = publish->now.wall};
    struct store_event event = {.time = publish->now.wall,
                                .event = "draft.kept",
                                .actor = publish->actor,
                                .subject = reference,
                                .detail = ""};
    char once[ONCE_NAME_BYTES];
    enum error err = OK;

    TRY(once_name(publish, record, once));
    TRY(fill_envelope(publish, record));
    TRY(record_check(record, RECORD_DRAFT, publish->arena, publish->problems, &publish->warnings));
    TRY(store_begin(engine->store, STORE_WRITE, &txn));
    TRY(recall_reference(publish, txn, record, once));
    if (!publish->published) {
        TRY(settle_reference(publish, txn, record, record_kind_of(record)));
        TRY(record_fill_defaults(record, publish->arena));
        TRY(check_follows(publish, txn, record));
    }
    draft.reference = value_get_text(record, "reference");
    (void)snprintf(reference, REFERENCE_TEXT_BYTES, "%.*s", (int)draft.reference.size,
                   (const char *)draft.reference.data);
    if (publish->published) {
        goto out;
    }
    TRY(keep_reference(txn, once, reference));
    value_pack(&packed, record);
    TRY(packed.error);
    draft.record = view_of_buffer(&packed);
    TRY(store_draft_put(txn, &draft));
    TRY(store_audit_add(txn, &event));
    TRY(publish->dry_run ? OK : engine_commit(engine, &txn));
out:
    store_abort(&txn);
    buffer_free(&packed);
    return err;
}

enum error publish_load_draft(struct publish *publish, struct view reference, struct value **record)
{
    struct store_txn *txn = NULL;
    struct store_draft draft = {0};
    enum error err = OK;

    TRY(store_begin(publish->engine->store, STORE_READ, &txn));
    TRY(store_draft_get(txn, reference, publish->arena, &draft));
    TRY(value_unpack(publish->arena, draft.record, record));
out:
    store_abort(&txn);
    return err;
}

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

    TRY(fill_envelope(publish, record));
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
        problem_mend(publish->problems, "split it: at most %d of them", RECORD_INDEX_MAX);
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
    TRY(check_follows(publish, txn, out->record));
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
    TRY(publish_draft(publish, record, reference));
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
    TRY(publish_load_draft(publish, reference, &out->record));
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
