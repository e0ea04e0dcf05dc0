/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Text from outside: is it UTF-8, how long is it, and how can it be shown on a
 * terminal or in a log without being obeyed by it. Character data from ICU.
 */

#include "bytes.h"

#include <stdbool.h>
#include <stddef.h>

/** What hidden or dangerous characters a text holds, as a set of bits. */
enum text_trait {
    TEXT_HAS_LINE_BREAK = 1, /* LF, or TAB */
    TEXT_HAS_CONTROL = 2,    /* other C0/C1 controls, line and paragraph separators */
    TEXT_HAS_BIDI = 4,       /* embeddings, overrides, isolates, marks */
    TEXT_HAS_HIDDEN = 8      /* zero-width, tags, private use, not assigned */
};

/** Whether the bytes are well-formed UTF-8 (no surrogates, no overlong forms) without U+0000. W-3
 */
bool text_is_valid(struct view text);

/** Length in code points; 0 for bytes that are not valid. */
size_t text_length(struct view text);

/** The traits of a valid text, a set of enum text_trait; 0 for plain text. */
unsigned text_traits(struct view text);

/**
 * Append a text so that no control or bidi character passes: such characters
 * and bytes that are not UTF-8 appear as \u{202e} or \x{ff}.
 * @param lines whether LF and TAB may pass as they are.
 */
void text_escape(struct buffer *to, struct view text, bool lines);

/** How many terminal columns a valid text takes (wide characters two, marks none). */
size_t text_columns(struct view text);

/**
 * The candidate that a mistyped word was probably meant to be.
 * @param candidates `count` C strings; may hold NULLs, which are skipped.
 * @return the nearest by edit distance, if it is near enough to suggest; else NULL.
 */
const char *text_suggest(struct view word, const char *const *candidates, size_t count);
