/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the node process and the transport process say to each other over their
 * socketpair: frames (frame.h) of an operation, a link number and bytes. The
 * transport holds the CURVE key and ZeroMQ, and nothing else. WIRE.md W-60.
 */

#include "bytes.h"
#include "frame.h"

enum {
    TRANSPORT_HEAD_BYTES = 5, /* operation, link number */
    TRANSPORT_KEY_BYTES = 32,
    TRANSPORT_QUEUE_MAX_BYTES = 64 * 1024 * 1024, /* what may wait to be written */
    TRANSPORT_MEMORY_BYTES = 1024 * 1024 * 1024   /* address space of the transport */
};

/** Operations. Lower case: node to transport. */
enum transport_operation {
    TRANSPORT_START = 's',   /* CURVE secret (32), then listen address ‖ 0 ‖ proxy ‖ 0 */
    TRANSPORT_ALLOW = 'a',   /* CURVE keys that may connect, 32 bytes each */
    TRANSPORT_DIAL = 'd',    /* link; server key (32), then the endpoint */
    TRANSPORT_HANG_UP = 'h', /* link */
    TRANSPORT_SEND = 'm',    /* link; one message */

    TRANSPORT_READY = 'R',     /* the endpoint that is listened on; "" if none */
    TRANSPORT_UP = 'U',        /* link; CURVE key of the other side */
    TRANSPORT_MESSAGE = 'M',   /* link; one message */
    TRANSPORT_DOWN = 'D',      /* link */
    TRANSPORT_STRANGERS = 'X', /* how many handshakes were refused since the last report (4) */
    TRANSPORT_SUSPENDED = 'K', /* CURVE key that flooded the transport */
    TRANSPORT_ALIVE = 'B',     /* once a second: its loop still turns */
    TRANSPORT_FAILED = 'F'     /* why the transport ends: one word */
};

/** One frame taken apart; bytes are borrowed. */
struct transport_frame {
    enum transport_operation operation;
    uint32_t link;
    struct view bytes;
};

/** Append a frame. ERR_TOO_LARGE when the queue is full: the frame is then left out whole. */
MUST_CHECK enum error transport_frame_append(struct buffer *to, enum transport_operation operation,
                                             uint32_t link, struct view bytes);

/**
 * Take the next whole frame off a stream.
 * @param used receives how many bytes it takes; 0 if it is not whole yet.
 * @return OK, or ERR_PEER_PROTOCOL if the stream cannot be understood any more.
 */
MUST_CHECK enum error transport_frame_next(struct view stream, struct transport_frame *frame,
                                           size_t *used);
