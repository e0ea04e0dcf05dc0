/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The flags of the command line as one table, and how words and flags are told
 * apart. Flags may stand anywhere and are never abbreviated, so that a new flag
 * cannot change what an old script means.
 */

#include "arena.h"
#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Every flag; the rows stand in options.c in this order. */
enum flag {
    FLAG_HELP,
    FLAG_JSON,
    FLAG_OUTPUT,
    FLAG_FILE, /* spelt as FLAG_OUTPUT, for commands that write one file */
    FLAG_FIELDS,
    FLAG_QUIET,
    FLAG_VERBOSE,
    FLAG_COLOR,
    FLAG_DRY_RUN,
    FLAG_YES,
    FLAG_NO_INPUT,
    FLAG_REASON,
    FLAG_REASON_FILE,
    FLAG_WAIT,
    FLAG_SOCKET,
    FLAG_HOME,
    FLAG_TIME_LIMIT,
    FLAG_LIMIT,
    FLAG_FROM,
    FLAG_CURSOR, /* spelt as FLAG_FROM, for watch */
    FLAG_TEMPLATE,
    FLAG_KIND,
    FLAG_BY,
    FLAG_MINE,
    FLAG_DEST,
    FLAG_ML,
    FLAG_SINCE,
    FLAG_ABOUT,
    FLAG_ALL_VERSIONS,
    FLAG_READERS,
    FLAG_SECTIONS,
    FLAG_RAW,
    FLAG_QR,
    FLAG_ADDRESS,
    FLAG_CONFIRM,
    FLAG_NUMBER_FD,
    FLAG_NUMBER_FILE,
    FLAG_WHO,
    FLAG_HOW,
    FLAG_STATE,
    FLAG_NAME,
    FLAG_LISTEN,
    FLAG_PASSPHRASE_FD,
    FLAG_KEY_FILE,
    FLAG_CARD_DAYS,
    FLAG_TRIAL,
    FLAG_DIR,
    FLAG_KEEP,
    FLAG_MAN,
    FLAG_COUNT
};

_Static_assert(FLAG_COUNT <= 64, "flags are kept as bits of a uint64_t");

/** What follows a flag. */
enum flag_value {
    VALUE_NONE,
    VALUE_NEEDED,  /* --flag=value or --flag value */
    VALUE_OPTIONAL /* --flag or --flag=value */
};

/** One row. Strings are static. */
struct flag_info {
    const char *name; /* without dashes */
    char letter;      /* 0 for none */
    enum flag_value takes;
    bool many;         /* may be given several times */
    bool hidden;       /* not in help */
    const char *value; /* what the value is called in help, or NULL */
    const char *help;
};

/** The row of a flag. */
const struct flag_info *flag_info(enum flag flag);

/** One flag as given. */
struct flag_use {
    enum flag flag;
    const char *spelled; /* as typed, for messages */
    const char *value;   /* NULL if none was given */
};

/** A command line taken apart. Strings are those of argv. */
struct options {
    size_t word_count;
    const char **words;
    size_t use_count;
    struct flag_use *uses;
    const char *unknown; /* first flag that is in no row, as typed; NULL if there is none */
    enum flag misused;   /* first flag whose value is missing, or that takes none; FLAG_COUNT */
};

/** The bit of a flag in a set of flags. */
#define FLAG_BIT(flag) (UINT64_C(1) << (flag))

/**
 * Take a command line apart.
 * @param arguments argv without the program's name.
 * @param arena     for the lists.
 * @return OK, ERR_NO_MEMORY. What cannot be understood is noted in `options`, to be told of
 *         when it is known which command was meant.
 */
MUST_CHECK enum error options_read(int count, char **arguments, struct arena *arena,
                                   struct options *options);

/**
 * Refuse what the command does not take, with a suggestion.
 * @param allowed set of flags; a flag spelt like an allowed one becomes that one.
 * @param command for the message, such as "peer add".
 * @return OK, ERR_USAGE with a problem.
 */
MUST_CHECK enum error options_check(struct options *options, uint64_t allowed, const char *command,
                                    struct problems *problems);

/** Whether a flag was given. */
bool option_given(const struct options *options, enum flag flag);

/** The value given last; NULL if there is none. */
const char *option_value(const struct options *options, enum flag flag);

/**
 * A whole number.
 * @param number receives it, or keeps what it is if the flag was not given.
 * @return OK, ERR_USAGE with a problem unless it is min..max.
 */
MUST_CHECK enum error option_number(const struct options *options, enum flag flag, int64_t min,
                                    int64_t max, int64_t *number, struct problems *problems);

/**
 * A duration: "500ms", "30s" or plain "30", "2m", "1h".
 * @param ms receives it, or keeps what it is if the flag or its value was not given.
 * @return OK, ERR_USAGE with a problem unless it is 1 ms to 24 h.
 */
MUST_CHECK enum error option_duration(const struct options *options, enum flag flag, int64_t *ms,
                                      struct problems *problems);
