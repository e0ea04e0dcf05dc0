/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How errors are told: object first, cause in plain words, a mend that can be pasted. */

#include "bytes.h"

/** One error. All is borrowed. */
struct complaint {
    enum error error;
    const char *doing;               /* "cannot publish DN-…", or "" */
    const char *source;              /* file that the problems lie in, or "" */
    const struct problems *problems; /* NULL or empty: the error's own words are used */
    const char *node;                /* for the commands of mends, see hint_node; NULL for none */
};

/**
 * Append an error as people read it:
 *
 *   valise: cannot publish DN-…: the issuing key is locked (E412)
 *     mend: …
 *     more: valise explain E412
 *
 * Errors of verification stand in a frame: they are the ones not to be overlooked.
 * Text of users and peers is escaped.
 */
void complain_text(const struct complaint *complaint, struct buffer *to);

/** Append it as one line of JSON, {"error":{code, exit, message, mend, problems}}. */
MUST_CHECK enum error complain_json(const struct complaint *complaint, struct buffer *to);
