/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include "hint.h"
#include "text.h"
#include "verbs.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { NEXT_MAX_BYTES = 8192 };

/* --- what follows from flags and terminal -------------------------------------------------- */

static enum error settle_shape(struct cli *cli)
{
    static const char *const names[] = {"", "table", "wide", "csv", "ids", "json", "jsonl"};
    const char *wish = option_value(&cli->options, FLAG_OUTPUT);
    const char *meant = NULL;

    cli->shape = option_given(&cli->options, FLAG_JSON) ? SHAPE_JSON : SHAPE_AUTO;
    if (wish == NULL) {
        return OK;
    }
    for (size_t i = 1; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], wish) != 0) {
            continue;
        }
        if (cli->shape == SHAPE_JSON && (enum shape)i != SHAPE_JSON) {
            return cli_usage(cli, "--json and --output %s contradict", names[i]);
        }
        cli->shape = (enum shape)i;
        return OK;
    }
    meant = text_suggest(view_of_text(wish), names, sizeof names / sizeof names[0]);
    enum error err = cli_usage(cli, "--output must be table, wide, csv, ids, json or jsonl");
    if (meant != NULL) {
        problem_mend(&cli->problems, "did you mean --output %s?", meant);
    }
    return err;
}

static enum error settle_color(struct cli *cli)
{
    const char *wish = option_value(&cli->options, FLAG_COLOR);
    const char *no_color = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    bool plain = (no_color != NULL && no_color[0] != '\0') ||
                 (terminal != NULL && strcmp(terminal, "dumb") == 0);

    if (wish == NULL || strcmp(wish, "auto") == 0) {
        cli->color = !plain && isatty(STDOUT_FILENO) == 1;
    } else if (strcmp(wish, "always") == 0 || strcmp(wish, "never") == 0) {
        cli->color = wish[0] == 'a';
    } else {
        return cli_usage(cli, "--color must be auto, always or never");
    }
    return OK;
}

static size_t running_width(void)
{
    struct winsize size = {0};
    size_t width = CLI_WIDTH_STANDARD;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        width = size.ws_col;
    }
    width = width < CLI_WIDTH_MIN ? CLI_WIDTH_MIN : width;
    return width > CLI_WIDTH_MAX ? CLI_WIDTH_MAX : width;
}

enum error cli_settle(struct cli *cli)
{
    const struct options *options = &cli->options;
    enum error err = OK;

    TRY(settle_shape(cli));
    TRY(settle_color(cli));
    cli->talk = cli->shape == SHAPE_JSON || cli->shape == SHAPE_JSONL ? NULL : stdout;
    cli->quiet = option_given(options, FLAG_QUIET);
    cli->verbose = option_given(options, FLAG_VERBOSE);
    cli->ask = !option_given(options, FLAG_NO_INPUT) && isatty(STDIN_FILENO) == 1 &&
               isatty(STDERR_FILENO) == 1;
    cli->width = running_width();
    if (cli->quiet && cli->verbose) {
        err = cli_usage(cli, "--quiet and --verbose contradict");
    }
out:
    return err;
}

bool cli_is_json(const struct cli *cli)
{
    return cli->shape == SHAPE_JSON || cli->shape == SHAPE_JSONL;
}

const char *cli_word(const struct cli *cli, size_t index)
{
    return index < cli->options.word_count ? cli->options.words[index] : NULL;
}

/* --- speaking ------------------------------------------------------------------------------ */

void cli_doing(struct cli *cli, const char *format, ...)
{
    char text[CLI_DOING_BYTES];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)snprintf(cli->doing, sizeof cli->doing, "cannot %.*s", CLI_DOING_BYTES - 8, text);
}

enum error cli_usage(struct cli *cli, const char *format, ...)
{
    char text[PROBLEM_TEXT_BYTES];
    char title[64];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    enum error err = problem_add(&cli->problems, ERR_USAGE, "", "%s", text);
    if (cli->verb != NULL) {
        problem_mend(&cli->problems, "valise %s --help", verb_title(cli->verb, title));
    }
    return err;
}

void say(const struct cli *cli, const char *format, ...)
{
    va_list arguments;

    if (cli->talk != NULL) {
        va_start(arguments, format);
        (void)vfprintf(cli->talk, format, arguments);
        va_end(arguments);
    }
}

const char *suggestion(const struct cli *cli, const char *sentence)
{
    struct buffer node = buffer_init(NEXT_MAX_BYTES);
    struct buffer text = buffer_init(NEXT_MAX_BYTES);

    hint_node(&cli->options, &node);
    const char *flag = buffer_text(&node);
    hint_append(flag == NULL ? "" : flag, sentence, &text);
    const char *made = safe(cli->arena, view_of_buffer(&text), false);
    buffer_free(&node);
    buffer_free(&text);
    return made;
}

void say_next(const struct cli *cli, const char *format, ...)
{
    char sentence[NEXT_MAX_BYTES];
    va_list arguments;

    if (cli->talk == NULL || cli->quiet) {
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    (void)fprintf(cli->talk, "Next: %s\n", suggestion(cli, sentence));
}

const char *style(const struct cli *cli, enum style style)
{
    static const char *const sequences[] = {
        [STYLE_PLAIN] = "\033[0m", [STYLE_BOLD] = "\033[1m",  [STYLE_DIM] = "\033[2m",
        [STYLE_GOOD] = "\033[32m", [STYLE_LOOK] = "\033[33m", [STYLE_BAD] = "\033[31m",
    };

    return cli->color ? sequences[style] : "";
}

const char *safe(struct arena *arena, struct view text, bool lines)
{
    struct buffer escaped = buffer_init(16 * text.size + 1);
    const char *copy = NULL;

    text_escape(&escaped, text, lines);
    if (escaped.error == OK) {
        copy = arena_text(arena, view_of_buffer(&escaped));
    }
    buffer_free(&escaped);
    return copy == NULL ? "" : copy;
}

const char *safe_text(struct arena *arena, const struct value *map, const char *key)
{
    return safe(arena, value_get_text(map, key), false);
}

enum error cli_write(FILE *to, struct view bytes)
{
    if (bytes.size > 0 && fwrite(bytes.data, 1, bytes.size, to) != bytes.size) {
        return ERR_OUTPUT;
    }
    return fflush(to) == 0 ? OK : ERR_OUTPUT;
}

/* --- time ---------------------------------------------------------------------------------- */

struct instant cli_now(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (struct instant){(int64_t)now.tv_sec * SECOND_MS + now.tv_nsec / 1000000};
}

int64_t cli_steady_ms(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SECOND_MS + now.tv_nsec / 1000000;
}

void cli_pause_ms(int64_t ms)
{
    struct timespec span = {.tv_sec = ms / SECOND_MS, .tv_nsec = (long)(ms % SECOND_MS) * 1000000};

    (void)nanosleep(&span, NULL);
}
