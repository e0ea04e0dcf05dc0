/* SPDX-License-Identifier: Apache-2.0 */
#include "frame.h"

enum error frame_append(struct buffer *to, struct view bytes, size_t limit)
{
    uint8_t head[FRAME_HEAD_BYTES];

    if (to->error != OK) {
        return to->error;
    }
    if (bytes.size == 0 || bytes.size > limit || to->size > to->limit ||
        bytes.size + FRAME_HEAD_BYTES > to->limit - to->size) {
        return ERR_TOO_LARGE;
    }
    put_u32(head, (uint32_t)bytes.size);
    buffer_append(to, view_of(head, sizeof head));
    buffer_append(to, bytes);
    return to->error;
}

enum error frame_next(struct view stream, size_t limit, struct view *frame, size_t *used)
{
    size_t claimed = 0;

    *used = 0;
    if (stream.size < FRAME_HEAD_BYTES) {
        return OK;
    }
    claimed = get_u32(stream.data);
    if (claimed == 0 || claimed > limit) {
        return ERR_TOO_LARGE;
    }
    if (claimed > stream.size - FRAME_HEAD_BYTES) {
        return OK;
    }
    *frame = view_of(stream.data + FRAME_HEAD_BYTES, claimed);
    *used = FRAME_HEAD_BYTES + claimed;
    return OK;
}
