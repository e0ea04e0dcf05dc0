/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A record as people read it: its fields in the order of the table, section by section. */

#include "cli.h"
#include "record.h"

enum { RENDER_ALL = (1U << SECTION_COUNT) - 1 };

/**
 * Append a record as record.show or draft.show gives it. All texts are escaped.
 * @param record   of a known kind; anything in it may be missing, sealed or of another type.
 * @param sections bit set of the sections to show; RENDER_ALL also shows the envelope.
 */
void render_record(const struct cli *cli, const struct value *record, unsigned sections,
                   struct buffer *to);

/** Append every value as a line: JSON pointer, tab, value. Texts are escaped. */
void render_raw(const struct value *record, struct buffer *to);

/** Append a scalar with its meaning: "ML1.a", "licence_refused (licence refused)", "NAM (Namibia)".
 */
void render_scalar(const struct record_field *field, const struct record_object *around,
                   const struct value *value, struct buffer *to);
