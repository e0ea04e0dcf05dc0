/* SPDX-License-Identifier: Apache-2.0 */
#include "waiting.h"

#include "client.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { AGAIN_AFTER_MS = 100, WAITING_ARENA_BYTES = 64 * 1024 * 1024 };

static bool is_done(const struct waiting *waiting, struct view state)
{
    for (size_t i = 0; i < waiting->done->count; i++) {
        if (view_equal(value_get_text(waiting->done->items[i], "state"), state)) {
            return true;
        }
    }
    return false;
}

static enum error note_done(struct cli *cli, struct waiting *waiting, struct view state,
                            int64_t elapsed_ms)
{
    struct value *row = value_map(cli->arena);
    double seconds = (double)elapsed_ms / (double)SECOND_MS;
    char text[32];
    enum error err = OK;

    (void)snprintf(text, sizeof text, "%.1f", seconds);
    TRY(value_put_text(cli->arena, row, "state", state));
    TRY(value_put_string(cli->arena, row, "seconds", text));
    TRY(value_append(cli->arena, waiting->done, row));
    say(cli, "%s✓%s %s has it (%s s)\n", style(cli, STYLE_GOOD), style(cli, STYLE_PLAIN),
        safe(cli->arena, state, false), text);
    (void)fflush(stdout);
out:
    return err;
}

/* One look at who holds it. */
static enum error look(struct cli *cli, struct arena *arena, const char *reference,
                       struct waiting *waiting, int64_t elapsed_ms)
{
    struct value *arguments = value_map(arena);
    struct value *result = NULL;
    enum error err = OK;

    TRY(value_put_string(arena, arguments, "reference", reference));
    TRY(client_ask(cli, arena, "record.show", arguments, &result));
    const struct value *node = value_get(value_get(result, "record"), "node");
    const struct value *holders = value_get(node, "holders");
    size_t count = holders != NULL && holders->kind == PACK_MAP ? holders->count : 0;
    waiting->readers = count;
    for (size_t i = 0; i < count; i++) {
        struct view state = holders->members[i].key;
        struct view delivery = value_get_text(holders->members[i].value, "delivery");
        if (view_is(delivery, "acknowledged") && !is_done(waiting, state)) {
            TRY(note_done(cli, waiting, state, elapsed_ms));
        }
    }
    waiting->confirmed = waiting->done->count;
out:
    return err;
}

enum error waiting_run(struct cli *cli, const char *reference, int64_t limit_ms,
                       struct waiting *waiting)
{
    struct arena *arena = arena_new(WAITING_ARENA_BYTES);
    struct pollfd signals = {.fd = -1, .events = POLLIN};
    int64_t began_ms = cli_steady_ms();
    sigset_t interrupt;
    sigset_t before;
    enum error err = OK;

    *waiting = (struct waiting){.done = value_list(cli->arena)};
    (void)sigemptyset(&interrupt);
    (void)sigaddset(&interrupt, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &interrupt, &before);
    TRY(arena == NULL || waiting->done == NULL ? ERR_NO_MEMORY : OK);
    signals.fd = signalfd(-1, &interrupt, SFD_CLOEXEC);
    do {
        int64_t elapsed_ms = cli_steady_ms() - began_ms;
        arena_clear(arena);
        TRY(look(cli, arena, reference, waiting, elapsed_ms));
        if (waiting->confirmed >= waiting->readers || elapsed_ms >= limit_ms) {
            break;
        }
        waiting->interrupted = poll(&signals, 1, AGAIN_AFTER_MS) > 0;
    } while (!waiting->interrupted);
out:
    if (signals.fd >= 0) {
        struct signalfd_siginfo taken;
        if (waiting->interrupted && read(signals.fd, &taken, sizeof taken) < 0) {
            waiting->interrupted = true; /* it stays pending, and ends us below as it should */
        }
        (void)close(signals.fd);
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    arena_free(&arena);
    return err;
}
