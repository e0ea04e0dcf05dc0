/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const struct bench_job jobs[] = {
    {"apply", job_apply, "verified apply of --records records by one engine"},
    {"instructions", job_instructions, "the same once, for valgrind"},
    {"publish", job_publish, "publishing --records records to --readers States until durable"},
    {"documents", job_documents, "prints --records records: reference, tab, JSON"},
    {"prepare", job_prepare, "fills the store of the first --home with --records records"},
    {"prepare-full", job_prepare_full, "the same, and the second has taken them over"},
    {"push", job_push, "from publishing at the first --socket to visible at the second"},
    {"push-limit", job_push_limit, "two commits and a round trip"},
    {"get", job_get, "record.show over a --socket, of --records records"},
    {"by-field", job_field, "record.search over a --socket, of --records records"},
    {"idle-limit", job_idle_limit, "--readers bare connections for --records seconds"},
};

/* --- shared helpers ------------------------------------------------------------------------ */

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t bench_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

struct bench_span bench_now(void)
{
    return (struct bench_span){read_clock(CLOCK_MONOTONIC), read_clock(CLOCK_PROCESS_CPUTIME_ID)};
}

struct bench_span bench_since(struct bench_span then)
{
    struct bench_span now = bench_now();

    return (struct bench_span){now.wall_ns - then.wall_ns, now.cpu_ns - then.cpu_ns};
}

void bench_print(const char *what, double value, const char *unit)
{
    (void)printf("%s %.9g %s\n", what, value, unit);
    (void)fflush(stdout);
}

void bench_say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)fputs("# ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
}

void bench_path(char path[static BENCH_PATH_BYTES], const char *directory, const char *name)
{
    int size = snprintf(path, BENCH_PATH_BYTES, "%s/%s", directory, name);

    MUST(size > 0 && size < BENCH_PATH_BYTES);
}

void bench_make_directory(const char *path)
{
    MUST(mkdir(path, 0700) == 0);
}

void bench_remove_directory(const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry = NULL;

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

/* --- the command line ---------------------------------------------------------------------- */

static int usage(void)
{
    (void)fprintf(stderr, "bench JOB [--directory DIR] [--fast DIR] [--records N] [--readers N]\n"
                          "          [--runs N] [--home DIR]... [--socket PATH]...\n");
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        (void)fprintf(stderr, "  %-14s %s\n", jobs[i].name, jobs[i].help);
    }
    return 2;
}

static size_t number(const char *text)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);

    MUST(errno == 0 && end != text && *end == '\0' && value <= 100000000);
    return (size_t)value;
}

/* Put a word into the first free place of two. */
static void add_word(const char *words[static 2], const char *word)
{
    MUST(words[1] == NULL);
    words[words[0] == NULL ? 0 : 1] = word;
}

static bool read_options(int count, char **arguments, struct bench_options *options)
{
    static const struct option known[] = {
        {"directory", required_argument, NULL, 'd'}, {"fast", required_argument, NULL, 'f'},
        {"records", required_argument, NULL, 'n'},   {"readers", required_argument, NULL, 'r'},
        {"runs", required_argument, NULL, 't'},      {"home", required_argument, NULL, 'h'},
        {"socket", required_argument, NULL, 's'},    {NULL, 0, NULL, 0},
    };
    int letter = 0;

    while ((letter = getopt_long(count, arguments, "", known, NULL)) != -1) {
        switch (letter) {
        case 'd':
            options->directory = optarg;
            break;
        case 'f':
            options->fast = optarg;
            break;
        case 'n':
            options->records = number(optarg);
            break;
        case 'r':
            options->readers = number(optarg);
            break;
        case 't':
            options->runs = number(optarg);
            break;
        case 'h':
            add_word(options->homes, optarg);
            break;
        case 's':
            add_word(options->sockets, optarg);
            break;
        default:
            return false;
        }
    }
    return optind + 1 == count;
}

int main(int count, char **arguments)
{
    struct bench_options options = {
        .directory = "/tmp", .fast = "/dev/shm", .records = 1000, .readers = 1, .runs = 5};

    if (!read_options(count, arguments, &options)) {
        return usage();
    }
    MUST(secret_start() == OK);
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        if (strcmp(arguments[optind], jobs[i].name) == 0) {
            jobs[i].run(&options);
            return 0;
        }
    }
    return usage();
}
