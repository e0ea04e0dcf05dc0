/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Writes tests/vectors/frozen/NAME.json: make_frozen DIRECTORY. Run it only for
 * vectors of a new format; those that are there are frozen.
 */

#include "frozen.h"

#include "secret.h"

#include <stdio.h>

enum { PATH_BYTES = 4096 };

static int write_topic(const char *directory, const struct frozen_topic *topic)
{
    char path[PATH_BYTES];
    struct buffer text = frozen_text(topic);
    FILE *file = NULL;
    int bad = 1;

    (void)snprintf(path, sizeof path, "%s/%s.json", directory, topic->name);
    file = fopen(path, "wb");
    if (file != NULL) {
        bad = fwrite(text.data, 1, text.size, file) != text.size;
        bad |= fclose(file) != 0;
    }
    (void)printf("%s: %zu bytes%s\n", path, text.size, bad != 0 ? ", not written" : "");
    buffer_free(&text);
    return bad;
}

int main(int count, char **arguments)
{
    int bad = 0;

    if (count != 2) {
        (void)fprintf(stderr, "make_frozen DIRECTORY\n");
        return 2;
    }
    frozen_install();
    if (secret_start() != OK) {
        return 1;
    }
    for (const struct frozen_topic *topic = frozen_topics; topic->name != NULL; topic++) {
        bad |= write_topic(arguments[1], topic);
    }
    return bad;
}
