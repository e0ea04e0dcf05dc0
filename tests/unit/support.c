/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "record_json.h"

#include <dirent.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

enum { BIG_ARENA_BYTES = 64 * 1024 * 1024, SHOWN_BYTES = 200 };

void support_error(enum error wanted, enum error got, const char *what, const char *file, int line)
{
    if (wanted != got) {
        print_error("%s gave %s (%s), not %s (%s)\n", what, error_info(got)->code,
                    error_info(got)->text, error_info(wanted)->code, error_info(wanted)->text);
        _fail(file, line);
    }
}

static void show(const char *name, struct view bytes)
{
    print_error("%s, %zu bytes: ", name, bytes.size);
    for (size_t i = 0; i < bytes.size && i < SHOWN_BYTES; i++) {
        uint8_t c = bytes.data[i];
        print_error(c >= 0x20 && c < 0x7f && c != '\\' ? "%c" : "\\x%02x", c);
    }
    print_error("\n");
}

void support_view(struct view got, struct view wanted, const char *file, int line)
{
    if (!view_equal(got, wanted)) {
        show("got", got);
        show("wanted", wanted);
        _fail(file, line);
    }
}

size_t hex_read(const char *digits, uint8_t *bytes, size_t max)
{
    size_t size = 0;

    MUST(sodium_hex2bin(bytes, max, digits, strlen(digits), " ", &size, NULL) == 0);
    return size;
}

struct arena *big_arena(void)
{
    struct arena *arena = arena_new(BIG_ARENA_BYTES);

    MUST(arena != NULL);
    return arena;
}

struct value *json(struct arena *arena, const char *text)
{
    struct problems problems = {0};
    struct value *tree = NULL;
    enum error err = json_parse(view_of_text(text), RECORD_JSON_MAX_BYTES, arena, &problems, &tree);

    if (err != OK) {
        (void)fprintf(stderr, "%s: %s\n", problems.items[0].where, problems.items[0].what);
    }
    MUST(err == OK);
    return tree;
}

struct value *json_value(struct arena *arena, const char *text)
{
    return json(arena, arena_printf(arena, "[%s]", text))->items[0];
}

void set_at(struct arena *arena, struct value *root, const char *pointer, struct value *value)
{
    const char *last = strrchr(pointer, '/');
    struct value *parent = NULL;

    MUST(last != NULL);
    parent = value_at(root, view_of(pointer, (size_t)(last - pointer)));
    MUST(parent != NULL);
    if (parent->kind == PACK_LIST) {
        size_t index = (size_t)atoi(last + 1);
        MUST(value != NULL && index <= parent->count);
        if (index == parent->count) {
            MUST(value_append(arena, parent, value) == OK);
        }
        parent->items[index] = value;
    } else if (value == NULL) {
        value_remove(parent, view_of_text(last + 1));
    } else {
        MUST(value_put(arena, parent, last + 1, value) == OK);
    }
}

enum error check_change(struct arena *arena, const char *reference, const char *pointer,
                        const char *text, struct problems *problems, struct problems *warnings)
{
    struct value *record = NULL;

    arena_clear(arena);
    record = sample_record(arena, reference);
    set_at(arena, record, pointer, text == NULL ? NULL : json_value(arena, text));
    memset(problems, 0, sizeof *problems);
    memset(warnings, 0, sizeof *warnings);
    return record_check(record, RECORD_OWN, arena, problems, warnings);
}

void check_changes(struct arena *arena, const char *reference, const struct change *changes,
                   size_t count)
{
    struct problems problems;
    struct problems warnings;

    for (size_t i = 0; i < count; i++) {
        enum error err = check_change(arena, reference, changes[i].pointer, changes[i].json,
                                      &problems, &warnings);
        if (err != changes[i].wanted || (problems.count > 0) != (err != OK)) {
            fail_msg("%s = %s gave %s and %zu problems (%s: %s)", changes[i].pointer,
                     changes[i].json == NULL ? "nothing" : changes[i].json, error_info(err)->code,
                     problems.count, problems.items[0].where, problems.items[0].what);
        }
    }
}

void directory_new(char path[static 64])
{
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

    (void)snprintf(path, 64, "%s/valise-test-XXXXXX", base);
    MUST(mkdtemp(path) != NULL);
}

void directory_remove(const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry = NULL;

    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] != '.') {
            (void)unlinkat(dirfd(directory), entry->d_name, 0);
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    (void)rmdir(path);
}

/* --- stores -------------------------------------------------------------------------------- */

int shelf_new(void **state)
{
    struct shelf *shelf = calloc(1, sizeof *shelf);

    MUST(shelf != NULL);
    directory_new(shelf->path);
    shelf->master = secret_random(KEY_BYTES);
    shelf->arena = big_arena();
    shelf->options = (struct store_options){.path = shelf->path,
                                            .master = shelf->master,
                                            .node = digest(HASH_NODE, view_of_text("XMA")),
                                            .max_bytes = 4 * STORE_MIN_BYTES,
                                            .allow_tmpfs = true};
    MUST(store_open(&shelf->options, &shelf->store) == OK);
    *state = shelf;
    return 0;
}

int shelf_free(void **state)
{
    struct shelf *shelf = *state;

    store_close(&shelf->store);
    secret_free(&shelf->master);
    arena_free(&shelf->arena);
    directory_remove(shelf->path);
    free(shelf);
    return 0;
}

enum error shelf_reopen(struct shelf *shelf)
{
    store_close(&shelf->store);
    return store_open(&shelf->options, &shelf->store);
}

struct store_txn *shelf_begin(struct shelf *shelf, enum store_mode mode)
{
    struct store_txn *txn = NULL;

    MUST(store_begin(shelf->store, mode, &txn) == OK);
    return txn;
}

void shelf_note(struct store_txn *txn)
{
    const struct store_event event = {sample_now, "test.happened", "tester", "", ""};

    MUST(store_audit_add(txn, &event) == OK);
}

void shelf_commit(struct store_txn **txn)
{
    shelf_note(*txn);
    MUST(store_commit(txn) == OK);
}

const char *shelf_file(struct shelf *shelf, const char *name)
{
    return arena_printf(shelf->arena, "%s/%s", shelf->path, name);
}

void file_copy(const char *from, const char *to)
{
    FILE *source = fopen(from, "rb");
    FILE *target = fopen(to, "wb");
    char bytes[65536];
    size_t size = 0;

    MUST(source != NULL && target != NULL);
    while ((size = fread(bytes, 1, sizeof bytes, source)) > 0) {
        MUST(fwrite(bytes, 1, size, target) == size);
    }
    (void)fclose(source);
    MUST(fclose(target) == 0);
}
