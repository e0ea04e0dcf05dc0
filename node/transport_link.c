/* SPDX-License-Identifier: Apache-2.0 */
#include "transport.h"

/* Frames of the socketpair; linked into both processes. */

enum error transport_frame_append(struct buffer *to, enum transport_operation operation,
                                  uint32_t link, struct view bytes)
{
    uint8_t head[FRAME_HEAD_BYTES + TRANSPORT_HEAD_BYTES];
    size_t size = TRANSPORT_HEAD_BYTES + bytes.size;

    if (to->error != OK) {
        return to->error;
    }
    if (bytes.size > FRAME_MAX_BYTES - TRANSPORT_HEAD_BYTES || to->size > to->limit ||
        size + FRAME_HEAD_BYTES > to->limit - to->size) {
        return ERR_TOO_LARGE;
    }
    put_u32(head, (uint32_t)size);
    head[FRAME_HEAD_BYTES] = (uint8_t)operation;
    put_u32(head + FRAME_HEAD_BYTES + 1, link);
    buffer_append(to, view_of(head, sizeof head));
    buffer_append(to, bytes);
    return to->error;
}

enum error transport_frame_next(struct view stream, struct transport_frame *frame, size_t *used)
{
    struct view bytes = {0};

    if (frame_next(stream, FRAME_MAX_BYTES, &bytes, used) != OK) {
        return ERR_PEER_PROTOCOL;
    }
    if (*used == 0) {
        return OK;
    }
    if (bytes.size < TRANSPORT_HEAD_BYTES) {
        return ERR_PEER_PROTOCOL;
    }
    frame->operation = (enum transport_operation)bytes.data[0];
    frame->link = get_u32(bytes.data + 1);
    frame->bytes = view_of(bytes.data + TRANSPORT_HEAD_BYTES, bytes.size - TRANSPORT_HEAD_BYTES);
    return OK;
}
