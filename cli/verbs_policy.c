/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"
#include "intake.h"
#include "judge.h"
#include "output.h"
#include "preview.h"
#include "verbs.h"

#include <strings.h>
#include <unistd.h>

/* Who may read what, and why. */

enum { EXIT_NOT_PERMITTED = 4 };

/* --- preview ------------------------------------------------------------------------------- */

/* A word that is no file but looks like a reference is one. */
static bool names_record(const char *word)
{
    return judge_is_reference(word) && access(word, F_OK) != 0;
}

enum error verb_policy_preview(struct cli *cli)
{
    struct value *arguments = value_map(cli->arena);
    const char *word = cli_word(cli, 0);
    struct value *record = NULL;
    struct value *preview = NULL;
    enum error err = OK;

    cli_doing(cli, "preview");
    if (names_record(word)) {
        cli_doing(cli, "preview %s", judge_reference(cli, word));
        TRY(value_put_string(cli->arena, arguments, "reference", word));
    } else {
        TRY(intake_record(cli, word, NULL, &record));
        TRY(client_own_state(cli));
        /* Checked here first: the mistakes of a file are better told with their places. */
        TRY(judge_record(cli, record, RECORD_OWN, NULL));
        TRY(value_put(cli->arena, arguments, "record", record));
    }
    TRY(client_ask(cli, cli->arena, "policy.preview", arguments, &preview));
    if (cli_is_json(cli)) {
        return output_document(cli, "valise/preview/1", preview);
    }
    if (record != NULL) {
        say(cli, "%s\n", judge_headline(cli, record));
    }
    preview_say(cli, preview, record);
out:
    return err;
}

/* --- can ----------------------------------------------------------------------------------- */

enum error verb_policy_can(struct cli *cli)
{
    const char *state = cli_word(cli, 0);
    const char *section = cli_word(cli, 2);
    const char *reference = cli_word(cli, 4);
    struct value *answer = NULL;
    enum error err = OK;

    if (strcasecmp(cli_word(cli, 1), "read") != 0 || strcasecmp(cli_word(cli, 3), "of") != 0) {
        err = cli_usage(cli, "it is: valise policy can STATE read SECTION of REF");
        problem_mend(&cli->problems, "valise policy can XNH read restricted of DN-XMA-2026-0014");
        return err;
    }
    cli_doing(cli, "tell what %s may read", state);
    TRY(client_ask_text(cli, "policy.can", &answer, "state", state, "section", section, "reference",
                        reference, NULL));
    bool permit = value_get_bool(answer, "permit");
    cli->exit = permit ? 0 : EXIT_NOT_PERMITTED;
    if (cli_is_json(cli)) {
        return output_document(cli, "valise/policy-can/1", answer);
    }
    say(cli, "%s%s%s: %s (%s)\n", style(cli, permit ? STYLE_GOOD : STYLE_LOOK),
        permit ? "yes" : "no", style(cli, STYLE_PLAIN), safe_text(cli->arena, answer, "reason"),
        safe_text(cli->arena, answer, "rule"));
out:
    return err;
}

/* --- why ----------------------------------------------------------------------------------- */

enum error verb_policy_why(struct cli *cli)
{
    struct value *answer = NULL;
    enum error err = OK;

    cli_doing(cli, "explain who reads %s", judge_reference(cli, cli_word(cli, 0)));
    TRY(client_ask_text(cli, "policy.why", &answer, "reference", cli_word(cli, 0), "state",
                        cli_word(cli, 1), NULL));
    if (cli_is_json(cli)) {
        return output_document(cli, "valise/policy-why/1", answer);
    }
    const struct value *rows = value_get(answer, "sections");
    for (size_t i = 0; rows != NULL && rows->kind == PACK_LIST && i < rows->count; i++) {
        const struct value *row = rows->items[i];
        bool permit = value_get_bool(row, "permit");
        say(cli, "%-12s %s%-7s%s %s%s\n", safe_text(cli->arena, row, "section"),
            style(cli, permit ? STYLE_GOOD : STYLE_LOOK), permit ? "reads" : "sealed",
            style(cli, STYLE_PLAIN), safe_text(cli->arena, row, "reason"),
            value_get_bool(row, "holds_anything") ? "" : " (the section is empty)");
    }
out:
    return err;
}
