/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The commands of the control socket: one short handler for each row of the table. */

#include "reader.h"
#include "state.h"

/** One command on its way. */
struct command {
    struct engine *engine;
    const struct caller *caller;
    const struct value *arguments;
    struct arena *arena;
    struct value *result; /* a map, to be filled */
    struct problems *problems;
    struct moment now;
};

/** Find the handler, check the role, run it, fill the reply. */
void commands_run(struct engine *engine, const struct engine_request *request, struct arena *arena,
                  struct control_reply *reply, struct moment now);

/** An audit entry as people and scripts see it. */
MUST_CHECK enum error commands_event(const struct audit_entry *entry, struct arena *arena,
                                     struct value **event);

/** A handler: fills command->result, or adds problems and returns an error. */
typedef enum error (*command_handler)(struct command *command);

/** One row: name as in control.c. */
struct command_row {
    const char *name;
    command_handler handle;
};

/* Tables of the other files, each ended by a row without name. */
extern const struct command_row commands_doctor[];
extern const struct command_row commands_records[];
extern const struct command_row commands_publish[];
extern const struct command_row commands_peers[];

/** Note what was done, in a transaction of its own or the caller's. */
MUST_CHECK enum error commands_note(struct command *command, struct store_txn *txn,
                                    const char *event, const char *subject, const char *detail);

/** Text argument as a C string in the arena; "" if it is not given. */
const char *commands_text(const struct command *command, const char *name);

/** The argument `reference` in its stored form. ERR_FIELD_VALUE with a problem. */
MUST_CHECK enum error commands_reference(struct command *command, struct view *reference);

/** Open the record that the arguments `reference` and `version` name. As reader_find, reader_open.
 */
MUST_CHECK enum error commands_reading(struct command *command, struct store_txn *txn,
                                       struct reading *reading);

/** How the exchange with a peer goes, in words for people; static. */
const char *commands_link_word(const struct engine *engine, const struct peer *peer,
                               struct moment now);

/**
 * Say whether everything could be looked at: "complete", and "missing" with each
 * State whose records are not all here or not fresh, and why. A "no" is never silent.
 */
MUST_CHECK enum error commands_coverage(struct command *command);

/** The peer that the argument `state` names; NULL with a problem if there is none. */
struct peer *commands_peer(struct command *command);
