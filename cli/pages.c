/* SPDX-License-Identifier: Apache-2.0 */
#include "pages.h"

#include "client.h"
#include "control.h"

enum { ROWS_MAX = 1000000 };

/* An answer without rows must not pass for one with none. */
static enum error append_all(struct cli *cli, struct value *to, const struct value *from,
                             int64_t limit)
{
    enum error err = OK;

    TRY(from != NULL && from->kind == PACK_LIST ? OK : ERR_BUG);
    for (size_t i = 0; i < from->count && (int64_t)to->count < limit; i++) {
        TRY(value_append(cli->arena, to, from->items[i]));
    }
out:
    return err;
}

enum error pages_fetch(struct cli *cli, const char *command, struct value *arguments,
                       struct value **items)
{
    struct value *all = value_list(cli->arena);
    int64_t limit = ROWS_MAX;
    enum error err = OK;

    TRY(all == NULL ? ERR_NO_MEMORY : OK);
    TRY(option_number(&cli->options, FLAG_LIMIT, 1, ROWS_MAX, &limit, &cli->problems));
    while ((int64_t)all->count < limit) {
        int64_t left = limit - (int64_t)all->count;
        struct value *result = NULL;
        TRY(value_put_integer(cli->arena, arguments, "limit",
                              left < CONTROL_PAGE_MAX ? left : CONTROL_PAGE_MAX));
        TRY(client_ask(cli, cli->arena, command, arguments, &result));
        TRY(append_all(cli, all, value_get(result, "items"), limit));
        if (value_get(result, "complete") != NULL) {
            cli->complete = value_get_bool(result, "complete");
            cli->missing = value_get(result, "missing");
        }
        struct view next = value_get_text(result, "next");
        if (next.size == 0) {
            break;
        }
        TRY(value_put(cli->arena, arguments, "cursor", value_text(cli->arena, next)));
    }
    *items = all;
out:
    return err;
}

const char *span_format(int64_t seconds, char text[static 32])
{
    enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };

    if (seconds < 2 * MINUTE) {
        (void)snprintf(text, 32, "%lld s", (long long)seconds);
    } else if (seconds < 2 * HOUR) {
        (void)snprintf(text, 32, "%lld min", (long long)(seconds / MINUTE));
    } else if (seconds < 2 * DAY) {
        (void)snprintf(text, 32, "%lld h", (long long)(seconds / HOUR));
    } else {
        (void)snprintf(text, 32, "%lld days", (long long)(seconds / DAY));
    }
    return text;
}
