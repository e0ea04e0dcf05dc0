/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The tables of WIRE.md and LAYOUT.md, as the code has them. */

#include "bytes.h"

/** One table of a document. */
struct table_row {
    const char *document; /* "WIRE.md" or "LAYOUT.md" */
    const char *name;     /* as in <!-- begin: NAME --> */
    void (*print)(const char *name, struct buffer *to);
};

/** Append the limits that a peer or a caller can run into. */
void describe_limits(const char *name, struct buffer *to);

/** Append the kinds, fields and code lists of records. */
void describe_kinds(const char *name, struct buffer *to);
void describe_fields(const char *name, struct buffer *to);
void describe_codes(const char *name, struct buffer *to);
