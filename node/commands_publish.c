/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include "policy.h"
#include "publish.h"
#include "record_sections.h"
#include "world.h"

#include <string.h>

/* Commands about our own records: drafts, publishing, and who may read what. */

static struct publish publishing(struct command *command)
{
    return (struct publish){.engine = command->engine,
                            .actor = command->caller->user,
                            .arena = command->arena,
                            .problems = command->problems,
                            .now = command->now,
                            .dry_run = value_get_bool(command->arguments, "dry_run"),
                            .once = value_get_bool(command->arguments, "once")};
}

static enum error put_preview(struct command *command, const struct policy_preview *preview)
{
    struct arena *arena = command->arena;
    struct value *readers = value_map(arena);
    struct value *order = value_list(arena);
    struct value *present = value_list(arena);
    char hash[ID_TEXT_BYTES];
    enum error err = OK;

    for (int s = 0; s < SECTION_SHARED_COUNT; s++) {
        if (((preview->present >> s) & 1U) != 0) {
            TRY(value_append(arena, present,
                             value_string(arena, section_name((enum section_id)s))));
        }
    }
    for (size_t i = 0; i < preview->count; i++) {
        const struct policy_row *row = &preview->rows[i];
        struct value *sections = value_map(arena);
        for (int s = 0; s < SECTION_SHARED_COUNT; s++) {
            if (((preview->present >> s) & 1U) != 0) {
                TRY(value_put_bool(arena, sections, section_name((enum section_id)s),
                                   ((row->sections >> s) & 1U) != 0));
            }
        }
        TRY(value_put(arena, readers, row->member->state, sections));
        TRY(value_append(arena, order, value_string(arena, row->member->state)));
    }
    TRY(value_put(arena, command->result, "readers", readers));
    TRY(value_put(arena, command->result, "order", order));
    TRY(value_put(arena, command->result, "sections", present));
    TRY(value_put_integer(arena, command->result, "reader_count",
                          (int64_t)policy_readers(preview)));
    TRY(value_put_string(arena, command->result, "preview", id_format(&preview->hash, hash)));
out:
    return err;
}

static enum error put_warnings(struct command *command, const struct problems *warnings)
{
    struct value *list = value_list(command->arena);
    size_t shown = warnings->count < PROBLEM_COUNT_MAX ? warnings->count : PROBLEM_COUNT_MAX;
    enum error err = OK;

    for (size_t i = 0; i < shown; i++) {
        TRY(value_append(command->arena, list,
                         value_string(command->arena, arena_printf(command->arena, "%s: %s",
                                                                   warnings->items[i].where,
                                                                   warnings->items[i].what))));
    }
    TRY(value_put(command->arena, command->result, "warnings", list));
out:
    return err;
}

/* --- drafts and publishing ----------------------------------------------------------------- */

static enum error handle_draft_new(struct command *command)
{
    struct publish publish = publishing(command);
    char reference[REFERENCE_TEXT_BYTES] = "";
    struct value *record = NULL;
    enum error err = OK;

    TRY(value_copy(command->arena, value_get(command->arguments, "record"), &record));
    TRY(drafts_keep(&publish, record, reference));
    TRY(value_put_string(command->arena, command->result, "reference", reference));
    TRY(value_put_bool(command->arena, command->result, "recalled", publish.recalled));
    TRY(value_put_bool(command->arena, command->result, "published", publish.published));
    TRY(put_warnings(command, &publish.warnings));
out:
    return err;
}

static enum error handle_draft_list(struct command *command)
{
    struct arena *arena = command->arena;
    struct value *list = value_list(arena);
    struct store_txn *txn = NULL;
    char text[INSTANT_TEXT_BYTES];
    enum error err = OK;

    TRY(store_begin(command->engine->store, STORE_READ, &txn));
    for (size_t i = 0; i < CONTROL_PAGE_MAX; i++) {
        struct store_draft draft = {0};
        struct value *row = value_map(arena);

        err = store_draft_at(txn, i, arena, &draft);
        if (err == ERR_NOT_FOUND) {
            err = OK;
            break;
        }
        TRY(err);
        TRY(value_put_text(arena, row, "reference", draft.reference));
        TRY(value_put_text(arena, row, "author", draft.author));
        TRY(value_put_string(arena, row, "changed_at", instant_format(draft.changed_at, text)));
        TRY(value_append(arena, list, row));
    }
    TRY(value_put(arena, command->result, "items", list));
out:
    store_abort(&txn);
    return err;
}

static enum error handle_draft_show(struct command *command)
{
    struct publish publish = publishing(command);
    struct view reference = {0};
    struct value *record = NULL;
    enum error err = OK;

    TRY(commands_reference(command, &reference));
    TRY(drafts_load(&publish, reference, &record));
    TRY(value_put(command->arena, command->result, "record", record));
out:
    return err;
}

static enum error handle_draft_discard(struct command *command)
{
    struct store_txn *txn = NULL;
    struct store_draft draft = {0};
    struct view reference = {0};
    enum error err = OK;

    TRY(commands_reference(command, &reference));
    TRY(store_begin(command->engine->store, STORE_WRITE, &txn));
    TRY(store_draft_get(txn, reference, command->arena, &draft));
    TRY(store_draft_remove(txn, reference));
    TRY(commands_note(command, txn, "draft.discarded", commands_text(command, "reference"), ""));
    TRY(engine_commit(command->engine, &txn));
out:
    store_abort(&txn);
    return err;
}

static enum error handle_publish(struct command *command)
{
    struct publish publish = publishing(command);
    struct policy_preview preview = {0};
    struct value *given = value_get(command->arguments, "record");
    struct value *record = NULL;
    struct view reference = {0};
    enum error err = OK;

    if (given != NULL && publish.dry_run) {
        TRY(value_copy(command->arena, given, &record));
        TRY(publish_try(&publish, record, &preview));
        reference = value_get_text(record, "reference");
    } else {
        TRY(commands_reference(command, &reference));
        TRY(publish_record(&publish, reference, value_get_text(command->arguments, "preview"),
                           &preview));
    }
    TRY(value_put_text(command->arena, command->result, "reference", reference));
    TRY(put_preview(command, &preview));
    TRY(put_warnings(command, &publish.warnings));
out:
    return err;
}

/* --- policy -------------------------------------------------------------------------------- */

/* A record given as it is, a draft, or an own record that is published already. */
static enum error record_to_judge(struct command *command, struct publish *publish,
                                  struct value **record)
{
    struct value *given = value_get(command->arguments, "record");
    struct store_txn *txn = NULL;
    struct reading reading = {0};
    struct view reference = {0};
    enum error err = OK;

    if (given != NULL) {
        return value_copy(command->arena, given, record);
    }
    TRY(commands_reference(command, &reference));
    err = drafts_load(publish, reference, record);
    if (err != ERR_NOT_FOUND) {
        return err;
    }
    TRY(store_begin(command->engine->store, STORE_READ, &txn));
    TRY(commands_reading(command, txn, &reading));
    if (!reading.own) {
        err = problem_add(command->problems, ERR_POLICY_DENIED, "reference",
                          "only its originator knows who reads it");
        goto out;
    }
    *record = reading.record;
out:
    store_abort(&txn);
    return err;
}

static enum error handle_preview(struct command *command)
{
    struct publish publish = publishing(command);
    struct policy_preview preview = {0};
    struct value *record = NULL;
    enum error err = OK;

    TRY(record_to_judge(command, &publish, &record));
    TRY(publish_preview(&publish, record, &preview));
    TRY(put_preview(command, &preview));
    TRY(put_warnings(command, &publish.warnings));
out:
    return err;
}

/* The handling of the named record and what it holds, for `can` and `why`. */
static enum error judge(struct command *command, const struct value **handling, uint16_t *present,
                        const struct policy_member **member)
{
    struct publish publish = publishing(command);
    struct record_parts parts = {{NULL}};
    struct value *record = NULL;
    char state[4];
    enum error err = OK;

    *member = state_canonical(value_get_text(command->arguments, "state"), state)
                  ? policy_member_find(command->engine->world, view_of_text(state))
                  : NULL;
    if (*member == NULL) {
        return problem_add(command->problems, ERR_STATE_UNKNOWN, "state",
                           "it is not among the peers, so it reads nothing");
    }
    TRY(record_to_judge(command, &publish, &record));
    TRY(record_split(record, command->arena, &parts));
    *present = 0;
    for (int s = 0; s < SECTION_SHARED_COUNT; s++) {
        *present = (uint16_t)(*present | (parts.section[s] != NULL ? 1U << s : 0));
    }
    *handling = value_get(record, "handling");
out:
    return err;
}

static enum error put_decision(struct command *command, struct value *to,
                               const struct policy_decision *decision)
{
    enum error err = OK;

    TRY(value_put_bool(command->arena, to, "permit", decision->permit));
    TRY(value_put_string(command->arena, to, "rule", policy_rule_name(decision->rule)));
    TRY(value_put_string(command->arena, to, "reason", decision->reason));
out:
    return err;
}

static enum error handle_can(struct command *command)
{
    struct policy_request request = {0};
    struct policy_decision decision = {0};
    const struct value *handling = NULL;
    enum error err = OK;

    if (!section_find(value_get_text(command->arguments, "section"), &request.section)) {
        err =
            problem_add(command->problems, ERR_FIELD_VALUE, "section", "there is no such section");
        problem_mend(command->problems,
                     "manifest, summary, parties, details, restricted, attachments");
        return err;
    }
    TRY(judge(command, &handling, &request.present, &request.member));
    policy_decide(handling, command->engine->world, &request, &decision);
    TRY(put_decision(command, command->result, &decision));
out:
    return err;
}

static enum error handle_why(struct command *command)
{
    struct policy_request request = {0};
    const struct value *handling = NULL;
    struct value *list = value_list(command->arena);
    enum error err = OK;

    TRY(judge(command, &handling, &request.present, &request.member));
    for (int s = 0; s < SECTION_SHARED_COUNT; s++) {
        struct policy_decision decision = {0};
        struct value *row = value_map(command->arena);

        request.section = (enum section_id)s;
        policy_decide(handling, command->engine->world, &request, &decision);
        TRY(value_put_string(command->arena, row, "section", section_name(request.section)));
        TRY(value_put_bool(command->arena, row, "holds_anything",
                           ((request.present >> s) & 1U) != 0));
        TRY(put_decision(command, row, &decision));
        TRY(value_append(command->arena, list, row));
    }
    TRY(value_put(command->arena, command->result, "sections", list));
out:
    return err;
}

const struct command_row commands_publish[] = {
    {"record.publish", handle_publish},
    {"draft.new", handle_draft_new},
    {"draft.list", handle_draft_list},
    {"draft.show", handle_draft_show},
    {"draft.discard", handle_draft_discard},
    {"policy.preview", handle_preview},
    {"policy.can", handle_can},
    {"policy.why", handle_why},
    {NULL, NULL},
};
