/* SPDX-License-Identifier: Apache-2.0 */
#include "drafts.h"

#include "reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REFERENCES_SKIPPED = 100 };

static void counter_name(const struct record_kind *kind, int year, char name[static 32])
{
    (void)snprintf(name, 32, "%s-%04d", kind->prefix, year);
}

static int year_of(struct instant time)
{
    char text[DATE_TEXT_BYTES];

    return atoi(instant_format_date(time, text));
}

enum error drafts_skip_references(struct engine *engine, struct instant now)
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

enum error drafts_check_follows(struct publish *publish, struct store_txn *txn,
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

enum error drafts_fill(struct publish *publish, struct value *record)
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

/** What is known of a record that came without a reference, before anything was filled in. */
struct once {
    char name[64]; /* of the counter that keeps the reference it got; "" if it has one */
    bool dated;    /* it says when it was issued */
};

/* Where is kept what reference a record got that came without one. */
static enum error once_name(const struct publish *publish, const struct value *record,
                            struct once *once)
{
    struct buffer packed = buffer_init(RECORD_JSON_MAX_BYTES);
    char hash[ID_TEXT_BYTES];

    once->name[0] = '\0';
    once->dated = value_get(record, "issued_at") != NULL;
    if (!publish->once || value_get(record, "reference") != NULL) {
        return OK;
    }
    value_pack(&packed, record);
    /* It never leaves this node, so any label does. */
    struct id id = digest(HASH_PAYLOAD, view_of_buffer(&packed));
    (void)snprintf(once->name, sizeof once->name, "once-%.48s", id_format(&id, hash));
    enum error err = packed.error;
    buffer_free(&packed);
    return err;
}

/* Whether a draft is what this record would be kept as: then it was not edited meanwhile. */
static enum error is_draft(struct publish *publish, const struct store_draft *draft,
                           const struct value *record, bool dated, bool *same)
{
    struct buffer packed = buffer_init(RECORD_JSON_MAX_BYTES);
    struct value *copy = NULL;
    char text[INSTANT_TEXT_BYTES];
    enum error err = OK;

    TRY(value_copy(publish->arena, record, &copy));
    TRY(value_put_text(publish->arena, copy, "reference", draft->reference));
    if (!dated) {
        /* Filled in when it was kept, unless somebody put another time there. */
        const struct instant kept = {draft->changed_at.ms - draft->changed_at.ms % SECOND_MS};
        TRY(value_put_string(publish->arena, copy, "issued_at", instant_format(kept, text)));
    }
    TRY(record_fill_defaults(copy, publish->arena));
    value_pack(&packed, copy);
    TRY(packed.error);
    *same = view_equal(view_of_buffer(&packed), draft->record);
out:
    buffer_free(&packed);
    return err;
}

/*
 * Find the reference that the record got when it came before. One whose draft was discarded, or
 * edited, is not recalled: nothing of what somebody wrote may be lost.
 */
static enum error recall_reference(struct publish *publish, struct store_txn *txn,
                                   const struct value *record, const struct once *once,
                                   char text[static REFERENCE_TEXT_BYTES])
{
    struct reference reference = {.kind = record_kind_of(record)};
    struct store_draft draft = {0};
    int64_t kept = 0;
    uint64_t number = 0;
    enum error err = OK;

    TRY(once->name[0] == '\0' ? OK : store_counter_get(txn, once->name, &kept));
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
    publish->recalled = err == OK;
    if (err == ERR_NOT_FOUND) {
        TRY(store_draft_get(txn, view_of_text(text), publish->arena, &draft));
        TRY(is_draft(publish, &draft, record, once->dated, &publish->recalled));
    }
out:
    return err == ERR_NOT_FOUND ? OK : err; /* it was discarded */
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

enum error drafts_keep(struct publish *publish, struct value *record,
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
    struct once once = {0};
    enum error err = OK;

    TRY(once_name(publish, record, &once));
    TRY(drafts_fill(publish, record));
    TRY(record_check(record, RECORD_DRAFT, publish->arena, publish->problems, &publish->warnings));
    TRY(store_begin(engine->store, STORE_WRITE, &txn));
    TRY(recall_reference(publish, txn, record, &once, reference));
    if (publish->recalled) {
        goto out; /* nothing changes */
    }
    TRY(settle_reference(publish, txn, record, record_kind_of(record)));
    TRY(record_fill_defaults(record, publish->arena));
    TRY(drafts_check_follows(publish, txn, record));
    draft.reference = value_get_text(record, "reference");
    (void)snprintf(reference, REFERENCE_TEXT_BYTES, "%.*s", (int)draft.reference.size,
                   (const char *)draft.reference.data);
    TRY(keep_reference(txn, once.name, reference));
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

enum error drafts_load(struct publish *publish, struct view reference, struct value **record)
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
