/* SPDX-License-Identifier: Apache-2.0 */
#include "checker.h"
#include "config.h"
#include "control_server.h"
#include "files.h"
#include "launcher.h"
#include "log.h"
#include "loop.h"
#include "sandbox.h"

#include "version.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, PASSPHRASE_FD_MAX = 1024 };

/** What was asked for on the command line. */
struct wishes {
    const char *config; /* path */
    int passphrase_fd;  /* -1: none */
    bool accept_older;
    bool accept_clock;
    bool check_config;
};

static const char default_config[] = "/etc/valise/valised.conf";

static const char usage[] =
    "valised: the node of one State. It is told what to do with: valise\n"
    "\n"
    "  valised --config FILE            run with this configuration\n"
    "  valised --config FILE --passphrase-fd 0 <passphrase\n"
    "\n"
    "  --config FILE            default /etc/valise/valised.conf\n"
    "  --passphrase-fd N        read the pass phrase of the keys from this descriptor\n"
    "  --accept-older-store     open a store that is older than it was (after a loss)\n"
    "  --accept-clock           believe this machine's clock although it was later once, or\n"
    "                           the node was away for more than a card lasts\n"
    "  --check-config           check the configuration and end\n"
    "  --print-config           print every setting with its default and end\n"
    "  --version, --help\n";

/* One error as the command line shows it: what, where, mend. */
static int complain(enum error error, const struct problems *problems, const char *about)
{
    const struct error_info *info = error_info(error);
    size_t shown = problems == NULL ? 0 : problems->count;

    shown = shown < PROBLEM_COUNT_MAX ? shown : PROBLEM_COUNT_MAX;
    if (shown == 0) {
        (void)fprintf(stderr, "valised: %s%s%s (%s)\n  mend: %s\n", about,
                      about[0] == '\0' ? "" : ": ", info->text, info->code, info->mend);
    }
    for (size_t i = 0; i < shown; i++) {
        const struct problem *problem = &problems->items[i];
        (void)fprintf(stderr, "valised: %s: %s (%s)\n", problem->where, problem->what,
                      error_info(problem->error)->code);
        if (problem->mend[0] != '\0') {
            (void)fprintf(stderr, "  mend: %s\n", problem->mend);
        }
    }
    return info->exit == 0 ? 1 : info->exit;
}

static int print_config(void)
{
    struct buffer text = buffer_init(65536);
    const char *shown = NULL;

    config_print(&text);
    shown = buffer_text(&text);
    if (shown != NULL) {
        (void)fputs(shown, stdout);
    }
    buffer_free(&text);
    return shown == NULL ? 1 : 0;
}

/* Find out whether a check of the store was asked for by the launcher. */
static int checker_fd(const char *text)
{
    static const char option[] = "--check-store-fd=";

    return strncmp(text, option, sizeof option - 1) == 0 ? atoi(text + sizeof option - 1) : -1;
}

/** Long options without a short form. */
enum {
    OPTION_CONFIG = 1000,
    OPTION_PASSPHRASE,
    OPTION_OLDER,
    OPTION_CLOCK,
    OPTION_CHECK,
    OPTION_PRINT,
    OPTION_VERSION,
    OPTION_HELP
};

/* Read the command line. @return -1 to go on, else the exit code. */
static int read_wishes(int count, char **arguments, struct wishes *wishes)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, OPTION_CONFIG},
        {"passphrase-fd", required_argument, NULL, OPTION_PASSPHRASE},
        {"accept-older-store", no_argument, NULL, OPTION_OLDER},
        {"accept-clock", no_argument, NULL, OPTION_CLOCK},
        {"check-config", no_argument, NULL, OPTION_CHECK},
        {"print-config", no_argument, NULL, OPTION_PRINT},
        {"version", no_argument, NULL, OPTION_VERSION},
        {"help", no_argument, NULL, OPTION_HELP},
        {NULL, 0, NULL, 0},
    };
    int option = 0;

    while ((option = getopt_long(count, arguments, "", options, NULL)) != -1) {
        switch (option) {
        case OPTION_CONFIG:
            wishes->config = optarg;
            break;
        case OPTION_PASSPHRASE:
            wishes->passphrase_fd = atoi(optarg);
            if (wishes->passphrase_fd < 0 || wishes->passphrase_fd > PASSPHRASE_FD_MAX) {
                return complain(ERR_USAGE, NULL, "--passphrase-fd");
            }
            break;
        case OPTION_OLDER:
            wishes->accept_older = true;
            break;
        case OPTION_CLOCK:
            wishes->accept_clock = true;
            break;
        case OPTION_CHECK:
            wishes->check_config = true;
            break;
        case OPTION_PRINT:
            return print_config();
        case OPTION_VERSION:
            (void)printf("valised %s (%s)\n", VALISE_VERSION, VALISE_COMMIT);
            return 0;
        case OPTION_HELP:
            (void)fputs(usage, stdout);
            return 0;
        default:
            (void)fputs(usage, stderr);
            return 2;
        }
    }
    return optind == count ? -1 : complain(ERR_USAGE, NULL, arguments[optind]);
}

/* --- keys ---------------------------------------------------------------------------------- */

static enum error read_opener(const struct config *config, int passphrase_fd,
                              struct keyfile_opener *opener)
{
    struct buffer bytes = buffer_init(KEY_BYTES);
    enum error err = OK;

    if (passphrase_fd >= 0) {
        opener->kind = KEYFILE_PASSPHRASE;
        opener->secret = files_read_secret(passphrase_fd, PASSPHRASE_MAX_BYTES);
        return opener->secret == NULL ? ERR_PASSPHRASE : OK;
    }
    if (config->unlock_key[0] == '\0') {
        return ERR_KEY_LOCKED;
    }
    opener->kind = KEYFILE_KEY;
    TRY(files_read_private(config->unlock_key, &bytes));
    TRY(bytes.size == KEY_BYTES ? OK : ERR_PASSPHRASE);
    opener->secret = secret_take(bytes.data, bytes.size);
    TRY(opener->secret == NULL ? ERR_NO_MEMORY : OK);
out:
    buffer_free(&bytes);
    return err;
}

static enum error read_keys(const struct config *config, const struct keyfile_opener *opener,
                            struct node_keys *keys)
{
    struct buffer text = buffer_init(KEYFILE_MAX_BYTES * 2);
    enum error err = OK;

    TRY(files_read_private(config->node_key, &text));
    TRY(node_keys_open(view_of_buffer(&text), opener, keys));
out:
    buffer_free(&text);
    return err;
}

/* --- test builds --------------------------------------------------------------------------- */

#ifdef VALISE_TEST_HOOKS
/* VALISE_CRASH=point:n ends the process at the n-th time that the point is reached. */
static enum error crash_point(void *context, const char *name)
{
    static int left = -1;
    const char *wish = getenv("VALISE_CRASH");
    const char *colon = wish == NULL ? NULL : strrchr(wish, ':');

    (void)context;
    if (colon == NULL || strlen(name) != (size_t)(colon - wish) ||
        strncmp(wish, name, strlen(name)) != 0) {
        return OK;
    }
    left = left < 0 ? atoi(colon + 1) : left;
    if (--left == 0) {
        (void)raise(SIGKILL);
    }
    return OK;
}
#define CRASH_POINT crash_point
#else
#define CRASH_POINT NULL
#endif

/* --- running ------------------------------------------------------------------------------- */

static enum error open_store(const struct config *config, const struct wishes *wishes,
                             const struct node_keys *keys, struct store **store)
{
    const struct store_options options = {.path = config->store_path,
                                          .master = keys->master,
                                          .node = keys->identity.node,
                                          .max_bytes = (uint64_t)config->store_max_bytes,
                                          .allow_tmpfs = config->store_allow_tmpfs,
                                          .accept_older = wishes->accept_older,
                                          .point = CRASH_POINT};

    if (mkdir(config->store_path, 0700) != 0 && errno != EEXIST) {
        return ERR_FILE;
    }
    return store_open(&options, store);
}

/* Directories that the confined node still writes to: its store, and its socket's. */
static enum error confine(const struct config *config)
{
    char socket_path[CONFIG_TEXT_BYTES];
    const char *directories[3] = {config->store_path, NULL, NULL};

    (void)snprintf(socket_path, sizeof socket_path, "%s", config->control_socket);
    directories[1] = dirname(socket_path);
    return sandbox_node(directories);
}

/** Everything that main holds. */
struct node {
    struct config config;
    struct node_keys keys;
    struct keyfile_opener opener;
    struct store *store;
    struct control_server *control;
    struct loop *loop;
    int launcher;
};

static enum error prepare(struct node *node, const struct wishes *wishes)
{
    enum error err = OK;

    TRY(secret_check_locking());
    TRY(read_keys(&node->config, &node->opener, &node->keys));
    secret_free(&node->opener.secret);
    TRY(open_store(&node->config, wishes, &node->keys, &node->store));
    TRY(control_server_new(node->config.control_socket, node->config.control_group, node->launcher,
                           &node->control));
    const struct loop_options options = {.config = &node->config,
                                         .keys = &node->keys,
                                         .store = node->store,
                                         .control = node->control,
                                         .launcher = node->launcher,
                                         .accept_clock = wishes->accept_clock,
                                         .point = CRASH_POINT};
    TRY(loop_new(&options, &node->loop));
    TRY(loop_start_transport(node->loop));
    TRY(confine(&node->config));
out:
    return err;
}

static void release(struct node *node)
{
    loop_free(&node->loop);
    control_server_free(&node->control);
    store_close(&node->store);
    node_keys_free(&node->keys);
    secret_free(&node->opener.secret);
}

static enum error own_directory(char directory[static PATH_BYTES])
{
    ssize_t size = readlink("/proc/self/exe", directory, PATH_BYTES - 1);

    if (size <= 0) {
        return ERR_FILE;
    }
    directory[size] = '\0';
    char *slash = strrchr(directory, '/');
    if (slash == NULL) {
        return ERR_FILE;
    }
    *slash = '\0';
    return OK;
}

static int run(const struct wishes *wishes)
{
    struct problems problems = {0};
    struct node node = {.launcher = -1};
    char directory[PATH_BYTES];
    const char *about = "";
    enum error err = OK;

    TRY(secret_start());
    about = wishes->config;
    err = config_load(wishes->config, &node.config, &problems);
    if (err != OK || wishes->check_config) {
        goto out;
    }
    log_set_level((enum log_level)node.config.log_level);
    log_set_time(loop_now().wall);
    TRY(own_directory(directory));
    /* The launcher is made before any secret is read: no fork comes after that. */
    TRY(sandbox_no_dumps());
    TRY(launcher_start(directory, &node.launcher));
    about = node.config.unlock_key;
    TRY(read_opener(&node.config, wishes->passphrase_fd, &node.opener));
    about = "";
    TRY(prepare(&node, wishes));
    log_line(LOG_NOTICE, "node.started", "version=" VALISE_VERSION);
    TRY(loop_run(node.loop));
    log_line(LOG_NOTICE, "node.stopped", "");
out:
    if (err != OK) {
        (void)complain(err, &problems, about);
    }
    release(&node);
    return err == OK ? 0 : error_info(err)->exit;
}

int main(int count, char **arguments)
{
    struct wishes wishes = {.config = default_config, .passphrase_fd = -1};
    int result = 0;

    /* A store opened as descriptor 2 would receive the log. */
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0) {
            return complain(ERR_USAGE, NULL,
                            "descriptors 0, 1 and 2 must be open, if only on "
                            "/dev/null");
        }
    }
    if (count == 2 && checker_fd(arguments[1]) >= 0) {
        return checker_main(checker_fd(arguments[1]));
    }
    (void)umask(0077);
    result = read_wishes(count, arguments, &wishes);
    return result >= 0 ? result : run(&wishes);
}
