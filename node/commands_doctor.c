/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include "peer.h"

#include <inttypes.h>
#include <string.h>

/* The command that tests what can be tested. */

/** What a check came to. */
enum verdict { GOOD, LOOK, BAD };

static enum error add_check(struct command *command, struct value *list, enum verdict verdict,
                            const char *what, const char *mend)
{
    static const char *const words[] = {[GOOD] = "good", [LOOK] = "look", [BAD] = "bad"};
    struct value *row = value_map(command->arena);
    enum error err = OK;

    TRY(value_put_string(command->arena, row, "verdict", words[verdict]));
    TRY(value_put_string(command->arena, row, "what", what));
    TRY(value_put_string(command->arena, row, "mend", verdict == GOOD ? "" : mend));
    TRY(value_append(command->arena, list, row));
out:
    return err;
}

static enum error check_store(struct command *command, struct value *list)
{
    const struct store_report *report = command->engine->report;
    struct store_space space;
    struct arena *arena = command->arena;
    enum error err = OK;

    store_space(command->engine->store, &space);
    if (command->engine->check_error != OK) {
        TRY(add_check(command, list, LOOK,
                      arena_printf(arena, "store: it could not be checked: %s",
                                   error_info(command->engine->check_error)->text),
                      error_info(command->engine->check_error)->mend));
    } else {
        TRY(add_check(
            command, list, report->finding_count == 0 ? GOOD : BAD,
            arena_printf(arena,
                         "store: %" PRIu64 " records, %" PRIu64 " values open, %zu findings%s%s",
                         report->records, report->values, report->finding_count,
                         report->finding_count > 0 ? "; first: " : "",
                         report->finding_count > 0 ? report->findings[0] : ""),
            "restart the node: it fetches what is damaged from its peers, and mends its index"));
    }
    bool low = !store_has_room(command->engine->store) || space.disk_free_bytes < 64 << 20;
    TRY(add_check(
        command, list, low ? BAD : GOOD,
        arena_printf(arena,
                     "space: %" PRIu64 " of %" PRIu64 " MiB used, %" PRIu64 " MiB free on the disk",
                     space.used_bytes >> 20, space.max_bytes >> 20, space.disk_free_bytes >> 20),
        "raise [store] max_size, or free space on the disk"));
out:
    return err;
}

static enum error check_keys(struct command *command, struct value *list)
{
    enum { DAYS_TO_RENEW = 30 };
    int64_t days = (command->engine->keys->card.not_after.ms - command->now.wall.ms) / DAY_MS;
    enum error err = OK;

    TRY(add_check(command, list,
                  days > DAYS_TO_RENEW ? GOOD
                  : days > 0           ? LOOK
                                       : BAD,
                  arena_printf(command->arena, "card: in force for %" PRId64 " more days", days),
                  "make a new card with the authority key, and give it to every peer"));
    TRY(add_check(command, list, secret_check_locking() == OK ? GOOD : BAD,
                  "keys: memory can be kept out of swap", "raise LimitMEMLOCK to at least 8 MiB"));
    TRY(add_check(
        command, list, command->engine->clock_doubted ? BAD : GOOD,
        command->engine->clock_doubted ? "clock: it jumped by more than an hour" : "clock: steady",
        "set the clock (systemctl enable --now systemd-timesyncd), restart the node; if it "
        "is right: valised --accept-clock, once"));
out:
    return err;
}

static enum error check_peer(struct command *command, const struct peer *peer, struct value *list)
{
    static const int64_t skew_ms = 120 * 1000;
    const char *word = commands_link_word(command->engine, peer, command->now);
    bool good = strcmp(word, "in touch") == 0;
    bool frozen = peer->frozen[0] != '\0';
    int64_t days = (peer->card.not_after.ms - command->now.wall.ms) / DAY_MS;
    enum error err = OK;

    TRY(add_check(command, list,
                  frozen ? BAD
                  : good ? GOOD
                         : LOOK,
                  arena_printf(command->arena, "%s: %s%s%s", peer->identity.state, word,
                               frozen ? ": " : "", peer->frozen),
                  frozen ? "call them on a known number; compare what both nodes hold"
                  : peer->standing == PEER_UNVERIFIED
                      ? arena_printf(command->arena, "valise peer verify %s", peer->identity.state)
                      : arena_printf(command->arena, "valise peer ping %s", peer->identity.state)));
    if (peer->clock_ahead_ms > skew_ms || peer->clock_ahead_ms < -skew_ms) {
        TRY(add_check(command, list, LOOK,
                      arena_printf(command->arena, "%s: its clock is %" PRId64 " s ahead of ours",
                                   peer->identity.state, peer->clock_ahead_ms / SECOND_MS),
                      "compare both clocks with a time server"));
    }
    if (days <= 30) {
        TRY(add_check(command, list, days > 0 ? LOOK : BAD,
                      arena_printf(command->arena, "%s: its card ends in %" PRId64 " days",
                                   peer->identity.state, days),
                      "ask the State for its new card"));
    }
out:
    return err;
}

static enum error check_aside(struct command *command, struct value *list)
{
    struct store_txn *txn = NULL;
    uint64_t aside = 0;
    enum error err = OK;

    TRY(store_begin(command->engine->store, STORE_READ, &txn));
    TRY(store_quarantine_count(txn, &aside));
    TRY(add_check(
        command, list, aside == 0 ? GOOD : LOOK,
        arena_printf(command->arena, "kept aside: %" PRIu64 " objects that did not pass", aside),
        "valise quarantine list; then call the State that sent them"));
out:
    store_abort(&txn);
    return err;
}

/* The full check takes its time beside the node: the caller asks again until it is there. */
static bool check_is_fresh(struct command *command)
{
    static const int64_t fresh_ms = 10 * 1000;
    static const int64_t just_now_ms = 2 * 1000; /* a busy store changes while it is checked */
    struct engine *engine = command->engine;
    int64_t age_ms = command->now.wall.ms - engine->checked_at.ms;

    if (engine->checked_at.ms != 0 &&
        age_ms < (engine->check_event == engine->last_event ? fresh_ms : just_now_ms)) {
        return true;
    }
    if (!engine->checking) {
        engine_start_check(engine);
    }
    return false;
}

static enum error handle_doctor(struct command *command)
{
    struct value *list = value_list(command->arena);
    int64_t worst = GOOD;
    enum error err = OK;

    if (!check_is_fresh(command)) {
        return value_put_bool(command->arena, command->result, "checking", true);
    }
    TRY(check_store(command, list));
    TRY(check_keys(command, list));
    TRY(check_aside(command, list));
    for (size_t i = 0; i < command->engine->peer_count; i++) {
        if (command->engine->peers[i]->standing != PEER_REMOVED) {
            TRY(check_peer(command, command->engine->peers[i], list));
        }
    }
    for (size_t i = 0; i < list->count; i++) {
        struct view verdict = value_get_text(list->items[i], "verdict");
        worst = view_is(verdict, "bad")                    ? BAD
                : view_is(verdict, "look") && worst < LOOK ? LOOK
                                                           : worst;
    }
    TRY(value_put(command->arena, command->result, "checks", list));
    TRY(value_put_integer(command->arena, command->result, "attention", worst));
out:
    return err;
}

const struct command_row commands_doctor[] = {{"doctor", handle_doctor}, {NULL, NULL}};
