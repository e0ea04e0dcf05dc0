/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the benchmarks share. A job measures ours and the limit several times in
 * one run and prints one line for each time: "job what value unit". The driver
 * (run.py) makes medians of them and measures the peers. Nothing is asserted
 * about times; a job that cannot do its work ends the program.
 */

#include "sample.h"

#include <stddef.h>
#include <stdint.h>

enum { BENCH_PATH_BYTES = 512 };

/** What a run was asked for. */
struct bench_options {
    const char *directory; /* on a real disk; made and removed by the caller */
    const char *fast;      /* the same in memory: for what is not measured */
    size_t records;
    size_t readers;
    size_t runs;
    const char *homes[2];   /* of real nodes, with node.key and unlock.key */
    const char *sockets[2]; /* control sockets of real nodes */
};

/** One job of this program. */
struct bench_job {
    const char *name;
    void (*run)(const struct bench_options *options);
    const char *help;
};

void job_apply(const struct bench_options *options);
void job_instructions(const struct bench_options *options);
void job_publish(const struct bench_options *options);
void job_documents(const struct bench_options *options);
void job_prepare(const struct bench_options *options);
void job_prepare_full(const struct bench_options *options);
void job_push(const struct bench_options *options);
void job_push_limit(const struct bench_options *options);
void job_idle_limit(const struct bench_options *options);
void job_get(const struct bench_options *options);
void job_field(const struct bench_options *options);

/** A span of time: as the wall clock goes, and what the processor worked for us. */
struct bench_span {
    int64_t wall_ns;
    int64_t cpu_ns;
};

/** Now, by both clocks. */
struct bench_span bench_now(void);

/** Since then. */
struct bench_span bench_since(struct bench_span then);

/** A steady clock in nanoseconds. */
int64_t bench_now_ns(void);

/** Print one measured value. */
void bench_print(const char *what, double value, const char *unit);

/** Progress and remarks, for people: to stderr. */
void bench_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Join a directory and a name. */
void bench_path(char path[static BENCH_PATH_BYTES], const char *directory, const char *name);

/** Make a private directory below another; it must not exist yet. */
void bench_make_directory(const char *path);

/** Remove a directory with the plain files in it. */
void bench_remove_directory(const char *path);
