/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "../fuzz/fuzz.h"

#include <dirent.h>
#include <string.h>

/* Every file of the corpus through its target: what a fuzzer found once stays mended. */

enum { FILE_MAX_BYTES = 100 * 1024, FOLDER_MAX_BYTES = 100 * 1024 };

/* Run one file; gives its size. */
static size_t replay(const struct fuzz_row *row, const char *name)
{
    char path[512];
    size_t size = 0;

    (void)snprintf(path, sizeof path, "tests/fuzz/corpus/%s/%s", row->name, name);
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(FILE_MAX_BYTES);
    MUST(file != NULL && bytes != NULL);
    size = fread(bytes, 1, FILE_MAX_BYTES, file);
    (void)fclose(file);
    /* Exactly as large as it is, so that the address sanitizer sees a byte too far. */
    uint8_t *exact = malloc(size == 0 ? 1 : size);
    memcpy(exact, bytes, size);
    assert_int_equal(row->run(exact, size), 0);
    free(exact);
    free(bytes);
    return size;
}

static void replay_folder(const struct fuzz_row *row)
{
    char path[512];
    struct dirent *entry = NULL;
    size_t files = 0;
    size_t bytes = 0;

    (void)snprintf(path, sizeof path, "tests/fuzz/corpus/%s", row->name);
    DIR *directory = opendir(path);
    assert_non_null(directory);
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] != '.') {
            bytes += replay(row, entry->d_name);
            files++;
        }
    }
    (void)closedir(directory);
    if (files < 2 || bytes > FOLDER_MAX_BYTES) {
        fail_msg("%s: %zu files, %zu bytes", row->name, files, bytes);
    }
}

static void every_file_of_the_corpus_passes_its_target(void **state)
{
    (void)state;
    for (const struct fuzz_row *row = fuzz_rows; row->name != NULL; row++) {
        replay_folder(row);
    }
}

/* Deterministic changes of every seed: a little of what the fuzzer does for hours. */
static void changed_seeds_pass_every_target(void **state)
{
    static const char *const seeds[] = {"grant/grant",
                                        "lane/head",
                                        "message/LANE_PUSH",
                                        "card/bundle",
                                        "envelope/header",
                                        "control/record.search",
                                        "record_json/DN-XNH-2026-0003"};
    struct dice dice = dice_new("corpus");

    (void)state;
    for (size_t i = 0; i < COUNT(seeds); i++) {
        char path[512];
        uint8_t bytes[8192];
        (void)snprintf(path, sizeof path, "tests/fuzz/corpus/%s", seeds[i]);
        FILE *file = fopen(path, "rb");
        MUST(file != NULL);
        size_t size = fread(bytes, 1, sizeof bytes, file);
        (void)fclose(file);
        for (int n = 0; n < 100; n++) {
            uint8_t kept = 0;
            size_t at = dice_roll(&dice, size);
            kept = bytes[at];
            bytes[at] = (uint8_t)dice_roll(&dice, 256);
            for (const struct fuzz_row *row = fuzz_rows; row->name != NULL; row++) {
                (void)row->run(bytes, size);
            }
            bytes[at] = kept;
        }
    }
}

/* The world of the targets is the one that signed the seeds. */
static void the_corpus_is_signed_by_the_states_of_the_targets(void **state)
{
    struct fuzz_world *world = fuzz_world();
    struct arena *arena = big_arena();
    uint8_t bytes[4096];

    (void)state;
    FILE *file = fopen("tests/fuzz/corpus/lane/head", "rb");
    MUST(file != NULL);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    assert_ok(lane_head_verify(view_of(bytes + 1, size - 1), arena, world->us.keys.card.sign_key));
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_of_the_corpus_passes_its_target),
        cmocka_unit_test(changed_seeds_pass_every_target),
        cmocka_unit_test(the_corpus_is_signed_by_the_states_of_the_targets),
    };

    fuzz_start();
    return RUN(tests);
}
