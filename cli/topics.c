/* SPDX-License-Identifier: Apache-2.0 */
#include "help.h"
#include "sections.h"

#include "control.h"
#include "output.h"

#include <string.h>

enum { TOPIC_WIDTH = 78 };

/* --- exit codes ---------------------------------------------------------------------------- */

static const struct exit_code exit_codes[] = {
    {0, "done", "go on"},
    {1, "failed", "stop, read the message"},
    {2, "wrong usage, or input did not validate", "fix the call"},
    {3, "no such record, peer, group or key", "-"},
    {4, "not permitted: your role, the sharing policy, or a second officer is needed", "ask"},
    {5, "the node cannot be reached", "start it; alarm"},
    {6, "a key is locked or missing", "unlock"},
    {7, "verification failed: signature, safety number, chain or store", "stop and call someone"},
    {8, "a peer or the network did not answer in time; work is queued, nothing is lost",
     "retry later"},
    {9, "conflict: exists already, superseded, or changed by someone else", "re-read"},
    {12, "search, list: nothing found, but not everything could be looked at",
     "do not treat as clear"},
    {13, "status, doctor: needs attention", "look today"},
    {14, "status, doctor: broken", "look now"},
    {130, "interrupted", "-"},
};

const struct exit_code *help_exit_codes(size_t *count)
{
    *count = sizeof exit_codes / sizeof exit_codes[0];
    return exit_codes;
}

static void write_exit_codes(struct buffer *to)
{
    for (size_t i = 0; i < sizeof exit_codes / sizeof exit_codes[0]; i++) {
        buffer_printf(to, "  %3d  ", exit_codes[i].code);
        wrap_text(view_of_text(exit_codes[i].meaning), 7, 7, TOPIC_WIDTH, to);
        if (exit_codes[i].script[0] != '-') {
            buffer_printf(to, "\n       a script should: %s", exit_codes[i].script);
        }
        buffer_append_byte(to, '\n');
    }
    buffer_append_text(to, "\nNew codes may come; an unknown code is a failure.\n");
}

/* --- the others ---------------------------------------------------------------------------- */

static void write_formats(struct buffer *to)
{
    buffer_append_text(
        to, "Lists (--output SHAPE)\n"
            "  table   what a terminal gets; -o wide shows every column\n"
            "  (tabs)  what a pipe gets: one row a line, a tab between columns, nothing cut\n"
            "  csv     RFC 4180, with a first line of names\n"
            "  ids     the first column alone: one reference a line, for xargs\n"
            "  json    {\"schema\":…,\"items\":[…]}, the same as --json\n"
            "  jsonl   one row a line\n"
            "\n"
            "JSON\n"
            "  --json gives one document on standard output. Top level has \"schema\".\n"
            "  Times are RFC 3339 in UTC, States are three letters, money is a decimal in\n"
            "  quotes.\n"
            "  What is not open to this State is {\"sealed\":true}; what is absent is absent.\n"
            "  Errors are one line on standard error:\n"
            "  {\"error\":{\"code\",\"exit\",\"message\",\"mend\":[…],\n"
            "            \"problems\":[{\"where\",\"what\",\"mend\"}]}}\n"
            "  Records: valise schema show KIND prints their JSON Schema.\n"
            "\n"
            "References\n"
            "  DN- denial, BA- broker alert, DC- diversion case; any letter case, hyphens\n"
            "  optional.\n"
            "  DN-XMA-2026-0014#2 names a version.\n");
}

/* The names of the commands that a role may ask for; those for everybody are told once. */
static void write_commands(unsigned role, size_t column, struct buffer *to)
{
    size_t count = 0;
    const struct control_command *commands = control_commands(&count);

    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(commands[i].name);
        bool wanted = role == ROLE_ALL
                          ? commands[i].roles == ROLE_ALL
                          : commands[i].roles != ROLE_ALL && (commands[i].roles & role) != 0;
        if (!wanted) {
            continue;
        }
        if (column + 1 + size > TOPIC_WIDTH) {
            buffer_append_text(to, "\n        ");
            column = 8;
        }
        buffer_printf(to, " %s", commands[i].name);
        column += 1 + size;
    }
    buffer_append_byte(to, '\n');
}

static void write_roles(struct buffer *to)
{
    static const struct {
        enum role role;
        const char *help;
    } rows[] = {
        {ROLE_VIEWER, "reads what is open to this State"},
        {ROLE_OFFICER, "licensing officer: reads, and takes records out into files"},
        {ROLE_POC, "national point of contact: drafts and publishes"},
        {ROLE_ADMIN, "operator: peers, groups, users"},
        {ROLE_AUDITOR, "reads the audit trail"},
    };

    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        buffer_printf(to, "%-8s %s\n        ", role_name(rows[r].role), rows[r].help);
        write_commands(rows[r].role, 8, to);
    }
    buffer_append_text(to, "anybody  who may connect\n        ");
    write_commands(ROLE_ALL, 8, to);
    buffer_append_text(to, "\nRoles belong to UNIX users and @groups: valise user list\n"
                           "Until the first is granted, the account that runs the node holds "
                           "them all.\n");
}

static void write_events(struct buffer *to)
{
    size_t count = 0;
    const struct control_event *events = control_events(&count);

    for (size_t i = 0; i < count; i++) {
        buffer_printf(to, "  %-18s  %s\n", events[i].name, events[i].help);
    }
    buffer_append_text(to, "\nThey stand in the audit trail: valise audit list\n"
                           "and can be waited for: valise watch --kind record\n");
}

static void write_sections(struct buffer *to)
{
    buffer_append_text(to, "A record is sealed section by section, each with its own readers\n"
                           "(handling.read).\n\n");
    for (int s = 0; s < SECTION_COUNT; s++) {
        buffer_printf(to, "  %-12s ", section_name((enum section_id)s));
        wrap_text(view_of_text(section_help((enum section_id)s)), 15, 15, TOPIC_WIDTH, to);
        buffer_append_byte(to, '\n');
    }
    buffer_append_text(
        to, "\nA field can be moved to a stricter section (handling.fields), never to a\n"
            "looser one.\n\"*\" in handling.read stands for all sections that have "
            "no list of their own.\nWho would read what: valise policy preview FILE\n");
}

static void write_environment(struct buffer *to)
{
    buffer_append_text(to, "VALISE_SOCKET   control socket, unless --socket or --home is given;\n"
                           "                else /run/valise/control.sock\n"
                           "NO_COLOR        if not empty: no colour\n"
                           "TERM            dumb: no colour\n\n"
                           "Pass phrases and names are never taken from the environment.\n");
}

static const struct topic topics[] = {
    {"exit-codes", "what the exit code of a command means", write_exit_codes},
    {"formats", "shapes of lists, JSON, references", write_formats},
    {"roles", "who may ask for what", write_roles},
    {"events", "what the audit trail and watch tell", write_events},
    {"sections", "parts of a record that have readers of their own", write_sections},
    {"environment", "environment variables", write_environment},
};

const struct topic *help_topics(size_t *count)
{
    *count = sizeof topics / sizeof topics[0];
    return topics;
}
