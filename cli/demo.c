/* SPDX-License-Identifier: Apache-2.0 */
#include "demo.h"

#include "intake.h"
#include "newfile.h"
#include "verbs.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Setting the demonstration up and clearing it away. The story is in demo_story.c. */

enum { EXIT_INTERRUPTED = 130, STATES_MAX_BYTES = 64 * 1024, OPEN_DIRECTORIES = 16 };

/* --- what is needed ------------------------------------------------------------------------ */

/* Find ourselves, valised beside us, and the records: in the tree of sources or installed. */
static enum error find_files(struct demo *demo)
{
    static const char *const places[] = {"../../../configs/demo", "../share/valise/demo"};
    static const char *const daemons[] = {"valised", "../sbin/valised"};
    struct cli *cli = demo->cli;
    char path[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    enum error err = OK;

    TRY(size <= 0 ? ERR_FILE : OK);
    path[size] = '\0';
    demo->program = arena_printf(cli->arena, "%s", path);
    char *slash = strrchr(path, '/');
    TRY(slash == NULL || demo->program == NULL ? ERR_FILE : OK);
    *slash = '\0';
    for (size_t i = 0; demo->daemon == NULL && i < sizeof daemons / sizeof daemons[0]; i++) {
        const char *found = arena_printf(cli->arena, "%s/%s", path, daemons[i]);
        demo->daemon = found != NULL && access(found, X_OK) == 0 ? found : NULL;
    }
    if (demo->daemon == NULL) {
        err = problem_add(&cli->problems, ERR_FILE, "", "valised is not beside valise");
        problem_mend(&cli->problems, "build it: make");
        goto out;
    }
    for (size_t i = 0; demo->data == NULL && i < sizeof places / sizeof places[0]; i++) {
        char real[PATH_MAX];
        const char *found = arena_printf(cli->arena, "%s/%s", path, places[i]);
        demo->data = found != NULL && realpath(found, real) != NULL
                         ? arena_printf(cli->arena, "%s", real)
                         : NULL;
    }
    if (demo->data == NULL) {
        err = problem_add(&cli->problems, ERR_FILE, "", "the records of the demo are not there");
        problem_mend(&cli->problems, "run it from the tree of sources: make demo");
    }
out:
    return err;
}

/* One State of configs/demo/states.json. */
static enum error add_node(struct demo *demo, const struct value *row)
{
    struct cli *cli = demo->cli;
    struct demo_node *node = &demo->nodes[demo->count];
    enum error err = OK;

    node->state = safe_text(cli->arena, row, "state");
    node->country = safe_text(cli->arena, row, "country");
    node->office = safe_text(cli->arena, row, "office");
    node->home = arena_printf(cli->arena, "%s/%s", demo->home, node->state);
    node->port = demo_free_port();
    TRY(node->home == NULL ? ERR_NO_MEMORY : OK);
    TRY(node->state[0] == '\0' || node->country[0] == '\0' || node->office[0] == '\0'
            ? ERR_FIELD_MISSING
            : OK);
    demo->count++;
out:
    return err;
}

static enum error read_states(struct demo *demo)
{
    const char *path = arena_printf(demo->cli->arena, "%s/states.json", demo->data);
    struct value *states = NULL;
    enum error err = OK;

    TRY(path == NULL ? ERR_NO_MEMORY : OK);
    TRY(intake_json(demo->cli, path, STATES_MAX_BYTES, &states));
    TRY(states->kind != PACK_LIST || states->count != DEMO_NODES_MAX ? ERR_FIELD_VALUE : OK);
    for (size_t i = 0; i < states->count; i++) {
        TRY(add_node(demo, states->items[i]));
    }
    demo->cli->source[0] = '\0';
out:
    return err;
}

/* --- the directory ------------------------------------------------------------------------- */

static enum error make_home(struct demo *demo)
{
    struct cli *cli = demo->cli;
    const char *wish = option_value(&cli->options, FLAG_DIR);
    const char *temporary = getenv("TMPDIR");
    char real[PATH_MAX];
    char path[PATH_MAX];
    bool made = false;
    enum error err = OK;

    if (wish == NULL) {
        (void)snprintf(path, sizeof path, "%s/valise-demo-XXXXXX",
                       temporary != NULL && temporary[0] == '/' ? temporary : "/tmp");
        TRY(mkdtemp(path) == NULL ? ERR_FILE : OK);
        wish = path;
    } else {
        TRY(newfile_directory(cli, wish, &made));
        TRY(made ? OK
                 : problem_add(&cli->problems, ERR_EXISTS, "",
                               "%s exists already: the demo makes a "
                               "directory of its own",
                               wish));
    }
    TRY(realpath(wish, real) == NULL ? ERR_FILE : OK);
    demo->home = arena_printf(cli->arena, "%s", real);
    TRY(demo->home == NULL ? ERR_NO_MEMORY : OK);
out:
    return err;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

/* Only what this run has made; links are removed, not followed. */
static void remove_home(const struct demo *demo)
{
    const struct cli *cli = demo->cli;

    if (demo->home == NULL) {
        return;
    }
    if (option_given(&cli->options, FLAG_KEEP)) {
        say(cli, "The directory is kept: %s\n", demo->home);
    } else if (nftw(demo->home, remove_one, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS) != 0) {
        (void)fprintf(stderr, "valise: could not remove all of %s\n", demo->home);
    }
}

/* --- staying up ---------------------------------------------------------------------------- */

static void stay_up(struct demo *demo)
{
    const struct cli *cli = demo->cli;
    struct pollfd item = {.fd = demo->signals, .events = POLLIN};

    say(cli, "\nThe three nodes stay up. In another shell:\n");
    for (size_t i = 0; i < DEMO_STATES; i++) {
        say(cli, "  export VALISE_SOCKET=%s/control.sock    # you are %s\n", demo->nodes[i].home,
            demo->nodes[i].country);
    }
    say(cli,
        "  %s status\n"
        "  %s denial new --template\n"
        "  %s search\n"
        "  %s watch\n"
        "Ctrl-C here ends it all.\n",
        demo->program, demo->program, demo->program, demo->program);
    (void)fflush(stdout);
    while (poll(&item, 1, -1) < 0 && errno == EINTR) {
        ; /* only a signal that is told of on the descriptor ends it */
    }
}

static void say_end(const struct demo *demo)
{
    int64_t took_ms = cli_steady_ms() - demo->began_ms;

    say(demo->cli, "\nAll of it took %lld.%lld s. Nodes are stopped%s.\n",
        (long long)(took_ms / SECOND_MS), (long long)(took_ms % SECOND_MS / 100),
        option_given(&demo->cli->options, FLAG_KEEP) ? "" : ", the directory is removed");
}

enum error verb_demo(struct cli *cli)
{
    struct demo demo = {.cli = cli, .signals = -1, .began_ms = cli_steady_ms()};
    bool stay = cli->ask && isatty(STDOUT_FILENO) == 1;
    sigset_t signals;
    sigset_t before;
    enum error err = OK;

    cli_doing(cli, "show the demo");
    (void)signal(SIGPIPE, SIG_IGN); /* whoever stops listening must not keep us from clearing up */
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &signals, &before);
    demo.signals = signalfd(-1, &signals, SFD_CLOEXEC);
    TRY(demo.signals < 0 ? ERR_NO_MEMORY : OK);
    TRY(find_files(&demo));
    TRY(make_home(&demo));
    TRY(read_states(&demo));
    TRY(demo_story(&demo));
    if (stay) {
        stay_up(&demo);
    }
out:
    for (size_t i = 0; i < demo.count; i++) {
        demo_stop(&demo.nodes[i]);
    }
    remove_home(&demo);
    if (err == ERR_CANCELLED && demo.ended) {
        (void)fprintf(stderr, "\nvalise: the demo was ended; nothing of it is left running\n");
        cli->exit = EXIT_INTERRUPTED;
        err = OK;
    } else if (err == OK) {
        say_end(&demo);
    }
    /* A signal that ended the demo has been answered; it must not end us again below. */
    if (demo.signals >= 0) {
        (void)close(demo.signals);
    }
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return err;
}
