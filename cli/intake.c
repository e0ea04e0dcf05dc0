/* SPDX-License-Identifier: Apache-2.0 */
#include "intake.h"

#include "record_json.h"
#include "text.h"
#include "verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024, SECRET_READ_MAX_BYTES = 4096 };

struct view intake_trim(struct view text)
{
    static const char blanks[] = " \t\r\n";

    while (text.size > 0 && strchr(blanks, text.data[0]) != NULL) {
        text = view_of(text.data + 1, text.size - 1);
    }
    while (text.size > 0 && strchr(blanks, text.data[text.size - 1]) != NULL) {
        text.size--;
    }
    return text;
}

static enum error cannot_read(struct cli *cli, int why)
{
    return problem_add(&cli->problems, ERR_FILE, "",
                       why == ENOENT   ? "there is no such file"
                       : why == EACCES ? "you may not read it"
                       : why == EISDIR ? "it is a directory"
                                       : "it cannot be read");
}

/* Read to the end; one byte over the cap is enough to know. */
static enum error read_all(struct cli *cli, int descriptor, size_t max_bytes, struct buffer *to)
{
    enum error err = OK;

    while (err == OK) {
        size_t wanted =
            max_bytes + 1 - to->size < READ_BYTES ? max_bytes + 1 - to->size : READ_BYTES;
        uint8_t *place = buffer_extend(to, wanted);
        if (place == NULL) {
            return to->error;
        }
        ssize_t got = read(descriptor, place, wanted);
        to->size -= wanted - (size_t)(got > 0 ? got : 0);
        if (got == 0) {
            break;
        }
        if (got < 0 && errno != EINTR) {
            err = cannot_read(cli, errno);
        } else if (to->size > max_bytes) {
            err = problem_add(&cli->problems, ERR_TOO_LARGE, "", "it has more than %zu bytes",
                              max_bytes);
        }
    }
    return err;
}

enum error intake_text(struct cli *cli, const char *path, size_t max_bytes, struct view *text)
{
    bool from_stdin = strcmp(path, "-") == 0;
    struct buffer bytes = buffer_init(max_bytes + 1);
    int descriptor = STDIN_FILENO;
    enum error err = OK;

    (void)snprintf(cli->source, sizeof cli->source, "%s", from_stdin ? "standard input" : path);
    if (from_stdin) {
        TRY(cli->stdin_used ? cli_usage(cli, "standard input can be read only once") : OK);
        cli->stdin_used = true;
    } else {
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        TRY(descriptor < 0 ? cannot_read(cli, errno) : OK);
    }
    TRY(read_all(cli, descriptor, max_bytes, &bytes));
    TRY(arena_copy(cli->arena, view_of_buffer(&bytes), text));
out:
    if (!from_stdin && descriptor >= 0) {
        (void)close(descriptor);
    }
    buffer_free(&bytes);
    return err;
}

enum error intake_secret(struct cli *cli, int descriptor, size_t max_bytes, struct secret **secret)
{
    struct buffer bytes = buffer_init(SECRET_READ_MAX_BYTES + 1);
    enum error err = OK;

    if (fcntl(descriptor, F_GETFD) < 0) {
        return cli_usage(cli, "descriptor %d is not open", descriptor);
    }
    TRY(read_all(cli, descriptor,
                 max_bytes < SECRET_READ_MAX_BYTES ? max_bytes + 1 : SECRET_READ_MAX_BYTES,
                 &bytes));
    while (bytes.size > 0 &&
           (bytes.data[bytes.size - 1] == '\n' || bytes.data[bytes.size - 1] == '\r')) {
        bytes.size--;
    }
    TRY(bytes.size == 0 || bytes.size > max_bytes ? ERR_PASSPHRASE : OK);
    *secret = secret_take(bytes.data, bytes.size);
    TRY(*secret == NULL ? ERR_NO_MEMORY : OK);
out:
    buffer_free(&bytes);
    return err;
}

enum error intake_json(struct cli *cli, const char *path, size_t max_bytes, struct value **tree)
{
    struct view text = {0};
    enum error err = OK;

    TRY(intake_text(cli, path, max_bytes, &text));
    TRY(json_parse(text, max_bytes, cli->arena, &cli->problems, tree));
out:
    return err;
}

static enum error check_kind(struct cli *cli, const struct value *record,
                             const struct record_kind *wanted)
{
    const struct record_kind *found = NULL;

    if (record->kind != PACK_MAP) {
        return problem_add(&cli->problems, ERR_FIELD_TYPE, "", "it must be one JSON object");
    }
    found = record_kind_of(record);
    /* A missing or unknown schema is told by record_check, which knows more to say. */
    if (wanted == NULL || found == NULL || found == wanted) {
        return OK;
    }
    enum error err = problem_add(&cli->problems, ERR_FIELD_VALUE, "/schema", "it is a %s, not a %s",
                                 found->kind, wanted->kind);
    problem_mend(&cli->problems, "valise %s %s --help", found->kind, cli->verb->name);
    return err;
}

enum error intake_record(struct cli *cli, const char *path, const struct record_kind *kind,
                         struct value **record)
{
    enum error err = OK;

    TRY(intake_json(cli, path, RECORD_JSON_MAX_BYTES, record));
    TRY(check_kind(cli, *record, kind));
out:
    return err;
}
