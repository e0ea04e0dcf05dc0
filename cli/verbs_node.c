/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"
#include "message.h"
#include "output.h"
#include "pages.h"
#include "verbs.h"

#include "version.h"

#include <jansson.h>
#include <libsmartcols/libsmartcols.h>
#include <qrencode.h>
#include <sodium.h>
#include <string.h>

/* Commands about the node itself: status, doctor, version, watch. */

enum { EXIT_LOOK = 13, EXIT_BROKEN = 14, PEER_ARENA_BYTES = 4 * 1024 * 1024 };

static int exit_of(int64_t attention)
{
    return attention <= 0 ? 0 : attention == 1 ? EXIT_LOOK : EXIT_BROKEN;
}

/* --- status -------------------------------------------------------------------------------- */

static bool is_in_touch(const struct value *peer)
{
    return view_is(value_get_text(peer, "link"), "in touch");
}

static void say_peer_details(const struct cli *cli, const struct value *peer)
{
    static const struct {
        const char *key;
        const char *words;
    } counts[] = {
        {"waiting", "waiting to send"}, {"missing", "still to come"}, {"aside", "kept aside"}};
    const char *between = "";
    char span[32];

    if (value_get(peer, "silent_seconds") != NULL) {
        say(cli, "heard %s ago", span_format(value_get_integer(peer, "silent_seconds", 0), span));
        between = ", ";
    }
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        int64_t count = value_get_integer(peer, counts[i].key, 0);
        if (count > 0) {
            say(cli, "%s%lld %s", between, (long long)count, counts[i].words);
            between = ", ";
        }
    }
    if (!is_in_touch(peer) && value_get(peer, "last_error") != NULL) {
        const char *code = safe_text(cli->arena, peer, "last_error");
        enum error error = error_from_code(code);
        say(cli, "%slast: %s (%s)", between, error == OK ? "unknown" : error_info(error)->text,
            code);
    }
    if (value_get_text(peer, "frozen").size > 0) {
        say(cli, "%s%s", between, safe_text(cli->arena, peer, "frozen"));
    }
}

static void say_peers(const struct cli *cli, const struct value *peers)
{
    const char *heading = "Peers";

    if (peers == NULL || peers->kind != PACK_LIST || peers->count == 0) {
        say(cli, "  %-10s none yet\n", heading);
        return;
    }
    for (size_t i = 0; i < peers->count; i++) {
        const struct value *peer = peers->items[i];
        bool frozen = value_get_text(peer, "frozen").size > 0;
        enum style how = frozen ? STYLE_BAD : is_in_touch(peer) ? STYLE_GOOD : STYLE_LOOK;
        say(cli, "  %-10s %s  %s%-22s%s ", heading, safe_text(cli->arena, peer, "state"),
            style(cli, how), safe_text(cli->arena, peer, "link"), style(cli, STYLE_PLAIN));
        say_peer_details(cli, peer);
        say(cli, "\n");
        heading = "";
    }
}

/* The one thing to do about the first peer that needs something. */
static void say_advice(const struct cli *cli, const struct value *status)
{
    const struct value *peers = value_get(status, "peers");
    size_t count = peers != NULL && peers->kind == PACK_LIST ? peers->count : 0;

    for (size_t i = 0; i < count; i++) {
        const struct value *peer = peers->items[i];
        const char *state = safe_text(cli->arena, peer, "state");
        if (value_get_text(peer, "frozen").size > 0) {
            say_next(cli, "call %s on a known number; then: valise doctor", state);
            return;
        }
        if (!value_get_bool(peer, "verified")) {
            say_next(cli, "valise peer verify %s", state);
            return;
        }
        if (!is_in_touch(peer) && !view_is(value_get_text(peer, "link"), "paused")) {
            say_next(cli, "valise peer ping %s", state);
            return;
        }
    }
    if (count == 0) {
        say_next(cli, "valise peer card -o our.card; valise peer add THEIR.card");
    }
}

static int64_t seconds_between(const struct value *status, const char *from, const char *to)
{
    struct instant first = {0};
    struct instant second = {0};

    if (instant_parse(value_get_text(status, from), &first) != OK ||
        instant_parse(value_get_text(status, to), &second) != OK || second.ms < first.ms) {
        return 0;
    }
    return (second.ms - first.ms) / SECOND_MS;
}

static void say_status(const struct cli *cli, const struct value *status)
{
    const struct value *counts = value_get(status, "counts");
    char span[32];

    say(cli, "%s%s%s  %s    %s, up %s\n", style(cli, STYLE_BOLD),
        safe_text(cli->arena, status, "state"), style(cli, STYLE_PLAIN),
        safe_text(cli->arena, status, "name"), safe_text(cli->arena, status, "software"),
        span_format(seconds_between(status, "started_at", "now"), span));
    say(cli, "  %-10s in force for %s more, until %.10s\n", "Card",
        span_format(seconds_between(status, "now", "card_until"), span),
        safe_text(cli->arena, status, "card_until"));
    say_peers(cli, value_get(status, "peers"));
    say(cli, "  %-10s %lld held here, %lld kept aside\n", "Records",
        (long long)value_get_integer(counts, "records", 0),
        (long long)value_get_integer(counts, "kept_aside", 0));
    say(cli, "  %-10s %lld entries\n", "Audit", (long long)value_get_integer(counts, "audit", 0));
    say_advice(cli, status);
}

enum error verb_status(struct cli *cli)
{
    struct value *status = NULL;
    enum error err = OK;

    cli_doing(cli, "show the status");
    TRY(client_ask(cli, cli->arena, "status", NULL, &status));
    cli->exit = exit_of(value_get_integer(status, "attention", 0));
    if (cli_is_json(cli)) {
        return output_document(cli, "valise/status/1", status);
    }
    say_status(cli, status);
out:
    return err;
}

/* --- doctor -------------------------------------------------------------------------------- */

/* The check of the store takes its time beside the node: ask again until it is there. */
static enum error ask_doctor(struct cli *cli, struct value **result)
{
    static const int64_t again_after_ms = 200;
    int64_t patience_ms = 10 * MINUTE_MS;
    int64_t until_ms = 0;
    struct arena *arena = arena_new(PEER_ARENA_BYTES);
    struct value *answer = NULL;
    enum error err = OK;

    TRY(arena == NULL ? ERR_NO_MEMORY : OK);
    TRY(option_duration(&cli->options, FLAG_TIME_LIMIT, &patience_ms, &cli->problems));
    until_ms = cli_steady_ms() + patience_ms;
    for (;;) {
        arena_clear(arena);
        TRY(client_ask(cli, arena, "doctor", NULL, &answer));
        if (!value_get_bool(answer, "checking")) {
            break;
        }
        if (cli_steady_ms() > until_ms) {
            err = problem_add(&cli->problems, ERR_NODE_BUSY, "",
                              "the check of the store is still under way");
            problem_mend(&cli->problems, "valise doctor --time-limit 1h");
            goto out;
        }
        cli_pause_ms(again_after_ms);
    }
    TRY(value_copy(cli->arena, answer, result));
out:
    arena_free(&arena);
    return err;
}

static void say_check(const struct cli *cli, const struct value *check, size_t counts[static 3])
{
    struct view verdict = value_get_text(check, "verdict");
    int place = view_is(verdict, "good") ? 0 : view_is(verdict, "look") ? 1 : 2;
    static const char *const signs[] = {"✓", "!", "✗"};
    static const enum style styles[] = {STYLE_GOOD, STYLE_LOOK, STYLE_BAD};

    counts[place]++;
    say(cli, "%s%s%s %s\n", style(cli, styles[place]), signs[place], style(cli, STYLE_PLAIN),
        safe_text(cli->arena, check, "what"));
    if (place > 0 && value_get_text(check, "mend").size > 0) {
        say(cli, "    mend: %s\n", suggestion(cli, safe_text(cli->arena, check, "mend")));
    }
}

enum error verb_doctor(struct cli *cli)
{
    struct value *result = NULL;
    size_t counts[3] = {0};
    enum error err = OK;

    cli_doing(cli, "examine the node");
    TRY(ask_doctor(cli, &result));
    cli->exit = exit_of(value_get_integer(result, "attention", 0));
    if (cli_is_json(cli)) {
        return output_document(cli, "valise/doctor/1", result);
    }
    const struct value *checks = value_get(result, "checks");
    for (size_t i = 0; checks != NULL && i < checks->count; i++) {
        say_check(cli, checks->items[i], counts);
    }
    say(cli, "%zu checks: %zu good, %zu to look at, %zu bad\n", counts[0] + counts[1] + counts[2],
        counts[0], counts[1], counts[2]);
out:
    return err;
}

/* --- version ------------------------------------------------------------------------------- */

static enum error put_libraries(struct cli *cli, struct value *document)
{
    struct value *libraries = value_map(cli->arena);
    const char *smartcols = NULL;
    enum error err = OK;

    (void)scols_get_library_version(&smartcols);
    TRY(value_put_string(cli->arena, libraries, "jansson", jansson_version_str()));
    TRY(value_put_string(cli->arena, libraries, "libsodium", sodium_version_string()));
    TRY(value_put_string(cli->arena, libraries, "libqrencode", QRcode_APIVersionString()));
    TRY(value_put_string(cli->arena, libraries, "libsmartcols",
                         smartcols == NULL ? "?" : smartcols));
    TRY(value_put(cli->arena, document, "libraries", libraries));
out:
    return err;
}

/* The node's own version, if there is a node to ask: none is no failure here, others are told. */
static enum error ask_node_version(struct cli *cli, struct value **node)
{
    enum error err = client_ask(cli, cli->arena, "node.version", NULL, node);

    if (err != OK) {
        *node = NULL;
    }
    if (err == ERR_NODE_UNREACHABLE) {
        cli->problems.count = 0;
        return OK;
    }
    return err;
}

enum error verb_version(struct cli *cli)
{
    struct value *document = value_map(cli->arena);
    struct value *node = NULL;
    enum error err = OK;

    enum error asked = ask_node_version(cli, &node);
    TRY(value_put_string(cli->arena, document, "version", VALISE_VERSION));
    TRY(value_put_string(cli->arena, document, "commit", VALISE_COMMIT));
    TRY(value_put_integer(cli->arena, document, "control", CONTROL_VERSION));
    TRY(put_libraries(cli, document));
    TRY(value_put(cli->arena, document, "node", node == NULL ? value_nil(cli->arena) : node));
    if (cli_is_json(cli)) {
        TRY(output_document(cli, "valise/version/1", document));
        return asked;
    }
    say(cli, "valise %s (%s)\n", VALISE_VERSION, VALISE_COMMIT);
    const struct value *libraries = value_get(document, "libraries");
    for (size_t i = 0; i < libraries->count; i++) {
        const struct member *member = &libraries->members[i];
        say(cli, "  %.*s %s\n", (int)member->key.size, (const char *)member->key.data,
            safe(cli->arena, member->value->bytes, false));
    }
    if (asked != OK) {
        err = asked;
    } else if (node == NULL) {
        say(cli, "node: none at %s\n",
            safe(cli->arena, view_of_text(client_socket_path(cli)), false));
    } else {
        say(cli, "node: valised %s (%s), protocol %lld, store schema %lld\n",
            safe_text(cli->arena, node, "version"), safe_text(cli->arena, node, "commit"),
            (long long)value_get_integer(node, "protocol", 0),
            (long long)value_get_integer(node, "store_schema", 0));
    }
out:
    return err;
}

/* --- watch --------------------------------------------------------------------------------- */

static enum error say_event(struct cli *cli, struct arena *arena, struct value *event)
{
    enum error err = OK;

    if (cli_is_json(cli)) {
        TRY(value_put_string(arena, event, "schema", "valise/event/1"));
        return output_line(event);
    }
    say(cli, "%s  %-18s %-18s %s  %s\n", safe_text(arena, event, "at"),
        safe_text(arena, event, "event"), safe_text(arena, event, "about"),
        safe_text(arena, event, "actor"), safe_text(arena, event, "detail"));
    err = fflush(stdout) == 0 ? OK : ERR_OUTPUT;
out:
    return err;
}

enum error verb_watch(struct cli *cli)
{
    struct arena *arena = arena_new(PEER_ARENA_BYTES);
    struct value *event = NULL;
    int64_t limit_ms = -1;
    int64_t until_ms = 0;
    enum error err = OK;

    cli_doing(cli, "watch");
    TRY(arena == NULL ? ERR_NO_MEMORY : OK);
    TRY(option_duration(&cli->options, FLAG_TIME_LIMIT, &limit_ms, &cli->problems));
    TRY(client_ask_text(cli, "watch", &event, "kind", option_value(&cli->options, FLAG_KIND),
                        "from", option_value(&cli->options, FLAG_CURSOR), NULL));
    until_ms = cli_steady_ms() + limit_ms;
    for (;;) {
        int64_t left_ms = until_ms - cli_steady_ms();
        arena_clear(arena);
        TRY(client_next(cli, arena, limit_ms < 0 ? -1 : left_ms > 0 ? left_ms : 0, &event));
        if (event == NULL) {
            break;
        }
        TRY(say_event(cli, arena, event));
    }
out:
    arena_free(&arena);
    return err;
}
