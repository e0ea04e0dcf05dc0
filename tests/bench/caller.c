/* SPDX-License-Identifier: Apache-2.0 */
#include "caller.h"

#include "bench.h"
#include "control.h"
#include "frame.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { READ_BYTES = 65536, ANSWER_ARENA_BYTES = 16 * 1024 * 1024 };

void caller_open(struct caller_line *line, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    MUST(path != NULL && strlen(path) < sizeof address.sun_path);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    line->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MUST(line->fd >= 0);
    MUST(connect(line->fd, (const struct sockaddr *)&address, sizeof address) == 0);
    line->arena = arena_new(ANSWER_ARENA_BYTES);
    MUST(line->arena != NULL);
    line->in = buffer_init(CONTROL_FRAME_MAX_BYTES + FRAME_HEAD_BYTES + READ_BYTES);
}

void caller_close(struct caller_line *line)
{
    (void)close(line->fd);
    arena_free(&line->arena);
    buffer_free(&line->in);
}

struct arena *caller_begin(struct caller_line *line)
{
    arena_clear(line->arena);
    return line->arena;
}

void caller_send(struct caller_line *line, const char *command, struct value *arguments)
{
    struct buffer bytes = buffer_init(CONTROL_FRAME_MAX_BYTES);
    struct buffer frame = buffer_init(CONTROL_FRAME_MAX_BYTES + FRAME_HEAD_BYTES);

    MUST(control_request_write(command, arguments, line->arena, &bytes) == OK);
    MUST(frame_append(&frame, view_of_buffer(&bytes), CONTROL_FRAME_MAX_BYTES) == OK);
    MUST(send(line->fd, frame.data, frame.size, MSG_NOSIGNAL) == (ssize_t)frame.size);
    buffer_free(&frame);
    buffer_free(&bytes);
}

/* The next whole frame, copied into the arena. */
static struct view next_frame(struct caller_line *line)
{
    struct view frame = {0};
    struct view copy = {0};
    size_t used = 0;

    for (;;) {
        MUST(frame_next(view_of_buffer(&line->in), CONTROL_FRAME_MAX_BYTES, &frame, &used) == OK);
        if (used > 0) {
            MUST(arena_copy(line->arena, frame, &copy) == OK);
            buffer_drop(&line->in, used);
            return copy;
        }
        uint8_t *place = buffer_extend(&line->in, READ_BYTES);
        MUST(place != NULL);
        ssize_t got = recv(line->fd, place, READ_BYTES, 0);
        MUST(got > 0);
        line->in.size -= READ_BYTES - (size_t)got;
    }
}

const struct value *caller_receive(struct caller_line *line)
{
    struct control_reply reply = {.error = OK};

    MUST(control_reply_read(next_frame(line), line->arena, &reply) == OK);
    if (reply.error != OK) {
        bench_say("refused: %s %s", error_info(reply.error)->text,
                  reply.problems.count > 0 ? reply.problems.items[0].what : "");
    }
    MUST(reply.error == OK);
    return reply.result;
}

const struct value *caller_ask(struct caller_line *line, const char *command,
                               struct value *arguments)
{
    caller_send(line, command, arguments);
    return caller_receive(line);
}
