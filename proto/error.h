/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Every failure of valise, in one table (error.c): its code, whose move it is,
 * the exit code of the command line, and words for the user.
 */

#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))

/** On failure keep the error in the local `err` and leave through the local label `out`. */
#define TRY(expression)                                                                            \
    do {                                                                                           \
        err = (expression);                                                                        \
        if (err != OK) {                                                                           \
            goto out;                                                                              \
        }                                                                                          \
    } while (0)

enum error {
    OK = 0,
    /* E1xx: this program and this machine */
    ERR_NO_MEMORY,
    ERR_BUG,
    ERR_CRYPTO_START,
    ERR_MEMORY_NOT_LOCKED,
    ERR_FILE,
    ERR_FILE_UNSAFE,
    ERR_SANDBOX,
    ERR_OUTPUT,
    /* E2xx: what the user typed or handed over */
    ERR_USAGE,
    ERR_JSON,
    ERR_FIELD_UNKNOWN,
    ERR_FIELD_MISSING,
    ERR_FIELD_TYPE,
    ERR_FIELD_VALUE,
    ERR_FIELD_REPEATED,
    ERR_RECORD_CONFLICT,
    ERR_POLICY_INVALID,
    ERR_POLICY_UNKNOWN_TERM,
    ERR_AUDIENCE_EMPTY,
    ERR_TOO_LARGE,
    ERR_CONFIG,
    ERR_CARD_UNREADABLE,
    ERR_SAFETY_DIGIT,
    ERR_CANCELLED,
    /* E3xx: not here */
    ERR_NOT_FOUND,
    ERR_STATE_UNKNOWN,
    ERR_GROUP_UNKNOWN,
    ERR_CODE_UNKNOWN,
    /* E4xx: not allowed */
    ERR_ROLE,
    ERR_POLICY_DENIED,
    ERR_KEY_LOCKED,
    ERR_PASSPHRASE,
    ERR_KEY_MISSING,
    ERR_PEER_UNVERIFIED,
    ERR_PEER_FROZEN,
    ERR_SELF_APPROVAL,
    /* E5xx: the node does not answer */
    ERR_NODE_UNREACHABLE,
    ERR_NODE_BUSY,
    ERR_NODE_GONE,
    ERR_NODE_RUNNING,
    /* E6xx: peers and the network */
    ERR_PEER_SILENT,
    ERR_LINK,
    ERR_PEER_VERSION,
    ERR_PEER_PROTOCOL,
    ERR_PEER_QUOTA,
    ERR_LANE_GAP,
    ERR_LANE_WAITS,
    ERR_BLOB_MISSING,
    /* E7xx: verification */
    ERR_BAD_SIGNATURE,
    ERR_BAD_HASH,
    ERR_BAD_COMMITMENT,
    ERR_BAD_SEAL,
    ERR_NOT_CANONICAL,
    ERR_NOT_FOR_US,
    ERR_WRONG_SENDER,
    ERR_LANE_FORK,
    ERR_IDENTITY_FORK,
    ERR_IDENTITY,
    ERR_CARD_DATES,
    ERR_GRANT_WIDENS,
    ERR_SAFETY_MISMATCH,
    ERR_AUDIT_BROKEN,
    ERR_REPLAY,
    ERR_TIME,
    ERR_CODE_NOT_KNOWN_HERE,
    /* E8xx: the store */
    ERR_STORE_FULL,
    ERR_DISK_FULL,
    ERR_STORE_IO,
    ERR_STORE_CORRUPT,
    ERR_STORE_ROLLED_BACK,
    ERR_STORE_VERSION,
    ERR_STORE_PLACE,
    ERR_STORE_LOCKED,
    ERR_STORE_FOREIGN,
    ERR_STORE_READERS,
    /* E9xx: conflicts */
    ERR_EXISTS,
    ERR_SUPERSEDED,
    ERR_PREVIEW_CHANGED,
    ERR_REFERENCE_TAKEN,
    ERROR_COUNT
};

/** Whose move it is when an error appears. */
enum error_mover {
    MOVER_NOBODY,
    MOVER_USER, /* tell the user: exit code and mend */
    MOVER_PEER, /* count, answer, maybe disconnect */
    MOVER_HOST, /* retry or stop */
    MOVER_BUG   /* log; abort in test builds */
};

/** One row of the table of errors. All strings are static. */
struct error_info {
    const char *code; /* "E412" */
    enum error_mover mover;
    int exit;         /* exit code of the command line */
    const char *text; /* one sentence without a full stop */
    const char *mend; /* a command to paste or a sentence; never empty */
    const char *why;  /* a paragraph for `valise explain` */
};

enum { PROBLEM_WHERE_BYTES = 160, PROBLEM_TEXT_BYTES = 240, PROBLEM_COUNT_MAX = 20 };

/** What is wrong with one place of the user's input. */
struct problem {
    enum error error;
    char where[PROBLEM_WHERE_BYTES]; /* JSON pointer, "file:line", or "" */
    char what[PROBLEM_TEXT_BYTES];
    char mend[PROBLEM_TEXT_BYTES];
};

/** The problems found in one input; more than fit are only counted. */
struct problems {
    size_t count;
    struct problem items[PROBLEM_COUNT_MAX];
};

/**
 * The table row of an error.
 * @param error any value; one outside the table gives the row of ERR_BUG.
 * @return never NULL; static.
 */
const struct error_info *error_info(enum error error);

/**
 * Look an error up by its code.
 * @param code such as "E412", any letter case.
 * @return the error, or OK if no row has this code.
 */
enum error error_from_code(const char *code);

/**
 * Note a problem.
 * @param problems where to; NULL is allowed and ignores the note.
 * @param error    kind of problem; never OK.
 * @param where    place in the input, cut if longer than PROBLEM_WHERE_BYTES - 1.
 * @param what     printf format of one sentence, then its arguments.
 * @return `error`, so that callers can write `return problem_add(…)`.
 */
enum error problem_add(struct problems *problems, enum error error, const char *where,
                       const char *what, ...) __attribute__((format(printf, 4, 5)));

/**
 * Say how to mend the problem noted last.
 * @param problems as given to problem_add; NULL or empty is ignored.
 * @param mend     printf format of a command or sentence, then its arguments.
 */
void problem_mend(struct problems *problems, const char *mend, ...)
    __attribute__((format(printf, 2, 3)));
