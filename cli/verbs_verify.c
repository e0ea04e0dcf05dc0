/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"
#include "codes.h"
#include "intake.h"
#include "output.h"
#include "prompt.h"
#include "spoken.h"
#include "verbs.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Comparing safety numbers, and finding out how far a peer can be reached. */

enum { NUMBER_MAX_BYTES = 128, PING_ARENA_BYTES = 256 * 1024 };

/* --- verify -------------------------------------------------------------------------------- */

/* The peer's row in peer.list. */
static enum error find_peer(struct cli *cli, const char *word, const struct value **peer)
{
    struct value *result = NULL;
    char code[4] = "";
    enum error err = OK;

    TRY(client_ask(cli, cli->arena, "peer.list", NULL, &result));
    (void)state_canonical(view_of_text(word), code);
    const struct value *peers = value_get(result, "peers");
    for (size_t i = 0; peers != NULL && i < peers->count; i++) {
        if (view_is(value_get_text(peers->items[i], "state"), code)) {
            *peer = peers->items[i];
            return OK;
        }
    }
    err = problem_add(&cli->problems, ERR_STATE_UNKNOWN, "", "there is no such peer");
    problem_mend(&cli->problems,
                 "valise peer list; or take their card first: valise peer add FILE");
out:
    return err;
}

/* Read a number that others wrote down, when nobody sits at a terminal. */
static enum error read_number(struct cli *cli, const char **number)
{
    const char *file = option_value(&cli->options, FLAG_NUMBER_FILE);
    struct secret *secret = NULL;
    struct view text = {0};
    int64_t descriptor = -1;
    enum error err = OK;

    if (file != NULL && option_given(&cli->options, FLAG_NUMBER_FD)) {
        return cli_usage(cli, "--number-fd and --number-file contradict");
    }
    TRY(option_number(&cli->options, FLAG_NUMBER_FD, 0, 1023, &descriptor, &cli->problems));
    if (file != NULL) {
        TRY(intake_text(cli, file, NUMBER_MAX_BYTES, &text));
        cli->source[0] = '\0';
    } else if (descriptor >= 0) {
        TRY(intake_secret(cli, (int)descriptor, NUMBER_MAX_BYTES, &secret));
        err = arena_copy(cli->arena, view_of(secret_open(secret), secret_size(secret)), &text);
        secret_close(secret);
        TRY(err);
    } else {
        goto out;
    }
    *number = arena_text(cli->arena, intake_trim(text));
    TRY(*number == NULL ? ERR_NO_MEMORY : OK);
out:
    secret_free(&secret);
    return err;
}

/* Ask until what they read adds up, at most a few times. */
static enum error ask_number(struct cli *cli, const char *held, const char **number)
{
    enum { TRIES = 5 };
    enum error err = OK;

    for (int i = 0; i < TRIES; i++) {
        const char *typed = NULL;
        unsigned group = 0;
        TRY(prompt_line(
            cli, "Both agree with what is read to you?  Type AGREE, or what they read:", &typed));
        if (strcasecmp(typed, "agree") == 0) {
            *number = held;
            return OK;
        }
        switch (spoken_check(view_of_text(typed), &group)) {
        case SPOKEN_GOOD:
            *number = typed;
            return OK;
        case SPOKEN_GROUP:
            (void)fprintf(stderr, "The %s group does not add up: have it said again.\n",
                          spoken_ordinal(group));
            break;
        case SPOKEN_LENGTH:
            (void)fprintf(stderr, "It must be eight groups of five digits.\n");
            break;
        default:
            (void)fprintf(stderr, "Only digits and blanks, please; or AGREE.\n");
            break;
        }
    }
    err = ERR_SAFETY_DIGIT;
out:
    return err;
}

/* Four groups a line, as they are read aloud. */
static void say_number(const struct cli *cli, const char *before, const char *number)
{
    enum { HALF = 24 }; /* four groups of five and their blanks */
    size_t size = strlen(number);

    say(cli, "  %-18s %.*s\n", before, size > HALF ? HALF - 1 : (int)size, number);
    if (size > HALF) {
        say(cli, "  %-18s %s\n", "", number + HALF);
    }
}

static enum error compare_aloud(struct cli *cli, const struct value *peer, const char **number)
{
    const char *held = safe_text(cli->arena, peer, "safety_number");
    struct value *card = NULL;
    enum error err = OK;

    if (!cli->ask || cli->stdin_used) {
        err =
            problem_add(&cli->problems, ERR_CANCELLED, "", "nothing was done: nobody can be asked");
        problem_mend(&cli->problems,
                     "run it on a terminal; or give --number-file, --who and --how");
        goto out;
    }
    if (cli->talk == NULL) {
        cli->talk = stderr; /* standard output is for the JSON document alone */
    }
    TRY(client_ask(cli, cli->arena, "peer.card", NULL, &card));
    say(cli, "Call a person you know at %s, on a number you did not get from this system.\n",
        safe_text(cli->arena, peer, "name"));
    say_number(cli, "Read to them", safe_text(cli->arena, card, "safety_number"));
    say_number(cli, "They read to you", held);
    TRY(ask_number(cli, held, number));
out:
    return err;
}

static enum error ask_how(struct cli *cli, const char **how)
{
    static const char *const ways[] = {"in person", "video", "telephone"};
    const char *typed = option_value(&cli->options, FLAG_HOW);
    enum error err = OK;

    if (typed == NULL) {
        TRY(prompt_line(cli, "How?  1 in person  2 video  3 telephone on a known number:", &typed));
    }
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        const char digit[] = {(char)('1' + i), '\0'};
        if (strcasecmp(typed, ways[i]) == 0 || strcmp(typed, digit) == 0) {
            *how = ways[i];
            return OK;
        }
    }
    err = cli_usage(cli, "how it was compared must be \"in person\", \"video\" or \"telephone\"");
out:
    return err;
}

enum error verb_peer_verify(struct cli *cli)
{
    const char *who = option_value(&cli->options, FLAG_WHO);
    const struct value *peer = NULL;
    struct value *result = NULL;
    const char *number = NULL;
    const char *how = NULL;
    enum error err = OK;

    cli_doing(cli, "verify %s", cli_word(cli, 0));
    TRY(find_peer(cli, cli_word(cli, 0), &peer));
    TRY(read_number(cli, &number));
    if (number == NULL) {
        TRY(compare_aloud(cli, peer, &number));
    }
    if (who == NULL) {
        TRY(prompt_line(cli, "Who compared? (you and whom)", &who));
    }
    TRY(ask_how(cli, &how));
    TRY(client_ask_text(cli, "peer.verify", &result, "state", cli_word(cli, 0), "number", number,
                        "who", who, "how", how, NULL));
    if (cli_is_json(cli)) {
        return output_document(cli, "valise/peer/1", result);
    }
    const char *state = safe_text(cli->arena, result, "state");
    say(cli, "%s✓%s %s is verified. Recorded in the audit trail.\n", style(cli, STYLE_GOOD),
        style(cli, STYLE_PLAIN), state);
    say_next(cli, "valise peer ping %s", state);
out:
    return err;
}

/* --- ping ---------------------------------------------------------------------------------- */

/** How far an attempt came; the numbers are the node's. */
enum ping_step {
    STEP_IDLE,
    STEP_WAITING,
    STEP_DIALLING,
    STEP_GREETING,
    STEP_COMPARING,
    STEP_STEADY
};

/** What has been told so far. */
struct ping {
    int64_t reached; /* furthest enum ping_step */
    int64_t told;    /* lines printed */
};

/* What each line says, and from which step on it is true. */
static const struct {
    int64_t from;
    const char *name;
} ping_lines[] = {
    {STEP_WAITING, "card      held, compared, in force"},
    {STEP_DIALLING, "dialling  address is tried"},
    {STEP_GREETING, "handshake keys accepted"},
    {STEP_COMPARING, "session   signed greetings exchanged"},
    {STEP_STEADY, "exchange  both sides compared what they hold"},
};

static void say_step(const struct cli *cli, const char *text)
{
    say(cli, "%s✓%s %s\n", style(cli, STYLE_GOOD), style(cli, STYLE_PLAIN), text);
    (void)fflush(stdout);
}

static void say_progress(const struct cli *cli, struct ping *ping, const struct value *answer)
{
    int64_t step = value_get_integer(answer, "step", 0);

    ping->reached = step > ping->reached ? step : ping->reached;
    for (; ping->told < (int64_t)(sizeof ping_lines / sizeof ping_lines[0]) &&
           ping_lines[ping->told].from <= ping->reached;
         ping->told++) {
        say_step(cli, ping_lines[ping->told].name);
    }
}

static enum error stopped(struct cli *cli, const struct ping *ping, const struct value *answer)
{
    const char *code = safe_text(cli->arena, answer, "last_error");
    enum error last = error_from_code(code);
    const char *because = last == OK ? "no answer" : error_info(last)->text;
    enum error err = ERR_PEER_SILENT;

    if (ping->reached == STEP_IDLE) {
        const char *standing = safe_text(cli->arena, answer, "standing");
        bool frozen = strcmp(standing, "frozen") == 0;
        err = problem_add(&cli->problems, frozen ? ERR_PEER_FROZEN : ERR_PEER_UNVERIFIED, "",
                          "it is %s, so it is not contacted", standing);
        problem_mend(&cli->problems,
                     frozen                            ? "call %s on a known number"
                     : strcmp(standing, "paused") == 0 ? "valise peer resume %s"
                     : strcmp(standing, "verified") == 0
                         ? "their card has run out: ask %s for a new one"
                         : "valise peer verify %s",
                     cli_word(cli, 0));
        return err;
    }
    (void)problem_add(&cli->problems, err, "",
                      ping->reached < STEP_GREETING    ? "it stops before the handshake: %s"
                      : ping->reached < STEP_COMPARING ? "it stops before the session: %s"
                                                       : "it stops before the exchange: %s",
                      because);
    problem_mend(&cli->problems, "%s",
                 ping->reached < STEP_GREETING
                     ? "ask them: is their node running, is this its address, is TCP let through, "
                       "and have they verified us?"
                     : "ask them to run valise doctor; compare clocks and versions");
    return err;
}

static enum error tell_reached(struct cli *cli, struct value *answer)
{
    enum error err = OK;

    if (cli_is_json(cli)) {
        TRY(value_copy(cli->arena, answer, &answer));
        return output_document(cli, "valise/ping/1", answer);
    }
    say(cli, "%s✓%s version   %s\n", style(cli, STYLE_GOOD), style(cli, STYLE_PLAIN),
        safe_text(cli->arena, answer, "software"));
    int64_t ahead_ms = value_get_integer(answer, "clock_ahead_ms", 0);
    say(cli, "%s✓%s clock     within %lld.%lld s of ours\n", style(cli, STYLE_GOOD),
        style(cli, STYLE_PLAIN), (long long)(llabs(ahead_ms) / 1000),
        (long long)(llabs(ahead_ms) % 1000 + 99) / 100);
out:
    return err;
}

enum error verb_peer_ping(struct cli *cli)
{
    /* Each question renews an attempt that failed, and peers refuse whoever greets too often. */
    static const int64_t look_after_ms = 200;
    static const int64_t renew_step_ms = 2000;
    int64_t renew_after_ms = 0;
    struct arena *arena = arena_new(PING_ARENA_BYTES);
    struct ping ping = {0};
    struct value *answer = NULL;
    int64_t patience_ms = 10 * SECOND_MS;
    int64_t until_ms = 0;
    enum error err = OK;

    cli_doing(cli, "reach %s", cli_word(cli, 0));
    TRY(arena == NULL ? ERR_NO_MEMORY : OK);
    TRY(option_duration(&cli->options, FLAG_TIME_LIMIT, &patience_ms, &cli->problems));
    until_ms = cli_steady_ms() + patience_ms;
    for (;;) {
        struct value *arguments = NULL;
        arena_clear(arena);
        arguments = value_map(arena);
        TRY(value_put_string(arena, arguments, "state", cli_word(cli, 0)));
        TRY(client_ask(cli, arena, "peer.ping", arguments, &answer));
        say_progress(cli, &ping, answer);
        if (value_get_bool(answer, "in_touch")) {
            TRY(tell_reached(cli, answer));
            break;
        }
        int64_t step = value_get_integer(answer, "step", 0);
        if (step == STEP_IDLE || cli_steady_ms() >= until_ms) {
            TRY(stopped(cli, &ping, answer));
        }
        int64_t left_ms = until_ms - cli_steady_ms();
        renew_after_ms += step == STEP_WAITING ? renew_step_ms : 0;
        int64_t pause_ms = step == STEP_WAITING ? renew_after_ms : look_after_ms;
        cli_pause_ms(pause_ms < left_ms ? pause_ms : left_ms > 0 ? left_ms : 1);
    }
out:
    arena_free(&arena);
    return err;
}
