/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the command line asks of the node, as one table: name, who may ask,
 * arguments, and whether it changes anything. Requests and replies are maps in
 * frames on the control socket. WIRE.md W-90..W-94.
 */

#include "arena.h"
#include "error.h"
#include "value.h"

#include <stdbool.h>

enum {
    CONTROL_VERSION = 1,
    CONTROL_FRAME_MAX_BYTES = 1024 * 1024 + 64 * 1024,
    CONTROL_TEXT_MAX_BYTES = 64 * 1024,
    CONTROL_PAGE_MAX = 500 /* rows of one reply */
};

/** Who may ask for what; a user may hold several. */
enum role {
    ROLE_VIEWER = 1,
    ROLE_OFFICER = 2,
    ROLE_POC = 4, /* national point of contact */
    ROLE_ADMIN = 8,
    ROLE_AUDITOR = 16,
    ROLE_ALL = 31
};

enum argument_type { ARGUMENT_TEXT, ARGUMENT_INTEGER, ARGUMENT_FLAG, ARGUMENT_MAP, ARGUMENT_LIST };

/** One argument of a command. */
struct control_argument {
    const char *name;
    enum argument_type type;
    bool required;
    int64_t max; /* largest integer; bytes of a text; entries of a list */
    const char *help;
};

enum { CONTROL_ARGUMENTS_MAX = 10 };

/** One command. */
struct control_command {
    const char *name; /* "record.publish" */
    unsigned roles;   /* any one of these suffices */
    bool streams;     /* many replies, until the caller goes */
    const char *help;
    struct control_argument arguments[CONTROL_ARGUMENTS_MAX]; /* ended by a row without name */
};

/** All commands; `count` rows, static. */
const struct control_command *control_commands(size_t *count);

/** Find a command by name; NULL if there is none. */
const struct control_command *control_find(struct view name);

/** One kind of event: a line of the audit trail, and what `watch` tells. */
struct control_event {
    const char *name; /* "record.received" */
    const char *help;
};

/** All kinds of events; `count` rows ordered by name, static. */
const struct control_event *control_events(size_t *count);

/** Name of one role, static; NULL for anything else. */
const char *role_name(unsigned role);

/** The role with a name, or 0. */
unsigned role_find(struct view name);

/** Append the names of a set of roles, separated by commas. */
void roles_format(unsigned roles, struct buffer *to);

/**
 * Decode a request and check it against the table.
 *
 * @param bytes     one frame from anybody who could connect.
 * @param command   receives its row.
 * @param arguments receives a map, in the arena; values borrow from bytes.
 * @param problems  names the argument that is wrong.
 * @return OK; ERR_USAGE for another version, an unknown command, or an argument that is
 *         missing, unknown, of another type or too large; ERR_NOT_CANONICAL; ERR_TOO_LARGE;
 *         ERR_NO_MEMORY.
 */
MUST_CHECK enum error control_request_read(struct view bytes, struct arena *arena,
                                           const struct control_command **command,
                                           struct value **arguments, struct problems *problems);

/** Encode a request, appending. */
MUST_CHECK enum error control_request_write(const char *command, struct value *arguments,
                                            struct arena *arena, struct buffer *to);

/** A reply: a result, or an error with its problems. */
struct control_reply {
    bool more;            /* another reply follows */
    enum error error;     /* OK: `result` holds */
    struct value *result; /* borrowed */
    struct problems problems;
};

/** Encode a reply, appending. */
MUST_CHECK enum error control_reply_write(const struct control_reply *reply, struct arena *arena,
                                          struct buffer *to);

/**
 * Decode a reply from the node.
 * @return OK, ERR_NOT_CANONICAL, ERR_TOO_LARGE, ERR_NO_MEMORY.
 */
MUST_CHECK enum error control_reply_read(struct view bytes, struct arena *arena,
                                         struct control_reply *reply);
