/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Lists that the node gives page by page. */

#include "cli.h"

/**
 * Fetch a list, page after page, up to --limit rows.
 * @param arguments filters, a map in cli->arena; cursor and limit are put into it.
 * @param items     receives one list of all rows, in cli->arena.
 * @return errors of client_ask; ERR_USAGE for a bad --limit.
 */
MUST_CHECK enum error pages_fetch(struct cli *cli, const char *command, struct value *arguments,
                                  struct value **items);

/** "12 s", "4 min", "3 h", "12 days". @return text. */
const char *span_format(int64_t seconds, char text[static 32]);
