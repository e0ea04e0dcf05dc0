/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Length-prefixed frames on a byte stream (the socketpair between the two
 * processes, the control socket): 4 bytes big-endian length, then the bytes.
 * Source: WIRE.md W-60.
 */

#include "bytes.h"

#include <stdbool.h>

enum {
    FRAME_HEAD_BYTES = 4,
    FRAME_MAX_BYTES = 1024 * 1024 + 128 * 1024 /* one peer message and its envelope */
};

/**
 * Append one frame.
 * @param to    its limit bounds how much may wait; sticky errors.
 * @param bytes 1..limit bytes.
 * @param limit most bytes a frame of this stream may have, at most FRAME_MAX_BYTES.
 * @return OK; ERR_TOO_LARGE for no bytes, too many, or a full buffer (the frame is then
 *         left out whole and the stream stays in step); ERR_NO_MEMORY.
 */
MUST_CHECK enum error frame_append(struct buffer *to, struct view bytes, size_t limit);

/**
 * Look for a whole frame at the start of what has arrived.
 * @param stream what has arrived so far.
 * @param limit  as in frame_append; a longer claim is refused before anything is allocated.
 * @param frame  receives the frame, borrowed from stream, if there is one.
 * @param used   receives how many bytes of stream the frame takes; 0 if not whole yet.
 * @return OK, or ERR_TOO_LARGE for a claim of 0 or more than limit: the stream is lost.
 */
MUST_CHECK enum error frame_next(struct view stream, size_t limit, struct view *frame,
                                 size_t *used);
