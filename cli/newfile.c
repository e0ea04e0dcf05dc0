/* SPDX-License-Identifier: Apache-2.0 */
#include "newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static enum error refused(struct cli *cli, const char *path, int why)
{
    if (why == EEXIST || why == ELOOP) {
        enum error err = problem_add(&cli->problems, ERR_EXISTS, "", "%s exists already", path);
        problem_mend(&cli->problems, "choose another name; nothing is overwritten");
        return err;
    }
    if (why == ENOSPC || why == EDQUOT) {
        return problem_add(&cli->problems, ERR_DISK_FULL, "", "%s: the disk is full", path);
    }
    return problem_add(&cli->problems, ERR_FILE, "",
                       why == ENOENT   ? "%s: there is no such directory"
                       : why == EACCES ? "%s: you may not write there"
                                       : "%s: it cannot be written",
                       path);
}

/* @return 0, or why not. */
static int write_bytes(int descriptor, struct view bytes)
{
    while (bytes.size > 0) {
        ssize_t put = write(descriptor, bytes.data, bytes.size);
        if (put < 0 && errno != EINTR) {
            return errno;
        }
        size_t done = put > 0 ? (size_t)put : 0;
        bytes = view_of(bytes.data + done, bytes.size - done);
    }
    return fsync(descriptor) == 0 ? 0 : errno;
}

enum error newfile_write(struct cli *cli, const char *path, struct view bytes)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int why = 0;

    if (descriptor < 0) {
        return refused(cli, path, errno);
    }
    why = write_bytes(descriptor, bytes);
    if (close(descriptor) != 0 && why == 0) {
        why = errno;
    }
    if (why != 0) {
        (void)unlink(path);
        return refused(cli, path, why);
    }
    return OK;
}

enum error newfile_directory(struct cli *cli, const char *path, bool *made)
{
    struct stat info;

    *made = mkdir(path, 0700) == 0;
    if (*made) {
        return OK;
    }
    if (errno != EEXIST) {
        return refused(cli, path, errno);
    }
    if (lstat(path, &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != geteuid()) {
        return problem_add(&cli->problems, ERR_FILE_UNSAFE, "", "%s is no directory of yours",
                           path);
    }
    if ((info.st_mode & 077) != 0) {
        enum error err =
            problem_add(&cli->problems, ERR_FILE_UNSAFE, "", "%s is open to others", path);
        problem_mend(&cli->problems, "chmod 0700 %s; or name a directory that is not there yet",
                     path);
        return err;
    }
    return OK;
}

enum error newfile_sync_directory(const char *path)
{
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum error err = descriptor >= 0 && fsync(descriptor) == 0 ? OK : ERR_FILE;

    if (descriptor >= 0) {
        (void)close(descriptor);
    }
    return err;
}
