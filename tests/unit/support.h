/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the unit tests share: cmocka, and assertions in our own terms. */

#include "sample.h"
#include "store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/** The expression gives this error; on failure both are named. */
#define assert_error(wanted, expression)                                                           \
    support_error((wanted), (expression), #expression, __FILE__, __LINE__)

#define assert_ok(expression) assert_error(OK, expression)

/** A view holds exactly these bytes; on failure both are printed. */
#define assert_view(view, text)  support_view((view), view_of_text(text), __FILE__, __LINE__)
#define assert_views_equal(a, b) support_view((a), (b), __FILE__, __LINE__)

/** The bytes of a literal, inner zeros included. */
#define BYTES(literal) view_of((literal), sizeof(literal) - 1)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void support_error(enum error wanted, enum error got, const char *what, const char *file, int line);
void support_view(struct view got, struct view wanted, const char *file, int line);

/** Read hexadecimal digits into bytes; returns how many bytes. */
size_t hex_read(const char *digits, uint8_t *bytes, size_t max);

/** An arena that is large enough for any test; arena_free it. */
struct arena *big_arena(void);

/** Parse JSON text that must be good. */
struct value *json(struct arena *arena, const char *text);

/** Put a value where a JSON pointer says, or take away what is there (value NULL). */
void set_at(struct arena *arena, struct value *root, const char *pointer, struct value *value);

/** Parse one JSON value of any kind, such as "7" or "\"x\"". */
struct value *json_value(struct arena *arena, const char *text);

/** One change of an example record, and what the check of an own record says of it. */
struct change {
    const char *pointer;
    const char *json; /* NULL takes the place away */
    enum error wanted;
};

/** Check an example with one place changed. The arena is cleared first. */
enum error check_change(struct arena *arena, const char *reference, const char *pointer,
                        const char *text, struct problems *problems, struct problems *warnings);

/** Check an example with each of some changes. */
void check_changes(struct arena *arena, const char *reference, const struct change *changes,
                   size_t count);

/** Make a new empty directory under $TMPDIR or /tmp, mode 0700; the path is static per call site.
 */
void directory_new(char path[static 64]);

/** Remove a directory and the plain files in it. */
void directory_remove(const char *path);

/** A store in a directory of its own. */
struct shelf {
    char path[64];
    struct secret *master;
    struct store_options options;
    struct store *store;
    struct arena *arena;
};

/** Make an empty store of 16 MiB; shelf_free. Fits as set-up and tear-down of a test. */
int shelf_new(void **state);
int shelf_free(void **state);

/** Close the store and open it again with its options. */
enum error shelf_reopen(struct shelf *shelf);

/** Begin a transaction that must begin. */
struct store_txn *shelf_begin(struct shelf *shelf, enum store_mode mode);

/** Note an event in the audit trail, as every change must. */
void shelf_note(struct store_txn *txn);

/** Note an event and commit; must succeed. */
void shelf_commit(struct store_txn **txn);

/** Full path of a file of the store, in the arena. */
const char *shelf_file(struct shelf *shelf, const char *name);

/** Copy a file over another. */
void file_copy(const char *from, const char *to);

/** Start libsodium, run the tests of an array, give what main returns. */
#define RUN(tests) (secret_start() == OK ? cmocka_run_group_tests(tests, NULL, NULL) : 2)
