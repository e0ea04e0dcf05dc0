/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/** The value below which `share` (0..1) of the values lie; sorts them. `count` is at least 1. */
double quantile(double *values, size_t count, double share);
