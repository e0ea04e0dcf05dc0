/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Loaded before the C library (LD_PRELOAD) by tests: another time, failing
 * writes and another file system, as a file that the test maps too says
 * (tests/lib/faults.py). Without VALISE_FAULTS nothing is changed.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

/** What the test wishes; the same order as in tests/lib/faults.py. */
struct faults {
    volatile int64_t wall_ms;     /* added to the wall clock */
    volatile int64_t steady_ms;   /* added to the steady clock */
    volatile int64_t rate;        /* both clocks run so many times as fast since `from_ms` */
    volatile int64_t from_ms;     /* steady, of this machine */
    volatile int64_t sync_left;   /* fdatasync fails when this comes to 0; -1: never */
    volatile int64_t write_left;  /* pwrite and pwritev of whole pages likewise */
    volatile int64_t error;       /* errno of a failure */
    volatile int64_t lasts;       /* 1: once failed, all later calls fail too */
    volatile int64_t file_system; /* magic number that statfs gives; 0: the true one */
    volatile int64_t failed;      /* calls that failed */
};

static struct faults *faults;

/* LMDB's pages. The anchor and the mark in the lock file are smaller, and a write of theirs that
 * fails is no error (store/anchor.c). */
enum { PAGE_BYTES = 4096 };

/* Casting an object pointer to a function pointer is POSIX, not C. */
#define REAL(name, pointer) (*(void **)&(pointer) = dlsym(RTLD_NEXT, name))

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("VALISE_FAULTS");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);

    if (fd >= 0) {
        void *place = mmap(NULL, sizeof *faults, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        faults = place == MAP_FAILED ? NULL : place;
        (void)close(fd);
    }
}

static int64_t to_ms(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000 + time->tv_nsec / 1000000;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    static int (*real)(clockid_t, struct timespec *);
    struct timespec steady;
    int64_t add = 0;

    if (real == NULL) {
        REAL("clock_gettime", real);
    }
    int result = real(clock, time);
    if (result != 0 || faults == NULL || (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)) {
        return result;
    }
    if (faults->rate > 1 && real(CLOCK_MONOTONIC, &steady) == 0) {
        add = (to_ms(&steady) - faults->from_ms) * (faults->rate - 1);
    }
    add += clock == CLOCK_REALTIME ? faults->wall_ms : faults->steady_ms;
    int64_t ns = time->tv_nsec + add % 1000 * 1000000;
    time->tv_sec += add / 1000 + (ns < 0 ? -1 : ns / 1000000000);
    time->tv_nsec = ns < 0 ? ns + 1000000000 : ns % 1000000000;
    return 0;
}

/* Whether a call fails now. */
static int fails(volatile int64_t *left)
{
    if (faults == NULL || *left < 0) {
        return 0;
    }
    if (*left > 0 && --*left > 0) {
        return 0;
    }
    *left = faults->lasts != 0 ? 0 : -1;
    faults->failed++;
    errno = (int)faults->error;
    return 1;
}

int fdatasync(int fd)
{
    static int (*real)(int);

    if (real == NULL) {
        REAL("fdatasync", real);
    }
    return faults != NULL && fails(&faults->sync_left) ? -1 : real(fd);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t place)
{
    static ssize_t (*real)(int, const void *, size_t, off_t);

    if (real == NULL) {
        REAL("pwrite", real);
    }
    return faults != NULL && size >= PAGE_BYTES && fails(&faults->write_left)
               ? -1
               : real(fd, bytes, size, place);
}

ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t place)
{
    static ssize_t (*real)(int, const struct iovec *, int, off_t);

    if (real == NULL) {
        REAL("pwritev", real);
    }
    return faults != NULL && fails(&faults->write_left) ? -1 : real(fd, pieces, count, place);
}

int statfs(const char *path, struct statfs *system)
{
    static int (*real)(const char *, struct statfs *);

    if (real == NULL) {
        REAL("statfs", real);
    }
    int result = real(path, system);
    if (result == 0 && faults != NULL && faults->file_system != 0) {
        system->f_type = faults->file_system;
    }
    return result;
}
