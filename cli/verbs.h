/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The commands of valise as one table (verbs_table.c): it drives dispatch,
 * help, suggestions, the manual page and completion.
 */

#include "cli.h"

/** One command. Strings are static. */
struct verb {
    const char *noun;      /* "peer", or "" for everyday commands */
    const char *name;      /* "add" */
    const char *arguments; /* "STATE read SECTION of REF", or "" */
    size_t least;          /* words after the command */
    size_t most;
    uint64_t flags; /* set of flags that it takes */
    enum error (*run)(struct cli *cli);
    const char *asks; /* control command whose roles it needs, or NULL */
    const char *help; /* a sentence without full stop */
    const char *examples[2];
    const char *more; /* further sentences, or NULL */
};

/** One noun and what it is. */
struct noun {
    const char *name;
    const char *help;
};

/** All commands in the order of help; `count` rows, static. */
const struct verb *verbs_table(size_t *count);

/** All nouns in the order of help; static. */
const struct noun *nouns_table(size_t *count);

/** Find a command by its noun ("" for everyday) and name; NULL. */
const struct verb *verb_find(const char *noun, const char *name);

/** Find a noun; NULL. */
const struct noun *noun_find(const char *name);

/** Write "peer add". @return text. */
const char *verb_title(const struct verb *verb, char text[static 64]);

/*
 * What the commands do. Each reads its words and flags from `cli`, asks the
 * node, and writes the answer; an error it returns is told by main, with
 * cli->doing, cli->source and cli->problems.
 */
enum error verb_init(struct cli *cli);
enum error verb_status(struct cli *cli);
enum error verb_doctor(struct cli *cli);
enum error verb_version(struct cli *cli);
enum error verb_watch(struct cli *cli);
enum error verb_user_list(struct cli *cli);
enum error verb_user_grant(struct cli *cli);
enum error verb_user_revoke(struct cli *cli);
enum error verb_audit_list(struct cli *cli);
enum error verb_audit_verify(struct cli *cli);
enum error verb_quarantine_list(struct cli *cli);
enum error verb_peer_card(struct cli *cli);
enum error verb_peer_add(struct cli *cli);
enum error verb_peer_verify(struct cli *cli);
enum error verb_peer_list(struct cli *cli);
enum error verb_peer_ping(struct cli *cli);
enum error verb_peer_pause(struct cli *cli);
enum error verb_peer_resume(struct cli *cli);
enum error verb_peer_remove(struct cli *cli);
enum error verb_group_define(struct cli *cli);
enum error verb_group_list(struct cli *cli);
enum error verb_record_new(struct cli *cli);
enum error verb_record_validate(struct cli *cli);
enum error verb_record_publish(struct cli *cli);
enum error verb_record_list(struct cli *cli);
enum error verb_draft_list(struct cli *cli);
enum error verb_draft_show(struct cli *cli);
enum error verb_draft_discard(struct cli *cli);
enum error verb_policy_preview(struct cli *cli);
enum error verb_policy_can(struct cli *cli);
enum error verb_policy_why(struct cli *cli);
enum error verb_show(struct cli *cli);
enum error verb_search(struct cli *cli);
enum error verb_import(struct cli *cli);
enum error verb_export(struct cli *cli);
enum error verb_explain(struct cli *cli);
enum error verb_schema_list(struct cli *cli);
enum error verb_schema_show(struct cli *cli);
enum error verb_help(struct cli *cli);
enum error verb_completion(struct cli *cli);
enum error verb_demo(struct cli *cli);
