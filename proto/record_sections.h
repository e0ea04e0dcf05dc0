/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A record taken apart into its sections and put together again from those
 * that were granted. WIRE.md W-47, W-48.
 */

#include "record.h"

/**
 * Where the place that a pointer into the body names stands by default.
 * @param pointer such as "/parties/3" or "/subjects/0/birth".
 * @param section receives the loosest section that anything at that place stands in.
 * @return false if no field of the kind is named so.
 */
bool record_pointer_section(const struct record_kind *kind, struct view pointer,
                            enum section_id *section);

/** The sections of one record; NULL where nothing stands in it. */
struct record_parts {
    struct value *section[SECTION_COUNT];
};

/**
 * Split a checked record. Each part is a partial tree of the record; a list of
 * objects becomes a map from place to object. Entries of such lists that
 * handling.fields moves as a whole come last, stricter ones after looser ones,
 * so that places seen by a reader do not show that others exist. The pointers of
 * handling.fields follow them.
 *
 * @param record passed record_check with RECORD_OWN.
 * @param parts  receives trees in the arena; SECTION_INTERNAL holds handling.
 * @return OK, ERR_NO_MEMORY, ERR_TOO_LARGE.
 */
MUST_CHECK enum error record_split(const struct value *record, struct arena *arena,
                                   struct record_parts *parts);

/**
 * Put a record together from the parts that are there.
 * @return OK; ERR_RECORD_CONFLICT if two parts hold the same field; ERR_FIELD_MISSING without
 *         a manifest; ERR_FIELD_TYPE if a part is no tree of this kind; ERR_CODE_NOT_KNOWN_HERE
 *         for an unknown schema; ERR_NO_MEMORY; ERR_TOO_LARGE.
 */
MUST_CHECK enum error record_merge(const struct record_parts *parts, struct arena *arena,
                                   struct value **record);

/**
 * Where the values of a merged record stand, as far as their kind alone does not
 * tell: pointers into the body, as in handling.fields, to names of sections. A
 * pointer speaks of everything below it, up to a longer one.
 * @param record as record_merge made it, unchanged.
 * @return OK; ERR_CODE_NOT_KNOWN_HERE; ERR_NO_MEMORY; ERR_TOO_LARGE.
 */
MUST_CHECK enum error record_places(const struct value *record, struct arena *arena,
                                    struct value **places);
