/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The node without sockets and clocks: events and time go in, actions go out
 * through the ports. Two engines can live in one process.
 */

#include "control.h"
#include "identity.h"
#include "node_keys.h"
#include "ports.h"
#include "secret.h"
#include "store.h"

/** Limits that an operator may set; see configs/valised.conf. */
struct engine_limits {
    int64_t records_per_day; /* of one peer */
    int64_t bytes_per_day;   /* of one peer */
    int64_t stale_after_ms;  /* a State not heard from for longer makes answers incomplete */
};

struct engine_options {
    struct store *store;    /* borrowed */
    struct node_keys *keys; /* borrowed */
    const struct ports *ports;
    struct engine_limits limits;
    const char *software; /* name and version, told to peers */
    bool accept_clock;    /* believe the wall clock whatever the store says of time */
};

struct engine;

/**
 * Make an engine over an open store and load its peers.
 * @return OK; ERR_NO_MEMORY; ERR_STORE_CORRUPT and the other errors of the store.
 */
MUST_CHECK enum error engine_new(const struct engine_options *options, struct moment now,
                                 struct engine **engine);

/** Free; NULL is allowed. The store and the keys stay the caller's. */
void engine_free(struct engine **engine);

/** Tell the transport who may connect, and begin dialling. */
void engine_start(struct engine *engine, struct moment now);

/** Say BYE to all sessions. */
void engine_stop(struct engine *engine, struct moment now);

/**
 * A link is up.
 * @param link      ours (from ports.dial) or accepted (LINK_ACCEPTED and above).
 * @param curve_key key that the other side proved; for our own links the key we dialled.
 */
void engine_link_up(struct engine *engine, link_id link,
                    const uint8_t curve_key[static BOX_PUBLIC_BYTES], struct moment now);

/** A message arrived over a link, from whoever holds the key it came up with. */
void engine_link_message(struct engine *engine, link_id link, struct view message,
                         struct moment now);

/** A link is gone. */
void engine_link_down(struct engine *engine, link_id link, struct moment now);

/** The transport suspended a CURVE key that floods it: nothing comes from there for a while. */
void engine_key_suspended(struct engine *engine, const uint8_t curve_key[static BOX_PUBLIC_BYTES],
                          struct moment now);

/** The transport lost all links and starts afresh (it died, or was not there yet). */
void engine_transport_reset(struct engine *engine, struct moment now);

/**
 * Do what is due.
 * @return steady time in ms at which it wants to be called again, at the latest.
 */
int64_t engine_tick(struct engine *engine, struct moment now);

/**
 * A full check of the store has ended.
 * @param error  OK; ERR_STORE_CORRUPT if the store makes the checker crash: the node
 *               ends; any other error: the check could not be made, and is made later.
 * @param report what it found; read only with OK.
 */
void engine_store_checked(struct engine *engine, enum error error,
                          const struct store_report *report, struct moment now);

/** Whether a broken store makes it unsafe to go on; the process should then end. */
bool engine_has_failed(const struct engine *engine);

/** Who asks: found out by the control server from SO_PEERCRED. */
struct caller {
    char user[64];
    unsigned roles; /* set of enum role, looked up for each command */
};

/**
 * The roles of a UNIX user.
 * @param groups names of the groups the user is in, `count` of them.
 * @param is_owner whether it is the account that the node runs as, which has all
 *                 roles until the first user is granted one.
 */
unsigned engine_roles(struct engine *engine, const char *user, const char *const *groups,
                      size_t count, bool is_owner);

/** One command as it came over the control socket. */
struct engine_request {
    const struct caller *caller;
    const struct control_command *command;
    const struct value *arguments; /* checked by control_request_read */
};

/**
 * Carry out one command.
 * @param arena for the reply's result, which borrows from it.
 * @param reply receives result, or error and problems.
 */
void engine_command(struct engine *engine, const struct engine_request *request,
                    struct arena *arena, struct control_reply *reply, struct moment now);

/**
 * The next audit entry after a cursor, for watchers.
 * @param after  number of the last one seen; moved on success.
 * @return OK; ERR_NOT_FOUND when there is none yet; errors of the store.
 */
MUST_CHECK enum error engine_next_event(struct engine *engine, int64_t *after, struct arena *arena,
                                        struct value **event);

/** Number of the newest audit entry. */
int64_t engine_last_event(const struct engine *engine);
