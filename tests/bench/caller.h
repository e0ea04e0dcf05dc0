/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A caller of the control socket of a real node, as lean as one can be. */

#include "arena.h"
#include "bytes.h"
#include "value.h"

struct caller_line {
    int fd;
    struct arena *arena; /* of the last answer */
    struct buffer in;
};

/** Connect; ends the program if nobody is there. */
void caller_open(struct caller_line *line, const char *path);
void caller_close(struct caller_line *line);

/** Forget the last answer; arguments of the next request live in the same arena. */
struct arena *caller_begin(struct caller_line *line);

/** Send a request without waiting. */
void caller_send(struct caller_line *line, const char *command, struct value *arguments);

/** Wait for the next answer: its result, which must not be a refusal. */
const struct value *caller_receive(struct caller_line *line);

/** Both. */
const struct value *caller_ask(struct caller_line *line, const char *command,
                               struct value *arguments);
