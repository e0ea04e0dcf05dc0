/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "../vectors/frozen.h"

#include <string.h>

/* The formats are frozen: the code gives the bytes that it gave when they were settled. */

/* Read a file of the tree, beginning at the root. */
static struct buffer read_file(const char *path)
{
    struct buffer text = buffer_init(4 * 1024 * 1024);
    FILE *file = fopen(path, "rb");
    size_t got = 0;

    if (file == NULL) {
        fail_msg("%s is missing: make_frozen makes it", path);
    }
    do {
        uint8_t piece[4096];
        got = fread(piece, 1, sizeof piece, file);
        buffer_append(&text, view_of(piece, got));
    } while (got > 0);
    (void)fclose(file);
    assert_int_equal(text.error, OK);
    return text;
}

/* Show the first line that differs, not two megabytes. */
static void compare(const char *path, struct view wanted, struct view got)
{
    size_t line = 1;
    size_t i = 0;

    while (i < wanted.size && i < got.size && wanted.data[i] == got.data[i]) {
        line += wanted.data[i] == '\n' ? 1 : 0;
        i++;
    }
    if (i < wanted.size || i < got.size) {
        fail_msg("%s:%zu: the code gives other bytes", path, line);
    }
}

static void check_topic(const char *name)
{
    for (const struct frozen_topic *topic = frozen_topics; topic->name != NULL; topic++) {
        char path[128];

        if (strcmp(topic->name, name) != 0) {
            continue;
        }
        (void)snprintf(path, sizeof path, "tests/vectors/frozen/%s.json", name);
        struct buffer wanted = read_file(path);
        struct buffer got = frozen_text(topic);
        compare(path, view_of_buffer(&wanted), view_of_buffer(&got));
        buffer_free(&got);
        buffer_free(&wanted);
        return;
    }
    fail_msg("there is no topic %s", name);
}

/* W-10 W-11 W-12 W-13 */
static void digests_keys_and_signatures_are_as_frozen(void **state)
{
    (void)state;
    check_topic("digest");
}

/* W-40 W-41 W-42 W-43 W-44 */
static void sealed_sections_are_as_frozen(void **state)
{
    (void)state;
    check_topic("section");
}

/* W-35 */
static void key_files_are_as_frozen(void **state)
{
    (void)state;
    check_topic("keyfile");
}

/* W-32 W-85 W-86 */
static void safety_numbers_groups_and_previews_are_as_frozen(void **state)
{
    (void)state;
    check_topic("names");
}

/* S-8 */
static void the_audit_trail_is_as_frozen(void **state)
{
    (void)state;
    check_topic("audit");
}

/* W-20 W-21 W-22 W-23 W-34 W-36 */
static void identities_are_as_frozen(void **state)
{
    (void)state;
    check_topic("identity");
}

/* W-45 W-50 W-53 W-54 W-55 W-56 W-70 W-72 W-73 */
static void records_grants_and_lanes_are_as_frozen(void **state)
{
    (void)state;
    check_topic("exchange");
}

/* W-61 W-62 W-63 W-64 */
static void messages_are_as_frozen(void **state)
{
    (void)state;
    check_topic("messages");
}

/* W-47 W-48 */
static void records_are_split_as_frozen(void **state)
{
    (void)state;
    check_topic("split");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_keys_and_signatures_are_as_frozen),
        cmocka_unit_test(sealed_sections_are_as_frozen),
        cmocka_unit_test(key_files_are_as_frozen),
        cmocka_unit_test(safety_numbers_groups_and_previews_are_as_frozen),
        cmocka_unit_test(the_audit_trail_is_as_frozen),
        cmocka_unit_test(identities_are_as_frozen),
        cmocka_unit_test(records_grants_and_lanes_are_as_frozen),
        cmocka_unit_test(messages_are_as_frozen),
        cmocka_unit_test(records_are_split_as_frozen),
    };

    frozen_install();
    return RUN(tests);
}
