/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Names reduced to what is compared (ICU): case, accents, width and punctuation
 * do not count, order of letters and the script do.
 */

#include "arena.h"
#include "bytes.h"
#include "error.h"

enum {
    NAME_CHARACTERS_MAX = 300, /* code points, records.md section 4 */
    NAME_UNFOLDED_MAX = 18,    /* UTF-16 units that one character can become (Unicode, NFKD) */
    NAME_FOLDED_MAX_BYTES = 3 * NAME_UNFOLDED_MAX * NAME_CHARACTERS_MAX,
    NAME_WORDS_MAX = 64
};

/**
 * Fold a name: NFKC case folding, marks dropped, everything but letters and
 * digits to one blank between words.
 * @param name   valid UTF-8, at most NAME_CHARACTERS_MAX code points.
 * @param folded receives UTF-8; may be empty for a name of signs only. Cleared first.
 * @return OK, ERR_TOO_LARGE, ERR_FIELD_VALUE for bytes that are no text, ERR_NO_MEMORY.
 */
MUST_CHECK enum error names_fold(struct view name, struct buffer *folded);

/**
 * A text in Unicode's composed form (NFC), in which texts are stored.
 * @param text     valid UTF-8.
 * @param composed borrows from text if that is composed already, else from the arena.
 * @return OK, ERR_FIELD_VALUE for bytes that are no text, ERR_NO_MEMORY, ERR_TOO_LARGE.
 */
MUST_CHECK enum error names_compose(struct view text, struct arena *arena, struct view *composed);

/**
 * The words of a folded name, borrowed from it.
 * @return how many were put into words, at most NAME_WORDS_MAX.
 */
size_t names_words(struct view folded, struct view words[static NAME_WORDS_MAX]);
