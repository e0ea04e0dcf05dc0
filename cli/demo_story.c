/* SPDX-License-Identifier: Apache-2.0 */
#include "demo.h"

#include "intake.h"
#include "newfile.h"
#include "record_json.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What the demonstration shows, step by step, each with the real command and its real output. */

enum {
    SERIES = 12,    /* denials published while a node is killed */
    KILL_AFTER = 4, /* of these */
    FILE_NAME = 21, /* "DN-XMA-2026-0014.json" */
    PATIENCE_MS = 30000,
    AGAIN_AFTER_MS = 100,
    LOG_MAX_BYTES = 1024 * 1024
};

/** Places in demo->nodes. */
enum place { MARENTIA, NORRHAVEN, OLDENREACH, STRANGER };

/* The words of a command. */
#define WORDS(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static void heading(const struct demo *demo, const char *text)
{
    const struct cli *cli = demo->cli;

    say(cli, "\n%s%s%s\n", style(cli, STYLE_BOLD), text, style(cli, STYLE_PLAIN));
    (void)fflush(stdout);
}

static void line(const struct demo *demo, const char *text)
{
    say(demo->cli, "%s✓%s %s\n", style(demo->cli, STYLE_GOOD), style(demo->cli, STYLE_PLAIN), text);
    (void)fflush(stdout);
}

/* Run and show a command. */
static enum error show(struct demo *demo, enum place place, int wanted, const char *input,
                       const char *const *words)
{
    const struct demo_call call = {&demo->nodes[place], input, wanted, NULL, words};

    return demo_run(demo, &call);
}

/* Run a command and keep its output to ourselves; the text lives in the arena. */
static enum error quiet(struct demo *demo, enum place place, const char *const *words,
                        const char **text)
{
    struct buffer output = buffer_init(DEMO_OUTPUT_MAX_BYTES);
    const struct demo_call call = {&demo->nodes[place], NULL, 0, &output, words};
    enum error err = demo_run(demo, &call);

    if (err == OK && text != NULL) {
        *text = arena_text(demo->cli->arena, view_of_buffer(&output));
        err = *text == NULL ? ERR_NO_MEMORY : OK;
    }
    buffer_free(&output);
    return err;
}

static const char *file_in(const struct demo *demo, const char *folder, const char *name)
{
    const char *path = arena_printf(demo->cli->arena, "%s/%s", folder, name);

    return path == NULL ? "" : path;
}

static const char *file_of(const struct demo *demo, enum place place, const char *ending)
{
    const char *name = arena_printf(demo->cli->arena, "%s.%s", demo->nodes[place].state, ending);

    return name == NULL ? "" : file_in(demo, demo->home, name);
}

static const char *record_file(const struct demo *demo, const char *name)
{
    return file_in(demo, file_in(demo, demo->data, "records"), name);
}

/* --- nodes --------------------------------------------------------------------------------- */

static enum error make_node(struct demo *demo, enum place place, bool shown)
{
    struct demo_node *node = &demo->nodes[place];
    const char *address = arena_printf(demo->cli->arena, "tcp://127.0.0.1:%u", node->port);
    const char *const *words =
        WORDS("init", "--home", node->home, "--state", node->state, "--name", node->office,
              "--listen", address, "--address", address, "--key-file", "--trial", "-q");
    enum error err = OK;

    TRY(address == NULL ? ERR_NO_MEMORY : OK);
    TRY(shown ? show(demo, place, 0, NULL, words) : quiet(demo, place, words, NULL));
    TRY(demo_start(demo, node));
out:
    return err;
}

static enum error make_nodes(struct demo *demo)
{
    enum error err = OK;

    heading(demo, "1  Each State makes its own keys and starts its own node");
    for (enum place place = MARENTIA; place < STRANGER; place++) {
        TRY(make_node(demo, place, place == MARENTIA));
    }
    line(demo, "Norrhaven and Oldenreach did the same; three nodes run");
out:
    return err;
}

/* --- cards, safety numbers, group ---------------------------------------------------------- */

/* Card and safety number of a State as files: what it hands over, and what it reads aloud. */
static enum error hand_over(struct demo *demo, enum place place)
{
    struct cli *cli = demo->cli;
    const char *text = NULL;
    struct value *card = NULL;
    enum error err = OK;

    TRY(quiet(demo, place, WORDS("peer", "card", "-o", file_of(demo, place, "card")), NULL));
    TRY(quiet(demo, place, WORDS("peer", "card", "--json"), &text));
    TRY(json_parse(view_of_text(text), DEMO_OUTPUT_MAX_BYTES, cli->arena, NULL, &card));
    TRY(newfile_write(cli, file_of(demo, place, "number"), value_get_text(card, "safety_number")));
out:
    return err;
}

static enum error befriend(struct demo *demo, enum place us, enum place them, bool shown)
{
    const char *card = file_of(demo, them, "card");
    const char *number = file_of(demo, them, "number");
    const char *const *add = WORDS("peer", "add", card, "-q");
    const char *const *verify =
        WORDS("peer", "verify", demo->nodes[them].state, "--number-file", number, "--who",
              "desk officers of both", "--how", "video", "-q");
    enum error err = OK;

    TRY(shown ? show(demo, us, 0, NULL, add) : quiet(demo, us, add, NULL));
    TRY(shown ? show(demo, us, 0, NULL, verify) : quiet(demo, us, verify, NULL));
out:
    return err;
}

static enum error meet(struct demo *demo)
{
    enum error err = OK;

    heading(demo, "2  They hand over cards and read their safety numbers to each other");
    for (enum place place = MARENTIA; place < STRANGER; place++) {
        TRY(hand_over(demo, place));
    }
    for (enum place us = MARENTIA; us < STRANGER; us++) {
        for (enum place them = MARENTIA; them < STRANGER; them++) {
            bool first = us == MARENTIA && them == NORRHAVEN;
            TRY(us == them ? OK : befriend(demo, us, them, first));
        }
    }
    line(demo, "the same between all three, both ways");
    TRY(show(demo, MARENTIA, 0, NULL, WORDS("peer", "ping", "XNH")));
    heading(demo, "3  All three define the same group");
    for (enum place place = MARENTIA; place < STRANGER; place++) {
        TRY(show(demo, place, 0, NULL,
                 WORDS("group", "define", "NORTH", "XMA", "XNH", "XOR", "-q")));
    }
out:
    return err;
}

/* --- publishing ---------------------------------------------------------------------------- */

static const char *kind_of(const char *name)
{
    return strncmp(name, "DN", 2) == 0 ? "denial" : strncmp(name, "BA", 2) == 0 ? "broker" : "case";
}

static enum error publish(struct demo *demo, enum place place, const char *name, bool shown)
{
    const char *path = record_file(demo, name);
    const char *kind = kind_of(name);

    return shown ? show(demo, place, 0, NULL,
                        WORDS(kind, "publish", "--from", path, "--yes", "--wait"))
                 : show(demo, place, 0, NULL,
                        WORDS(kind, "publish", "--from", path, "--yes", "--wait", "-q"));
}

static int is_record(const struct dirent *entry)
{
    return strlen(entry->d_name) == FILE_NAME &&
           strcmp(entry->d_name + FILE_NAME - 5, ".json") == 0;
}

/* The State that a file's name says wrote it; STRANGER if it is none of ours. */
static enum place author_of(const struct demo *demo, const char *name)
{
    enum place place = MARENTIA;

    while (place < STRANGER && strncmp(name + 3, demo->nodes[place].state, 3) != 0) {
        place++;
    }
    return place;
}

static enum error publish_all(struct demo *demo)
{
    static const char first[] = "DN-XMA-2026-0014.json";
    struct dirent **entries = NULL;
    int count = scandir(file_in(demo, demo->data, "records"), &entries, is_record, alphasort);
    enum error err = OK;

    heading(demo, "4  Marentia refused a licence and tells the others; Oldenreach gets it without "
                  "the restricted section");
    TRY(publish(demo, MARENTIA, first, true));
    heading(demo, "5  All three publish what they have; each waits until the others hold it");
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        enum place author = author_of(demo, name);
        TRY(strcmp(name, first) == 0 || author == STRANGER ? OK
                                                           : publish(demo, author, name, false));
    }
    heading(demo, "6  Oldenreach named the wrong Karim, and corrects itself");
    TRY(publish(demo, OLDENREACH, "BA-XOR-2026-0004-2.json", false));
    TRY(show(demo, MARENTIA, 0, NULL, WORDS("broker", "list", "-o", "table")));
out:
    for (int i = 0; i < count; i++) {
        free(entries[i]);
    }
    free(entries);
    return err;
}

/* --- reading ------------------------------------------------------------------------------- */

static enum error read_sections(struct demo *demo)
{
    static const char reference[] = "DN-XMA-2026-0014";
    const char *const *words = WORDS("show", reference, "--sections", "parties,restricted");
    enum error err = OK;

    heading(demo, "7  The same denial, as Norrhaven reads it and as Oldenreach reads it");
    TRY(show(demo, NORRHAVEN, 0, NULL, words));
    say(demo->cli, "\n");
    TRY(show(demo, OLDENREACH, 0, NULL, words));
    say(demo->cli, "\n");
    TRY(show(demo, MARENTIA, 0, NULL, WORDS("policy", "why", reference, "XOR")));
out:
    return err;
}

static enum error search(struct demo *demo)
{
    enum error err = OK;

    heading(demo,
            "8  Anybody looks for a company; the words are piped in, never typed as arguments");
    TRY(show(demo, OLDENREACH, 0, "Stellamar Aegis", WORDS("search", "-", "-o", "table")));
    heading(demo, "9  A broker, by the alias in another script that the alert holds");
    TRY(show(demo, NORRHAVEN, 0, "كريم دسلوي",
             WORDS("search", "-", "--kind", "broker", "-o", "table")));
out:
    return err;
}

/* --- a stranger ---------------------------------------------------------------------------- */

/* How long a node's log is. */
static long log_size(const struct demo *demo, const struct demo_node *node)
{
    struct stat info;

    return stat(file_in(demo, node->home, "node.log"), &info) == 0 ? (long)info.st_size : 0;
}

/* Lines of a node's log that tell of strangers, beyond a place; false while there are none. */
static bool show_strangers(const struct demo *demo, const struct demo_node *node, long from)
{
    char text[512];
    bool found = false;
    FILE *log = fopen(file_in(demo, node->home, "node.log"), "re");

    if (log != NULL && fseek(log, from, SEEK_SET) != 0) {
        (void)fclose(log);
        log = NULL;
    }
    while (log != NULL && fgets(text, sizeof text, log) != NULL) {
        if (strstr(text, "transport.strangers") != NULL) {
            say(demo->cli, "  %s", text);
            found = true;
        }
    }
    if (log != NULL) {
        (void)fclose(log);
    }
    return found;
}

static enum error refuse_stranger(struct demo *demo)
{
    const struct demo_node *marentia = &demo->nodes[MARENTIA];
    int64_t until_ms = cli_steady_ms() + PATIENCE_MS;
    long from = log_size(demo, marentia);
    enum error err = OK;

    heading(demo, "10  A stranger with fresh keys got hold of Marentia's card, and dials");
    TRY(make_node(demo, STRANGER, false));
    TRY(befriend(demo, STRANGER, MARENTIA, false));
    TRY(show(demo, STRANGER, 8, NULL, WORDS("peer", "ping", "XMA", "--time-limit", "4s")));
    say(demo->cli, "Marentia's node let nobody in; its log says:\n");
    while (!show_strangers(demo, marentia, from)) {
        if (cli_steady_ms() > until_ms) {
            err = problem_add(&demo->cli->problems, ERR_BUG, "", "no stranger was refused");
            goto out;
        }
        cli_pause_ms(AGAIN_AFTER_MS);
    }
    demo_stop(&demo->nodes[STRANGER]);
out:
    return err;
}

/* --- a crash ------------------------------------------------------------------------------- */

/* One more denial like the first one, without a reference of its own. */
static enum error write_series(struct demo *demo, int number, const char **path)
{
    struct cli *cli = demo->cli;
    struct buffer text = buffer_init(RECORD_JSON_MAX_BYTES);
    struct value *record = NULL;
    struct value *body = NULL;
    enum error err = OK;

    TRY(intake_json(cli, record_file(demo, "DN-XMA-2026-0014.json"), RECORD_JSON_MAX_BYTES,
                    &record));
    cli->source[0] = '\0';
    body = value_get(record, "body");
    value_remove(record, view_of_text("reference"));
    TRY(value_put_string(cli->arena, body, "national_ref",
                         arena_printf(cli->arena, "DEMO/%02d", number)));
    TRY(json_write(record, 1, &text));
    *path = file_in(demo, demo->home, arena_printf(cli->arena, "denial-%02d.json", number));
    TRY(newfile_write(cli, *path, view_of_buffer(&text)));
out:
    buffer_free(&text);
    return err;
}

static size_t count_lines(const char *text)
{
    size_t lines = 0;

    for (; *text != '\0'; text++) {
        lines += *text == '\n' ? 1 : 0;
    }
    return lines;
}

static enum error count_denials(struct demo *demo, enum place place, size_t *count)
{
    const char *text = "";
    enum error err = quiet(demo, place, WORDS("denial", "list", "-o", "ids"), &text);

    *count = count_lines(text);
    return err;
}

static enum error publish_series(struct demo *demo)
{
    enum error err = OK;

    for (int i = 1; i <= SERIES; i++) {
        const char *path = NULL;
        TRY(write_series(demo, i, &path));
        TRY(quiet(demo, MARENTIA, WORDS("denial", "publish", "--from", path, "--yes", "-q"), NULL));
        if (i == KILL_AFTER) {
            demo_kill(&demo->nodes[OLDENREACH]);
            say(demo->cli, "%d published; kill -9 of Oldenreach's node; Marentia goes on\n", i);
        }
    }
    say(demo->cli, "%d published\n", SERIES);
out:
    return err;
}

/* Ask until Oldenreach holds all that Marentia holds. */
static enum error await_all(struct demo *demo, size_t wanted)
{
    int64_t began_ms = cli_steady_ms();
    size_t count = 0;
    enum error err = OK;

    for (;;) {
        TRY(count_denials(demo, OLDENREACH, &count));
        int64_t took_ms = cli_steady_ms() - began_ms;
        if (count == wanted) {
            say(demo->cli,
                "%s✓%s Oldenreach holds all %zu denials again, %lld.%lld s after its start\n",
                style(demo->cli, STYLE_GOOD), style(demo->cli, STYLE_PLAIN), count,
                (long long)(took_ms / SECOND_MS), (long long)(took_ms % SECOND_MS / 100));
            return OK;
        }
        if (took_ms > PATIENCE_MS) {
            return problem_add(&demo->cli->problems, ERR_BUG, "",
                               "Oldenreach holds %zu denials, not %zu", count, wanted);
        }
        cli_pause_ms(AGAIN_AFTER_MS);
    }
out:
    return err;
}

static enum error survive_crash(struct demo *demo)
{
    size_t held = 0;
    enum error err = OK;

    heading(demo, "11  Oldenreach's node is killed while Marentia publishes");
    TRY(publish_series(demo));
    TRY(show(demo, MARENTIA, 0, NULL,
             WORDS("peer", "list", "-o", "table", "--fields", "state,session,ours,acknowledged")));
    TRY(count_denials(demo, MARENTIA, &held));
    TRY(demo_start(demo, &demo->nodes[OLDENREACH]));
    TRY(await_all(demo, held));
    TRY(quiet(demo, OLDENREACH, WORDS("peer", "ping", "XNH", "--time-limit", "30s"), NULL));
    TRY(show(demo, OLDENREACH, 0, NULL, WORDS("doctor")));
out:
    return err;
}

enum error demo_story(struct demo *demo)
{
    const struct cli *cli = demo->cli;
    enum error err = OK;

    say(cli, "Three fictional States on this machine, with invented records. Nothing leaves it; "
             "nothing here is real.\n");
    for (enum place place = MARENTIA; place < STRANGER; place++) {
        say(cli, "  %-10s (%s)  port %u\n", demo->nodes[place].country, demo->nodes[place].state,
            demo->nodes[place].port);
    }
    TRY(make_nodes(demo));
    TRY(meet(demo));
    TRY(publish_all(demo));
    TRY(read_sections(demo));
    TRY(search(demo));
    TRY(refuse_stranger(demo));
    TRY(survive_crash(demo));
out:
    return err;
}
