/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the engine needs from the world, as a table of functions. The engine
 * opens no socket and asks no clock: time comes as an argument, messages go out
 * through here. Simulation gives other functions.
 */

#include "bytes.h"
#include "error.h"
#include "identity.h"
#include "instant.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Now: the wall clock for validity and display, a steady clock for timers. */
struct moment {
    struct instant wall;
    int64_t steady_ms;
};

/** A connection to a peer, numbered by whoever opened it: ours below LINK_ACCEPTED. */
typedef uint32_t link_id;

static const link_id LINK_ACCEPTED = 0x80000000U;

enum log_level { LOG_ERROR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };

/** The functions. None may be NULL; none may call back into the engine. */
struct ports {
    void *context;

    /** Send one message over a link; a broken link is reported later by engine_link_down. */
    void (*send)(void *context, link_id link, struct view message);

    /** Bytes that were given to `send` and are not written yet. */
    size_t (*backlog)(void *context);

    /** Open a link. Its fate is reported by engine_link_up or engine_link_down. */
    void (*dial)(void *context, link_id link, const char *endpoint,
                 const uint8_t server_key[static BOX_PUBLIC_BYTES]);

    /** Close a link; no report follows. */
    void (*hang_up)(void *context, link_id link);

    /** Replace the list of CURVE keys that may connect; `count` keys one after another. */
    void (*allow)(void *context, const uint8_t *keys, size_t count);

    /** Write a log line: an event name and fields "name=value …". */
    void (*log)(void *context, enum log_level level, const char *event, const char *fields);

    /** Check the whole store beside the running node; engine_store_checked brings the result. */
    void (*check_store)(void *context);

    /** A named point of publishing or applying was reached; tests end the process here. */
    enum error (*point)(void *context, const char *name);
};
