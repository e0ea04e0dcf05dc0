/* SPDX-License-Identifier: Apache-2.0 */
#include "demo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READ_BYTES = 65536, NODE_START_MS = 15000, NODE_STOP_MS = 5000, WORDS_MAX = 32 };

/* --- ports --------------------------------------------------------------------------------- */

static bool is_free(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool bound =
        descriptor >= 0 && bind(descriptor, (const struct sockaddr *)&address, sizeof address) == 0;

    if (descriptor >= 0) {
        (void)close(descriptor);
    }
    return bound;
}

/* The first port that the system gives to outgoing connections. */
static unsigned first_outgoing_port(void)
{
    unsigned first = 32768;
    FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");

    if (file != NULL) {
        unsigned found = 0;
        if (fscanf(file, "%u", &found) == 1) {
            first = found;
        }
        (void)fclose(file);
    }
    return first;
}

unsigned demo_free_port(void)
{
    enum { LOWEST = 10240, TRIES = 1000 };
    unsigned highest = first_outgoing_port();
    unsigned port = 0;

    /*
     * A port the system might give to an outgoing connection could be taken while a node is
     * down, by the very attempts to reach it. Random, so that two demos do not meet.
     */
    highest = highest > LOWEST + TRIES ? highest : 32768;
    for (int i = 0; i < TRIES; i++) {
        port = LOWEST + randombytes_uniform(highest - LOWEST);
        if (is_free(port)) {
            break;
        }
    }
    return port;
}

/* --- children ------------------------------------------------------------------------------ */

/* In the child: signals as usual, and no life without the parent. */
static void settle_child(pid_t parent)
{
    sigset_t none;

    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) {
        _exit(1);
    }
}

static void child_stdio(int from, int to)
{
    if (from >= 0 && dup2(from, to) < 0) {
        _exit(1);
    }
}

/* Wait for the end of a process. @return false if it still runs after that time. */
static bool wait_gone(pid_t process, int64_t limit_ms)
{
    int descriptor = pidfd_open(process, 0);
    struct pollfd item = {.fd = descriptor, .events = POLLIN};
    bool gone = descriptor < 0 || poll(&item, 1, (int)limit_ms) > 0;

    if (descriptor >= 0) {
        (void)close(descriptor);
    }
    return gone && waitpid(process, NULL, WNOHANG) != 0;
}

/* --- nodes --------------------------------------------------------------------------------- */

static bool answers(const struct demo_node *node)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool connected = false;

    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/control.sock", node->home);
    connected = descriptor >= 0 &&
                connect(descriptor, (const struct sockaddr *)&address, sizeof address) == 0;
    if (descriptor >= 0) {
        (void)close(descriptor);
    }
    return connected;
}

static void run_daemon(const struct demo *demo, const struct demo_node *node, pid_t parent)
{
    char path[4096];
    int log = -1;

    settle_child(parent);
    (void)snprintf(path, sizeof path, "%s/node.log", node->home);
    log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    child_stdio(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
    child_stdio(log, STDOUT_FILENO);
    child_stdio(log, STDERR_FILENO);
    (void)snprintf(path, sizeof path, "%s/valised.conf", node->home);
    (void)execl(demo->daemon, "valised", "--config", path, (char *)NULL);
    _exit(127);
}

enum error demo_start(struct demo *demo, struct demo_node *node)
{
    int64_t until_ms = cli_steady_ms() + NODE_START_MS;
    pid_t parent = getpid();
    enum error err = OK;

    (void)fflush(NULL);
    node->process = fork();
    if (node->process == 0) {
        run_daemon(demo, node, parent);
    }
    TRY(node->process < 0 ? ERR_NO_MEMORY : OK);
    while (!answers(node)) {
        bool gone = waitpid(node->process, NULL, WNOHANG) != 0;
        if (gone || cli_steady_ms() > until_ms) {
            err = problem_add(&demo->cli->problems, ERR_NODE_UNREACHABLE, "",
                              "the node of %s did not start", node->country);
            problem_mend(&demo->cli->problems, "look into %s/node.log (valise demo --keep)",
                         node->home);
            node->process = gone ? 0 : node->process;
            goto out;
        }
        cli_pause_ms(20);
    }
out:
    return err;
}

void demo_stop(struct demo_node *node)
{
    if (node->process <= 0) {
        return;
    }
    (void)kill(node->process, SIGTERM);
    if (!wait_gone(node->process, NODE_STOP_MS)) {
        demo_kill(node);
    }
    node->process = 0;
}

void demo_kill(struct demo_node *node)
{
    if (node->process > 0) {
        (void)kill(node->process, SIGKILL);
        (void)waitpid(node->process, NULL, 0);
        node->process = 0;
    }
}

/* --- commands ------------------------------------------------------------------------------ */

static bool needs_quotes(const char *word)
{
    return strpbrk(word, " \t\"'$&|;<>()*?#") != NULL;
}

/* The command as somebody in that State would type it. */
static void show_command(const struct demo *demo, const struct demo_call *call)
{
    const struct cli *cli = demo->cli;

    say(cli, "%s(%s)%s $ %s", style(cli, STYLE_DIM), call->node->country, style(cli, STYLE_PLAIN),
        style(cli, STYLE_BOLD));
    if (call->input != NULL) {
        say(cli, "echo \"%s\" | ", call->input);
    }
    say(cli, "valise");
    for (size_t i = 0; call->words[i] != NULL; i++) {
        const char *quote = needs_quotes(call->words[i]) ? "\"" : "";
        say(cli, " %s%s%s", quote, call->words[i], quote);
    }
    say(cli, "%s\n", style(cli, STYLE_PLAIN));
    (void)fflush(stdout);
}

static void run_command(const struct demo *demo, const struct demo_call *call, int input,
                        int output, pid_t parent)
{
    const char *words[WORDS_MAX + 2] = {"valise"};
    char socket_path[4096];
    size_t count = 1;

    settle_child(parent);
    (void)snprintf(socket_path, sizeof socket_path, "%s/control.sock", call->node->home);
    (void)setenv("VALISE_SOCKET", socket_path, 1);
    child_stdio(input, STDIN_FILENO);
    child_stdio(output, STDOUT_FILENO);
    child_stdio(output, STDERR_FILENO);
    for (size_t i = 0; call->words[i] != NULL && count <= WORDS_MAX; i++) {
        words[count++] = call->words[i];
    }
    (void)execv(demo->program, (char *const *)(uintptr_t)words);
    _exit(127);
}

/* Standard input of a command: what is to be piped in, or nothing. */
static int open_input(const char *input)
{
    int ends[2] = {-1, -1};

    if (input == NULL) {
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return -1;
    }
    /* Short enough for the pipe to take at once. */
    ssize_t put = write(ends[1], input, strlen(input));
    (void)close(ends[1]);
    if (put < 0) {
        (void)close(ends[0]);
        return -1;
    }
    return ends[0];
}

static enum error take_output(int descriptor, struct buffer *to)
{
    uint8_t *place = buffer_extend(to, READ_BYTES);
    ssize_t got = 0;

    if (place == NULL) {
        return to->error;
    }
    got = read(descriptor, place, READ_BYTES);
    to->size -= READ_BYTES - (size_t)(got > 0 ? got : 0);
    return got > 0 ? OK : ERR_NOT_FOUND;
}

/* Collect output until it ends, listening for Ctrl-C; then take the exit code. */
static enum error attend(struct demo *demo, pid_t process, int from, struct buffer *output,
                         int *code)
{
    int gone = pidfd_open(process, 0);
    struct pollfd items[] = {{.fd = demo->signals, .events = POLLIN},
                             {.fd = from, .events = POLLIN},
                             {.fd = gone, .events = POLLIN}};
    int status = 0;
    enum error err = OK;

    while (gone >= 0) {
        if (poll(items, sizeof items / sizeof items[0], -1) < 0 && errno != EINTR) {
            break;
        }
        if (items[0].revents != 0) {
            demo->ended = true;
            (void)kill(process, SIGTERM);
            break;
        }
        if (items[1].revents != 0 && take_output(from, output) != OK) {
            items[1].fd = -1;
        } else if (items[1].revents == 0 && items[2].revents != 0) {
            break;
        }
    }
    (void)waitpid(process, &status, 0);
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    err = demo->ended ? ERR_CANCELLED : OK;
    if (gone >= 0) {
        (void)close(gone);
    }
    return err;
}

static enum error another_code(struct demo *demo, const struct demo_call *call, int code)
{
    if (call->output != NULL) {
        (void)fwrite(call->output->data, 1, call->output->size, stderr);
    }
    return problem_add(&demo->cli->problems, ERR_BUG, "",
                       "valise %s %s in %s ended with %d, not %d", call->words[0],
                       call->words[1] == NULL ? "" : call->words[1], call->node->country, code,
                       call->wanted);
}

enum error demo_run(struct demo *demo, const struct demo_call *call)
{
    int ends[2] = {-1, -1};
    int input = open_input(call->input);
    pid_t parent = getpid();
    pid_t process = -1;
    int code = 0;
    enum error err = OK;

    if (call->output == NULL) {
        show_command(demo, call);
    } else {
        TRY(pipe2(ends, O_CLOEXEC) == 0 ? OK : ERR_FILE);
    }
    TRY(input < 0 ? ERR_FILE : OK);
    (void)fflush(NULL);
    process = fork();
    if (process == 0) {
        run_command(demo, call, input, ends[1], parent);
    }
    TRY(process < 0 ? ERR_NO_MEMORY : OK);
    if (ends[1] >= 0) {
        (void)close(ends[1]);
        ends[1] = -1;
    }
    TRY(attend(demo, process, ends[0], call->output, &code));
    if (call->wanted >= 0 && code != call->wanted) {
        err = another_code(demo, call, code);
    }
out:
    for (int i = 0; i < 2; i++) {
        if (ends[i] >= 0) {
            (void)close(ends[i]);
        }
    }
    if (input >= 0) {
        (void)close(input);
    }
    return err;
}
