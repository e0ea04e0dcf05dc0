/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Looks into the store of a node that does not run, and spoils it:
 *
 *   store_tool secrets HOME            the node's secret keys, in hexadecimal
 *   store_tool check HOME              what the full check finds
 *   store_tool values HOME             every row: table, key and opened value in hexadecimal
 *   store_tool places HOME TABLE       key, offset in data.mdb and size of each value
 *   store_tool flips HOME FILE SEED COUNT SPAN
 *                                      COUNT random bits of a file, one at a time; SPAN is
 *                                      anywhere, headers (first 64 bytes of each page) or metas
 *   store_tool readers HOME            hold every reader's place until killed
 *   store_tool graft HOME TABLE FROM   put all rows of a table of another node's store in
 *   store_tool drop HOME TABLE KEY     delete one row (KEY in hexadecimal)
 *   store_tool swap HOME TABLE KEY KEY exchange the values of two rows
 *   store_tool move HOME TABLE KEY KEY the row under another key
 *   store_tool cut HOME TABLE COUNT    delete the newest rows
 *
 * HOME is a directory as mkstate makes it, the store in HOME/store.
 */

#include "store_tool.h"

#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    TEXT_MAX_BYTES = KEYFILE_MAX_BYTES * 2,
    ARENA_BYTES = 8 * 1024 * 1024,
    PAGE_BYTES = 4096,
    HEADER_BYTES = 64,
    META_BYTES = 152, /* of a page that LMDB uses */
    READERS_MAX = 512,
    ROWS_STEP = 4096,
    ALARM_SECONDS = 20
};

static const uint64_t max_bytes = STORE_TOOL_MAX_BYTES;

static enum error read_file(const char *path, struct buffer *to)
{
    uint8_t piece[4096];
    ssize_t got = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return ERR_FILE;
    }
    while ((got = read(fd, piece, sizeof piece)) > 0) {
        buffer_append(to, view_of(piece, (size_t)got));
    }
    (void)close(fd);
    return got < 0 ? ERR_FILE : to->error;
}

static enum error home_open(const char *directory, struct home *home)
{
    char path[PATH_BYTES];
    struct buffer text = buffer_init(TEXT_MAX_BYTES);
    struct buffer key = buffer_init(KEY_BYTES);
    struct keyfile_opener opener = {.kind = KEYFILE_KEY};
    enum error err = OK;

    (void)snprintf(home->store, sizeof home->store, "%s/store", directory);
    (void)snprintf(path, sizeof path, "%s/unlock.key", directory);
    TRY(read_file(path, &key));
    opener.secret = secret_take(key.data, key.size);
    TRY(opener.secret == NULL ? ERR_NO_MEMORY : OK);
    (void)snprintf(path, sizeof path, "%s/node.key", directory);
    TRY(read_file(path, &text));
    TRY(node_keys_open(view_of_buffer(&text), &opener, &home->keys));
out:
    secret_free(&opener.secret);
    buffer_free(&key);
    buffer_free(&text);
    return err;
}

static enum error open_to_read(const struct home *home, bool accept_older, struct store **store)
{
    const struct store_options options = {.path = home->store,
                                          .master = home->keys.master,
                                          .node = home->keys.identity.node,
                                          .max_bytes = max_bytes,
                                          .allow_tmpfs = true,
                                          .accept_older = accept_older,
                                          .read_only = true};

    return store_open(&options, store);
}

/* --- secrets ------------------------------------------------------------------------------- */

static void print_secret(const char *name, struct secret *secret)
{
    char text[2 * SIGN_SECRET_BYTES + 1];
    size_t size = secret_size(secret) < SIGN_SECRET_BYTES ? secret_size(secret) : SIGN_SECRET_BYTES;

    (void)sodium_bin2hex(text, sizeof text, secret_open(secret), size);
    secret_close(secret);
    (void)printf("%s %s\n", name, text);
}

static enum error do_secrets(struct home *home, char **arguments)
{
    (void)arguments;
    print_secret("sign", home->keys.sign_key);
    print_secret("seal", home->keys.seal_key);
    print_secret("curve", home->keys.curve_key);
    print_secret("master", home->keys.master);
    return OK;
}

/* --- what the store holds ------------------------------------------------------------------ */

/** All rows of one table, each as a hash of key and value, in order of the hashes. */
struct table_rows {
    size_t count;
    uint64_t *hashes;
};

/** Everything that a store says. */
struct contents {
    struct table_rows tables[TABLE_COUNT];
};

/** Called with each row; a value that does not open is NULL and of size 0. */
typedef enum error (*row_visit)(void *context, enum table table, const struct key *key,
                                struct view value);

static enum error visit_table(struct store_txn *txn, enum table table, struct arena *arena,
                              row_visit visit, void *context)
{
    struct key key = {{0}, 1};
    enum error err = OK;

    for (;;) {
        struct view value = {0};

        err = database_seek(txn, table, SEEK_AT_OR_AFTER, &key);
        if (err == ERR_NOT_FOUND) {
            return OK;
        }
        TRY(err);
        arena_clear(arena);
        if (table != TABLE_INDEX) {
            err = database_get(txn, table, &key, arena, &value);
        }
        TRY(visit(context, table, &key, err == OK ? value : view_of(NULL, 0)));
        if (key.size == KEY_MAX_BYTES) {
            return ERR_STORE_CORRUPT;
        }
        key.bytes[key.size++] = 0;
    }
out:
    return err;
}

static enum error visit_all(struct store *store, row_visit visit, void *context)
{
    struct arena *arena = arena_new(ARENA_BYTES);
    struct store_txn *txn = NULL;
    enum error err = OK;

    TRY(arena == NULL ? ERR_NO_MEMORY : OK);
    TRY(store_begin(store, STORE_READ, &txn));
    for (int table = 0; table < TABLE_COUNT; table++) {
        TRY(visit_table(txn, (enum table)table, arena, visit, context));
    }
out:
    store_abort(&txn);
    arena_free(&arena);
    return err;
}

static enum error add_row(void *context, enum table table, const struct key *key, struct view value)
{
    struct table_rows *rows = &((struct contents *)context)->tables[table];
    crypto_generichash_state state;
    uint8_t hash[crypto_generichash_BYTES_MIN];
    uint64_t *more = NULL;

    if (rows->count % ROWS_STEP == 0) {
        more = realloc(rows->hashes, (rows->count + ROWS_STEP) * sizeof *more);
        if (more == NULL) {
            return ERR_NO_MEMORY;
        }
        rows->hashes = more;
    }
    (void)crypto_generichash_init(&state, NULL, 0, sizeof hash);
    (void)crypto_generichash_update(&state, key->bytes, key->size);
    (void)crypto_generichash_update(&state, value.data, value.size);
    (void)crypto_generichash_final(&state, hash, sizeof hash);
    rows->hashes[rows->count++] = get_u64(hash);
    return OK;
}

static int compare_hashes(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a;
    uint64_t second = *(const uint64_t *)b;

    return (first > second) - (first < second);
}

/* A row that a spoilt page shows twice is still the true row: it counts once. */
static void settle_rows(struct table_rows *rows)
{
    size_t kept = 0;

    if (rows->count == 0) {
        return;
    }
    qsort(rows->hashes, rows->count, sizeof *rows->hashes, compare_hashes);
    for (size_t i = 0; i < rows->count; i++) {
        if (i == 0 || rows->hashes[i] != rows->hashes[kept - 1]) {
            rows->hashes[kept++] = rows->hashes[i];
        }
    }
    rows->count = kept;
}

static enum error read_contents(struct store *store, struct contents *contents)
{
    enum error err = OK;

    memset(contents, 0, sizeof *contents);
    TRY(visit_all(store, add_row, contents));
    for (int table = 0; table < TABLE_COUNT; table++) {
        settle_rows(&contents->tables[table]);
    }
out:
    return err;
}

static bool same_rows(const struct table_rows *a, const struct table_rows *b)
{
    return a->count == b->count &&
           (a->count == 0 || memcmp(a->hashes, b->hashes, a->count * sizeof *a->hashes) == 0);
}

void print_hex(struct view bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        (void)printf("%02x", bytes.data[i]);
    }
}

static enum error print_row(void *context, enum table table, const struct key *key,
                            struct view value)
{
    (void)context;
    (void)printf("%s ", table_name(table));
    print_hex(view_of(key->bytes, key->size));
    (void)printf(" ");
    print_hex(value);
    (void)printf("\n");
    return OK;
}

static enum error do_values(struct home *home, char **arguments)
{
    struct store *store = NULL;
    enum error err = OK;

    (void)arguments;
    TRY(open_to_read(home, true, &store));
    TRY(visit_all(store, print_row, NULL));
out:
    store_close(&store);
    return err;
}

static enum error do_check(struct home *home, char **arguments)
{
    struct store_report *report = calloc(1, sizeof *report);
    struct store *store = NULL;
    enum error err = OK;

    (void)arguments;
    TRY(report == NULL ? ERR_NO_MEMORY : OK);
    TRY(open_to_read(home, false, &store));
    TRY(store_check(store, report));
    (void)printf("records %llu findings %zu\n", (unsigned long long)report->records,
                 report->finding_count);
    for (size_t i = 0; i < report->finding_count && i < 16; i++) {
        (void)printf("%s\n", report->findings[i]);
    }
out:
    store_close(&store);
    free(report);
    return err;
}

/* --- flips --------------------------------------------------------------------------------- */

/** What became of one flipped bit. */
enum verdict {
    UNCHANGED, /* unused space: the store says what it said before */
    REFUSED,   /* it does not open */
    REPORTED,  /* the check finds it */
    CRASHED,   /* the process that checks dies */
    HUNG,      /* it finds no end */
    SILENT,    /* the store says something else, and nobody notices */
    VERDICT_COUNT
};

static const char *const verdict_names[] = {"unchanged", "refused", "reported",
                                            "crashed",   "hung",    "silent"};

/* In a child: open, check and read everything, as the node and its checker do. */
static enum verdict look(const struct home *home, const struct contents *before, int *changed)
{
    struct store_report *report = calloc(1, sizeof *report);
    struct store *store = NULL;
    struct contents after;
    enum verdict verdict = UNCHANGED;

    if (report == NULL || open_to_read(home, false, &store) != OK) {
        free(report);
        return REFUSED;
    }
    if (store_check(store, report) != OK || report->finding_count > 0 ||
        read_contents(store, &after) != OK) {
        verdict = REPORTED;
    }
    for (int table = 0; table < TABLE_COUNT && verdict != REPORTED; table++) {
        if (!same_rows(&before->tables[table], &after.tables[table])) {
            *changed = table;
            verdict = SILENT;
        }
    }
    store_close(&store);
    free(report);
    return verdict;
}

static enum verdict look_in_child(const struct home *home, const struct contents *before,
                                  int *changed)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        (void)dup2(null, STDERR_FILENO);
        (void)alarm(ALARM_SECONDS);
        *changed = 0;
        enum verdict verdict = look(home, before, changed);
        _exit((int)verdict * TABLE_COUNT + *changed);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? HUNG : CRASHED;
    }
    *changed = WEXITSTATUS(status) % TABLE_COUNT;
    /* A sanitizer ends a process with a code of its own. */
    unsigned verdict = (unsigned)WEXITSTATUS(status) / TABLE_COUNT;
    return verdict < VERDICT_COUNT ? (enum verdict)verdict : CRASHED;
}

/* The next place, from a stream that the seed decides. */
static uint64_t next_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15ULL;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

static off_t choose(const char *span, off_t size, uint64_t *state)
{
    uint64_t pages = (uint64_t)size / PAGE_BYTES;

    if (strcmp(span, "metas") == 0) {
        return (off_t)(next_random(state) % 2 * PAGE_BYTES + next_random(state) % META_BYTES);
    }
    if (strcmp(span, "headers") == 0) {
        return (off_t)(next_random(state) % pages * PAGE_BYTES + next_random(state) % HEADER_BYTES);
    }
    return (off_t)(next_random(state) % (uint64_t)size);
}

static enum error flip(int fd, off_t place, unsigned bit)
{
    uint8_t byte = 0;

    if (pread(fd, &byte, 1, place) != 1) {
        return ERR_FILE;
    }
    byte ^= (uint8_t)(1U << bit);
    return pwrite(fd, &byte, 1, place) == 1 ? OK : ERR_FILE;
}

static enum error do_flips(struct home *home, char **arguments)
{
    char path[PATH_BYTES + 64];
    uint64_t state = strtoull(arguments[1], NULL, 10);
    long count = strtol(arguments[2], NULL, 10);
    long totals[VERDICT_COUNT] = {0};
    struct contents before;
    struct store *store = NULL;
    struct stat info;
    int fd = -1;
    enum error err = OK;

    (void)snprintf(path, sizeof path, "%s/%s", home->store, arguments[0]);
    TRY(open_to_read(home, false, &store));
    TRY(read_contents(store, &before));
    store_close(&store);
    fd = open(path, O_RDWR | O_CLOEXEC);
    TRY(fd >= 0 && fstat(fd, &info) == 0 ? OK : ERR_FILE);
    for (long i = 0; i < count; i++) {
        off_t place = choose(arguments[3], info.st_size, &state);
        unsigned bit = (unsigned)(next_random(&state) % 8);
        int table = 0;

        TRY(flip(fd, place, bit));
        enum verdict verdict = look_in_child(home, &before, &table);
        totals[verdict]++;
        if (verdict == SILENT || verdict == HUNG) {
            (void)printf("at %lld bit %u: table %s\n", (long long)place, bit,
                         verdict == HUNG ? "without end" : table_name((enum table)table));
        }
        TRY(flip(fd, place, bit));
    }
    for (int i = 0; i < VERDICT_COUNT; i++) {
        (void)printf("%s %ld\n", verdict_names[i], totals[i]);
    }
out:
    store_close(&store);
    if (fd >= 0) {
        (void)close(fd);
    }
    return err;
}

/* --- readers ------------------------------------------------------------------------------- */

static enum error do_readers(struct home *home, char **arguments)
{
    struct store *store = NULL;
    struct store_txn *held[READERS_MAX];
    size_t count = 0;
    enum error err = OK;

    (void)arguments;
    TRY(open_to_read(home, true, &store));
    while (count < READERS_MAX) {
        err = store_begin(store, STORE_READ, &held[count]);
        if (err == ERR_STORE_READERS) {
            break;
        }
        TRY(err);
        count++;
    }
    (void)printf("held %zu\n", count);
    (void)fflush(stdout);
    for (;;) {
        (void)pause(); /* until killed */
    }
out:
    return err;
}

/* ------------------------------------------------------------------------------------------- */

/** One word of the command line. */
struct deed {
    const char *name;
    int arguments;
    enum error (*run)(struct home *home, char **arguments);
};

static const struct deed deeds[] = {
    {"secrets", 0, do_secrets}, {"values", 0, do_values},   {"check", 0, do_check},
    {"flips", 4, do_flips},     {"readers", 0, do_readers}, {"places", 1, do_places},
    {"graft", 2, do_graft},     {"drop", 2, do_drop},       {"swap", 3, do_swap},
    {"move", 3, do_move},       {"cut", 2, do_cut},
};

int main(int count, char **arguments)
{
    struct home home = {0};
    enum error err = ERR_USAGE;

    for (size_t i = 0; count >= 3 && i < sizeof deeds / sizeof deeds[0]; i++) {
        if (strcmp(arguments[1], deeds[i].name) == 0 && count == 3 + deeds[i].arguments) {
            TRY(secret_start());
            TRY(home_open(arguments[2], &home));
            TRY(deeds[i].run(&home, arguments + 3));
        }
    }
out:
    node_keys_free(&home.keys);
    if (err != OK) {
        (void)fprintf(stderr, "store_tool: %s (%s)\n", error_info(err)->text,
                      error_info(err)->code);
    }
    return err == OK ? 0 : 1;
}
