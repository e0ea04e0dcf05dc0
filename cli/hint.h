/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Commands that are suggested can be pasted: they say which node they are for. */

#include "options.h"

/**
 * What a suggested command needs to reach the node of this call: "--home DIR", "--socket PATH",
 * quoted for a shell; "" if neither was given.
 */
void hint_node(const struct options *options, struct buffer *to);

/** Append a word as a shell takes it for one word. */
void hint_quote(const char *text, struct buffer *to);

/** Append a sentence with commands in it; those that ask a node get `node` after "valise". */
void hint_append(const char *node, const char *sentence, struct buffer *to);
