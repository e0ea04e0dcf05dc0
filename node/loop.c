/* SPDX-License-Identifier: Apache-2.0 */
#include "loop.h"

#include "checker.h"
#include "launcher.h"
#include "log.h"
#include "transport.h"

#include "version.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    READ_BYTES = 256 * 1024,
    RESTART_FIRST_MS = 200,
    RESTART_MAX_MS = 10000,
    RESTART_GIVE_UP = 20, /* starts in a row that never got ready */
    WATCH_MS = 100,       /* how soon watchers hear of events */
    SILENT_MAX_MS = 5000, /* the transport says each second that it lives */
    SILENT_STEP_MS = 500,
    DROP_BYTES = 1024 * 1024,
    TURN_MS = 20,            /* what one turn gives to the transport */
    RESOLVER_LOOK_MS = 10000 /* how often resolv.conf is looked at */
};

struct loop {
    const struct config *config;
    struct node_keys *keys;
    struct store *store;
    struct control_server *control;
    struct engine *engine;
    struct ports ports;
    enum error (*point)(void *context, const char *name);
    int launcher;
    int transport; /* -1 when it does not run */
    struct buffer in;
    struct buffer out;
    bool ready;
    int64_t restart_at_ms;
    unsigned restarts; /* since it was last ready */
    size_t out_done;   /* bytes of `out` that are written */
    bool in_left;      /* `in` holds what this turn had no time for */
    int64_t silent_ms; /* how long the transport said nothing */
    int64_t watched_ms;
    int64_t resolver_at_ms; /* steady: when to look at resolv.conf again; 0 before the first look */
    ino_t resolver_inode;
    dev_t resolver_device;
    uint8_t *allowed; /* CURVE keys, told again to a new transport */
    size_t allowed_count;
    struct checker *checker; /* a check under way, or NULL */
    bool check_wanted;
    enum error fatal;
};

static volatile sig_atomic_t stop_wanted;

static void on_signal(int number)
{
    (void)number;
    stop_wanted = 1;
}

struct moment loop_now(void)
{
    struct timespec wall;
    struct timespec steady;

    (void)clock_gettime(CLOCK_REALTIME, &wall);
    (void)clock_gettime(CLOCK_MONOTONIC, &steady);
    return (struct moment){{(int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000},
                           (int64_t)steady.tv_sec * 1000 + steady.tv_nsec / 1000000};
}

/* --- ports --------------------------------------------------------------------------------- */

static void tell(struct loop *loop, enum transport_operation operation, uint32_t link,
                 struct view bytes)
{
    if (loop->transport >= 0 && transport_frame_append(&loop->out, operation, link, bytes) != OK) {
        log_line(LOG_ERROR, "transport.queue-full", "");
        (void)shutdown(loop->transport, SHUT_RDWR); /* started afresh; nothing is lost */
    }
}

static void port_send(void *context, link_id link, struct view message)
{
    tell(context, TRANSPORT_SEND, link, message);
}

static size_t port_backlog(void *context)
{
    const struct loop *loop = context;

    return loop->out.size - loop->out_done;
}

static void port_dial(void *context, link_id link, const char *endpoint,
                      const uint8_t server_key[static BOX_PUBLIC_BYTES])
{
    struct buffer bytes = buffer_init(BOX_PUBLIC_BYTES + ENDPOINT_MAX_BYTES);

    buffer_append(&bytes, view_of(server_key, BOX_PUBLIC_BYTES));
    buffer_append_text(&bytes, endpoint);
    tell(context, TRANSPORT_DIAL, link, view_of_buffer(&bytes));
    buffer_free(&bytes);
}

static void port_hang_up(void *context, link_id link)
{
    tell(context, TRANSPORT_HANG_UP, link, view_of(NULL, 0));
}

static void port_allow(void *context, const uint8_t *keys, size_t count)
{
    struct loop *loop = context;
    uint8_t *copy = calloc(count + 1, BOX_PUBLIC_BYTES);

    if (copy == NULL) {
        log_line(LOG_ERROR, "transport.allow", "code=E101");
        return;
    }
    memcpy(copy, keys, count * BOX_PUBLIC_BYTES);
    free(loop->allowed);
    loop->allowed = copy;
    loop->allowed_count = count;
    tell(loop, TRANSPORT_ALLOW, 0, view_of(keys, count * BOX_PUBLIC_BYTES));
}

static void port_log(void *context, enum log_level level, const char *event, const char *fields)
{
    (void)context;
    log_line(level, event, fields);
}

static void port_check_store(void *context)
{
    struct loop *loop = context;

    loop->check_wanted = true;
}

static enum error port_point(void *context, const char *name)
{
    struct loop *loop = context;

    return loop->point == NULL ? OK : loop->point(NULL, name);
}

/* --- transport ----------------------------------------------------------------------------- */

static void send_start(struct loop *loop)
{
    const struct config *config = loop->config;
    struct buffer bytes = buffer_init(2 * CONFIG_TEXT_BYTES + TRANSPORT_KEY_BYTES + 2);

    buffer_append(&bytes, view_of(secret_open(loop->keys->curve_key), TRANSPORT_KEY_BYTES));
    secret_close(loop->keys->curve_key);
    buffer_append(&bytes, view_of(config->listen, strlen(config->listen) + 1));
    buffer_append(&bytes, view_of(config->proxy, strlen(config->proxy) + 1));
    tell(loop, TRANSPORT_START, 0, view_of_buffer(&bytes));
    buffer_free(&bytes);
    tell(loop, TRANSPORT_ALLOW, 0, view_of(loop->allowed, loop->allowed_count * BOX_PUBLIC_BYTES));
}

enum error loop_start_transport(struct loop *loop)
{
    enum error err = OK;

    buffer_clear(&loop->in);
    buffer_clear(&loop->out);
    loop->ready = false;
    loop->out_done = 0;
    loop->in_left = false;
    loop->silent_ms = 0;
    /* It is told who may connect before it listens: a State that is refused waits five seconds. */
    engine_transport_reset(loop->engine, loop_now());
    TRY(launcher_request(loop->launcher, LAUNCH_TRANSPORT, &loop->transport));
    send_start(loop);
out:
    return err;
}

static void lose_transport(struct loop *loop, struct moment now)
{
    int64_t delay = RESTART_FIRST_MS;

    if (loop->transport >= 0) {
        (void)close(loop->transport);
        loop->transport = -1;
    }
    loop->restarts++;
    for (unsigned i = 1; i < loop->restarts && delay < RESTART_MAX_MS; i++) {
        delay *= 2;
    }
    loop->restart_at_ms = now.steady_ms + (delay < RESTART_MAX_MS ? delay : RESTART_MAX_MS);
    log_line(LOG_WARNING, "transport.lost", loop->ready ? "was=ready" : "was=starting");
    if (loop->restarts > RESTART_GIVE_UP) {
        loop->fatal = ERR_LINK;
    }
    engine_transport_reset(loop->engine, now);
}

static void log_number(enum log_level level, const char *event, const char *name, uint64_t number)
{
    char fields[64];

    (void)snprintf(fields, sizeof fields, "%s=%" PRIu64, name, number);
    log_line(level, event, fields);
}

static void on_failed(struct loop *loop, struct view why)
{
    char fields[64];

    (void)snprintf(fields, sizeof fields, "why=%.*s", (int)(why.size < 40 ? why.size : 40),
                   (const char *)why.data);
    log_line(LOG_ERROR, "transport.failed", fields);
    /* These do not get better by trying again. */
    if (view_is(why, "stranger-let-in") || view_is(why, "address-in-use") ||
        view_is(why, "sandbox") || view_is(why, "listen")) {
        loop->fatal = ERR_LINK;
    }
}

static void obey(struct loop *loop, const struct transport_frame *frame, struct moment now)
{
    char fields[300];

    switch (frame->operation) {
    case TRANSPORT_READY:
        loop->ready = true;
        loop->restarts = 0;
        (void)snprintf(fields, sizeof fields, "listen=%.*s", (int)frame->bytes.size,
                       (const char *)frame->bytes.data);
        log_line(LOG_NOTICE, "transport.ready", fields);
        engine_start(loop->engine, now);
        break;
    case TRANSPORT_UP:
        if (frame->bytes.size == BOX_PUBLIC_BYTES) {
            engine_link_up(loop->engine, frame->link, frame->bytes.data, now);
        }
        break;
    case TRANSPORT_MESSAGE:
        engine_link_message(loop->engine, frame->link, frame->bytes, now);
        break;
    case TRANSPORT_DOWN:
        engine_link_down(loop->engine, frame->link, now);
        break;
    case TRANSPORT_STRANGERS:
        log_number(LOG_WARNING, "transport.strangers", "refused",
                   frame->bytes.size == 4 ? get_u32(frame->bytes.data) : 0);
        break;
    case TRANSPORT_SUSPENDED:
        if (frame->bytes.size == BOX_PUBLIC_BYTES) {
            engine_key_suspended(loop->engine, frame->bytes.data, now);
        }
        break;
    case TRANSPORT_ALIVE:
        break; /* having come is all it says */
    case TRANSPORT_FAILED:
        on_failed(loop, frame->bytes);
        break;
    default:
        log_line(LOG_ERROR, "transport.frame", "");
        (void)shutdown(loop->transport, SHUT_RDWR);
        break;
    }
}

/* Take what the transport says. False when it is gone. */
static bool read_transport(struct loop *loop)
{
    uint8_t *place = buffer_extend(&loop->in, READ_BYTES);
    ssize_t got = place == NULL ? 0 : read(loop->transport, place, READ_BYTES);

    if (place != NULL) {
        loop->in.size -= READ_BYTES - (size_t)(got > 0 ? got : 0);
    }
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        return false;
    }
    loop->silent_ms = 0;
    return true;
}

/* Act on what was taken, for so long; the control socket has its turn in between. */
static bool obey_transport(struct loop *loop)
{
    struct transport_frame frame;
    struct moment now = loop_now();
    const int64_t until_ms = now.steady_ms + TURN_MS;
    size_t done = 0;
    size_t used = 1;

    loop->in_left = false;
    while (used > 0 && loop->transport >= 0) {
        struct view rest = view_of(loop->in.data + done, loop->in.size - done);
        if (now.steady_ms >= until_ms) {
            loop->in_left = rest.size > 0;
            break;
        }
        if (transport_frame_next(rest, &frame, &used) != OK) {
            return false;
        }
        if (used > 0) {
            obey(loop, &frame, now);
            done += used;
            now = loop_now();
        }
    }
    buffer_drop(&loop->in, done);
    return true;
}

static bool serve_transport(struct loop *loop, short revents, struct moment now)
{
    (void)now;
    if (revents != 0 && !loop->in_left && !read_transport(loop)) {
        return false;
    }
    return obey_transport(loop);
}

static bool write_transport(struct loop *loop)
{
    while (loop->out.size > loop->out_done) {
        ssize_t put = send(loop->transport, loop->out.data + loop->out_done,
                           loop->out.size - loop->out_done, MSG_NOSIGNAL);
        if (put < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        loop->out_done += (size_t)put;
        /* What was written is dropped now and then only: dropping moves all the rest. */
        if (loop->out_done == loop->out.size || loop->out_done > DROP_BYTES) {
            buffer_drop(&loop->out, loop->out_done);
            loop->out_done = 0;
        }
    }
    return true;
}

/* --- checker ------------------------------------------------------------------------------- */

static void start_check(struct loop *loop, struct moment now)
{
    const struct checker_task task = {.path = loop->config->store_path,
                                      .master = loop->keys->master,
                                      .node = loop->keys->identity.node,
                                      .max_bytes = (uint64_t)loop->config->store_max_bytes,
                                      .allow_tmpfs = loop->config->store_allow_tmpfs};
    int fd = -1;

    loop->check_wanted = false;
    if (launcher_request(loop->launcher, LAUNCH_CHECKER, &fd) != OK ||
        checker_begin(fd, &task, &loop->checker) != OK) {
        engine_store_checked(loop->engine, ERR_NO_MEMORY, NULL, now);
    }
}

static void serve_check(struct loop *loop, struct moment now)
{
    const struct store_report *report = NULL;
    enum error err = checker_serve(loop->checker, &report);

    if (err == ERR_LANE_WAITS) {
        return; /* not finished yet */
    }
    engine_store_checked(loop->engine, err, report, now);
    checker_free(&loop->checker);
}

/* --- the loop ------------------------------------------------------------------------------ */

enum error loop_new(const struct loop_options *options, struct loop **loop)
{
    struct loop *made = calloc(1, sizeof *made);
    enum error err = OK;

    *loop = NULL;
    if (made == NULL) {
        return ERR_NO_MEMORY;
    }
    *made = (struct loop){.config = options->config,
                          .keys = options->keys,
                          .store = options->store,
                          .control = options->control,
                          .point = options->point,
                          .launcher = options->launcher,
                          .transport = -1,
                          .in = buffer_init(TRANSPORT_QUEUE_MAX_BYTES),
                          .out = buffer_init(TRANSPORT_QUEUE_MAX_BYTES)};
    made->ports = (struct ports){.context = made,
                                 .send = port_send,
                                 .backlog = port_backlog,
                                 .dial = port_dial,
                                 .hang_up = port_hang_up,
                                 .allow = port_allow,
                                 .log = port_log,
                                 .check_store = port_check_store,
                                 .point = port_point};
    const struct engine_options engine = {
        .store = options->store,
        .keys = options->keys,
        .ports = &made->ports,
        .limits = {.records_per_day = options->config->records_per_day,
                   .bytes_per_day = options->config->bytes_per_day,
                   .stale_after_ms = options->config->stale_after_ms},
        .software = "valised " VALISE_VERSION,
        .accept_clock = options->accept_clock};
    TRY(engine_new(&engine, loop_now(), &made->engine));
    *loop = made;
    made = NULL;
out:
    loop_free(&made);
    return err;
}

void loop_free(struct loop **loop)
{
    if (loop == NULL || *loop == NULL) {
        return;
    }
    engine_free(&(*loop)->engine);
    checker_free(&(*loop)->checker);
    if ((*loop)->transport >= 0) {
        (void)close((*loop)->transport);
    }
    buffer_free(&(*loop)->in);
    buffer_free(&(*loop)->out);
    free((*loop)->allowed);
    free(*loop);
    *loop = NULL;
}

static enum error catch_signals(sigset_t *while_polling)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t blocked;

    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGTERM);
    (void)sigaddset(&blocked, SIGINT);
    stop_wanted = 0;
    /* Signals come in only while polling, so none is missed between the check and the poll. */
    return sigaction(SIGTERM, &action, NULL) == 0 && sigaction(SIGINT, &action, NULL) == 0 &&
                   sigaction(SIGPIPE, &ignore, NULL) == 0 &&
                   sigprocmask(SIG_BLOCK, &blocked, while_polling) == 0
               ? OK
               : ERR_BUG;
}

/* Poll and serve once. */
static void turn(struct loop *loop, int64_t wake_ms, const sigset_t *mask)
{
    struct pollfd items[CONTROL_CLIENTS_MAX + 3];
    size_t control = control_server_poll(loop->control, items);
    size_t count = control;
    struct moment now = loop_now();
    int64_t wait = wake_ms - now.steady_ms;
    wait = wait < 0 || loop->in_left || control_server_waits(loop->control) ? 0
           : wait > WATCH_MS                                                ? WATCH_MS
                                                                            : wait;
    const struct timespec timeout = {wait / 1000, (wait % 1000) * 1000000};
    size_t transport = count;
    size_t checker = count;

    if (loop->transport >= 0) {
        short events = POLLIN;
        events |= loop->out.size > loop->out_done ? POLLOUT : 0;
        items[count++] = (struct pollfd){.fd = loop->transport, .events = events};
        checker = count;
    }
    if (loop->checker != NULL) {
        items[count++] = checker_poll(loop->checker);
    }
    if (ppoll(items, count, &timeout, mask) < 0) {
        return;
    }
    now = loop_now();
    log_set_time(now.wall);
    if (transport < checker && !serve_transport(loop, items[transport].revents, now)) {
        lose_transport(loop, now);
    }
    if (checker < count && items[checker].revents != 0) {
        serve_check(loop, now);
    }
    control_server_serve(loop->control, loop->engine, items, control, now);
    control_server_tick(loop->control, loop->engine, now);
}

/*
 * A transport that hangs answers nobody, and holds every link: it is ended and
 * started again. Time in which we did not look ourselves counts little: then
 * the whole machine slept.
 */
static void watch_transport(struct loop *loop, struct moment now)
{
    int64_t step = now.steady_ms - loop->watched_ms;

    loop->watched_ms = now.steady_ms;
    loop->silent_ms += step < SILENT_STEP_MS ? step : SILENT_STEP_MS;
    if (loop->transport >= 0 && loop->silent_ms > SILENT_MAX_MS) {
        log_line(LOG_ERROR, "transport.hangs", "");
        lose_transport(loop, now);
    }
}

/*
 * The confined transport sees the file that was there when it started. When
 * another takes its place, only a new transport reads it.
 */
static void watch_resolver(struct loop *loop, struct moment now)
{
    struct stat info = {0};

    if (now.steady_ms < loop->resolver_at_ms) {
        return;
    }
    (void)stat("/etc/resolv.conf", &info);
    if (loop->resolver_at_ms != 0 &&
        (info.st_ino != loop->resolver_inode || info.st_dev != loop->resolver_device)) {
        log_line(LOG_NOTICE, "transport.resolver", "changed=1");
        lose_transport(loop, now);
    }
    loop->resolver_inode = info.st_ino;
    loop->resolver_device = info.st_dev;
    loop->resolver_at_ms = now.steady_ms + RESOLVER_LOOK_MS;
}

static void housekeeping(struct loop *loop, struct moment now)
{
    watch_transport(loop, now);
    watch_resolver(loop, now);
    if (loop->check_wanted && loop->checker == NULL) {
        start_check(loop, now);
    }
    if (loop->transport < 0 && now.steady_ms >= loop->restart_at_ms &&
        loop_start_transport(loop) != OK) {
        lose_transport(loop, now);
    }
    if (loop->transport >= 0 && !write_transport(loop)) {
        lose_transport(loop, now);
    }
}

enum error loop_run(struct loop *loop)
{
    sigset_t mask;
    enum error err = OK;

    TRY(catch_signals(&mask));
    while (stop_wanted == 0 && loop->fatal == OK && !engine_has_failed(loop->engine)) {
        int64_t wake_ms = engine_tick(loop->engine, loop_now());
        housekeeping(loop, loop_now());
        turn(loop, wake_ms, &mask);
    }
    if (loop->fatal == OK && !engine_has_failed(loop->engine)) {
        engine_stop(loop->engine, loop_now());
        if (loop->transport >= 0) {
            (void)write_transport(loop);
        }
    }
    err = loop->fatal != OK ? loop->fatal : engine_has_failed(loop->engine) ? ERR_STORE_IO : OK;
out:
    return err;
}
