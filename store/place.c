/* SPDX-License-Identifier: Apache-2.0 */
#include "database.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

/* File systems whose locks, memory maps or syncs do not hold what LMDB needs. */
static const long refused_types[] = {
    NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, 0xFF534D42 /* CIFS */, 0xFE534D42 /* SMB2 */,
    V9FS_MAGIC,      AFS_SUPER_MAGIC, 0x00c36400 /* Ceph */, 0x65735546 /* FUSE */,
    CODA_SUPER_MAGIC};

static bool is_private(const struct stat *info)
{
    return info->st_uid == geteuid() && (info->st_mode & 077) == 0;
}

enum error place_check(const char *path, bool allow_tmpfs)
{
    struct stat info;
    struct statfs system;

    if (lstat(path, &info) != 0 || statfs(path, &system) != 0) {
        return ERR_FILE;
    }
    if (!S_ISDIR(info.st_mode) || !is_private(&info)) {
        return ERR_FILE_UNSAFE;
    }
    for (size_t i = 0; i < sizeof refused_types / sizeof refused_types[0]; i++) {
        if ((long)system.f_type == refused_types[i]) {
            return ERR_STORE_PLACE;
        }
    }
    bool in_memory = system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC;
    return in_memory && !allow_tmpfs ? ERR_STORE_PLACE : OK;
}

enum error place_file(const char *path, const char *name, int *fd)
{
    char full[PATH_BYTES];
    struct stat info;
    int opened = -1;

    if (snprintf(full, sizeof full, "%s/%s", path, name) >= (int)sizeof full) {
        return ERR_FILE;
    }
    opened = open(full, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (opened < 0) {
        return errno == ELOOP ? ERR_FILE_UNSAFE : errno == ENOSPC ? ERR_DISK_FULL : ERR_FILE;
    }
    if (fstat(opened, &info) != 0 || !S_ISREG(info.st_mode) || !is_private(&info)) {
        (void)close(opened);
        return ERR_FILE_UNSAFE;
    }
    *fd = opened;
    return OK;
}

enum error place_lock(const char *path, int *lock_fd)
{
    int fd = -1;
    enum error err = place_file(path, "lock", &fd);

    if (err != OK) {
        return err;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        (void)close(fd);
        return ERR_STORE_LOCKED;
    }
    *lock_fd = fd;
    return OK;
}

bool place_was_closed(int lock_fd)
{
    char mark = 'C';

    /* An empty file is a new store. */
    return pread(lock_fd, &mark, 1, 0) <= 0 || mark == 'C';
}

void place_mark(int lock_fd, bool closed)
{
    char mark = closed ? 'C' : 'O';

    if (pwrite(lock_fd, &mark, 1, 0) == 1) {
        (void)fdatasync(lock_fd);
    }
}

enum error place_sync(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum error err = fd < 0 ? ERR_FILE : fsync(fd) == 0 ? OK : ERR_STORE_IO;

    if (fd >= 0) {
        (void)close(fd);
    }
    return err;
}
