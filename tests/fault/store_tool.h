/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The parts of store_tool (see store_tool.c for what its words do). */

#include "database.h"
#include "node_keys.h"

enum { PATH_BYTES = 4096, STORE_TOOL_MAX_BYTES = 256 * 1024 * 1024 };

/** A node's directory and what opens it. */
struct home {
    char store[PATH_BYTES];
    struct node_keys keys;
};

/** Print bytes in hexadecimal. */
void print_hex(struct view bytes);

/* store_spoil.c: one function for each word that changes a store, or says where a value lies. */
enum error do_places(struct home *home, char **arguments);
enum error do_graft(struct home *home, char **arguments);
enum error do_drop(struct home *home, char **arguments);
enum error do_swap(struct home *home, char **arguments);
enum error do_move(struct home *home, char **arguments);
enum error do_cut(struct home *home, char **arguments);
