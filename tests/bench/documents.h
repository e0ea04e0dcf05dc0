/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Fictional records that come again with the same number: ours and the peers' alike. */

#include "bytes.h"
#include "value.h"

#include <stddef.h>

/** How a record is made up. */
enum document_shape {
    DOCUMENT_USUAL,    /* 2 kB of JSON in five sections, as officers write them */
    DOCUMENT_THREE_4KB /* 4 kB of JSON in three sections */
};

/** What varies. */
struct document_wish {
    enum document_shape shape;
    const char *state;   /* originator */
    size_t number;       /* 0..: gives the reference and everything else */
    const char *readers; /* JSON list of terms: ["state:XNH"] */
};

enum { DOCUMENT_MAX_BYTES = 16384, DOCUMENT_REFERENCE_BYTES = 32, DOCUMENT_ID_BYTES = 32 };

/** Append the record as one line of JSON. */
void document_write(const struct document_wish *wish, struct buffer *to);

/** The same as a tree. */
struct value *document_tree(const struct document_wish *wish, struct arena *arena);

/** Its reference, and an identifier that no other record has. */
void document_reference(const char *state, size_t number,
                        char text[static DOCUMENT_REFERENCE_BYTES]);
void document_identifier(size_t number, char text[static DOCUMENT_ID_BYTES]);
