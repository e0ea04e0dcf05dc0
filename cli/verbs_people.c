/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"
#include "output.h"
#include "pages.h"
#include "verbs.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>

/* Commands about who may do what, who did what, and what was kept aside. */

/* --- users --------------------------------------------------------------------------------- */

enum error verb_user_list(struct cli *cli)
{
    static const struct listing listing = {
        "valise/users/1",
        "Nobody was granted anything yet: the account that runs the node holds every role.",
        {{"user", "USER", false, false}, {"roles", "ROLES", false, false}}};
    struct value *result = NULL;
    enum error err = OK;

    cli_doing(cli, "list users");
    TRY(client_ask(cli, cli->arena, "user.list", NULL, &result));
    TRY(output_list(cli, &listing, value_get(result, "users")));
out:
    return err;
}

static enum error tell_user(struct cli *cli, const char *user, const char *roles)
{
    struct value *document = value_map(cli->arena);
    enum error err = OK;

    if (cli_is_json(cli)) {
        TRY(value_put_string(cli->arena, document, "user", user));
        TRY(value_put(cli->arena, document, "roles", value_string(cli->arena, roles)));
        return output_document(cli, "valise/user/1", document);
    }
    user = safe(cli->arena, view_of_text(user), false);
    if (roles[0] == '\0') {
        say(cli, "%s holds no roles any more.\n", user);
    } else {
        say(cli, "%s is now: %s\n", user, safe(cli->arena, view_of_text(roles), false));
    }
    say_next(cli, "valise user list");
out:
    return err;
}

enum error verb_user_grant(struct cli *cli)
{
    struct buffer roles = buffer_init(256);
    struct value *result = NULL;
    const char *user = cli_word(cli, 0);
    const char *text = NULL;
    enum error err = OK;

    cli_doing(cli, "grant roles to %s", user);
    if (user[0] == '@' ? getgrnam(user + 1) == NULL : getpwnam(user) == NULL) {
        return problem_add(&cli->problems, ERR_FIELD_VALUE, "",
                           user[0] == '@' ? "there is no such UNIX group on this machine"
                                          : "there is no such UNIX account on this machine");
    }
    for (size_t i = 1; i < cli->options.word_count; i++) {
        buffer_printf(&roles, "%s%s", i == 1 ? "" : ",", cli_word(cli, i));
    }
    text = buffer_text(&roles);
    TRY(text == NULL ? ERR_TOO_LARGE : OK);
    TRY(client_ask_text(cli, "user.grant", &result, "user", user, "roles", text, NULL));
    TRY(tell_user(cli, user, text));
out:
    buffer_free(&roles);
    return err;
}

enum error verb_user_revoke(struct cli *cli)
{
    struct value *result = NULL;
    const char *user = cli_word(cli, 0);
    enum error err = OK;

    cli_doing(cli, "revoke the roles of %s", user);
    TRY(client_ask_text(cli, "user.revoke", &result, "user", user, NULL));
    TRY(tell_user(cli, user, ""));
out:
    return err;
}

/* --- audit --------------------------------------------------------------------------------- */

enum error verb_audit_list(struct cli *cli)
{
    static const struct listing listing = {"valise/audit/1",
                                           "Nothing was done in that time.",
                                           {{"cursor", "ENTRY", false, true},
                                            {"at", "WHEN", false, false},
                                            {"event", "WHAT", false, false},
                                            {"about", "ABOUT", false, false},
                                            {"actor", "WHO", false, false},
                                            {"detail", "DETAIL", false, false}}};
    struct value *arguments = value_map(cli->arena);
    struct value *items = NULL;
    const char *since = option_value(&cli->options, FLAG_SINCE);
    const char *about = option_value(&cli->options, FLAG_ABOUT);
    struct instant ignored = {0};
    enum error err = OK;

    cli_doing(cli, "list the audit trail");
    if (since != NULL && date_parse(view_of_text(since), &ignored) != OK &&
        instant_parse(view_of_text(since), &ignored) != OK) {
        return cli_usage(cli, "--since must be a day or a time, such as 2026-03-11");
    }
    TRY(since == NULL ? OK : value_put_string(cli->arena, arguments, "since", since));
    TRY(about == NULL ? OK : value_put_string(cli->arena, arguments, "about", about));
    TRY(pages_fetch(cli, "audit.list", arguments, &items));
    TRY(output_list(cli, &listing, items));
out:
    return err;
}

enum error verb_audit_verify(struct cli *cli)
{
    struct value *result = NULL;
    enum error err = OK;

    cli_doing(cli, "verify the audit trail");
    TRY(client_ask(cli, cli->arena, "audit.verify", NULL, &result));
    if (cli_is_json(cli)) {
        TRY(value_put_bool(cli->arena, result, "unbroken", true));
        return output_document(cli, "valise/audit-verify/1", result);
    }
    say(cli, "%s✓%s chain unbroken: %lld entries\n", style(cli, STYLE_GOOD),
        style(cli, STYLE_PLAIN), (long long)value_get_integer(result, "entries", 0));
out:
    return err;
}

/* --- quarantine ---------------------------------------------------------------------------- */

enum error verb_quarantine_list(struct cli *cli)
{
    static const struct listing listing = {"valise/quarantine/1",
                                           "Nothing was kept aside.",
                                           {{"from", "FROM", false, false},
                                            {"entry", "ENTRY", false, true},
                                            {"at", "WHEN", false, false},
                                            {"code", "CODE", false, false},
                                            {"why", "WHY", false, false}}};
    struct value *result = NULL;
    enum error err = OK;

    cli_doing(cli, "list what was kept aside");
    TRY(client_ask(cli, cli->arena, "quarantine.list", NULL, &result));
    TRY(output_list(cli, &listing, value_get(result, "items")));
out:
    return err;
}
