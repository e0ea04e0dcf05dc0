/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Records checked here, without a node, and what people recognise them by. */

#include "cli.h"
#include "record.h"

/**
 * Check a record as the node would, after filling in what the node fills in:
 * reference, issue time and State.
 * @param record   brought to canonical form.
 * @param mode     RECORD_OWN or RECORD_DRAFT.
 * @param warnings receives what looks odd; may be NULL.
 * @return errors of record_check; problems are in cli->problems.
 */
MUST_CHECK enum error judge_record(struct cli *cli, struct value *record,
                                   enum record_check_mode mode, struct problems *warnings);

/** Say the warnings, each as "Look at this: …". Nothing with --json. */
void judge_say_warnings(const struct cli *cli, const struct problems *warnings);

/** The warnings as a list of texts "where: what"; NULL without memory. */
struct value *judge_warnings(struct cli *cli, const struct problems *warnings);

/** One line about a record: "Denial: 40 mm grenade launchers, 60 piece, to XPE". In the arena. */
const char *judge_headline(struct cli *cli, const struct value *record);

/** How many natural persons the record names. */
size_t judge_persons(const struct value *record);

/** The kind that the noun of the command names; NULL for everyday commands. */
const struct record_kind *judge_kind(const struct cli *cli);

/** A reference in its stored form, or as it was typed if it is none; in the arena. */
const char *judge_reference(struct cli *cli, const char *typed);

/** Whether a word is a reference. */
bool judge_is_reference(const char *word);
