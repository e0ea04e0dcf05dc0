/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "frame.h"

/* A stream taken apart into frames and put together again is the same stream. */
int target_frame(const uint8_t *data, size_t size)
{
    enum { LIMIT = 1000 };
    struct buffer again = buffer_init(size + FRAME_HEAD_BYTES);
    struct view rest = view_of(data, size);
    size_t used = 0;
    enum error err = OK;

    do {
        struct view frame = {0};
        err = frame_next(rest, LIMIT, &frame, &used);
        CHECK(used <= rest.size && (err == OK || used == 0));
        if (used > 0) {
            CHECK(frame.size >= 1 && frame.size <= LIMIT && used == frame.size + FRAME_HEAD_BYTES);
            CHECK(frame_append(&again, frame, LIMIT) == OK);
            rest = view_of(rest.data + used, rest.size - used);
        }
    } while (used > 0);
    CHECK(view_equal(view_of_buffer(&again), view_of(data, size - rest.size)));
    buffer_free(&again);
    return 0;
}
