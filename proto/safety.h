/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The safety number of a node: what two people read to each other to be sure
 * that they hold each other's true cards. Eight groups of five digits; the
 * fifth is a Damm check digit, so that every single wrong digit and every swap
 * of neighbours is noticed at once. WIRE.md W-32; ux.md decision 7.
 */

#include "digest.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    SAFETY_GROUPS = 8,
    SAFETY_GROUP_DIGITS = 5,
    SAFETY_TEXT_BYTES = SAFETY_GROUPS * (SAFETY_GROUP_DIGITS + 1) /* blanks between, end */
};

/** Write the safety number of a node: "41825 90317 …". @return text. */
const char *safety_number(const struct id *node, char text[static SAFETY_TEXT_BYTES]);

/** The Damm check digit ('0'..'9') of `count` decimal digits. */
char safety_check_digit(const char *digits, size_t count);

/**
 * Compare what a person typed with a node's number. Blanks, hyphens and line
 * breaks are ignored.
 *
 * @param typed     from the user.
 * @param node      the peer.
 * @param bad_group receives 1..8, the first group that does not add up, on ERR_SAFETY_DIGIT.
 * @return OK if equal; ERR_SAFETY_DIGIT if a group does not add up (a slip of the tongue);
 *         ERR_SAFETY_MISMATCH if all add up, but it is another number, or too short.
 */
MUST_CHECK enum error safety_compare(struct view typed, const struct id *node, unsigned *bad_group);

/**
 * Append the payload of the QR code: "VALISE:" and the 40 digits, which QR
 * encodes compactly.
 */
void safety_qr_payload(const struct id *node, struct buffer *to);
