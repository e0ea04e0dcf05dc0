/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <string.h>

/*
 * Reads one byte past what it was given, once it has seen a word that is not in
 * its corpus. If this is not found, nothing else would be either.
 */
int target_must_crash(const uint8_t *data, size_t size)
{
    const volatile uint8_t *bytes = data;

    /* Gives 0 whatever it reads, but the compiler must read it. */
    return size >= 4 && memcmp(data, "bang", 4) == 0 ? bytes[size] & 0 : 0;
}
