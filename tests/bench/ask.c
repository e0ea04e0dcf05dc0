/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"
#include "caller.h"
#include "documents.h"
#include "statistics.h"

/* Questions to a real node that holds --records records of XMA, one after another. */

enum { QUESTIONS = 2000, WARM_UP = 200, TEXT_BYTES = 32 };

/** How one question is asked about the record with a number. */
struct question {
    const char *command;
    const char *argument;
    void (*text)(size_t number, char text[static TEXT_BYTES]);
    const char *answer; /* what the result must hold */
};

static void reference_of(size_t number, char text[static TEXT_BYTES])
{
    document_reference("XMA", number, text);
}

static double ask_one(struct caller_line *line, const struct question *question, size_t number)
{
    char text[TEXT_BYTES];
    struct arena *arena = caller_begin(line);
    struct value *arguments = value_map(arena);

    question->text(number, text);
    MUST(value_put_string(arena, arguments, question->argument, text) == OK);
    int64_t before = bench_now_ns();
    const struct value *result = caller_ask(line, question->command, arguments);
    double spent = (double)(bench_now_ns() - before) / 1e3;
    const struct value *answer = value_get(result, question->answer);
    MUST(answer != NULL && (answer->kind != PACK_LIST || answer->count == 1));
    return spent;
}

static void ask_many(const struct bench_options *options, const struct question *question)
{
    double spent[QUESTIONS];
    struct dice dice = dice_new(question->command);
    struct caller_line line;

    caller_open(&line, options->sockets[0]);
    for (size_t run = 0; run < options->runs; run++) {
        for (size_t i = 0; i < WARM_UP + QUESTIONS; i++) {
            size_t number = (size_t)dice_roll(&dice, options->records);
            double one = ask_one(&line, question, number);
            if (i >= WARM_UP) {
                spent[i - WARM_UP] = one;
            }
        }
        bench_print("ours", quantile(spent, QUESTIONS, 0.5), "us");
        bench_print("ours.p99", quantile(spent, QUESTIONS, 0.99), "us");
    }
    caller_close(&line);
}

void job_get(const struct bench_options *options)
{
    static const struct question question = {"record.show", "reference", reference_of, "record"};

    ask_many(options, &question);
}

void job_field(const struct bench_options *options)
{
    static const struct question question = {"record.search", "words", document_identifier,
                                             "items"};

    ask_many(options, &question);
}
