/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Makes the n-th allocation fail. Test programs are linked with --wrap for
 * malloc, calloc, realloc, strdup and sodium_malloc.
 */

#include <stdbool.h>

/** The n-th allocation from now on fails (1 is the next); 0: none does. */
void failing_set(long n);

/** Whether the planned failure has happened. */
bool failing_happened(void);
