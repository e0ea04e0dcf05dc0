/* SPDX-License-Identifier: Apache-2.0 */
#include "statistics.h"

#include <stdlib.h>

static int by_size(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;

    return (*x > *y) - (*x < *y);
}

double quantile(double *values, size_t count, double share)
{
    size_t place = (size_t)(share * (double)count);

    qsort(values, count, sizeof *values, by_size);
    return values[place < count ? place : count - 1];
}
