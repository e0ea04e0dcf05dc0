/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The table of States and sections: who will be able to read what. */

#include "cli.h"

/**
 * Say a preview as policy.preview and record.publish give it: one row a State,
 * one column a section that holds something; "reads", "sealed", or "-" for a
 * State that gets nothing. Then what is to be looked at.
 * @param record the record it is about, for what is to be looked at; may be NULL.
 */
void preview_say(const struct cli *cli, const struct value *preview, const struct value *record);

/** Append the table alone. Texts are escaped. */
void preview_table(const struct value *preview, struct buffer *to);
