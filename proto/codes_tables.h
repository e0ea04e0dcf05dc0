/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The rows behind codes.h; private to codes.c. */

#include "codes.h"

extern const struct code_list_info code_lists[CODES_LIST_COUNT];
extern const struct country countries[];
extern const size_t countries_count;
