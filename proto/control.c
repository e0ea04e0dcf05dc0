/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include "text.h"

#include <stdio.h>
#include <string.h>

#define NO_ARGUMENTS                                                                               \
    {                                                                                              \
        {                                                                                          \
            .name = NULL                                                                           \
        }                                                                                          \
    }
#define VIEWERS  ROLE_ALL
#define READERS  (ROLE_VIEWER | ROLE_OFFICER | ROLE_POC | ROLE_ADMIN)
#define WRITERS  ROLE_POC
#define ADMINS   ROLE_ADMIN
#define AUDITORS (ROLE_AUDITOR | ROLE_ADMIN)

#define TEXT_ARG(name, required, max, help)                                                        \
    {                                                                                              \
        name, ARGUMENT_TEXT, required, max, help                                                   \
    }
#define REFERENCE TEXT_ARG("reference", true, 64, "reference of the record")
#define STATE_ARG TEXT_ARG("state", true, 64, "State, by code or name")
#define REASON    TEXT_ARG("reason", true, 300, "why, for the audit trail")
#define CURSOR    TEXT_ARG("cursor", false, 64, "where the page before ended")
#define LIMIT                                                                                      \
    {                                                                                              \
        "limit", ARGUMENT_INTEGER, false, CONTROL_PAGE_MAX, "rows of a page"                       \
    }
#define FILTERS                                                                                    \
    TEXT_ARG("kind", false, 16, "denial, broker or case"),                                         \
        TEXT_ARG("by", false, 64, "State that wrote it"),                                          \
        TEXT_ARG("dest", false, 64, "country of destination"),                                     \
        TEXT_ARG("code", false, 40, "list entry, ground, conduct or other code"),                  \
        TEXT_ARG("since", false, 10, "year, month or day of the main date"),                       \
        {"all_versions", ARGUMENT_FLAG, false, 0, "superseded versions too"}, CURSOR, LIMIT

static const struct control_command commands[] = {
    {"status", VIEWERS, false, "node, peers and waiting work on one screen", NO_ARGUMENTS},
    {"node.version", VIEWERS, false, "version of the node and its libraries", NO_ARGUMENTS},
    {"doctor", VIEWERS, false, "tests what can be tested", NO_ARGUMENTS},
    {"record.list", READERS, false, "records, newest first", {FILTERS}},
    {"record.search",
     READERS,
     false,
     "records that hold words, names, references or identifiers",
     {TEXT_ARG("words", true, 1000, "what to look for"), FILTERS}},
    {"record.show",
     READERS,
     false,
     "one record, as far as it is open to this State",
     {REFERENCE, {"version", ARGUMENT_INTEGER, false, 9999, "another version than the newest"}}},
    {"record.export",
     ROLE_OFFICER | ROLE_POC,
     false,
     "one record for a file, where its handling allows it",
     {REFERENCE}},
    {"record.publish",
     WRITERS,
     false,
     "seals, signs and sends a draft",
     {TEXT_ARG("reference", false, 64, "reference of the draft"),
      {"record", ARGUMENT_MAP, false, 0, "with dry_run: a record that is not kept yet"},
      TEXT_ARG("preview", false, 64, "hash of the preview that was seen"),
      {"dry_run", ARGUMENT_FLAG, false, 0, "all but the last step"}}},
    {"draft.new",
     WRITERS,
     false,
     "keeps a draft and gives it a reference",
     {{"record", ARGUMENT_MAP, true, 0, "the record"},
      {"once", ARGUMENT_FLAG, false, 0, "the same record again keeps its reference"},
      {"dry_run", ARGUMENT_FLAG, false, 0, "all but the last step"}}},
    {"draft.list", WRITERS, false, "drafts", NO_ARGUMENTS},
    {"draft.show", WRITERS, false, "one draft", {REFERENCE}},
    {"draft.discard", WRITERS, false, "forgets a draft", {REFERENCE}},
    {"policy.preview",
     READERS,
     false,
     "who would read which section",
     {{"record", ARGUMENT_MAP, false, 0, "a record that is not kept yet"},
      TEXT_ARG("reference", false, 64, "a draft or an own record")}},
    {"policy.can",
     READERS,
     false,
     "whether a State may read a section",
     {STATE_ARG, TEXT_ARG("section", true, 16, "section"), REFERENCE}},
    {"policy.why",
     READERS,
     false,
     "the rule that decides, section by section",
     {REFERENCE, STATE_ARG}},
    {"peer.card", VIEWERS, false, "this node's own card", NO_ARGUMENTS},
    {"peer.add",
     ADMINS,
     false,
     "takes a State's card; nothing is sent before its number was compared",
     {TEXT_ARG("card", true, CONTROL_TEXT_MAX_BYTES, "text of the card"),
      TEXT_ARG("address", false, 255, "where to reach it, instead of the card's address")}},
    {"peer.verify",
     ADMINS,
     false,
     "records that the safety number was compared",
     {STATE_ARG, TEXT_ARG("number", true, 128, "what they read to you"),
      TEXT_ARG("who", true, 200, "who compared with whom"),
      TEXT_ARG("how", true, 40, "in person, video or telephone")}},
    {"peer.list", VIEWERS, false, "peers and how the exchange with them goes", NO_ARGUMENTS},
    {"peer.ping", VIEWERS, false, "reachability, step by step", {STATE_ARG}},
    {"peer.pause", ADMINS, false, "nothing is sent to or taken from a State", {STATE_ARG, REASON}},
    {"peer.resume", ADMINS, false, "ends a pause", {STATE_ARG, REASON}},
    {"peer.remove", ADMINS, false, "takes a State out of the peers", {STATE_ARG, REASON}},
    {"group.define",
     ADMINS,
     false,
     "names a list of verified peers",
     {TEXT_ARG("name", true, 40, "name of the group"),
      {"states", ARGUMENT_LIST, true, 64, "its members"}}},
    {"group.list", VIEWERS, false, "groups and their members", NO_ARGUMENTS},
    {"quarantine.list", READERS, false, "what was kept aside, and why", NO_ARGUMENTS},
    {"user.list", VIEWERS, false, "who may do what", NO_ARGUMENTS},
    {"user.grant",
     ADMINS,
     false,
     "gives a UNIX user or @group roles",
     {TEXT_ARG("user", true, 64, "name, or @group"),
      TEXT_ARG("roles", true, 64, "viewer, officer, poc, admin, auditor")}},
    {"user.revoke",
     ADMINS,
     false,
     "takes all roles away",
     {TEXT_ARG("user", true, 64, "name, or @group")}},
    {"audit.list",
     AUDITORS,
     false,
     "who did what",
     {TEXT_ARG("since", false, 24, "day or time"),
      TEXT_ARG("about", false, 64, "reference or State"), CURSOR, LIMIT}},
    {"audit.verify", AUDITORS, false, "checks the chain", NO_ARGUMENTS},
    {"watch",
     VIEWERS,
     true,
     "events as they happen",
     {TEXT_ARG("from", false, 24, "cursor to go on from"),
      TEXT_ARG("kind", false, 32, "only events that begin so")}},
};

const struct control_command *control_commands(size_t *count)
{
    *count = sizeof commands / sizeof commands[0];
    return commands;
}

const struct control_command *control_find(struct view name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (view_is(name, commands[i].name)) {
            return &commands[i];
        }
    }
    return NULL;
}

static const struct control_event events[] = {
    {"clock.accepted", "the operator said that the clock is right"},
    {"command.refused", "somebody asked for what no role of theirs allows"},
    {"draft.discarded", "a draft was thrown away"},
    {"draft.kept", "a draft was made or changed"},
    {"grant.narrowed", "a State was given less than was meant: its key changed"},
    {"grant.withdrawn", "what was meant for a State was not given any more"},
    {"group.defined", "a group was made, or its members changed"},
    {"index.mended", "rows of the index were damaged and made anew"},
    {"lane.acknowledged", "a State confirmed what we sent"},
    {"lane.applied", "what a State sent was taken over"},
    {"lane.ciphertext", "a sealed part of a record was fetched"},
    {"lane.fork", "a State signed two histories"},
    {"lane.mended", "what was damaged here was fetched again"},
    {"lane.numbered", "what waited for a State was put on the way"},
    {"lane.recovered", "our own lane was fetched back after a loss"},
    {"peer.added", "a State's card was taken"},
    {"peer.card", "a State sent a newer card"},
    {"peer.frozen", "a State contradicts itself: nothing is exchanged with it"},
    {"peer.paused", "the exchange with a State was stopped by hand"},
    {"peer.removed", "a State was taken out of the peers"},
    {"peer.resumed", "a pause ended"},
    {"peer.suspended", "a State sent too much, or too much that does not pass"},
    {"peer.verified", "somebody compared the safety number of a State"},
    {"record.exported", "a record was taken out into a file"},
    {"record.published", "a record of ours was signed and published"},
    {"record.quarantined", "something that a State sent was kept aside"},
    {"record.received", "a record of another State came"},
    {"record.recovered", "a record of ours came back from a State after a loss"},
    {"references.skipped", "numbers were left out after a loss"},
    {"user.granted", "somebody got a role"},
    {"user.revoked", "somebody lost a role"},
};

const struct control_event *control_events(size_t *count)
{
    *count = sizeof events / sizeof events[0];
    return events;
}

/** One role and its name. */
struct role_row {
    unsigned role;
    const char *name;
};

static const struct role_row roles[] = {
    {ROLE_VIEWER, "viewer"}, {ROLE_OFFICER, "officer"}, {ROLE_POC, "poc"},
    {ROLE_ADMIN, "admin"},   {ROLE_AUDITOR, "auditor"},
};

const char *role_name(unsigned role)
{
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (roles[i].role == role) {
            return roles[i].name;
        }
    }
    return NULL;
}

unsigned role_find(struct view name)
{
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (view_is(name, roles[i].name)) {
            return roles[i].role;
        }
    }
    return 0;
}

void roles_format(unsigned set, struct buffer *to)
{
    const char *between = "";

    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if ((set & roles[i].role) != 0) {
            buffer_append_text(to, between);
            buffer_append_text(to, roles[i].name);
            between = ", ";
        }
    }
}

static enum error check_argument(const struct control_argument *argument, const struct value *value,
                                 struct problems *problems)
{
    static const enum pack_kind kinds[] = {
        [ARGUMENT_TEXT] = PACK_TEXT, [ARGUMENT_INTEGER] = PACK_INTEGER, [ARGUMENT_FLAG] = PACK_BOOL,
        [ARGUMENT_MAP] = PACK_MAP,   [ARGUMENT_LIST] = PACK_LIST,
    };

    if (value->kind != kinds[argument->type]) {
        return problem_add(problems, ERR_USAGE, argument->name, "it has the wrong type");
    }
    bool too_large =
        (argument->type == ARGUMENT_TEXT && (int64_t)value->bytes.size > argument->max) ||
        (argument->type == ARGUMENT_LIST && (int64_t)value->count > argument->max) ||
        (argument->type == ARGUMENT_INTEGER &&
         (value->number < 0 || value->number > argument->max));
    if (too_large) {
        return problem_add(problems, ERR_USAGE, argument->name, "it is larger than %lld",
                           (long long)argument->max);
    }
    return OK;
}

static enum error check_arguments(const struct control_command *command,
                                  const struct value *arguments, struct problems *problems)
{
    size_t known = 0;
    enum error err = OK;

    for (size_t i = 0; i < CONTROL_ARGUMENTS_MAX && command->arguments[i].name != NULL; i++) {
        const struct control_argument *argument = &command->arguments[i];
        const struct value *value = value_get(arguments, argument->name);
        if (value == NULL) {
            if (argument->required) {
                return problem_add(problems, ERR_USAGE, argument->name, "it is missing: %s",
                                   argument->help);
            }
            continue;
        }
        TRY(check_argument(argument, value, problems));
        known++;
    }
    if (known != arguments->count) {
        err = problem_add(problems, ERR_USAGE, command->name, "it has an unknown argument");
    }
out:
    return err;
}

enum error control_request_read(struct view bytes, struct arena *arena,
                                const struct control_command **command, struct value **arguments,
                                struct problems *problems)
{
    struct value *request = NULL;
    struct value *given = NULL;
    enum error err = OK;

    TRY(pack_check(bytes, CONTROL_FRAME_MAX_BYTES));
    TRY(value_unpack(arena, bytes, &request));
    if (value_get_integer(request, "v", 0) != CONTROL_VERSION) {
        return problem_add(problems, ERR_USAGE, "v", "the node speaks control version %d",
                           CONTROL_VERSION);
    }
    *command = control_find(value_get_text(request, "command"));
    given = value_get(request, "arguments");
    if (*command == NULL || given == NULL || given->kind != PACK_MAP || request->count != 3) {
        return problem_add(problems, ERR_USAGE, "command", "there is no such command");
    }
    TRY(check_arguments(*command, given, problems));
    *arguments = given;
out:
    return err;
}

enum error control_request_write(const char *command, struct value *arguments, struct arena *arena,
                                 struct buffer *to)
{
    struct value *request = value_map(arena);
    enum error err = OK;

    TRY(value_put_integer(arena, request, "v", CONTROL_VERSION));
    TRY(value_put_string(arena, request, "command", command));
    TRY(value_put(arena, request, "arguments", arguments));
    value_pack(to, request);
    TRY(to->error);
out:
    return err;
}

static enum error put_problems(const struct problems *problems, struct value *reply,
                               struct arena *arena)
{
    struct value *list = value_list(arena);
    size_t shown = problems->count < PROBLEM_COUNT_MAX ? problems->count : PROBLEM_COUNT_MAX;
    enum error err = OK;

    for (size_t i = 0; i < shown; i++) {
        const struct problem *problem = &problems->items[i];
        struct value *item = value_map(arena);
        TRY(value_put_string(arena, item, "code", error_info(problem->error)->code));
        TRY(value_put_string(arena, item, "where", problem->where));
        TRY(value_put_string(arena, item, "what", problem->what));
        TRY(value_put_string(arena, item, "mend", problem->mend));
        TRY(value_append(arena, list, item));
    }
    TRY(value_put(arena, reply, "problems", list));
    TRY(value_put_integer(arena, reply, "problem_count", (int64_t)problems->count));
out:
    return err;
}

enum error control_reply_write(const struct control_reply *reply, struct arena *arena,
                               struct buffer *to)
{
    struct value *map = value_map(arena);
    enum error err = OK;

    TRY(value_put_integer(arena, map, "v", CONTROL_VERSION));
    TRY(value_put_bool(arena, map, "more", reply->more));
    if (reply->error == OK) {
        TRY(value_put(arena, map, "result",
                      reply->result != NULL ? reply->result : value_map(arena)));
    } else {
        TRY(value_put_string(arena, map, "error", error_info(reply->error)->code));
    }
    TRY(put_problems(&reply->problems, map, arena));
    value_pack(to, map);
    TRY(to->error);
out:
    return err;
}

static void take_text(char *to, size_t size, const struct value *map, const char *name)
{
    struct view text = value_get_text(map, name);

    (void)snprintf(to, size, "%.*s", (int)(text.size < size ? text.size : size - 1),
                   text.size == 0 ? "" : (const char *)text.data);
}

static enum error error_named(struct view code)
{
    char text[8];

    (void)snprintf(text, sizeof text, "%.*s", code.size < 7 ? (int)code.size : 7,
                   code.size == 0 ? "" : (const char *)code.data);
    enum error error = error_from_code(text);
    return error == OK ? ERR_BUG : error;
}

static void take_problems(const struct value *map, struct problems *problems)
{
    const struct value *list = value_get(map, "problems");
    size_t count = list != NULL && list->kind == PACK_LIST ? list->count : 0;

    for (size_t i = 0; i < count && i < PROBLEM_COUNT_MAX; i++) {
        struct problem *problem = &problems->items[i];
        problem->error = error_named(value_get_text(list->items[i], "code"));
        take_text(problem->where, sizeof problem->where, list->items[i], "where");
        take_text(problem->what, sizeof problem->what, list->items[i], "what");
        take_text(problem->mend, sizeof problem->mend, list->items[i], "mend");
    }
    /* More may have been found than are told, but then all the places are taken. */
    int64_t claimed = value_get_integer(map, "problem_count", 0);
    problems->count =
        count < PROBLEM_COUNT_MAX || claimed < (int64_t)count ? count : (size_t)claimed;
}

enum error control_reply_read(struct view bytes, struct arena *arena, struct control_reply *reply)
{
    struct value *map = NULL;
    enum error err = OK;

    TRY(pack_check(bytes, CONTROL_FRAME_MAX_BYTES));
    TRY(value_unpack(arena, bytes, &map));
    if (value_get_integer(map, "v", 0) != CONTROL_VERSION) {
        return ERR_NOT_CANONICAL;
    }
    *reply = (struct control_reply){.more = value_get_bool(map, "more"),
                                    .result = value_get(map, "result")};
    if (value_get(map, "error") != NULL) {
        reply->error = error_named(value_get_text(map, "error"));
    } else if (reply->result == NULL) {
        return ERR_NOT_CANONICAL;
    }
    take_problems(map, &reply->problems);
out:
    return err;
}
