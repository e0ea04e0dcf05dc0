/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "transport.h"

/* What one of the two processes would read from the other, were it taken over. */
int target_transport(const uint8_t *data, size_t size)
{
    struct buffer again = buffer_init(size + 16);
    struct view rest = view_of(data, size);
    size_t used = 0;
    enum error err = OK;

    do {
        struct transport_frame frame = {0};
        err = transport_frame_next(rest, &frame, &used);
        CHECK(err == OK || err == ERR_PEER_PROTOCOL);
        if (err == OK && used > 0) {
            CHECK(used <= rest.size && frame.bytes.size + TRANSPORT_HEAD_BYTES + 4 == used);
            CHECK(transport_frame_append(&again, frame.operation, frame.link, frame.bytes) == OK);
            rest = view_of(rest.data + used, rest.size - used);
        }
    } while (err == OK && used > 0);
    CHECK(view_equal(view_of_buffer(&again), view_of(data, size - rest.size)));
    buffer_free(&again);
    return 0;
}
