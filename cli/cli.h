/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One run of the command line: what was asked for, how to speak, what went wrong. */

#include "instant.h"
#include "options.h"
#include "value.h"

#include <stdio.h>

struct client;
struct verb;

enum {
    CLI_ARENA_BYTES = 768 * 1024 * 1024, /* a cap; a list of 100 000 records needs a tenth */
    CLI_DOING_BYTES = 160,
    CLI_SOURCE_BYTES = 256,
    CLI_WIDTH_STANDARD = 80,
    CLI_WIDTH_MIN = 40,
    CLI_WIDTH_MAX = 120 /* of running text; tables take the whole terminal */
};

/** How a list is written. */
enum shape {
    SHAPE_AUTO, /* a table on a terminal, tabs between columns in a pipe */
    SHAPE_TABLE,
    SHAPE_WIDE,
    SHAPE_CSV,
    SHAPE_IDS,
    SHAPE_JSON,
    SHAPE_JSONL
};

/** One run. */
struct cli {
    const struct verb *verb;
    struct options options;
    struct arena *arena;           /* lives as long as the run */
    struct problems problems;      /* of the error that the command returns */
    char doing[CLI_DOING_BYTES];   /* "cannot publish DN-…", for the error */
    char source[CLI_SOURCE_BYTES]; /* file that the problems lie in, or "" */
    int exit;                      /* code of a command that returned OK */
    enum shape shape;
    FILE *talk; /* where sentences go; NULL with --json */
    bool color; /* on talk */
    bool quiet;
    bool verbose;
    bool ask;                    /* questions may be asked */
    bool stdin_used;             /* content is read from it, so no answers can be */
    size_t width;                /* columns for running text */
    bool complete;               /* everything could be looked at; holds if `missing` is there */
    const struct value *missing; /* States whose records may not be here; NULL: not asked */
    char own_state[4];           /* our State, once the node told it; else \"\" */
    struct client *client;       /* NULL before the first question to the node */
};

/** Begin a run: fill in everything that follows from flags and terminal. */
MUST_CHECK enum error cli_settle(struct cli *cli);

/** Whether one JSON document is wanted. */
bool cli_is_json(const struct cli *cli);

/** Note what is being done, for the error: "cannot " and the printf output. */
void cli_doing(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Note a mistake of the caller. @return ERR_USAGE. */
enum error cli_usage(struct cli *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** printf to where sentences go; nothing with --json. */
void say(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** A sentence whose commands name the node of this call (hint.h), escaped; in the arena. */
const char *suggestion(const struct cli *cli, const char *sentence);

/** Say what usually comes next; nothing with --quiet or --json. */
void say_next(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** How a word is set off. Colour only underlines what the word says anyway. */
enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_GOOD, STYLE_LOOK, STYLE_BAD };

/** The escape sequence that begins a style, or "" without colour; STYLE_PLAIN ends one. */
const char *style(const struct cli *cli, enum style style);

/** A text from outside, safe for a terminal: in the arena, "" if there is no room. */
const char *safe(struct arena *arena, struct view text, bool lines);

/** safe() of the text under a key of a map; "" if there is none. */
const char *safe_text(struct arena *arena, const struct value *map, const char *key);

/** Now, UTC. */
struct instant cli_now(void);

/** Milliseconds on a clock that never jumps. */
int64_t cli_steady_ms(void);

/** Sleep. */
void cli_pause_ms(int64_t ms);

/** Write all of it. @return OK, ERR_OUTPUT. */
MUST_CHECK enum error cli_write(FILE *to, struct view bytes);

/** Word number `index`, or NULL. */
const char *cli_word(const struct cli *cli, size_t index);
