/* SPDX-License-Identifier: Apache-2.0 */
#include "complain.h"

#include "hint.h"
#include "record_json.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

enum { COMPLAINT_ARENA_BYTES = 256 * 1024, EXIT_VERIFICATION = 7, HINT_MAX_BYTES = 16384 };

static const char frame[] =
    "==============================================================================\n";

static size_t problem_count(const struct complaint *complaint)
{
    return complaint->problems == NULL ? 0 : complaint->problems->count;
}

static void escaped(struct buffer *to, const char *text)
{
    text_escape(to, view_of_text(text), false);
}

/* Whether the error is about what was read, and not about what was done with it then. */
static bool is_of_source(enum error error)
{
    return error == ERR_FILE || (error != ERR_CANCELLED && error_info(error)->code[1] == '2');
}

/*
 * Where a problem lies: "FILE:line:column", "FILE: /pointer". Names of arguments of the control
 * protocol are not the user's words, so they are left out.
 */
static void append_where(const struct complaint *complaint, const char *where, struct buffer *to)
{
    int line = 0;
    int column = 0;
    bool pointer = where[0] == '/';
    bool place = sscanf(where, "line %d, column %d", &line, &column) == 2;

    if (!pointer && !place) {
        if (complaint->source[0] != '\0' && is_of_source(complaint->error)) {
            escaped(to, complaint->source);
            buffer_append_text(to, ": ");
        }
        return;
    }
    if (complaint->source[0] != '\0') {
        escaped(to, complaint->source);
        buffer_append_text(to, place ? ":" : ": ");
    }
    if (place) {
        buffer_printf(to, "%d:%d: ", line, column);
    } else {
        escaped(to, where);
        buffer_append_text(to, ": ");
    }
}

static void append_problem(const struct complaint *complaint, const struct problem *problem,
                           struct buffer *to)
{
    append_where(complaint, problem->where, to);
    escaped(to, problem->what);
}

/* "cannot publish DN-…: the cause", without code and mend. */
static void append_message(const struct complaint *complaint, struct buffer *to)
{
    size_t count = problem_count(complaint);

    if (complaint->doing[0] != '\0') {
        escaped(to, complaint->doing);
        buffer_append_text(to, ": ");
    }
    if (count == 0) {
        append_where(complaint, "", to);
        buffer_append_text(to, error_info(complaint->error)->text);
    } else if (count == 1) {
        append_problem(complaint, &complaint->problems->items[0], to);
    } else {
        append_where(complaint, "", to);
        buffer_printf(to, "%zu problems", count);
    }
}

static const char *mend_of(const struct complaint *complaint, size_t index)
{
    const struct problem *problem = &complaint->problems->items[index];

    if (problem->mend[0] != '\0') {
        return problem->mend;
    }
    /* What the table says of an error as a whole helps only where nothing nearer is said. */
    return problem_count(complaint) == 1 ? error_info(complaint->error)->mend : "";
}

/* A mend whose commands are for the node of this call. */
static void append_mend(const struct complaint *complaint, const char *mend, struct buffer *to)
{
    struct buffer text = buffer_init(HINT_MAX_BYTES);

    hint_append(complaint->node == NULL ? "" : complaint->node, mend, &text);
    text_escape(to, view_of_buffer(&text), false);
    buffer_free(&text);
}

static void append_list(const struct complaint *complaint, struct buffer *to)
{
    size_t count = problem_count(complaint);
    size_t shown = count < PROBLEM_COUNT_MAX ? count : PROBLEM_COUNT_MAX;

    for (size_t i = 0; i < shown; i++) {
        const char *mend = mend_of(complaint, i);
        buffer_append_text(to, "  ");
        append_problem(complaint, &complaint->problems->items[i], to);
        buffer_append_byte(to, '\n');
        if (mend[0] != '\0') {
            buffer_append_text(to, "    mend: ");
            append_mend(complaint, mend, to);
            buffer_append_byte(to, '\n');
        }
    }
    if (count > shown) {
        buffer_printf(to, "  and %zu more\n", count - shown);
    }
}

void complain_text(const struct complaint *complaint, struct buffer *to)
{
    const struct error_info *info = error_info(complaint->error);
    bool shout = info->exit == EXIT_VERIFICATION;

    if (shout) {
        buffer_append_text(to, frame);
    }
    buffer_append_text(to, "valise: ");
    append_message(complaint, to);
    buffer_printf(to, " (%s)\n", info->code);
    if (problem_count(complaint) > 1) {
        append_list(complaint, to);
    } else {
        buffer_append_text(to, "  mend: ");
        append_mend(complaint, problem_count(complaint) == 0 ? info->mend : mend_of(complaint, 0),
                    to);
        buffer_append_byte(to, '\n');
    }
    buffer_printf(to, "  more: valise explain %s\n", info->code);
    if (shout) {
        buffer_append_text(to, frame);
    }
}

/* --- JSON ---------------------------------------------------------------------------------- */

/* NULL without memory, which value_put and value_append answer. */
static struct value *mend_value(const struct complaint *complaint, const char *mend,
                                struct arena *arena)
{
    struct buffer text = buffer_init(HINT_MAX_BYTES);
    struct value *made = NULL;

    hint_append(complaint->node == NULL ? "" : complaint->node, mend, &text);
    made = text.error == OK ? value_text(arena, view_of_buffer(&text)) : NULL;
    buffer_free(&text);
    return made;
}

static enum error put_problem(const struct complaint *complaint, size_t index, struct arena *arena,
                              struct value *problems, struct value *mends)
{
    const struct problem *problem = &complaint->problems->items[index];
    const char *mend = mend_of(complaint, index);
    struct value *row = value_map(arena);
    enum error err = OK;

    TRY(value_put_string(arena, row, "code", error_info(problem->error)->code));
    TRY(value_put_string(arena, row, "where", problem->where));
    TRY(value_put_string(arena, row, "what", problem->what));
    TRY(value_put(arena, row, "mend", mend_value(complaint, problem->mend, arena)));
    TRY(value_append(arena, problems, row));
    if (mend[0] != '\0') {
        TRY(value_append(arena, mends, mend_value(complaint, mend, arena)));
    }
out:
    return err;
}

static enum error fill_error(const struct complaint *complaint, struct arena *arena,
                             struct value *error)
{
    const struct error_info *info = error_info(complaint->error);
    size_t count = problem_count(complaint);
    struct value *problems = value_list(arena);
    struct value *mends = value_list(arena);
    struct buffer message = buffer_init(4096);
    enum error err = OK;

    append_message(complaint, &message);
    TRY(message.error);
    for (size_t i = 0; i < count && i < PROBLEM_COUNT_MAX; i++) {
        TRY(put_problem(complaint, i, arena, problems, mends));
    }
    if (count == 0) {
        TRY(value_append(arena, mends, mend_value(complaint, info->mend, arena)));
    }
    TRY(value_put_string(arena, error, "code", info->code));
    TRY(value_put_integer(arena, error, "exit", info->exit));
    TRY(value_put(arena, error, "message", value_text(arena, view_of_buffer(&message))));
    TRY(value_put_string(arena, error, "source", complaint->source));
    TRY(value_put(arena, error, "mend", mends));
    TRY(value_put(arena, error, "problems", problems));
    TRY(value_put_integer(arena, error, "problem_count", (int64_t)count));
out:
    buffer_free(&message);
    return err;
}

enum error complain_json(const struct complaint *complaint, struct buffer *to)
{
    struct arena *arena = arena_new(COMPLAINT_ARENA_BYTES);
    struct value *document = NULL;
    struct value *error = NULL;
    enum error err = OK;

    TRY(arena == NULL ? ERR_NO_MEMORY : OK);
    document = value_map(arena);
    error = value_map(arena);
    TRY(fill_error(complaint, arena, error));
    TRY(value_put(arena, document, "error", error));
    TRY(json_write(document, 0, to));
    buffer_append_byte(to, '\n');
    err = to->error;
out:
    arena_free(&arena);
    return err;
}
