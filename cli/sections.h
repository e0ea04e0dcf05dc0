/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Words for people about the sections of a record. */

#include "record.h"

/** What stands in a section and why; static. */
const char *section_help(enum section_id section);

/** The section's name as a heading, "Restricted"; static. */
const char *section_heading(enum section_id section);
