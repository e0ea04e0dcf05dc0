/* SPDX-License-Identifier: Apache-2.0 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

static bool is_private(const struct stat *info)
{
    return info->st_uid == geteuid() && (info->st_mode & 077) == 0;
}

enum error files_read_private(const char *path, struct buffer *to)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    enum error err = OK;

    buffer_clear(to);
    if (fd < 0) {
        return errno == ELOOP ? ERR_FILE_UNSAFE : ERR_FILE;
    }
    TRY(fstat(fd, &info) == 0 ? OK : ERR_FILE);
    TRY(S_ISREG(info.st_mode) && is_private(&info) ? OK : ERR_FILE_UNSAFE);
    TRY(info.st_size >= 0 && (uint64_t)info.st_size <= to->limit ? OK : ERR_TOO_LARGE);
    uint8_t *place = buffer_extend(to, (size_t)info.st_size);
    TRY(place == NULL ? to->error : OK);
    TRY(read(fd, place, (size_t)info.st_size) == info.st_size ? OK : ERR_FILE);
out:
    (void)close(fd);
    return err;
}

struct secret *files_read_secret(int fd, size_t max)
{
    struct buffer bytes = buffer_init(max + 1);
    struct secret *secret = NULL;
    struct termios shown;
    uint8_t byte = 0;
    bool on_terminal = tcgetattr(fd, &shown) == 0;

    if (on_terminal) {
        struct termios hidden = shown;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        (void)tcsetattr(fd, TCSAFLUSH, &hidden);
    }
    while (bytes.size <= max && read(fd, &byte, 1) == 1 && byte != '\n') {
        buffer_append_byte(&bytes, byte);
    }
    sodium_memzero(&byte, sizeof byte);
    if (on_terminal) {
        (void)tcsetattr(fd, TCSAFLUSH, &shown);
    }
    if (bytes.error == OK && bytes.size > 0 && bytes.size <= max) {
        secret = secret_take(bytes.data, bytes.size);
    }
    buffer_free(&bytes);
    return secret;
}

enum error files_check_directory(const char *path)
{
    struct stat info;

    if (lstat(path, &info) != 0) {
        return ERR_FILE;
    }
    return S_ISDIR(info.st_mode) && is_private(&info) ? OK : ERR_FILE_UNSAFE;
}
