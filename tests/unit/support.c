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
