/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"
#include "drafts.h"
#include "peer.h"
#include "reindex.h"
#include "session.h"
#include "state.h"
#include "sync.h"
#include "world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOG_FIELDS_BYTES = 512, TICK_PUSHING_MS = 5, TICK_BUSY_MS = 100, TICK_IDLE_MS = 1000 };

static const int64_t CLOCK_JUMP_MS = 60 * 60 * 1000;              /* more is not believed */
static const int64_t ABSENCE_MAX_MS = CARD_DAYS_MAX * 86400000LL; /* nor a longer sleep */
static const int64_t CHECK_AGAIN_MS = 60 * 1000;
static const int64_t CHECK_FIRST_MS = 10 * 60 * 1000; /* after a start that needs none at once */
static const int64_t CHECK_EVERY_MS = 86400 * 1000LL;
static const int64_t FLOOR_KEEP_MS = 10 * 60 * 1000;
static const char floor_counter[] = "time-floor";

/* --- helpers of state.h -------------------------------------------------------------------- */

void engine_log(const struct engine *engine, enum log_level level, const char *event,
                const char *format, ...)
{
    char fields[LOG_FIELDS_BYTES];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(fields, sizeof fields, format, arguments);
    va_end(arguments);
    engine->ports->log(engine->ports->context, level, event, fields);
}

void engine_store_failed(struct engine *engine, enum error error)
{
    engine_log(engine, LOG_ERROR, "store.failed", "code=%s", error_info(error)->code);
    /* After an input/output error nobody knows what is durable: end, and look again. DB6, DB7 */
    if (error == ERR_STORE_IO) {
        engine->failed = true;
    }
}

enum error engine_commit(struct engine *engine, struct store_txn **txn)
{
    enum error err = OK;

    if (engine->floor.ms - engine->floor_kept.ms > FLOOR_KEEP_MS) {
        TRY(store_counter_set(*txn, floor_counter, engine->floor.ms));
    }
    TRY(store_commit(txn));
    /* From here on it is done: nothing below may fail. */
    engine->floor_kept = engine->floor;
    engine->last_event = store_last_event(engine->store);
out:
    if (err == ERR_STORE_IO) {
        engine_store_failed(engine, err);
    }
    return err;
}

struct peer *engine_peer_by_node(struct engine *engine, const struct id *node)
{
    for (size_t i = 0; i < engine->peer_count; i++) {
        if (id_equal(&engine->peers[i]->identity.node, node)) {
            return engine->peers[i];
        }
    }
    return NULL;
}

struct peer *engine_peer_by_state(struct engine *engine, struct view state)
{
    char code[4];
    bool is_code = state_canonical(state, code);

    for (size_t i = 0; is_code && i < engine->peer_count; i++) {
        if (engine->peers[i]->standing != PEER_REMOVED &&
            strcmp(engine->peers[i]->identity.state, code) == 0) {
            return engine->peers[i];
        }
    }
    /* A name is whatever a State calls itself: it never stands in for a code. */
    for (size_t i = 0; !is_code && i < engine->peer_count; i++) {
        if (engine->peers[i]->standing != PEER_REMOVED &&
            view_is(state, engine->peers[i]->identity.name)) {
            return engine->peers[i];
        }
    }
    return NULL;
}

struct peer *engine_peer_by_number(struct engine *engine, uint32_t number)
{
    for (size_t i = 0; i < engine->peer_count; i++) {
        if (engine->peers[i]->number == number) {
            return engine->peers[i];
        }
    }
    return NULL;
}

void engine_pair_ends(const struct engine *engine, const struct peer *peer, struct pair_end *us,
                      struct pair_end *them)
{
    us->node = engine->keys->identity.node;
    memcpy(us->seal_key, engine->keys->card.seal_key, sizeof us->seal_key);
    them->node = peer->identity.node;
    memcpy(them->seal_key, peer->card.seal_key, sizeof them->seal_key);
}

/* --- time ---------------------------------------------------------------------------------- */

/*
 * The time that everything is judged by: the wall clock as long as it goes with
 * the steady one and after the floor; else what the steady clock makes of the
 * last time that was believed. So a jump neither expires nor revives anything.
 */
static struct moment trusted(struct engine *engine, struct moment now)
{
    struct instant expected =
        instant_add(engine->clock.wall, now.steady_ms - engine->clock.steady_ms);
    int64_t jump = now.wall.ms - expected.ms;
    bool doubted = jump > CLOCK_JUMP_MS || jump < -CLOCK_JUMP_MS;

    if (doubted) {
        if (!engine->clock_doubted) {
            engine_log(engine, LOG_ERROR, "clock.jumped", "by_ms=%" PRId64, jump);
        }
        now.wall = expected;
    } else {
        engine->clock = now;
    }
    engine->clock_doubted = doubted;
    if (now.wall.ms < engine->floor.ms) {
        now.wall = engine->floor;
    }
    engine->floor = now.wall;
    return now;
}

/* The operator's word: a clock that was far ahead once would else be believed for ever. */
static enum error accept_clock(struct engine *engine, struct moment now)
{
    const struct store_event event = {.time = now.wall,
                                      .event = "clock.accepted",
                                      .actor = "operator",
                                      .subject = "",
                                      .detail = "time was believed to be another"};
    struct store_txn *txn = NULL;
    enum error err = OK;

    TRY(store_begin(engine->store, STORE_WRITE, &txn));
    TRY(store_counter_set(txn, floor_counter, now.wall.ms));
    TRY(store_audit_add(txn, &event));
    TRY(store_commit(&txn));
out:
    store_abort(&txn);
    return err;
}

/* Where time begins after a start: the wall clock, unless the store says it cannot be. */
static enum error start_clock(struct engine *engine, struct moment now)
{
    struct store_txn *txn = NULL;
    int64_t floor = 0;
    enum error err = OK;

    TRY(store_begin(engine->store, STORE_READ, &txn));
    TRY(store_counter_get(txn, floor_counter, &floor));
    engine->clock = now;
    engine->floor.ms = floor;
    engine->floor_kept.ms = floor;
    if (floor != 0 && (now.wall.ms < floor || now.wall.ms - floor > ABSENCE_MAX_MS)) {
        engine->clock.wall.ms = floor;
        engine->clock_doubted = true;
        engine_log(engine, LOG_ERROR, "clock.doubted", "wall_ms=%" PRId64 " floor_ms=%" PRId64,
                   now.wall.ms, floor);
    }
    engine->started_at = engine->clock.wall;
out:
    store_abort(&txn);
    return err;
}

/* --- life ---------------------------------------------------------------------------------- */

static enum error load_peers(struct engine *engine)
{
    struct arena *arena = arena_new(ENGINE_ARENA_BYTES);
    struct store_txn *txn = NULL;
    struct peer *peer = NULL;
    uint32_t from = 1;
    enum error err = OK;

    TRY(arena == NULL ? ERR_NO_MEMORY : OK);
    TRY(store_begin(engine->store, STORE_READ, &txn));
    while (engine->peer_count < STORE_PEERS_MAX) {
        struct store_peer row = {0};
        uint32_t number = 0;

        arena_clear(arena);
        err = store_peer_next(txn, from, arena, &number, &row);
        if (err == ERR_NOT_FOUND) {
            err = OK;
            break;
        }
        TRY(err);
        TRY(peer_load(engine, number, &row, &peer));
        engine->peers[engine->peer_count++] = peer;
        from = number + 1;
    }
out:
    store_abort(&txn);
    arena_free(&arena);
    return err;
}

/* What was kept aside of whom, so that it goes on counting after a start. */
static enum error count_aside(struct engine *engine)
{
    struct store_txn *txn = NULL;
    uint64_t number = 0;
    enum error err = OK;

    TRY(store_begin(engine->store, STORE_READ, &txn));
    for (;;) {
        struct store_quarantine row = {0};
        arena_clear(engine->arena);
        err = store_quarantine_before(txn, number, engine->arena, &number, &row);
        if (err == ERR_NOT_FOUND) {
            err = OK;
            break;
        }
        TRY(err);
        struct peer *peer = engine_peer_by_number(engine, (uint32_t)row.peer);
        if (peer != NULL) {
            peer->quarantined++;
        }
    }
out:
    store_abort(&txn);
    return err;
}

enum error engine_new(const struct engine_options *options, struct moment now,
                      struct engine **engine)
{
    struct engine *made = calloc(1, sizeof *made);
    struct store_txn *txn = NULL;
    struct audit_cursor cursor = {0};
    enum error err = OK;

    *engine = NULL;
    if (made == NULL) {
        return ERR_NO_MEMORY;
    }
    made->store = options->store;
    made->keys = options->keys;
    made->ports = options->ports;
    made->limits = options->limits;
    (void)snprintf(made->software, sizeof made->software, "%s", options->software);
    made->world = world_new();
    made->scratch_keys = section_keys_new();
    made->reader_keys = section_keys_new();
    made->arena = arena_new(ENGINE_ARENA_BYTES);
    made->record_arena = arena_new(ENGINE_ARENA_BYTES);
    made->report = calloc(1, sizeof *made->report);
    TRY(made->world == NULL || made->scratch_keys == NULL || made->reader_keys == NULL ||
                made->arena == NULL || made->record_arena == NULL || made->report == NULL
            ? ERR_NO_MEMORY
            : OK);
    /* One more than peers: a peer with a new card is made before the old one goes. */
    made->pair_keys = secret_pool_new(KEY_BYTES, STORE_PEERS_MAX + 1);
    TRY(made->pair_keys == NULL ? ERR_NO_MEMORY : OK);
    TRY(options->accept_clock ? accept_clock(made, now) : OK);
    TRY(start_clock(made, now));
    TRY(load_peers(made));
    for (size_t i = 0; i < made->peer_count; i++) {
        arena_clear(made->arena);
        TRY(sync_load(made, made->peers[i]));
    }
    TRY(count_aside(made));
    if (store_is_older(made->store)) {
        TRY(drafts_skip_references(made, made->clock.wall));
        store_accept_older(made->store);
    }
    TRY(world_update(made));
    TRY(store_begin(made->store, STORE_READ, &txn));
    TRY(store_audit_cursor(txn, &cursor));
    made->last_event = cursor.seq;
    *engine = made;
    made = NULL;
out:
    store_abort(&txn);
    engine_free(&made);
    return err;
}

void engine_free(struct engine **engine)
{
    if (engine == NULL || *engine == NULL) {
        return;
    }
    for (size_t i = 0; i < (*engine)->peer_count; i++) {
        peer_free(&(*engine)->peers[i]);
    }
    world_free(&(*engine)->world);
    section_keys_free(&(*engine)->scratch_keys);
    secret_pool_free(&(*engine)->pair_keys);
    section_keys_free(&(*engine)->reader_keys);
    arena_free(&(*engine)->arena);
    arena_free(&(*engine)->record_arena);
    free((*engine)->report);
    free(*engine);
    *engine = NULL;
}

void engine_start_check(struct engine *engine)
{
    engine->check_at_ms = 0;
    engine->checking = true;
    engine->check_event = engine->last_event;
    engine->ports->check_store(engine->ports->context);
}

void engine_start(struct engine *engine, struct moment now)
{
    now = trusted(engine, now);
    for (size_t i = 0; i < engine->peer_count; i++) {
        peer_changed(engine, engine->peers[i], now);
    }
    peers_allow(engine, now.wall);
    if (!store_was_closed(engine->store)) {
        engine_log(engine, LOG_WARNING, "store.not-closed", "check=started");
        engine->check_owed = true;
        engine_start_check(engine);
    } else {
        engine->check_at_ms = now.steady_ms + CHECK_FIRST_MS;
    }
}

void engine_stop(struct engine *engine, struct moment now)
{
    now = trusted(engine, now);
    engine->stopping = true;
    for (size_t i = 0; i < engine->peer_count; i++) {
        struct message bye = {.type = MESSAGE_BYE};
        if (session_send(engine, engine->peers[i], &bye)) {
            engine->ports->hang_up(engine->ports->context, engine->peers[i]->session.link);
        }
        engine->peers[i]->state = PEER_IDLE;
    }
}

void engine_link_up(struct engine *engine, link_id link,
                    const uint8_t curve_key[static BOX_PUBLIC_BYTES], struct moment now)
{
    arena_clear(engine->arena);
    session_link_up(engine, link, curve_key, trusted(engine, now));
}

void engine_link_message(struct engine *engine, link_id link, struct view message,
                         struct moment now)
{
    arena_clear(engine->arena);
    if (!engine->failed) {
        session_link_message(engine, link, message, trusted(engine, now));
    }
}

void engine_link_down(struct engine *engine, link_id link, struct moment now)
{
    arena_clear(engine->arena);
    session_link_down(engine, link, trusted(engine, now));
}

void engine_key_suspended(struct engine *engine, const uint8_t curve_key[static BOX_PUBLIC_BYTES],
                          struct moment now)
{
    now = trusted(engine, now);
    for (size_t i = 0; i < engine->peer_count; i++) {
        struct peer *peer = engine->peers[i];
        if (peer_is_open(peer, now.wall) &&
            memcmp(peer->card.curve_key, curve_key, BOX_PUBLIC_BYTES) == 0) {
            peer_suspend(engine, peer, now);
        }
    }
}

void engine_transport_reset(struct engine *engine, struct moment now)
{
    now = trusted(engine, now);
    engine->accepted_count = 0;
    for (size_t i = 0; i < engine->peer_count; i++) {
        peer_close(engine, engine->peers[i], ERR_LINK, now);
    }
    peers_allow(engine, now.wall);
}

int64_t engine_tick(struct engine *engine, struct moment now)
{
    bool busy = false;
    bool pushing = false;

    now = trusted(engine, now);
    session_tick_accepted(engine, now);
    for (size_t i = 0; i < engine->peer_count && !engine->stopping; i++) {
        struct peer *peer = engine->peers[i];
        arena_clear(engine->arena);
        peer_tick(engine, peer, now);
        sync_tick(engine, peer, now);
        busy = busy || (peer->state != PEER_IDLE && peer->state != PEER_STEADY);
        pushing = pushing || (peer_is_steady(peer) && peer->session.push_at_ms != 0 &&
                              peer->session.push_at_ms <= now.steady_ms + TICK_PUSHING_MS);
    }
    if (engine->check_at_ms != 0 && now.steady_ms >= engine->check_at_ms && !engine->checking) {
        engine_start_check(engine);
    }
    if (now.steady_ms - engine->swept_at_ms > MINUTE_MS) {
        engine->swept_at_ms = now.steady_ms;
        store_sweep_readers(engine->store);
    }
    return now.steady_ms + (pushing ? TICK_PUSHING_MS : busy ? TICK_BUSY_MS : TICK_IDLE_MS);
}

/*
 * A row of the index that is damaged hides a record from a search, so it is mended at once. Where
 * records are damaged too, their lanes are fetched first, and then the store is checked again.
 */
static void mend_index(struct engine *engine, struct moment now)
{
    const struct store_report *report = engine->report;
    bool elsewhere = false;
    enum error err = OK;

    for (size_t i = 0; i <= STORE_PEERS_MAX; i++) {
        elsewhere = elsewhere || report->damaged_peers[i];
    }
    engine->index_waits = false;
    if (report->index_rows == 0 || report->index_broken) {
        engine->index_mended = engine->index_waited = false;
        return;
    }
    if (engine->index_mended && !elsewhere) {
        return; /* an index that does not stay whole is for the operator */
    }
    err = elsewhere ? reindex_ids(engine, now.wall) : reindex(engine, now.wall);
    engine->index_mended = err == OK && !elsewhere;
    engine->index_waits = elsewhere && !engine->index_waited; /* once, then each day */
    engine->index_waited = elsewhere;
    engine_log(engine, err == OK ? LOG_NOTICE : LOG_ERROR, "index.mended", "code=%s all=%d",
               err == OK ? "OK" : error_info(err)->code, elsewhere ? 0 : 1);
    if (engine->index_mended) {
        engine->check_owed = true;
        engine->check_at_ms = now.steady_ms;
    }
}

void engine_store_checked(struct engine *engine, enum error error,
                          const struct store_report *report, struct moment now)
{
    now = trusted(engine, now);
    engine->checking = false;
    engine->check_error = error;
    engine->checked_at = now.wall;
    if (error != OK) {
        engine_log(engine, LOG_ERROR, "store.check", "code=%s", error_info(error)->code);
        engine->failed = engine->failed || error == ERR_STORE_CORRUPT;
        engine->check_at_ms =
            now.steady_ms + (engine->check_owed ? CHECK_AGAIN_MS : CHECK_EVERY_MS);
        return;
    }
    engine->check_owed = false;
    engine->check_at_ms = now.steady_ms + CHECK_EVERY_MS;
    *engine->report = *report;
    engine_log(engine, report->finding_count == 0 ? LOG_INFO : LOG_ERROR, "store.checked",
               "records=%" PRIu64 " values=%" PRIu64 " findings=%zu", report->records,
               report->values, report->finding_count);
    mend_index(engine, now);
    for (size_t i = 0; i < engine->peer_count; i++) {
        struct peer *peer = engine->peers[i];
        /* What is damaged of ours may lie with any peer; what came by a lane, with that peer. */
        if (report->damaged_peers[peer->number] || report->damaged_peers[0]) {
            sync_repair(engine, peer);
            peer_close(engine, peer, ERR_STORE_CORRUPT, now);
        }
    }
}

bool engine_has_failed(const struct engine *engine)
{
    return engine->failed;
}

int64_t engine_last_event(const struct engine *engine)
{
    return engine->last_event;
}

/* --- roles and commands -------------------------------------------------------------------- */

static bool names_user(struct view name, const char *user, const char *const *groups, size_t count)
{
    if (name.size > 1 && name.data[0] == '@') {
        for (size_t i = 0; i < count; i++) {
            if (view_is(view_of(name.data + 1, name.size - 1), groups[i])) {
                return true;
            }
        }
        return false;
    }
    return view_is(name, user);
}

unsigned engine_roles(struct engine *engine, const char *user, const char *const *groups,
                      size_t count, bool is_owner)
{
    struct store_txn *txn = NULL;
    unsigned roles = 0;
    size_t users = 0;
    enum error err = store_begin(engine->store, STORE_READ, &txn);

    while (err == OK) {
        struct store_user row = {0};
        arena_clear(engine->record_arena);
        err = store_user_at(txn, users, engine->record_arena, &row);
        if (err == OK) {
            users++;
            roles |= names_user(row.name, user, groups, count) ? (unsigned)row.roles : 0U;
        }
    }
    store_abort(&txn);
    if (err != ERR_NOT_FOUND) {
        return 0; /* a store that cannot be read grants nothing */
    }
    return users == 0 && is_owner ? ROLE_ALL : roles;
}

void engine_command(struct engine *engine, const struct engine_request *request,
                    struct arena *arena, struct control_reply *reply, struct moment now)
{
    arena_clear(engine->arena);
    commands_run(engine, request, arena, reply, trusted(engine, now));
}

enum error engine_next_event(struct engine *engine, int64_t *after, struct arena *arena,
                             struct value **event)
{
    struct store_txn *txn = NULL;
    struct audit_entry entry = {0};
    enum error err = OK;

    if (*after >= engine->last_event) {
        return ERR_NOT_FOUND;
    }
    TRY(store_begin(engine->store, STORE_READ, &txn));
    TRY(store_audit_get(txn, *after + 1, arena, &entry));
    TRY(commands_event(&entry, arena, event));
    (*after)++;
out:
    store_abort(&txn);
    return err;
}
