/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Help on every level, topics, the manual page and completion, all from the table of commands. */

#include "verbs.h"

/** Append the help of the program as a whole. */
void help_program(struct buffer *to);

/** Append the help of a noun: its commands. */
void help_noun(const struct noun *noun, struct buffer *to);

/** Append the help of one command. */
void help_verb(const struct verb *verb, struct buffer *to);

/** The flags of a command that so many take that they are told apart from its own. */
uint64_t help_shared_flags(const struct verb *verb);

/** One topic of `valise help TOPIC`. */
struct topic {
    const char *name;
    const char *help;
    void (*write)(struct buffer *to);
};

/** All topics; `count` rows, static. */
const struct topic *help_topics(size_t *count);

/** One exit code. */
struct exit_code {
    int code;
    const char *meaning;
    const char *script; /* what a script should do */
};

/** All exit codes, ascending; static. */
const struct exit_code *help_exit_codes(size_t *count);

/** Append the manual page (man macros). */
void help_manual(struct buffer *to);

/** Append the completion script for bash. */
void help_completion(struct buffer *to);
