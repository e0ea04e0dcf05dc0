/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* JSON (RFC 8259) to a value tree and back, through jansson. */

#include "record.h"
#include "value.h"

/**
 * Parse JSON text.
 *
 * @param text     from a file or a user; at most max_bytes.
 * @param arena    for the tree.
 * @param problems receives line and column of a mistake; may be NULL.
 * @param tree     receives it. A number with a fraction becomes text with flag set, so
 *                 that no digit is lost; only decimal fields accept it (record_check).
 * @return OK; ERR_TOO_LARGE; ERR_JSON, also for a number with too many digits; ERR_FIELD_REPEATED
 *         for a repeated name; ERR_NO_MEMORY.
 */
MUST_CHECK enum error json_parse(struct view text, size_t max_bytes, struct arena *arena,
                                 struct problems *problems, struct value **tree);

/**
 * Append a tree as JSON text; bytes become hexadecimal.
 * @param indent blanks a level; 0 gives one line.
 * @return OK, ERR_TOO_LARGE, ERR_NO_MEMORY.
 */
MUST_CHECK enum error json_write(const struct value *tree, unsigned indent, struct buffer *to);
