/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
static const struct flag_info flags[FLAG_COUNT] = {
    [FLAG_HELP] = {"help", 'h', VALUE_NONE, true, false, NULL, "help about this command"},
    [FLAG_JSON] = {"json", 0, VALUE_NONE, true, false, NULL, "one JSON document on standard output; errors as one JSON line"},
    [FLAG_OUTPUT] = {"output", 'o', VALUE_NEEDED, false, false, "SHAPE", "table, wide, csv, ids, json or jsonl"},
    [FLAG_FILE] = {"output", 'o', VALUE_NEEDED, false, false, "FILE", "write it to a new file"},
    [FLAG_FIELDS] = {"fields", 0, VALUE_NEEDED, false, false, "a,b,c", "choose and order the columns"},
    [FLAG_QUIET] = {"quiet", 'q', VALUE_NONE, true, false, NULL, "no hints about what to do next"},
    [FLAG_VERBOSE] = {"verbose", 'v', VALUE_NONE, true, false, NULL, "tell on standard error what the node was asked"},
    [FLAG_COLOR] = {"color", 0, VALUE_NEEDED, false, false, "WHEN", "auto, always or never"},
    [FLAG_DRY_RUN] = {"dry-run", 'n', VALUE_NONE, true, false, NULL, "do everything but the last step"},
    [FLAG_YES] = {"yes", 'y', VALUE_NONE, true, false, NULL, "answer the question with yes"},
    [FLAG_NO_INPUT] = {"no-input", 0, VALUE_NONE, true, false, NULL, "never ask; fail instead"},
    [FLAG_REASON] = {"reason", 0, VALUE_NEEDED, false, false, "TEXT", "why, for the audit trail; no names of persons"},
    [FLAG_REASON_FILE] = {"reason-file", 0, VALUE_NEEDED, false, false, "FILE", "read the reason from a file"},
    [FLAG_WAIT] = {"wait", 0, VALUE_OPTIONAL, false, false, "30s", "wait until every reader has confirmed"},
    [FLAG_SOCKET] = {"socket", 0, VALUE_NEEDED, false, false, "PATH", "control socket of the node"},
    [FLAG_HOME] = {"home", 0, VALUE_NEEDED, false, false, "DIR", "directory of the node, as made by valise init"},
    [FLAG_TIME_LIMIT] = {"time-limit", 0, VALUE_NEEDED, false, false, "30s", "give up when it takes longer"},
    [FLAG_LIMIT] = {"limit", 0, VALUE_NEEDED, false, false, "N", "at most so many rows"},
    [FLAG_FROM] = {"from", 0, VALUE_NEEDED, false, false, "FILE", "read the record from a file, or from standard input with -"},
    [FLAG_CURSOR] = {"from", 0, VALUE_NEEDED, false, false, "CURSOR", "go on after this event"},
    [FLAG_TEMPLATE] = {"template", 0, VALUE_NONE, true, false, NULL, "print an empty form to start from"},
    [FLAG_KIND] = {"kind", 0, VALUE_NEEDED, false, false, "KIND", "denial, broker or case; for watch: how the event begins"},
    [FLAG_BY] = {"by", 0, VALUE_NEEDED, false, false, "STATE", "written by this State"},
    [FLAG_MINE] = {"mine", 0, VALUE_NONE, true, false, NULL, "written by our own State"},
    [FLAG_DEST] = {"dest", 0, VALUE_NEEDED, false, false, "STATE", "with this country of destination"},
    [FLAG_ML] = {"ml", 0, VALUE_NEEDED, false, false, "CODE", "with this list entry, ground, conduct or other code"},
    [FLAG_SINCE] = {"since", 0, VALUE_NEEDED, false, false, "DATE", "a year, month or day"},
    [FLAG_ABOUT] = {"about", 0, VALUE_NEEDED, false, false, "REF", "about this reference or State"},
    [FLAG_ALL_VERSIONS] = {"all-versions", 0, VALUE_NONE, true, false, NULL, "superseded versions too"},
    [FLAG_READERS] = {"readers", 0, VALUE_NONE, true, false, NULL, "who may read which section, and who has it"},
    [FLAG_SECTIONS] = {"sections", 0, VALUE_NEEDED, false, false, "a,b", "only these sections"},
    [FLAG_RAW] = {"raw", 0, VALUE_NONE, true, false, NULL, "every field as a line of pointer and value"},
    [FLAG_QR] = {"qr", 0, VALUE_NONE, true, false, NULL, "the safety number as a QR code"},
    [FLAG_ADDRESS] = {"address", 0, VALUE_NEEDED, true, false, "tcp://HOST:PORT", "where the node is reached"},
    [FLAG_CONFIRM] = {"confirm", 0, VALUE_NEEDED, false, false, "NAME", "what would be typed to confirm"},
    [FLAG_NUMBER_FD] = {"number-fd", 0, VALUE_NEEDED, false, false, "N", "read the number they gave from this descriptor"},
    [FLAG_NUMBER_FILE] = {"number-file", 0, VALUE_NEEDED, false, false, "FILE", "read the number they gave from a file"},
    [FLAG_WHO] = {"who", 0, VALUE_NEEDED, false, false, "TEXT", "who compared with whom"},
    [FLAG_HOW] = {"how", 0, VALUE_NEEDED, false, false, "HOW", "\"in person\", \"video\" or \"telephone\""},
    [FLAG_STATE] = {"state", 0, VALUE_NEEDED, false, false, "STATE", "State that the node stands for, ISO 3166-1"},
    [FLAG_NAME] = {"name", 0, VALUE_NEEDED, false, false, "OFFICE", "office that runs the node"},
    [FLAG_LISTEN] = {"listen", 0, VALUE_NEEDED, false, false, "tcp://IP:PORT", "address to listen on"},
    [FLAG_PASSPHRASE_FD] = {"passphrase-fd", 0, VALUE_NEEDED, false, false, "N", "read the pass phrase from this descriptor"},
    [FLAG_KEY_FILE] = {"key-file", 0, VALUE_NONE, true, false, NULL, "no pass phrase: a key file beside the keys opens them"},
    [FLAG_CARD_DAYS] = {"card-days", 0, VALUE_NEEDED, false, false, "DAYS", "how long the card is in force, 1 to 400"},
    [FLAG_TRIAL] = {"trial", 0, VALUE_NONE, true, false, NULL, "a small store that may lie in memory, for trying out"},
    [FLAG_DIR] = {"dir", 0, VALUE_NEEDED, false, false, "DIR", "new directory for the three nodes"},
    [FLAG_KEEP] = {"keep", 0, VALUE_NONE, true, false, NULL, "leave the directory in place at the end"},
    [FLAG_MAN] = {"man", 0, VALUE_NONE, true, true, NULL, "the manual page"},
};
/* clang-format on */

const struct flag_info *flag_info(enum flag flag)
{
    return &flags[flag];
}

/* --- taking apart -------------------------------------------------------------------------- */

/* FLAG_COUNT if there is no such flag. */
static enum flag find_name(const char *name, size_t size)
{
    for (int i = 0; i < FLAG_COUNT; i++) {
        if (strlen(flags[i].name) == size && memcmp(flags[i].name, name, size) == 0) {
            return (enum flag)i;
        }
    }
    return FLAG_COUNT;
}

static enum flag find_letter(char letter)
{
    for (int i = 0; i < FLAG_COUNT; i++) {
        if (flags[i].letter != 0 && flags[i].letter == letter) {
            return (enum flag)i;
        }
    }
    return FLAG_COUNT;
}

/** argv on its way through. */
struct walk {
    int count;
    char **arguments;
    int at;
    struct options *options;
};

static void add_use(struct walk *walk, enum flag flag, const char *spelled, const char *value)
{
    struct options *options = walk->options;

    if (value == NULL && flags[flag].takes == VALUE_NEEDED) {
        if (walk->at + 1 < walk->count) {
            value = walk->arguments[++walk->at];
        } else if (options->misused == FLAG_COUNT) {
            options->misused = flag;
        }
    } else if (value != NULL && flags[flag].takes == VALUE_NONE && options->misused == FLAG_COUNT) {
        options->misused = flag;
    }
    options->uses[options->use_count++] = (struct flag_use){flag, spelled, value};
}

static void read_long(struct walk *walk)
{
    const char *spelled = walk->arguments[walk->at];
    const char *equals = strchr(spelled, '=');
    size_t size = equals == NULL ? strlen(spelled) - 2 : (size_t)(equals - spelled) - 2;
    enum flag flag = find_name(spelled + 2, size);

    if (flag == FLAG_COUNT) {
        walk->options->unknown = walk->options->unknown == NULL ? spelled : walk->options->unknown;
        return;
    }
    add_use(walk, flag, spelled, equals == NULL ? NULL : equals + 1);
}

/* "-qy" is "-q -y"; "-oids" and "-o ids" give a value. */
static void read_short(struct walk *walk)
{
    const char *spelled = walk->arguments[walk->at];

    for (const char *letter = spelled + 1; *letter != '\0'; letter++) {
        enum flag flag = find_letter(*letter);
        if (flag == FLAG_COUNT) {
            walk->options->unknown =
                walk->options->unknown == NULL ? spelled : walk->options->unknown;
            return;
        }
        if (flags[flag].takes == VALUE_NEEDED) {
            const char *rest = letter + 1 + (letter[1] == '=' ? 1 : 0);
            add_use(walk, flag, spelled, letter[1] == '\0' ? NULL : rest);
            return;
        }
        add_use(walk, flag, spelled, NULL);
    }
}

/* Letters without values make several uses of one argument, so the list must have room. */
static size_t uses_at_most(int count, char **arguments)
{
    size_t most = 0;

    for (int i = 0; i < count; i++) {
        bool letters = arguments[i][0] == '-' && arguments[i][1] != '-';
        most += letters ? strlen(arguments[i]) : 1;
    }
    return most;
}

enum error options_read(int count, char **arguments, struct arena *arena, struct options *options)
{
    struct walk walk = {count, arguments, 0, options};
    bool only_words = false;

    *options = (struct options){.misused = FLAG_COUNT};
    options->words = arena_alloc_many(arena, (size_t)count + 1, sizeof *options->words);
    options->uses =
        arena_alloc_many(arena, uses_at_most(count, arguments) + 1, sizeof *options->uses);
    if (options->words == NULL || options->uses == NULL) {
        return arena_error(arena);
    }
    for (; walk.at < count; walk.at++) {
        const char *argument = arguments[walk.at];
        if (only_words || argument[0] != '-' || argument[1] == '\0') {
            options->words[options->word_count++] = argument;
        } else if (strcmp(argument, "--") == 0) {
            only_words = true;
        } else if (argument[1] == '-') {
            read_long(&walk);
        } else {
            read_short(&walk);
        }
    }
    return OK;
}

/* --- checking ------------------------------------------------------------------------------ */

static enum error refuse_unknown(const struct options *options, uint64_t allowed,
                                 const char *command, struct problems *problems)
{
    const char *candidates[FLAG_COUNT];
    struct view typed = view_of_text(options->unknown);
    const char *equals = strchr(options->unknown, '=');

    for (int i = 0; i < FLAG_COUNT; i++) {
        bool offered = (allowed & FLAG_BIT(i)) != 0 && !flags[i].hidden;
        candidates[i] = offered ? flags[i].name : NULL;
    }
    typed.size = equals == NULL ? typed.size : (size_t)(equals - options->unknown);
    while (typed.size > 0 && typed.data[0] == '-') {
        typed = view_of(typed.data + 1, typed.size - 1);
    }
    const char *meant = text_suggest(typed, candidates, FLAG_COUNT);
    /* Its value may be a secret typed by mistake: only the name is repeated. */
    enum error err =
        problem_add(problems, ERR_USAGE, "", "%s has no flag --%.*s", command,
                    (int)(typed.size < 40 ? typed.size : 40), (const char *)typed.data);
    if (meant != NULL) {
        problem_mend(problems, "did you mean --%s?", meant);
    } else {
        problem_mend(problems, "valise %s --help", command);
    }
    return err;
}

/* The allowed flag with the same spelling, or FLAG_COUNT. */
static enum flag allowed_twin(enum flag flag, uint64_t allowed)
{
    for (int i = 0; i < FLAG_COUNT; i++) {
        if ((allowed & FLAG_BIT(i)) != 0 && strcmp(flags[i].name, flags[flag].name) == 0) {
            return (enum flag)i;
        }
    }
    return FLAG_COUNT;
}

enum error options_check(struct options *options, uint64_t allowed, const char *command,
                         struct problems *problems)
{
    uint64_t seen = 0;

    if (options->unknown != NULL) {
        return refuse_unknown(options, allowed, command, problems);
    }
    if (options->misused != FLAG_COUNT) {
        const struct flag_info *info = &flags[options->misused];
        return problem_add(problems, ERR_USAGE, "", "--%s %s", info->name,
                           info->takes == VALUE_NONE ? "takes no value" : "needs a value");
    }
    for (size_t i = 0; i < options->use_count; i++) {
        struct flag_use *use = &options->uses[i];
        enum flag flag = allowed_twin(use->flag, allowed);

        if (flag == FLAG_COUNT) {
            enum error err = problem_add(problems, ERR_USAGE, "", "%s does not take --%s", command,
                                         flags[use->flag].name);
            problem_mend(problems, "valise %s --help", command);
            return err;
        }
        if ((seen & FLAG_BIT(flag)) != 0 && !flags[flag].many) {
            return problem_add(problems, ERR_USAGE, "", "--%s is given twice", flags[flag].name);
        }
        seen |= FLAG_BIT(flag);
        use->flag = flag;
    }
    return OK;
}

/* --- values -------------------------------------------------------------------------------- */

bool option_given(const struct options *options, enum flag flag)
{
    for (size_t i = 0; i < options->use_count; i++) {
        if (options->uses[i].flag == flag) {
            return true;
        }
    }
    return false;
}

const char *option_value(const struct options *options, enum flag flag)
{
    for (size_t i = options->use_count; i > 0; i--) {
        if (options->uses[i - 1].flag == flag) {
            return options->uses[i - 1].value;
        }
    }
    return NULL;
}

/* Digits at the start of a text. @return what follows them, or NULL. */
static const char *read_digits(const char *text, int64_t *number)
{
    char *end = NULL;

    if (text[0] < '0' || text[0] > '9') {
        return NULL;
    }
    errno = 0;
    *number = strtoll(text, &end, 10);
    return errno == 0 ? end : NULL;
}

enum error option_number(const struct options *options, enum flag flag, int64_t min, int64_t max,
                         int64_t *number, struct problems *problems)
{
    const char *text = option_value(options, flag);
    const char *rest = NULL;
    int64_t found = 0;

    if (text == NULL) {
        return OK;
    }
    rest = read_digits(text, &found);
    if (rest == NULL || *rest != '\0' || found < min || found > max) {
        return problem_add(problems, ERR_USAGE, "", "--%s must be a whole number, %lld to %lld",
                           flags[flag].name, (long long)min, (long long)max);
    }
    *number = found;
    return OK;
}

enum error option_duration(const struct options *options, enum flag flag, int64_t *ms,
                           struct problems *problems)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"", 1000}, {"m", 60 * 1000}, {"h", 60 * 60 * 1000}};
    static const int64_t most_ms = 24 * 60 * 60 * 1000;
    const char *text = option_value(options, flag);
    const char *rest = NULL;
    int64_t found = 0;

    if (text == NULL) {
        return OK;
    }
    rest = read_digits(text, &found);
    for (size_t i = 0; rest != NULL && i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(rest, units[i].unit) == 0 && found > 0 && found <= most_ms / units[i].ms) {
            *ms = found * units[i].ms;
            return OK;
        }
    }
    return problem_add(problems, ERR_USAGE, "", "--%s must be a time such as 30s or 2m",
                       flags[flag].name);
}
