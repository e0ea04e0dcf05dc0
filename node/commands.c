/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include "peer.h"
#include "world.h"

#include "version.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Helpers, dispatch, and the commands about the node itself: status, doctor, users, audit. */

const char *commands_text(const struct command *command, const char *name)
{
    const char *text = arena_text(command->arena, value_get_text(command->arguments, name));

    return text == NULL ? "" : text;
}

enum error commands_note(struct command *command, struct store_txn *txn, const char *event,
                         const char *subject, const char *detail)
{
    struct store_event row = {.time = command->now.wall,
                              .event = event,
                              .actor = command->caller->user,
                              .subject = subject,
                              .detail = detail};

    return store_audit_add(txn, &row);
}

struct peer *commands_peer(struct command *command)
{
    struct view state = value_get_text(command->arguments, "state");
    struct peer *peer = engine_peer_by_state(command->engine, state);

    if (peer == NULL) {
        (void)problem_add(command->problems, ERR_STATE_UNKNOWN, "state", "there is no such peer");
    }
    return peer;
}

/* --- status -------------------------------------------------------------------------------- */

/** One peer as it stands, for status, doctor and peer list. */
const char *commands_link_word(const struct engine *engine, const struct peer *peer,
                               struct moment now)
{
    if (peer->frozen[0] != '\0') {
        return "frozen";
    }
    if (peer->standing == PEER_UNVERIFIED) {
        return "not verified";
    }
    if (peer->standing == PEER_PAUSED) {
        return "paused";
    }
    if (peer_is_steady(peer)) {
        return peer->in_head > peer->in.seq || peer->peer_lost || peer->recovering ? "behind"
                                                                                   : "in touch";
    }
    int64_t silent = now.wall.ms - peer->heard_at.ms;
    return peer->heard_at.ms == 0                   ? "not heard since start"
           : silent > engine->limits.stale_after_ms ? "not heard for long"
                                                    : "trying";
}

/* Why records of a State may be missing here; NULL if none can be. */
static const char *coverage_gap(const struct engine *engine, const struct peer *peer,
                                struct moment now)
{
    const char *word = commands_link_word(engine, peer, now);

    if (peer->standing == PEER_REMOVED || peer->standing == PEER_UNVERIFIED) {
        return NULL;
    }
    if (strcmp(word, "in touch") != 0 && strcmp(word, "trying") != 0) {
        return word;
    }
    if (peer->in_head > peer->in.seq) {
        return "behind";
    }
    return peer->quarantined > 0 ? "some kept aside" : NULL;
}

enum error commands_coverage(struct command *command)
{
    struct engine *engine = command->engine;
    struct arena *arena = command->arena;
    struct value *missing = value_list(arena);
    enum error err = OK;

    for (size_t i = 0; i < engine->peer_count; i++) {
        const struct peer *peer = engine->peers[i];
        const char *why = coverage_gap(engine, peer, command->now);
        struct value *row = why == NULL ? NULL : value_map(arena);
        if (why != NULL) {
            TRY(value_put_string(arena, row, "state", peer->identity.state));
            TRY(value_put_string(arena, row, "name", peer->identity.name));
            TRY(value_put_string(arena, row, "why", why));
            TRY(value_append(arena, missing, row));
        }
    }
    TRY(value_put_bool(arena, command->result, "complete",
                       missing->count == 0 && !engine->clock_doubted));
    TRY(value_put(arena, command->result, "missing", missing));
out:
    return err;
}

static enum error put_peer(struct command *command, const struct peer *peer, struct value *list)
{
    struct arena *arena = command->arena;
    struct value *row = value_map(arena);
    int64_t waiting = peer->pending + (peer->out.seq - peer->out_acked);
    char text[INSTANT_TEXT_BYTES];
    enum error err = OK;

    TRY(value_put_string(arena, row, "state", peer->identity.state));
    TRY(value_put_string(arena, row, "name", peer->identity.name));
    TRY(value_put_string(arena, row, "link",
                         commands_link_word(command->engine, peer, command->now)));
    TRY(value_put_string(arena, row, "session", peer_state_name(peer->state)));
    TRY(value_put_integer(arena, row, "waiting", waiting));
    TRY(value_put_integer(arena, row, "missing", peer->in_head - peer->in.seq));
    TRY(value_put_integer(arena, row, "aside", (int64_t)peer->quarantined));
    TRY(value_put_bool(arena, row, "verified", peer->standing != PEER_UNVERIFIED));
    if (peer->heard_at.ms != 0) {
        TRY(value_put_string(arena, row, "heard_at", instant_format(peer->heard_at, text)));
        TRY(value_put_integer(arena, row, "silent_seconds",
                              (command->now.wall.ms - peer->heard_at.ms) / SECOND_MS));
    }
    if (peer->last_error != OK) {
        TRY(value_put_string(arena, row, "last_error", error_info(peer->last_error)->code));
    }
    TRY(value_put_string(arena, row, "frozen", peer->frozen));
    TRY(value_append(arena, list, row));
out:
    return err;
}

static enum error put_peers(struct command *command)
{
    struct value *list = value_list(command->arena);
    enum error err = OK;

    for (size_t i = 0; i < command->engine->peer_count; i++) {
        if (command->engine->peers[i]->standing != PEER_REMOVED) {
            TRY(put_peer(command, command->engine->peers[i], list));
        }
    }
    TRY(value_put(command->arena, command->result, "peers", list));
out:
    return err;
}

static enum error put_counts(struct command *command)
{
    struct arena *arena = command->arena;
    struct store_txn *txn = NULL;
    struct value *counts = value_map(arena);
    uint64_t records = 0;
    uint64_t aside = 0;
    enum error err = OK;

    TRY(store_begin(command->engine->store, STORE_READ, &txn));
    TRY(store_record_count(txn, &records));
    TRY(store_quarantine_count(txn, &aside));
    TRY(value_put_integer(arena, counts, "records", (int64_t)records));
    TRY(value_put_integer(arena, counts, "kept_aside", (int64_t)aside));
    TRY(value_put_integer(arena, counts, "audit", command->engine->last_event));
    TRY(value_put(arena, command->result, "counts", counts));
out:
    store_abort(&txn);
    return err;
}

/* What needs attention: 0 nothing, 1 look today, 2 broken. */
static int64_t attention(const struct command *command)
{
    const struct engine *engine = command->engine;
    int64_t worst = engine->clock_doubted ? 1 : 0;

    for (size_t i = 0; i < engine->peer_count; i++) {
        const struct peer *peer = engine->peers[i];
        if (peer->frozen[0] != '\0' && peer->standing != PEER_REMOVED) {
            worst = 2;
        } else if (peer->standing == PEER_VERIFIED &&
                   (peer->quarantined > 0 ||
                    strcmp(commands_link_word(engine, peer, command->now), "in touch") != 0)) {
            worst = worst > 1 ? worst : 1;
        }
    }
    return worst;
}

static enum error handle_status(struct command *command)
{
    const struct node_keys *keys = command->engine->keys;
    struct arena *arena = command->arena;
    char text[INSTANT_TEXT_BYTES];
    enum error err = OK;

    TRY(value_put_string(arena, command->result, "state", keys->identity.state));
    TRY(value_put_string(arena, command->result, "name", keys->identity.name));
    TRY(value_put_string(arena, command->result, "software", command->engine->software));
    TRY(value_put_string(arena, command->result, "now", instant_format(command->now.wall, text)));
    TRY(value_put_string(arena, command->result, "started_at",
                         instant_format(command->engine->started_at, text)));
    TRY(value_put_string(arena, command->result, "card_until",
                         instant_format(keys->card.not_after, text)));
    TRY(put_peers(command));
    TRY(put_counts(command));
    TRY(value_put_integer(arena, command->result, "attention", attention(command)));
out:
    return err;
}

static enum error handle_version(struct command *command)
{
    struct arena *arena = command->arena;
    enum error err = OK;

    TRY(value_put_string(arena, command->result, "version", VALISE_VERSION));
    TRY(value_put_string(arena, command->result, "commit", VALISE_COMMIT));
    TRY(value_put_integer(arena, command->result, "protocol", PROTOCOL_VERSION));
    TRY(value_put_integer(arena, command->result, "store_schema", STORE_SCHEMA_VERSION));
out:
    return err;
}

/* --- users --------------------------------------------------------------------------------- */

static enum error handle_user_list(struct command *command)
{
    struct arena *arena = command->arena;
    struct value *list = value_list(arena);
    struct store_txn *txn = NULL;
    enum error err = OK;

    TRY(store_begin(command->engine->store, STORE_READ, &txn));
    for (size_t i = 0;; i++) {
        struct store_user user = {0};
        struct buffer roles = buffer_init(128);
        struct value *row = value_map(arena);

        err = store_user_at(txn, i, arena, &user);
        if (err == ERR_NOT_FOUND) {
            err = OK;
            break;
        }
        TRY(err);
        roles_format((unsigned)user.roles, &roles);
        err = value_put_text(arena, row, "roles", view_of_buffer(&roles));
        buffer_free(&roles);
        TRY(err);
        TRY(value_put_text(arena, row, "user", user.name));
        TRY(value_append(arena, list, row));
    }
    TRY(value_put(arena, command->result, "users", list));
out:
    store_abort(&txn);
    return err;
}

/* "officer, poc" to a set; 0 with a problem if a word is no role. */
static unsigned parse_roles(struct command *command)
{
    struct view text = value_get_text(command->arguments, "roles");
    unsigned roles = 0;
    size_t start = 0;

    for (size_t i = 0; i <= text.size; i++) {
        if (i < text.size && text.data[i] != ',' && text.data[i] != ' ') {
            continue;
        }
        if (i > start) {
            unsigned role = role_find(view_of(text.data + start, i - start));
            if (role == 0) {
                (void)problem_add(command->problems, ERR_FIELD_VALUE, "roles",
                                  "there is no role \"%.*s\"", (int)(i - start),
                                  (const char *)text.data + start);
                problem_mend(command->problems, "viewer, officer, poc, admin, auditor");
                return 0;
            }
            roles |= role;
        }
        start = i + 1;
    }
    return roles;
}

/* Whether an administrator would be left if this user had these roles. */
static enum error admin_remains(struct command *command, struct view name, unsigned roles,
                                bool *remains)
{
    struct store_txn *txn = NULL;
    enum error err = OK;

    *remains = (roles & ROLE_ADMIN) != 0;
    TRY(store_begin(command->engine->store, STORE_READ, &txn));
    for (size_t i = 0; !*remains; i++) {
        struct store_user user = {0};
        err = store_user_at(txn, i, command->arena, &user);
        if (err == ERR_NOT_FOUND) {
            err = OK;
            break;
        }
        TRY(err);
        *remains = !view_equal(user.name, name) && (user.roles & ROLE_ADMIN) != 0;
    }
out:
    store_abort(&txn);
    return err;
}

static enum error set_user(struct command *command, unsigned roles, const char *event)
{
    struct view name = value_get_text(command->arguments, "user");
    struct store_user user = {.name = name, .roles = roles};
    struct store_txn *txn = NULL;
    bool remains = false;
    enum error err = OK;

    TRY(admin_remains(command, name, roles, &remains));
    if (!remains) {
        err = problem_add(command->problems, ERR_RECORD_CONFLICT, "user",
                          "nobody would be an administrator any more");
        problem_mend(command->problems, "first: valise user grant NAME admin");
        return err;
    }
    TRY(store_begin(command->engine->store, STORE_WRITE, &txn));
    TRY(store_user_put(txn, &user));
    TRY(commands_note(command, txn, event, commands_text(command, "user"),
                      commands_text(command, "roles")));
    TRY(engine_commit(command->engine, &txn));
out:
    store_abort(&txn);
    return err;
}

static enum error handle_user_grant(struct command *command)
{
    unsigned roles = parse_roles(command);

    return roles == 0 ? ERR_FIELD_VALUE : set_user(command, roles, "user.granted");
}

static enum error handle_user_revoke(struct command *command)
{
    return set_user(command, 0, "user.revoked");
}

/* --- audit and watch ----------------------------------------------------------------------- */

enum error commands_event(const struct audit_entry *entry, struct arena *arena,
                          struct value **event)
{
    struct value *row = value_map(arena);
    char text[INSTANT_TEXT_BYTES];
    enum error err = OK;

    TRY(value_put_integer(arena, row, "cursor", entry->seq));
    TRY(value_put_string(arena, row, "at", instant_format(entry->time, text)));
    TRY(value_put_text(arena, row, "event", entry->event));
    TRY(value_put_text(arena, row, "actor", entry->actor));
    TRY(value_put_text(arena, row, "about", entry->subject));
    TRY(value_put_text(arena, row, "detail", entry->detail));
    *event = row;
out:
    return err;
}

static bool entry_wanted(const struct command *command, const struct audit_entry *entry)
{
    struct view about = value_get_text(command->arguments, "about");
    struct view since = value_get_text(command->arguments, "since");
    struct instant from = {INT64_MIN};

    if (since.size > 0 && date_parse(since, &from) != OK && instant_parse(since, &from) != OK) {
        return false;
    }
    return entry->time.ms >= from.ms && (about.size == 0 || view_equal(about, entry->subject));
}

static enum error handle_audit_list(struct command *command)
{
    enum { DEFAULT_ROWS = 100, LOOKED_AT_MAX = 20000 };
    struct arena *arena = command->arena;
    struct value *list = value_list(arena);
    int64_t limit = value_get_integer(command->arguments, "limit", DEFAULT_ROWS);
    int64_t seq = command->engine->last_event;
    struct store_txn *txn = NULL;
    struct view cursor = value_get_text(command->arguments, "cursor");
    enum error err = OK;

    if (cursor.size > 0) {
        seq = strtoll(commands_text(command, "cursor"), NULL, 10);
        seq -= seq > 0 ? 1 : 0;
    }
    TRY(store_begin(command->engine->store, STORE_READ, &txn));
    for (int64_t looked = 0; seq >= 1 && looked < LOOKED_AT_MAX; seq--, looked++) {
        struct audit_entry entry = {0};
        struct value *row = NULL;

        if ((int64_t)list->count >= limit) {
            break;
        }
        TRY(store_audit_get(txn, seq, arena, &entry));
        if (entry_wanted(command, &entry)) {
            TRY(commands_event(&entry, arena, &row));
            TRY(value_append(arena, list, row));
        }
    }
    TRY(value_put(arena, command->result, "items", list));
    if (seq >= 1) {
        TRY(value_put_string(arena, command->result, "next",
                             arena_printf(arena, "%" PRId64, seq + 1)));
    }
out:
    store_abort(&txn);
    return err;
}

static enum error handle_audit_verify(struct command *command)
{
    struct store_txn *txn = NULL;
    int64_t entries = 0;
    enum error err = OK;

    TRY(store_begin(command->engine->store, STORE_READ, &txn));
    TRY(store_audit_verify(txn, &entries));
    TRY(value_put_integer(command->arena, command->result, "entries", entries));
out:
    store_abort(&txn);
    return err;
}

/* What never happens would be waited for in vain. */
static bool can_happen(struct view kind)
{
    size_t count = 0;
    const struct control_event *events = control_events(&count);

    for (size_t i = 0; i < count && kind.size > 0; i++) {
        if (strncmp(events[i].name, (const char *)kind.data, kind.size) == 0) {
            return true;
        }
    }
    return kind.size == 0;
}

/* The stream itself is pumped by the control server; here is where it begins. */
static enum error handle_watch(struct command *command)
{
    struct view kind = value_get_text(command->arguments, "kind");
    const char *from = commands_text(command, "from");
    int64_t after = from[0] == '\0' ? command->engine->last_event : strtoll(from, NULL, 10);

    if (from[0] != '\0' && (command->caller->roles & ROLE_AUDITOR) == 0) {
        return problem_add(command->problems, ERR_ROLE, "from",
                           "what happened before is for auditors");
    }
    if (from[strspn(from, "0123456789")] != '\0') {
        return problem_add(command->problems, ERR_FIELD_VALUE, "from",
                           "it is no cursor of an event: a number");
    }
    if (!can_happen(kind)) {
        enum error err =
            problem_add(command->problems, ERR_FIELD_VALUE, "kind", "no event begins with \"%.*s\"",
                        (int)kind.size, (const char *)kind.data);
        problem_mend(command->problems, "valise help events");
        return err;
    }
    return value_put_integer(command->arena, command->result, "after", after);
}

/* --- dispatch ------------------------------------------------------------------------------ */

static const struct command_row commands_node[] = {
    {"status", handle_status},
    {"node.version", handle_version},
    {"user.list", handle_user_list},
    {"user.grant", handle_user_grant},
    {"user.revoke", handle_user_revoke},
    {"audit.list", handle_audit_list},
    {"audit.verify", handle_audit_verify},
    {"watch", handle_watch},
    {NULL, NULL},
};

static command_handler find_handler(const char *name)
{
    const struct command_row *const tables[] = {commands_node, commands_records, commands_doctor,
                                                commands_publish, commands_peers};

    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        for (const struct command_row *row = tables[t]; row->name != NULL; row++) {
            if (strcmp(row->name, name) == 0) {
                return row->handle;
            }
        }
    }
    return NULL;
}

/* A refusal is an event too: who tried what. */
static void note_refusal(struct command *command, const char *name)
{
    enum { A_MINUTE = 60 };
    struct engine *engine = command->engine;
    struct store_txn *txn = NULL;
    char detail[64] = "role";
    enum error err = OK;

    if (command->now.steady_ms - engine->refusals_from_ms >= MINUTE_MS) {
        if (engine->refusals > A_MINUTE) {
            (void)snprintf(detail, sizeof detail, "role; and %zu more in a minute before",
                           engine->refusals - A_MINUTE);
        }
        engine->refusals_from_ms = command->now.steady_ms;
        engine->refusals = 0;
    }
    /* Who asks without end must not fill the store: the rest is counted. */
    if (++engine->refusals > A_MINUTE) {
        return;
    }
    err = store_begin(engine->store, STORE_WRITE, &txn);
    if (err == OK) {
        err = commands_note(command, txn, "command.refused", name, detail);
    }
    if (err == OK) {
        err = engine_commit(command->engine, &txn);
    }
    store_abort(&txn);
    if (err != OK) {
        engine_store_failed(command->engine, err);
    }
}

void commands_run(struct engine *engine, const struct engine_request *request, struct arena *arena,
                  struct control_reply *reply, struct moment now)
{
    struct command command = {.engine = engine,
                              .caller = request->caller,
                              .arguments = request->arguments,
                              .arena = arena,
                              .result = value_map(arena),
                              .problems = &reply->problems,
                              .now = now};
    command_handler handle = find_handler(request->command->name);

    if ((request->caller->roles & request->command->roles) == 0) {
        note_refusal(&command, request->command->name);
        reply->error = ERR_ROLE;
    } else if (engine->failed) {
        reply->error = ERR_STORE_IO;
    } else if (handle == NULL || command.result == NULL) {
        reply->error = handle == NULL ? ERR_BUG : ERR_NO_MEMORY;
    } else {
        reply->error = handle(&command);
    }
    reply->result = command.result;
    if (error_info(reply->error)->mover == MOVER_HOST) {
        engine_store_failed(engine, reply->error);
    }
}
