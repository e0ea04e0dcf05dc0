/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What comes in from files, descriptors and standard input, never more than a cap. */

#include "cli.h"
#include "record.h"
#include "secret.h"

enum { IMPORT_MAX_BYTES = 16 * 1024 * 1024 };

/** The text without blanks and line ends around it. */
struct view intake_trim(struct view text);

/**
 * Read a whole file, or standard input for "-". cli->source names it afterwards.
 * @param max_bytes cap.
 * @param text      receives the bytes, in the arena.
 * @return OK; ERR_FILE with a problem; ERR_TOO_LARGE; ERR_NO_MEMORY.
 */
MUST_CHECK enum error intake_text(struct cli *cli, const char *path, size_t max_bytes,
                                  struct view *text);

/**
 * Read a secret from a descriptor, without a line end at its end.
 * @param secret receives it, owned by the caller.
 * @return OK; ERR_USAGE for a bad descriptor; ERR_PASSPHRASE if it is empty or too long.
 */
MUST_CHECK enum error intake_secret(struct cli *cli, int descriptor, size_t max_bytes,
                                    struct secret **secret);

/** Read JSON from a file: one value, at most max_bytes. Errors as intake_text and json_parse. */
MUST_CHECK enum error intake_json(struct cli *cli, const char *path, size_t max_bytes,
                                  struct value **tree);

/**
 * Read one record from a file, unchecked.
 * @param kind the kind it must be, or NULL for any.
 * @return errors of intake_json; ERR_FIELD_TYPE if it is no object; ERR_FIELD_VALUE for
 *         another kind.
 */
MUST_CHECK enum error intake_record(struct cli *cli, const char *path,
                                    const struct record_kind *kind, struct value **record);
