/* SPDX-License-Identifier: Apache-2.0 */
#include "control_server.h"

#include "files.h"
#include "frame.h"
#include "launcher.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    PATH_BYTES = 108, /* sun_path */
    READ_BYTES = 65536,
    OUT_MAX_BYTES = 4 * 1024 * 1024,
    COMMAND_ARENA_BYTES = 64 * 1024 * 1024,
    EVENTS_A_TURN = 100,
    LISTEN_BACKLOG = 64
};

static const int64_t COMMAND_PATIENCE_MS = 30000; /* for half a command, or half an answer */
static const int64_t IDLE_PATIENCE_MS = 120000;   /* between commands */

/** One caller. */
struct client {
    int fd;
    uid_t uid; /* as the kernel had it when the connection came in */
    gid_t gid;
    struct buffer in;
    struct buffer out;
    int64_t moved_ms; /* steady: when bytes last went either way */
    bool watching;
    int64_t watch_after; /* audit entry that was sent last */
    char watch_kind[33];
    unsigned watch_roles; /* any of these may go on watching */
    bool watch_whole;     /* an auditor: who did it, and the details, too */
    bool closing;         /* as soon as the answer is written */
};

struct control_server {
    int fd;
    int launcher; /* borrowed */
    char path[PATH_BYTES];
    size_t count;
    struct client clients[CONTROL_CLIENTS_MAX];
};

/* --- listening ----------------------------------------------------------------------------- */

static enum error check_parent(const char *path)
{
    char copy[PATH_BYTES];
    struct stat info;

    (void)snprintf(copy, sizeof copy, "%s", path);
    if (lstat(dirname(copy), &info) != 0) {
        return ERR_FILE;
    }
    bool trusted = info.st_uid == geteuid() || info.st_uid == 0;
    return S_ISDIR(info.st_mode) && trusted && (info.st_mode & 022) == 0 ? OK : ERR_FILE_UNSAFE;
}

/* Only a socket of ours is removed; anything else in its place is somebody's trap. */
static enum error remove_old(const char *path)
{
    struct stat info;

    if (lstat(path, &info) != 0) {
        return errno == ENOENT ? OK : ERR_FILE;
    }
    if (!S_ISSOCK(info.st_mode) || info.st_uid != geteuid()) {
        return ERR_FILE_UNSAFE;
    }
    return unlink(path) == 0 ? OK : ERR_FILE;
}

static enum error give_to_group(const char *path, const char *group)
{
    const struct group *row = NULL;

    if (group[0] == '\0') {
        return chmod(path, 0600) == 0 ? OK : ERR_FILE;
    }
    row = getgrnam(group);
    if (row == NULL || chown(path, (uid_t)-1, row->gr_gid) != 0) {
        return ERR_FILE;
    }
    return chmod(path, 0660) == 0 ? OK : ERR_FILE;
}

enum error control_server_new(const char *path, const char *group, int launcher,
                              struct control_server **server)
{
    struct control_server *made = calloc(1, sizeof *made);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    enum error err = OK;

    *server = NULL;
    if (made == NULL) {
        return ERR_NO_MEMORY;
    }
    made->fd = -1;
    made->launcher = launcher;
    TRY(strlen(path) < sizeof address.sun_path ? OK : ERR_FILE);
    (void)snprintf(made->path, sizeof made->path, "%s", path);
    memcpy(address.sun_path, made->path, sizeof made->path);
    TRY(check_parent(path));
    TRY(remove_old(path));
    made->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    TRY(made->fd >= 0 ? OK : ERR_FILE);
    mode_t before = umask(0177); /* never open to others, not even for a moment */
    int bound = bind(made->fd, (const struct sockaddr *)&address, sizeof address);
    (void)umask(before);
    TRY(bound == 0 ? OK : ERR_FILE);
    TRY(give_to_group(path, group));
    TRY(listen(made->fd, LISTEN_BACKLOG) == 0 ? OK : ERR_FILE);
    *server = made;
    made = NULL;
out:
    control_server_free(&made);
    return err;
}

static void client_close(struct control_server *server, size_t place)
{
    struct client *client = &server->clients[place];

    (void)close(client->fd);
    buffer_free(&client->in);
    buffer_free(&client->out);
    *client = server->clients[--server->count];
}

void control_server_free(struct control_server **server)
{
    if (server == NULL || *server == NULL) {
        return;
    }
    while ((*server)->count > 0) {
        client_close(*server, (*server)->count - 1);
    }
    if ((*server)->fd >= 0) {
        (void)close((*server)->fd);
        (void)unlink((*server)->path);
    }
    free(*server);
    *server = NULL;
}

/* Whether a command lies there whole, and its answer would find room. */
static bool has_command(const struct client *client)
{
    struct view frame = {0};
    size_t used = 0;

    return !client->closing && client->out.size < OUT_MAX_BYTES / 2 &&
           (frame_next(view_of_buffer(&client->in), CONTROL_FRAME_MAX_BYTES, &frame, &used) != OK ||
            used > 0);
}

size_t control_server_poll(const struct control_server *server, struct pollfd *items)
{
    items[0] = (struct pollfd){.fd = server->fd, .events = POLLIN};
    for (size_t i = 0; i < server->count; i++) {
        const struct client *client = &server->clients[i];
        /* A caller that does not take its answers is not read from either. */
        short events = client->out.size < OUT_MAX_BYTES / 2 && !client->closing ? POLLIN : 0;
        if (client->out.size > 0) {
            events |= POLLOUT;
        }
        items[1 + i] = (struct pollfd){.fd = client->fd, .events = events};
    }
    return 1 + server->count;
}

bool control_server_waits(const struct control_server *server)
{
    for (size_t i = 0; i < server->count; i++) {
        if (has_command(&server->clients[i])) {
            return true;
        }
    }
    return false;
}

/* --- answering ----------------------------------------------------------------------------- */

static void answer(struct client *client, const struct control_reply *reply, struct arena *arena)
{
    struct buffer bytes = buffer_init(CONTROL_FRAME_MAX_BYTES);
    enum error err = control_reply_write(reply, arena, &bytes);

    if (err != OK && reply->error == OK) {
        /* The answer itself does not fit: say so instead. */
        const struct control_reply too_large = {.error =
                                                    err == ERR_NO_MEMORY ? err : ERR_TOO_LARGE};
        buffer_clear(&bytes);
        err = control_reply_write(&too_large, arena, &bytes);
    }
    if (err != OK ||
        frame_append(&client->out, view_of_buffer(&bytes), CONTROL_FRAME_MAX_BYTES) != OK) {
        client->closing = true;
    }
    buffer_free(&bytes);
}

/* Name and roles of a caller, looked up for each command: changes take effect at once. L07 */
static void identify(const struct control_server *server, struct engine *engine,
                     const struct client *client, struct caller *caller)
{
    struct launcher_caller who = {0};
    const char *groups[LAUNCHER_GROUPS_MAX];

    if (launcher_identify(server->launcher, client->uid, client->gid, &who) != OK) {
        /* No name, no groups, and so no roles but the owner's. */
        (void)snprintf(who.user, sizeof who.user, "uid:%u", (unsigned)client->uid);
        who.group_count = 0;
    }
    for (size_t i = 0; i < who.group_count; i++) {
        groups[i] = who.groups[i];
    }
    (void)snprintf(caller->user, sizeof caller->user, "%s", who.user);
    caller->roles =
        engine_roles(engine, caller->user, groups, who.group_count, client->uid == geteuid());
}

static void begin_watch(struct client *client, const struct engine_request *request,
                        const struct control_reply *reply)
{
    struct view kind = value_get_text(request->arguments, "kind");

    client->watching = true;
    client->watch_roles = request->command->roles;
    client->watch_whole = (request->caller->roles & ROLE_AUDITOR) != 0;
    client->watch_after = value_get_integer(reply->result, "after", 0);
    (void)snprintf(client->watch_kind, sizeof client->watch_kind, "%.*s", (int)kind.size,
                   kind.size == 0 ? "" : (const char *)kind.data);
}

static void run(struct control_server *server, struct engine *engine, struct client *client,
                struct view request, struct moment now)
{
    struct arena *arena = arena_new(COMMAND_ARENA_BYTES);
    struct value *arguments = NULL;
    struct control_reply reply = {0};
    struct caller caller = {{0}, 0};
    struct engine_request asked = {.caller = &caller};

    if (arena == NULL) {
        client->closing = true;
        return;
    }
    reply.error = control_request_read(request, arena, &asked.command, &arguments, &reply.problems);
    if (reply.error == OK) {
        identify(server, engine, client, &caller);
        asked.arguments = arguments;
        engine_command(engine, &asked, arena, &reply, now);
    } else if (reply.error == ERR_NOT_CANONICAL || reply.error == ERR_TOO_LARGE) {
        reply.error = ERR_USAGE;
        client->closing = true;
    }
    if (reply.error == OK && asked.command->streams) {
        reply.more = true;
        begin_watch(client, &asked, &reply);
    }
    answer(client, &reply, arena);
    arena_free(&arena);
}

/* --- reading and writing ------------------------------------------------------------------- */

static void accept_one(struct control_server *server, struct moment now)
{
    struct ucred who = {0};
    socklen_t size = sizeof who;
    int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0) {
        return;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) {
        (void)close(fd);
        return;
    }
    struct client client = {.fd = fd,
                            .uid = who.uid,
                            .gid = who.gid,
                            .in = buffer_init(CONTROL_FRAME_MAX_BYTES + FRAME_HEAD_BYTES),
                            .out = buffer_init(OUT_MAX_BYTES),
                            .moved_ms = now.steady_ms};
    if (server->count == CONTROL_CLIENTS_MAX) {
        struct arena *arena = arena_new(READ_BYTES);
        const struct control_reply busy = {.error = ERR_NODE_BUSY};
        if (arena != NULL) {
            answer(&client, &busy, arena);
            ssize_t ignored = write(fd, client.out.data, client.out.size);
            (void)ignored;
        }
        arena_free(&arena);
        buffer_free(&client.out);
        (void)close(fd);
        return;
    }
    server->clients[server->count++] = client;
}

/* Take what arrived. False when the caller is gone. */
static bool read_client(struct client *client, struct moment now)
{
    size_t room = client->in.limit - client->in.size;
    size_t wanted = room < READ_BYTES ? room : READ_BYTES;
    uint8_t *place = buffer_extend(&client->in, wanted);

    if (place == NULL || wanted == 0) {
        return false;
    }
    ssize_t got = read(client->fd, place, wanted);
    client->in.size -= wanted - (size_t)(got > 0 ? got : 0);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        return false;
    }
    client->moved_ms = now.steady_ms;
    return true;
}

/* One command of one caller: the others have their turn in between. False to end the caller. */
static bool run_one(struct control_server *server, struct engine *engine, struct client *client,
                    struct moment now)
{
    struct view frame = {0};
    size_t used = 0;

    if (frame_next(view_of_buffer(&client->in), CONTROL_FRAME_MAX_BYTES, &frame, &used) != OK) {
        return false; /* a claim beyond every limit: nothing after it can be understood */
    }
    if (used > 0) {
        run(server, engine, client, frame, now);
        buffer_drop(&client->in, used);
    }
    return true;
}

static bool write_client(struct client *client, struct moment now)
{
    ssize_t put = 0;

    if (client->out.size == 0) {
        return !client->closing;
    }
    put = send(client->fd, client->out.data, client->out.size, MSG_NOSIGNAL);
    if (put < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    client->moved_ms = now.steady_ms;
    buffer_drop(&client->out, (size_t)put);
    return client->out.size > 0 || !client->closing;
}

void control_server_serve(struct control_server *server, struct engine *engine,
                          const struct pollfd *items, size_t count, struct moment now)
{
    for (size_t i = count; i > 1; i--) {
        struct client *client = &server->clients[i - 2];
        short what = items[i - 1].revents;
        bool alive = (what & (POLLERR | POLLNVAL)) == 0;

        if (alive && (what & (POLLIN | POLLHUP)) != 0 && !has_command(client)) {
            alive = read_client(client, now);
        }
        if (alive && has_command(client)) {
            alive = run_one(server, engine, client, now);
        }
        if (alive) {
            alive = write_client(client, now);
        }
        if (!alive) {
            client_close(server, i - 2);
        }
    }
    if ((items[0].revents & POLLIN) != 0) {
        accept_one(server, now);
    }
}

/* --- watchers ------------------------------------------------------------------------------ */

static bool event_wanted(const struct client *client, const struct value *event)
{
    struct view name = value_get_text(event, "event");
    size_t size = strlen(client->watch_kind);

    return size == 0 || (name.size >= size && memcmp(name.data, client->watch_kind, size) == 0);
}

/* Watching goes on only while the role does. */
static bool may_watch(const struct control_server *server, struct engine *engine,
                      struct client *client)
{
    struct caller caller = {{0}, 0};

    identify(server, engine, client, &caller);
    client->watch_whole = client->watch_whole && (caller.roles & ROLE_AUDITOR) != 0;
    return (caller.roles & client->watch_roles) != 0;
}

/* Others than auditors learn what happened to which record, not who did it and to whom it went. */
static void cut_event(const struct client *client, struct value *event)
{
    if (!client->watch_whole) {
        value_remove(event, view_of_text("actor"));
        value_remove(event, view_of_text("detail"));
    }
}

static void pump(const struct control_server *server, struct engine *engine, struct client *client)
{
    if (client->watch_after >= engine_last_event(engine)) {
        return;
    }
    if (!may_watch(server, engine, client)) {
        client->closing = true;
        return;
    }
    for (int n = 0; n < EVENTS_A_TURN && client->out.size < OUT_MAX_BYTES / 2; n++) {
        struct arena *arena = arena_new(READ_BYTES * 4);
        struct control_reply reply = {.more = true};
        enum error err = ERR_NO_MEMORY;

        if (arena != NULL) {
            err = engine_next_event(engine, &client->watch_after, arena, &reply.result);
        }
        if (err == OK && event_wanted(client, reply.result)) {
            cut_event(client, reply.result);
            answer(client, &reply, arena);
        }
        arena_free(&arena);
        if (err != OK) {
            break;
        }
    }
}

void control_server_tick(struct control_server *server, struct engine *engine, struct moment now)
{
    for (size_t i = server->count; i > 0; i--) {
        struct client *client = &server->clients[i - 1];
        bool halfway = client->in.size > 0 || client->out.size > 0;

        if (client->watching) {
            pump(server, engine, client);
        }
        int64_t patience = halfway ? COMMAND_PATIENCE_MS : IDLE_PATIENCE_MS;

        if ((halfway || !client->watching) && now.steady_ms - client->moved_ms > patience) {
            log_line(LOG_INFO, "control.slow", "");
            client_close(server, i - 1);
        }
    }
}
