/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Files that are made anew: never over an existing one, never through a link, safe on disk. */

#include "cli.h"

/**
 * Write a new file, readable by its owner only, and bring it to the disk.
 * @return OK; ERR_EXISTS with a problem if anything has that name; ERR_FILE; ERR_DISK_FULL. What
 *         was begun is removed again.
 */
MUST_CHECK enum error newfile_write(struct cli *cli, const char *path, struct view bytes);

/**
 * Make a directory, 0700, or take one that is ours alone.
 * @param made receives whether it was made.
 * @return OK; ERR_FILE; ERR_FILE_UNSAFE if it belongs to somebody else,
 *         is open to others, or is no directory.
 */
MUST_CHECK enum error newfile_directory(struct cli *cli, const char *path, bool *made);

/** Bring the names in a directory to the disk. ERR_FILE. */
MUST_CHECK enum error newfile_sync_directory(const char *path);
