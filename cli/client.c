/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include "frame.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024, PATIENCE_MS = 30000 };

static const char default_socket[] = "/run/valise/control.sock";

struct client {
    int fd;
    bool late; /* the time was over before an answer came */
    struct buffer in;
};

void client_free(struct client **client)
{
    if (client == NULL || *client == NULL) {
        return;
    }
    (void)close((*client)->fd);
    buffer_free(&(*client)->in);
    free(*client);
    *client = NULL;
}

const char *client_socket_path(struct cli *cli)
{
    const char *home = option_value(&cli->options, FLAG_HOME);
    const char *path = option_value(&cli->options, FLAG_SOCKET);
    const char *environment = getenv("VALISE_SOCKET");

    if (path != NULL) {
        return path;
    }
    if (home != NULL) {
        path = arena_printf(cli->arena, "%s/control.sock", home);
        return path == NULL ? "" : path;
    }
    return environment != NULL && environment[0] != '\0' ? environment : default_socket;
}

/* Why nobody could be asked, in words that lead on. */
static enum error unreachable(struct cli *cli, const char *path, int why)
{
    enum error err = problem_add(&cli->problems, ERR_NODE_UNREACHABLE, "",
                                 why == EACCES   ? "you may not use the node's socket %s"
                                 : why == ENOENT ? "there is no node at %s"
                                                 : "the node at %s does not answer",
                                 path);

    if (why == EACCES) {
        problem_mend(&cli->problems,
                     "ask to be added to the group in [control] of valised.conf, then log in anew");
    } else if (why == ENOENT) {
        problem_mend(&cli->problems, "start it: valised --config FILE; or name its directory: "
                                     "valise --home DIR");
    } else {
        problem_mend(&cli->problems, "start it: valised --config FILE");
    }
    return err;
}

static enum error open_client(struct cli *cli)
{
    const char *path = client_socket_path(cli);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct client *made = NULL;
    enum error err = OK;

    if (strlen(path) >= sizeof address.sun_path) {
        return cli_usage(cli, "the path of the socket is longer than %zu bytes",
                         sizeof address.sun_path - 1);
    }
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    made = calloc(1, sizeof *made);
    if (made == NULL) {
        return ERR_NO_MEMORY;
    }
    made->in = buffer_init(CONTROL_FRAME_MAX_BYTES + FRAME_HEAD_BYTES);
    made->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    TRY(made->fd < 0 ? ERR_FILE : OK);
    if (connect(made->fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        TRY(unreachable(cli, path, errno));
    }
    cli->client = made;
    made = NULL;
out:
    client_free(&made);
    return err;
}

/* Wait until the socket is ready, or note that the time is over. */
static enum error wait_for(struct client *client, short events, int64_t until_ms)
{
    struct pollfd item = {.fd = client->fd, .events = events};
    int ready = 0;

    do {
        int64_t left = until_ms - cli_steady_ms();
        ready = poll(&item, 1, until_ms < 0 ? -1 : left < 0 ? 0 : (int)left);
    } while (ready < 0 && errno == EINTR);
    client->late = ready <= 0;
    return client->late ? ERR_NODE_UNREACHABLE : OK;
}

static enum error send_all(struct client *client, struct view bytes, int64_t until_ms)
{
    size_t done = 0;
    enum error err = OK;

    while (done < bytes.size) {
        TRY(wait_for(client, POLLOUT, until_ms));
        ssize_t put =
            send(client->fd, bytes.data + done, bytes.size - done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put < 0 && errno != EAGAIN && errno != EINTR) {
            return ERR_NODE_GONE;
        }
        done += put > 0 ? (size_t)put : 0;
    }
out:
    return err;
}

static enum error read_more(struct client *client, int64_t until_ms)
{
    size_t room = client->in.limit - client->in.size;
    size_t wanted = room < READ_BYTES ? room : READ_BYTES;
    uint8_t *place = NULL;
    enum error err = OK;

    TRY(wait_for(client, POLLIN, until_ms));
    place = buffer_extend(&client->in, wanted);
    TRY(place == NULL || wanted == 0 ? ERR_TOO_LARGE : OK);
    ssize_t got = recv(client->fd, place, wanted, 0);
    client->in.size -= wanted - (size_t)(got > 0 ? got : 0);
    if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) {
        err = ERR_NODE_GONE;
    }
out:
    return err;
}

static enum error receive(struct cli *cli, struct arena *arena, int64_t until_ms,
                          struct value **result)
{
    struct client *client = cli->client;
    struct control_reply reply = {0};
    struct view frame = {0};
    struct view copy = {0};
    size_t used = 0;
    enum error err = OK;

    for (;;) {
        TRY(frame_next(view_of_buffer(&client->in), CONTROL_FRAME_MAX_BYTES, &frame, &used));
        if (used > 0) {
            break;
        }
        TRY(read_more(client, until_ms));
    }
    TRY(arena_copy(arena, frame, &copy));
    buffer_drop(&client->in, used);
    TRY(control_reply_read(copy, arena, &reply));
    if (reply.error != OK) {
        cli->problems = reply.problems;
        return reply.error;
    }
    *result = reply.result;
out:
    return err;
}

enum error client_next(struct cli *cli, struct arena *arena, int64_t limit_ms,
                       struct value **result)
{
    enum error err = OK;

    *result = NULL;
    err = receive(cli, arena, limit_ms < 0 ? -1 : cli_steady_ms() + limit_ms, result);
    return err != OK && cli->client->late ? OK : err;
}

static enum error exchange(struct cli *cli, struct arena *arena, struct view request,
                           struct value **result)
{
    int64_t patience_ms = PATIENCE_MS;
    struct buffer framed = buffer_init(CONTROL_FRAME_MAX_BYTES + FRAME_HEAD_BYTES);
    int64_t until_ms = 0;
    enum error err = OK;

    TRY(option_duration(&cli->options, FLAG_TIME_LIMIT, &patience_ms, &cli->problems));
    if (cli->client == NULL) {
        TRY(open_client(cli));
    }
    until_ms = cli_steady_ms() + patience_ms;
    TRY(frame_append(&framed, request, CONTROL_FRAME_MAX_BYTES));
    TRY(send_all(cli->client, view_of_buffer(&framed), until_ms));
    TRY(receive(cli, arena, until_ms, result));
out:
    buffer_free(&framed);
    if (err != OK && cli->client != NULL && cli->client->late) {
        client_free(&cli->client); /* its answer may still come, but not to the next question */
        err = problem_add(&cli->problems, ERR_NODE_UNREACHABLE, "",
                          "the node gave no answer within %lld ms", (long long)patience_ms);
        problem_mend(&cli->problems, "valise status; or give it longer: --time-limit 2m");
    } else if (err == ERR_NODE_GONE) {
        client_free(&cli->client);
    }
    return err;
}

enum error client_ask(struct cli *cli, struct arena *arena, const char *command,
                      struct value *arguments, struct value **result)
{
    struct buffer request = buffer_init(CONTROL_FRAME_MAX_BYTES);
    int64_t began_ms = cli_steady_ms();
    enum error err = OK;

    if (arguments == NULL) {
        arguments = value_map(arena);
    }
    TRY(control_request_write(command, arguments, arena, &request));
    err = exchange(cli, arena, view_of_buffer(&request), result);
    if (cli->verbose) {
        (void)fprintf(stderr, "valise: asked %s: %s after %lld ms\n", command,
                      err == OK ? "answered" : error_info(err)->code,
                      (long long)(cli_steady_ms() - began_ms));
    }
out:
    buffer_free(&request);
    return err;
}

enum error client_ask_text(struct cli *cli, const char *command, struct value **result, ...)
{
    struct value *arguments = value_map(cli->arena);
    const char *name = NULL;
    enum error err = OK;
    va_list pairs;

    va_start(pairs, result);
    while (err == OK && (name = va_arg(pairs, const char *)) != NULL) {
        const char *text = va_arg(pairs, const char *);
        if (text != NULL) {
            err = value_put_string(cli->arena, arguments, name, text);
        }
    }
    va_end(pairs);
    return err == OK ? client_ask(cli, cli->arena, command, arguments, result) : err;
}

enum error client_own_state(struct cli *cli)
{
    struct value *card = NULL;
    enum error err = OK;

    if (cli->own_state[0] != '\0') {
        return OK;
    }
    TRY(client_ask(cli, cli->arena, "peer.card", NULL, &card));
    struct view state = value_get_text(card, "state");
    TRY(state.size == sizeof cli->own_state - 1 ? OK : ERR_BUG);
    memcpy(cli->own_state, state.data, state.size);
out:
    return err;
}
