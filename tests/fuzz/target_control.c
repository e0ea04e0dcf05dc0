/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "control.h"

static void try_request(struct view bytes, struct arena *arena)
{
    const struct control_command *command = NULL;
    struct buffer again = buffer_init(CONTROL_FRAME_MAX_BYTES);
    struct value *arguments = NULL;
    struct problems problems = {0};

    enum error err = control_request_read(bytes, arena, &command, &arguments, &problems);
    CHECK(err != ERR_USAGE || problems.count == 1);
    if (err == OK) {
        CHECK(control_request_write(command->name, arguments, arena, &again) == OK);
        CHECK(view_equal(view_of_buffer(&again), bytes));
    }
    buffer_free(&again);
}

/* A reply that was read says the same when it is written and read again. */
static void try_reply(struct view bytes, struct arena *arena)
{
    struct buffer again = buffer_init(4 * CONTROL_FRAME_MAX_BYTES);
    struct control_reply reply = {0};
    struct control_reply other = {0};

    if (control_reply_read(bytes, arena, &reply) == OK) {
        enum error err = control_reply_write(&reply, arena, &again);
        CHECK(err == OK);
        if (again.size <= CONTROL_FRAME_MAX_BYTES) {
            /* Texts are cut to their room, perhaps within a character: then they do not pass. */
            err = control_reply_read(view_of_buffer(&again), arena, &other);
            CHECK(err != OK || (other.error == reply.error && other.more == reply.more &&
                                other.problems.count == reply.problems.count));
        }
    }
    buffer_free(&again);
}

int target_control(const uint8_t *data, size_t size)
{
    struct arena *arena = fuzz_arena();

    try_request(view_of(data, size), arena);
    arena_clear(arena);
    try_reply(view_of(data, size), arena);
    arena_free(&arena);
    return 0;
}
