/* SPDX-License-Identifier: Apache-2.0 */
#include "armor.h"
#include "codes.h"
#include "hint.h"
#include "intake.h"
#include "newfile.h"
#include "node_keys.h"
#include "output.h"
#include "prompt.h"
#include "safety.h"
#include "text.h"
#include "verbs.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Setting up a node: keys, card, configuration. Nothing that exists is touched. */

enum {
    CARD_DAYS_STANDARD = 365,
    CONFIG_MAX_BYTES = 16384,
    DESCRIPTOR_MAX = 1023,
    QUOTED_MAX_BYTES = 8192
};

/** The files that are made, in this order; the last ones need the first. */
enum init_file { UNLOCK, NODE_KEY, AUTHORITY, AUTHORITY_NEXT, CARD, CONFIG, FILE_COUNT };

static const char *const file_names[FILE_COUNT] = {
    [UNLOCK] = "keys/unlock.key",
    [NODE_KEY] = "keys/node.key",
    [AUTHORITY] = "keys/authority.key",
    [AUTHORITY_NEXT] = "keys/authority-next.key",
    [CARD] = "node.card",
    [CONFIG] = "valised.conf",
};

/** One set-up on its way. */
struct init {
    struct cli *cli;
    const char *home; /* absolute once it is made */
    char state[4];
    const char *name;
    const char *listen;
    size_t address_count;
    struct view addresses[CARD_ENDPOINTS_MAX];
    int64_t card_days;
    bool with_phrase;
    struct keyfile_opener opener;
    enum keyfile_cost cost;
    struct node_keys keys;
    struct secret *authority;
    struct secret *next;
    bool home_made;
    bool keys_made;
    size_t written; /* of file_names */
};

/* --- what is wanted ------------------------------------------------------------------------ */

static enum error need(struct init *init, enum flag flag, const char *question, const char **text)
{
    struct cli *cli = init->cli;
    enum error err = OK;

    *text = option_value(&cli->options, flag);
    if (*text == NULL && cli->ask) {
        return prompt_line(cli, question, text);
    }
    if (*text == NULL || (*text)[0] == '\0') {
        err = cli_usage(cli, "--%s is needed", flag_info(flag)->name);
        problem_mend(&cli->problems, "valise init --home DIR --state XMA --name \"OFFICE\"");
    }
    return err;
}

static enum error read_addresses(struct init *init)
{
    const struct options *options = &init->cli->options;

    for (size_t i = 0; i < options->use_count; i++) {
        struct view address = {0};
        if (options->uses[i].flag != FLAG_ADDRESS) {
            continue;
        }
        address = view_of_text(options->uses[i].value);
        if (!endpoint_is_valid(address)) {
            return cli_usage(init->cli, "--address must be tcp://HOST:PORT");
        }
        if (init->address_count == CARD_ENDPOINTS_MAX) {
            return cli_usage(init->cli, "a card holds at most %d addresses", CARD_ENDPOINTS_MAX);
        }
        init->addresses[init->address_count++] = address;
    }
    return OK;
}

/* Text for the configuration: what would end its line or begin a remark is refused. */
static bool is_plain(const char *text)
{
    return text_is_valid(view_of_text(text)) && text_traits(view_of_text(text)) == 0;
}

static enum error read_wishes(struct init *init)
{
    struct cli *cli = init->cli;
    const char *state = NULL;
    enum error err = OK;

    TRY(need(init, FLAG_HOME, "Directory of the node:", &init->home));
    TRY(need(init, FLAG_STATE, "State (three letters):", &state));
    TRY(state_canonical(view_of_text(state), init->state)
            ? OK
            : cli_usage(cli, "--state: \"%.40s\" is no State", state));
    TRY(need(init, FLAG_NAME, "Office that runs the node:", &init->name));
    TRY(strlen(init->name) <= IDENTITY_NAME_MAX_BYTES && is_plain(init->name)
            ? OK
            : cli_usage(cli, "--name must be one line of at most %d bytes",
                        IDENTITY_NAME_MAX_BYTES));
    init->listen = option_value(&cli->options, FLAG_LISTEN);
    init->listen = init->listen == NULL ? "tcp://0.0.0.0:7443" : init->listen;
    TRY(init->listen[0] == '\0' || endpoint_is_valid(view_of_text(init->listen))
            ? OK
            : cli_usage(cli,
                        "--listen must be tcp://IP:PORT, or empty for a node that only dials"));
    TRY(read_addresses(init));
    init->card_days = CARD_DAYS_STANDARD;
    TRY(option_number(&cli->options, FLAG_CARD_DAYS, 1, CARD_DAYS_MAX, &init->card_days,
                      &cli->problems));
out:
    return err;
}

/* --- the opener ---------------------------------------------------------------------------- */

static enum error read_opener(struct init *init)
{
    struct cli *cli = init->cli;
    bool key_file = option_given(&cli->options, FLAG_KEY_FILE);
    int64_t descriptor = -1;
    enum error err = OK;

    TRY(option_number(&cli->options, FLAG_PASSPHRASE_FD, 0, DESCRIPTOR_MAX, &descriptor,
                      &cli->problems));
    if (key_file && descriptor >= 0) {
        return cli_usage(cli, "--key-file and --passphrase-fd contradict");
    }
    init->opener.kind = KEYFILE_PASSPHRASE;
    init->with_phrase = true;
    init->cost = KEYFILE_COST_FULL;
    if (descriptor >= 0) {
        return intake_secret(cli, (int)descriptor, PASSPHRASE_MAX_BYTES, &init->opener.secret);
    }
    if (!key_file && cli->ask) {
        return prompt_passphrase(cli, &init->opener.secret);
    }
    /* 32 random bytes cannot be guessed, so a dear derivation would add nothing. */
    init->with_phrase = false;
    init->cost = KEYFILE_COST_FLOOR;
    init->opener.kind = KEYFILE_KEY;
    init->opener.secret = secret_random(KEY_BYTES);
    TRY(init->opener.secret == NULL ? ERR_NO_MEMORY : OK);
out:
    return err;
}

/* --- places -------------------------------------------------------------------------------- */

static const char *path_of(struct init *init, const char *name)
{
    return arena_printf(init->cli->arena, "%s/%s", init->home, name);
}

/* Look at all of them before anything is made, so that a refusal leaves nothing behind. */
static enum error check_nothing_there(struct init *init)
{
    struct stat info;
    enum error err = OK;

    for (size_t i = 0; i < FILE_COUNT; i++) {
        const char *path = path_of(init, file_names[i]);
        TRY(path == NULL ? ERR_NO_MEMORY : OK);
        if (lstat(path, &info) == 0) {
            err = problem_add(&init->cli->problems, ERR_EXISTS, "", "%s exists already", path);
            problem_mend(&init->cli->problems,
                         "a node was set up there; choose another --home, nothing is overwritten");
            goto out;
        }
    }
out:
    return err;
}

static enum error make_places(struct init *init)
{
    struct cli *cli = init->cli;
    struct sockaddr_un address;
    char real[PATH_MAX];
    enum error err = OK;

    TRY(check_nothing_there(init));
    TRY(newfile_directory(cli, init->home, &init->home_made));
    TRY(realpath(init->home, real) == NULL ? ERR_FILE : OK);
    init->home = arena_printf(cli->arena, "%s", real);
    TRY(init->home == NULL ? ERR_NO_MEMORY : OK);
    TRY(is_plain(init->home) ? OK
                             : cli_usage(cli, "the path of the directory holds hidden characters"));
    TRY(strlen(init->home) + sizeof "/control.sock" <= sizeof address.sun_path
            ? OK
            : cli_usage(cli,
                        "the path of the directory is too long for a socket in it: at most %zu "
                        "bytes",
                        sizeof address.sun_path - sizeof "/control.sock"));
    TRY(newfile_directory(cli, path_of(init, "keys"), &init->keys_made));
out:
    return err;
}

/* --- contents ------------------------------------------------------------------------------ */

static enum error write_file(struct init *init, enum init_file file, struct view bytes)
{
    enum error err = newfile_write(init->cli, path_of(init, file_names[file]), bytes);

    if (err == OK) {
        init->written = (size_t)file + 1;
    }
    return err;
}

static enum error write_unlock(struct init *init)
{
    enum error err = OK;

    if (!init->with_phrase) {
        const uint8_t *key = secret_open(init->opener.secret);
        err = write_file(init, UNLOCK, view_of(key, KEY_BYTES));
        secret_close(init->opener.secret);
    }
    return err;
}

/* Seal the node's keys (key NULL) or one authority key. */
static enum error seal_one(struct init *init, struct secret *key, struct buffer *to)
{
    return key == NULL ? node_keys_seal(&init->keys, &init->opener, init->cost, to)
                       : authority_key_seal(key, &init->opener, init->cost, to);
}

static enum error write_key(struct init *init, enum init_file file, struct secret *key)
{
    struct buffer text = buffer_init(KEYFILE_MAX_BYTES * 2);
    enum error err = seal_one(init, key, &text);

    if (err == ERR_NO_MEMORY && init->cost == KEYFILE_COST_FULL) {
        say(init->cli, "Note: this machine has not the memory (1 GiB) for the dearest pass-phrase "
                       "derivation; a cheaper one (256 MiB) is used. Choose a long pass phrase.\n");
        init->cost = KEYFILE_COST_FLOOR;
        buffer_clear(&text);
        err = seal_one(init, key, &text);
    }
    if (err == OK) {
        err = write_file(init, file, view_of_buffer(&text));
    }
    buffer_free(&text);
    return err;
}

static enum error write_card(struct init *init)
{
    struct buffer text = buffer_init(ARMOR_TEXT_MAX_BYTES);
    enum error err = OK;

    armor_write("valise-card-1", view_of_buffer(&init->keys.bundle), &text);
    err = text.error == OK ? write_file(init, CARD, view_of_buffer(&text)) : text.error;
    buffer_free(&text);
    return err;
}

static enum error write_config(struct init *init)
{
    struct buffer text = buffer_init(CONFIG_MAX_BYTES);
    bool trial = option_given(&init->cli->options, FLAG_TRIAL);
    enum error err = OK;

    buffer_printf(&text,
                  "; Node of %s. Every setting with its default: valised --print-config\n"
                  "\n[node]\n%slisten = %s\n"
                  "\n[store]\npath = %s/store\n%s"
                  "\n[control]\nsocket = %s/control.sock\n"
                  "\n[keys]\nnode = %s/%s\n",
                  init->state, init->listen[0] == '\0' ? "; empty: it only dials\n" : "",
                  init->listen, init->home, trial ? "max_size = 256M\nallow_tmpfs = yes\n" : "",
                  init->home, init->home, file_names[NODE_KEY]);
    if (!init->with_phrase) {
        buffer_printf(&text, "unlock = %s/%s\n", init->home, file_names[UNLOCK]);
    }
    err = text.error == OK ? write_file(init, CONFIG, view_of_buffer(&text)) : text.error;
    buffer_free(&text);
    return err;
}

static enum error write_all(struct init *init)
{
    const struct node_keys_wish wish = {.state = view_of_text(init->state),
                                        .name = view_of_text(init->name),
                                        .endpoints = init->addresses,
                                        .endpoint_count = init->address_count,
                                        .card_days = (int)init->card_days,
                                        .now = cli_now()};
    enum error err = OK;

    TRY(node_keys_make(&wish, &init->keys, &init->authority, &init->next));
    if (init->with_phrase) {
        say(init->cli, "Sealing the keys takes a few seconds: it makes the pass phrase dear to "
                       "guess.\n");
        (void)fflush(stdout);
    }
    TRY(write_unlock(init));
    TRY(write_key(init, NODE_KEY, NULL));
    TRY(write_key(init, AUTHORITY, init->authority));
    TRY(write_key(init, AUTHORITY_NEXT, init->next));
    TRY(write_card(init));
    TRY(write_config(init));
    TRY(newfile_sync_directory(path_of(init, "keys")));
    TRY(newfile_sync_directory(init->home));
out:
    return err;
}

/* After a failure on the way, take back what was made; it holds nothing but unused keys. */
static void undo(struct init *init)
{
    for (size_t i = init->written; i > 0; i--) {
        (void)unlink(path_of(init, file_names[i - 1]));
    }
    if (init->keys_made) {
        (void)rmdir(path_of(init, "keys"));
    }
    if (init->home_made) {
        (void)rmdir(init->home);
    }
}

/* --- the end ------------------------------------------------------------------------------- */

static enum error tell_json(struct init *init, const char *number)
{
    struct arena *arena = init->cli->arena;
    struct value *document = value_map(arena);
    enum error err = OK;

    TRY(value_put_string(arena, document, "home", init->home));
    TRY(value_put_string(arena, document, "state", init->state));
    TRY(value_put_string(arena, document, "name", init->name));
    TRY(value_put_string(arena, document, "safety_number", number));
    TRY(value_put_string(arena, document, "card", path_of(init, file_names[CARD])));
    TRY(value_put_string(arena, document, "config", path_of(init, file_names[CONFIG])));
    TRY(value_put_bool(arena, document, "passphrase", init->with_phrase));
    TRY(output_document(init->cli, "valise/init/1", document));
out:
    return err;
}

static enum error tell(struct init *init)
{
    const struct cli *cli = init->cli;
    char number[SAFETY_TEXT_BYTES];
    const char *home = safe(cli->arena, view_of_text(init->home), false);
    struct buffer quoted = buffer_init(QUOTED_MAX_BYTES);

    (void)safety_number(&init->keys.identity.node, number);
    if (cli_is_json(cli)) {
        return tell_json(init, number);
    }
    say(cli, "%s✓%s %s, %s: keys, card and configuration are in %s\n", style(cli, STYLE_GOOD),
        style(cli, STYLE_PLAIN), init->state, safe(cli->arena, view_of_text(init->name), false),
        home);
    say(cli, "Safety number  %s%s%s\n", style(cli, STYLE_BOLD), number, style(cli, STYLE_PLAIN));
    say(cli,
        "\nThe authority keys lie beside the node, one of one: that is for trying out. For real\n"
        "use move these two to a safe place, away from this machine, and keep a copy:\n"
        "  %s/%s\n  %s/%s\n",
        home, file_names[AUTHORITY], home, file_names[AUTHORITY_NEXT]);
    if (!init->with_phrase) {
        say(cli, "No pass phrase guards the keys: whoever reads %s/%s can open them.\n", home,
            file_names[UNLOCK]);
    }
    if (init->address_count == 0) {
        say(cli, "The card names no address (--address): peers must give one when they add it.\n");
    }
    hint_quote(home, &quoted);
    const char *path = buffer_text(&quoted) == NULL ? home : buffer_text(&quoted);
    say_next(cli, "valised --config %s/valised.conf%s", path,
             init->with_phrase ? " --passphrase-fd 0" : "");
    say_next(cli, "valise --home %s status", path);
    say_next(cli,
             "give %s/node.card to the other States; take theirs: valise --home %s peer add FILE",
             path, path);
    buffer_free(&quoted);
    return OK;
}

/* A signal that comes while files are made is answered once they are whole, or gone. */
static enum error make_all(struct init *init)
{
    sigset_t ending;
    sigset_t before;
    sigset_t came;
    enum error err = OK;

    (void)sigemptyset(&ending);
    (void)sigaddset(&ending, SIGINT);
    (void)sigaddset(&ending, SIGTERM);
    (void)sigaddset(&ending, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &ending, &before);
    TRY(make_places(init));
    TRY(write_all(init));
    (void)sigpending(&came);
    TRY(sigismember(&came, SIGINT) == 1 || sigismember(&came, SIGTERM) == 1 ||
                sigismember(&came, SIGHUP) == 1
            ? ERR_CANCELLED
            : OK);
out:
    if (err != OK) {
        undo(init);
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return err;
}

enum error verb_init(struct cli *cli)
{
    struct init init = {.cli = cli};
    enum error err = OK;

    cli_doing(cli, "set up a node");
    TRY(read_wishes(&init));
    TRY(check_nothing_there(&init));
    TRY(read_opener(&init));
    TRY(make_all(&init));
    TRY(tell(&init));
out:
    secret_free(&init.authority);
    secret_free(&init.next);
    secret_free(&init.opener.secret);
    node_keys_free(&init.keys);
    return err;
}
