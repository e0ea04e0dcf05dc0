/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Questions, on standard error and only where somebody can answer. */

#include "cli.h"
#include "secret.h"

/**
 * Ask a yes-or-no question; the answer without a word is no.
 * @return OK for yes or with --yes; ERR_CANCELLED for no, or when nobody can be asked.
 */
MUST_CHECK enum error prompt_yes(struct cli *cli, const char *question);

/**
 * Ask for one line.
 * @param answer receives it without blanks around it, in the arena; never empty.
 * @return OK; ERR_CANCELLED without an answer or when nobody can be asked.
 */
MUST_CHECK enum error prompt_line(struct cli *cli, const char *question, const char **answer);

/**
 * Ask for a name to be typed, for what cannot be undone; --confirm answers it too.
 * @return OK if it is typed; ERR_CANCELLED.
 */
MUST_CHECK enum error prompt_typed(struct cli *cli, const char *question, const char *wanted);

/**
 * The reason of a command that needs one: --reason, --reason-file, or asked for.
 * @param reason receives it, in the arena or argv.
 * @return OK; ERR_USAGE if there is none; errors of intake_text.
 */
MUST_CHECK enum error prompt_reason(struct cli *cli, const char **reason);

/**
 * Ask for a new pass phrase, twice, without showing it.
 * @param phrase receives it, owned by the caller.
 * @return OK; ERR_CANCELLED; ERR_PASSPHRASE if it is short or the two differ three times.
 */
MUST_CHECK enum error prompt_passphrase(struct cli *cli, struct secret **phrase);
