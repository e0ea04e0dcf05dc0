/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* For programs whose tests each begin with an empty arena. */

#include "support.h"

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = big_arena();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

/** A row of main's table. */
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
