/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Makes the keys of a State for a test: mkstate HOME STATE NAME [ENDPOINT…]
 * writes HOME/unlock.key, HOME/node.key, HOME/authority.key and HOME/next.key.
 * The files open with the key file, not with a pass phrase, so no test waits
 * for Argon2id.
 */

#include "node_keys.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, TEXT_MAX_BYTES = KEYFILE_MAX_BYTES * 2, CARD_DAYS = 365 };

/* Write a private file that must not exist yet. */
static enum error write_file(const char *home, const char *name, struct view bytes)
{
    char path[PATH_BYTES];
    ssize_t put = 0;
    int fd = -1;

    (void)snprintf(path, sizeof path, "%s/%s", home, name);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return ERR_FILE;
    }
    put = write(fd, bytes.data, bytes.size);
    (void)close(fd);
    return put == (ssize_t)bytes.size ? OK : ERR_FILE;
}

static enum error write_unlock(const char *home, struct secret *key)
{
    enum error err = write_file(home, "unlock.key", view_of(secret_open(key), secret_size(key)));

    secret_close(key);
    return err;
}

static enum error write_authority(const char *home, const char *name, struct secret *key,
                                  const struct keyfile_opener *opener)
{
    struct buffer text = buffer_init(TEXT_MAX_BYTES);
    enum error err = OK;

    TRY(authority_key_seal(key, opener, KEYFILE_COST_FLOOR, &text));
    TRY(write_file(home, name, view_of_buffer(&text)));
out:
    buffer_free(&text);
    return err;
}

static enum error make(const char *home, const struct node_keys_wish *wish)
{
    struct buffer text = buffer_init(TEXT_MAX_BYTES);
    struct keyfile_opener opener = {.kind = KEYFILE_KEY, .secret = secret_random(KEY_BYTES)};
    struct node_keys keys = {0};
    struct secret *authority = NULL;
    struct secret *next = NULL;
    enum error err = OK;

    TRY(opener.secret == NULL ? ERR_NO_MEMORY : OK);
    TRY(node_keys_make(wish, &keys, &authority, &next));
    TRY(node_keys_seal(&keys, &opener, KEYFILE_COST_FLOOR, &text));
    TRY(write_file(home, "node.key", view_of_buffer(&text)));
    TRY(write_unlock(home, opener.secret));
    TRY(write_authority(home, "authority.key", authority, &opener));
    TRY(write_authority(home, "next.key", next, &opener));
out:
    secret_free(&next);
    secret_free(&authority);
    node_keys_free(&keys);
    secret_free(&opener.secret);
    buffer_free(&text);
    return err;
}

int main(int count, char **arguments)
{
    struct view endpoints[CARD_ENDPOINTS_MAX];
    struct node_keys_wish wish = {.endpoints = endpoints, .card_days = CARD_DAYS};
    enum error err = OK;

    if (count < 4 || count > 4 + CARD_ENDPOINTS_MAX) {
        (void)fprintf(stderr, "mkstate HOME STATE NAME [ENDPOINT...]\n");
        return 2;
    }
    wish.state = view_of_text(arguments[2]);
    wish.name = view_of_text(arguments[3]);
    for (int i = 4; i < count; i++) {
        endpoints[wish.endpoint_count++] = view_of_text(arguments[i]);
    }
    wish.now.ms = (int64_t)time(NULL) * 1000;
    TRY(secret_start());
    TRY(make(arguments[1], &wish));
out:
    if (err != OK) {
        (void)fprintf(stderr, "mkstate: %s\n", error_info(err)->text);
    }
    return err == OK ? 0 : 1;
}
