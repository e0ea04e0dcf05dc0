/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"
#include "codes.h"
#include "intake.h"
#include "newfile.h"
#include "output.h"
#include "prompt.h"
#include "qr.h"
#include "verbs.h"

#include <string.h>

/* Commands about peers and groups. Verifying and pinging are in verbs_verify.c. */

/* --- our card ------------------------------------------------------------------------------ */

/* "VALISE:" and the digits of a number as it is shown. */
static enum error say_qr(struct cli *cli, const char *number)
{
    struct buffer payload = buffer_init(64);
    struct buffer drawing = buffer_init(QR_DRAWING_MAX_BYTES);
    enum error err = OK;

    buffer_append_text(&payload, "VALISE:");
    for (const char *digit = number; *digit != '\0'; digit++) {
        if (*digit != ' ') {
            buffer_append_byte(&payload, (uint8_t)*digit);
        }
    }
    const char *text = buffer_text(&payload);
    TRY(text == NULL ? payload.error : OK);
    TRY(qr_draw(text, &drawing));
    TRY(cli_write(stdout, view_of_buffer(&drawing)));
    say(cli, "%s\n", number);
out:
    buffer_free(&drawing);
    buffer_free(&payload);
    return err;
}

static enum error write_card(struct cli *cli, const struct value *card, const char *path)
{
    enum error err = OK;

    if (strcmp(path, "-") == 0) {
        return cli_write(stdout, value_get_text(card, "card"));
    }
    TRY(newfile_write(cli, path, value_get_text(card, "card")));
    say(cli, "%s (%s) is in %s, in force until %.10s.\n", safe_text(cli->arena, card, "name"),
        safe_text(cli->arena, card, "state"), safe(cli->arena, view_of_text(path), false),
        safe_text(cli->arena, card, "until"));
    say(cli, "Safety number  %s\n", safe_text(cli->arena, card, "safety_number"));
    say_next(cli, "give the file to the other State; they take it with \"valise peer add FILE\"");
out:
    return err;
}

enum error verb_peer_card(struct cli *cli)
{
    const char *path = option_value(&cli->options, FLAG_FILE);
    struct value *card = NULL;
    enum error err = OK;

    cli_doing(cli, "give our card");
    TRY(client_ask(cli, cli->arena, "peer.card", NULL, &card));
    if (path != NULL) {
        TRY(write_card(cli, card, path));
    }
    if (cli_is_json(cli)) {
        return output_document(cli, "valise/card/1", card);
    }
    if (option_given(&cli->options, FLAG_QR)) {
        return say_qr(cli, safe_text(cli->arena, card, "safety_number"));
    }
    if (path == NULL) {
        TRY(cli_write(stdout, view_of_text(safe(cli->arena, value_get_text(card, "card"), true))));
    }
out:
    return err;
}

/* --- adding and listing -------------------------------------------------------------------- */

enum error verb_peer_add(struct cli *cli)
{
    const char *path = cli_word(cli, 0);
    struct view text = {0};
    struct value *peer = NULL;
    const char *card = NULL;
    enum error err = OK;

    cli_doing(cli, "add the peer");
    TRY(intake_text(cli, path, CONTROL_TEXT_MAX_BYTES, &text));
    card = arena_text(cli->arena, text);
    TRY(card == NULL ? ERR_NO_MEMORY : OK);
    TRY(text.size == 0 || strlen(card) != text.size ? ERR_CARD_UNREADABLE : OK);
    TRY(client_ask_text(cli, "peer.add", &peer, "card", card, "address",
                        option_value(&cli->options, FLAG_ADDRESS), NULL));
    if (cli_is_json(cli)) {
        return output_document(cli, "valise/peer/1", peer);
    }
    const char *state = safe_text(cli->arena, peer, "state");
    if (value_get_bool(peer, "verified")) {
        say(cli, "%s has a new card, in force until %.10s.\n", state,
            safe_text(cli->arena, peer, "until"));
        say_next(cli, "valise peer ping %s", state);
        return OK;
    }
    say(cli, "%s — %s.  %sNOT VERIFIED%s: nothing will be sent.\n", state,
        safe_text(cli->arena, peer, "name"), style(cli, STYLE_LOOK), style(cli, STYLE_PLAIN));
    say_next(cli, "valise peer verify %s", state);
out:
    return err;
}

enum error verb_peer_list(struct cli *cli)
{
    static const struct listing listing = {"valise/peers/1",
                                           "No peers yet. Next: valise peer add FILE",
                                           {{"state", "STATE", false, false},
                                            {"standing", "STANDING", false, false},
                                            {"session", "SESSION", false, false},
                                            {"pending", "WAITING", false, true},
                                            {"missing", "MISSING", false, true},
                                            {"ours", "OURS", true, true},
                                            {"acknowledged", "CONFIRMED", true, true},
                                            {"theirs", "THEIRS", true, true},
                                            {"address", "ADDRESS", false, false},
                                            {"verified", "COMPARED", true, false},
                                            {"card_until", "CARD UNTIL", true, false},
                                            {"software", "SOFTWARE", true, false},
                                            {"last_error", "LAST", true, false},
                                            {"safety_number", "SAFETY NUMBER", true, false},
                                            {"frozen", "FROZEN", true, false},
                                            {"name", "NAME", false, false}}};
    struct value *result = NULL;
    enum error err = OK;

    cli_doing(cli, "list peers");
    TRY(client_ask(cli, cli->arena, "peer.list", NULL, &result));
    TRY(output_list(cli, &listing, value_get(result, "peers")));
out:
    return err;
}

/* --- standing ------------------------------------------------------------------------------ */

static enum error tell_standing(struct cli *cli, struct value *result, const char *state,
                                const char *next)
{
    enum error err = OK;

    if (cli_is_json(cli)) {
        TRY(value_put_string(cli->arena, result, "state", state));
        return output_document(cli, "valise/peer/1", result);
    }
    say(cli, "%s is now %s.\n", state, safe_text(cli->arena, result, "standing"));
    say_next(cli, next, state);
out:
    return err;
}

/* The word as a code in capitals if it is one, for messages; the node judges it. */
static const char *state_word(struct cli *cli)
{
    struct view word = view_of_text(cli_word(cli, 0));
    char code[4];

    if (state_canonical(word, code)) {
        word = view_of_text(code);
    }
    return safe(cli->arena, word, false);
}

static enum error change_standing(struct cli *cli, const char *command, const char *next)
{
    const char *state = state_word(cli);
    const char *reason = NULL;
    struct value *result = NULL;
    enum error err = OK;

    TRY(prompt_reason(cli, &reason));
    TRY(client_ask_text(cli, command, &result, "state", cli_word(cli, 0), "reason", reason, NULL));
    TRY(tell_standing(cli, result, state, next));
out:
    return err;
}

enum error verb_peer_pause(struct cli *cli)
{
    cli_doing(cli, "pause %s", state_word(cli));
    return change_standing(cli, "peer.pause", "valise peer resume %s ends it");
}

enum error verb_peer_resume(struct cli *cli)
{
    cli_doing(cli, "resume %s", state_word(cli));
    return change_standing(cli, "peer.resume", "valise peer ping %s");
}

enum error verb_peer_remove(struct cli *cli)
{
    const char *state = state_word(cli);
    char question[160];
    enum error err = OK;

    cli_doing(cli, "remove %s", state);
    say(cli, "%s keeps what it holds already; nothing more is sent to it or taken from it.\n",
        state);
    (void)snprintf(question, sizeof question, "Type %s to remove it:", state);
    TRY(prompt_typed(cli, question, state));
    TRY(change_standing(cli, "peer.remove", "valise peer list"));
out:
    return err;
}

/* --- groups -------------------------------------------------------------------------------- */

static void say_states(const struct cli *cli, const struct value *states)
{
    for (size_t i = 0; states != NULL && states->kind == PACK_LIST && i < states->count; i++) {
        say(cli, " %s", safe(cli->arena, states->items[i]->bytes, false));
    }
    say(cli, "\n");
}

/* Whoever is added reads what is published from now on, whoever is left out does not. */
static enum error ask_redefine(struct cli *cli, const char *name, const struct value *states)
{
    struct value *result = NULL;
    const struct value *groups = NULL;
    enum error err = OK;

    TRY(client_ask(cli, cli->arena, "group.list", NULL, &result));
    groups = value_get(result, "groups");
    for (size_t i = 0; groups != NULL && groups->kind == PACK_LIST && i < groups->count; i++) {
        const struct value *row = groups->items[i];
        if (!view_is(value_get_text(row, "name"), name)) {
            continue;
        }
        say(cli, "Group %s has now:", safe(cli->arena, view_of_text(name), false));
        say_states(cli, value_get(row, "states"));
        say(cli, "It will have:");
        say_states(cli, states);
        return prompt_yes(cli, "Change who reads what is published to it?");
    }
out:
    return err;
}

enum error verb_group_define(struct cli *cli)
{
    struct value *arguments = value_map(cli->arena);
    struct value *states = value_list(cli->arena);
    const char *name = cli_word(cli, 0);
    struct value *result = NULL;
    enum error err = OK;

    cli_doing(cli, "define group %s", name);
    for (size_t i = 1; i < cli->options.word_count; i++) {
        TRY(value_append(cli->arena, states, value_string(cli->arena, cli_word(cli, i))));
    }
    TRY(value_put_string(cli->arena, arguments, "name", name));
    TRY(value_put(cli->arena, arguments, "states", states));
    TRY(ask_redefine(cli, name, states));
    TRY(client_ask(cli, cli->arena, "group.define", arguments, &result));
    if (cli_is_json(cli)) {
        TRY(value_put(cli->arena, result, "states", states));
        return output_document(cli, "valise/group/1", result);
    }
    say(cli, "Group %s has %zu member%s:", safe_text(cli->arena, result, "name"), states->count,
        states->count == 1 ? "" : "s");
    say_states(cli, states);
    say_next(cli, "every member defines it alike; then name it in handling.read as group:%s",
             safe_text(cli->arena, result, "name"));
out:
    return err;
}

enum error verb_group_list(struct cli *cli)
{
    static const struct listing listing = {"valise/groups/1",
                                           "No groups yet. Next: valise group define NAME STATE…",
                                           {{"name", "NAME", false, false},
                                            {"states", "STATES", false, false},
                                            {"id", "ID", true, false}}};
    struct value *result = NULL;
    enum error err = OK;

    cli_doing(cli, "list groups");
    TRY(client_ask(cli, cli->arena, "group.list", NULL, &result));
    TRY(output_list(cli, &listing, value_get(result, "groups")));
out:
    return err;
}
