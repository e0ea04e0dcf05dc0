/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An engine with one verified peer, which the test plays, in a clock that the
 * test turns: nothing of it waits, and nothing goes over a network.
 */

#include "engine.h"
#include "message.h"
#include "support.h"

#define STAGE_ENDPOINT "tcp://192.0.2.1:7443"

enum { STAGE_SENT_MAX = 64 };

struct stage {
    struct shelf *shelf;
    struct party us;
    struct party them;
    struct ports ports;
    struct engine_options options;
    struct engine *engine;
    struct moment now;
    unsigned dialled; /* how often the node dialled */
    unsigned hung_up;
    link_id link; /* dialled last */
    size_t sent_count;
    struct buffer sent[STAGE_SENT_MAX]; /* messages of the node since stage_forget */
    /* The peer's side of the session. */
    uint8_t tag[SESSION_TAG_BYTES];
    int64_t counter;
    struct lane_cursor lane; /* of the peer, to the node */
};

/** Which node ids the two have; who is greater waits before it dials. */
enum stage_order { PEER_IS_GREATER, PEER_IS_SMALLER };

/** Begin at sample_now with a peer that has an address. stage_end. */
void stage_begin(struct stage *stage, struct shelf *shelf, enum stage_order order);
void stage_end(struct stage *stage);

/** Replace the engine by one that is started over the same store. */
void stage_restart(struct stage *stage);

/** Turn both clocks on and let the engine do what is due. */
void stage_wait(struct stage *stage, int64_t ms);

/** Turn the clock in steps of 10 ms until the node dials; how long that took. */
int64_t stage_until_dialled(struct stage *stage);

/** Answer the link that was dialled: greet, and open a session without HEADS. */
void stage_open(struct stage *stage);

/** The same with HEADS of two empty lanes, so that lanes move. */
void stage_open_lanes(struct stage *stage);

/** Forget what the node sent. */
void stage_forget(struct stage *stage);

/** The newest message of a type that the node sent; false if there was none. Borrows. */
bool stage_heard(struct stage *stage, enum message_type type, struct message *message);

/** Send a message of the session; tag and counter are filled in. */
void stage_say(struct stage *stage, struct message *message);

/** Send bytes over the link as they are. */
void stage_say_bytes(struct stage *stage, struct view bytes);

/** Push one entry of the peer's lane; `blobs` of the same message. */
void stage_push(struct stage *stage, enum lane_entry_type type, struct view payload,
                struct views blobs);

/** Ask the node as a caller with some roles. `arguments` is JSON text, or NULL for none. */
enum error stage_ask(struct stage *stage, unsigned roles, const char *command,
                     const char *arguments, struct value **result);

/** How many audit entries there are of an event. */
size_t stage_events(struct stage *stage, const char *event);

/** The detail of the newest audit entry of an event, in the shelf's arena; NULL. */
const char *stage_detail(struct stage *stage, const char *event);
