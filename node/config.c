/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "text.h"

#include <errno.h>
#include <ini_configobj.h>
#include <ini_valueobj.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/** How a setting is written. */
enum setting_type {
    SETTING_TEXT,
    SETTING_SIZE,     /* bytes; K, M, G */
    SETTING_DURATION, /* s, m, h, d */
    SETTING_NUMBER,
    SETTING_FLAG, /* yes or no */
    SETTING_LEVEL
};

/** One setting. */
struct setting {
    const char *section;
    const char *name;
    enum setting_type type;
    size_t offset;
    const char *standard; /* default, as written; "" for none */
    int64_t min;
    int64_t max;
    const char *help;
};

#define AT(member) offsetof(struct config, member)

static const int64_t MEBIBYTE = 1024 * 1024;

static const struct setting settings[] = {
    {"node", "listen", SETTING_TEXT, AT(listen), "tcp://0.0.0.0:7443", 0, 0,
     "address that peers connect to; empty: this node only dials"},
    {"node", "proxy", SETTING_TEXT, AT(proxy), "", 0, 0, "SOCKS5 proxy for dialling, HOST:PORT"},
    {"store", "path", SETTING_TEXT, AT(store_path), "/var/lib/valise/store", 0, 0,
     "directory of the store, private to the node's account"},
    {"store", "max_size", SETTING_SIZE, AT(store_max_bytes), "20G", 4LL * 1024 * 1024,
     4LL * 1024 * 1024 * 1024 * 1024, "most that the store may grow to"},
    {"store", "allow_tmpfs", SETTING_FLAG, AT(store_allow_tmpfs), "no", 0, 1,
     "training and tests only: in memory a power cut loses everything"},
    {"control", "socket", SETTING_TEXT, AT(control_socket), "/run/valise/control.sock", 0, 0,
     "UNIX socket for the command line"},
    {"control", "group", SETTING_TEXT, AT(control_group), "", 0, 0,
     "UNIX group that may connect; what they may do is in: valise user list"},
    {"keys", "node", SETTING_TEXT, AT(node_key), "/var/lib/valise/keys/node.key", 0, 0,
     "sealed keys of this node"},
    {"keys", "unlock", SETTING_TEXT, AT(unlock_key), "", 0, 0,
     "key file that opens them; empty: a pass phrase, given with --passphrase-fd"},
    {"limits", "peer_records_per_day", SETTING_NUMBER, AT(records_per_day), "200000", 1, 1000000000,
     "records that one State may bring in a day"},
    {"limits", "peer_bytes_per_day", SETTING_SIZE, AT(bytes_per_day), "4G", 1024 * 1024,
     1024LL * 1024 * 1024 * 1024, "bytes that one State may bring in a day"},
    {"check", "stale_after", SETTING_DURATION, AT(stale_after_ms), "24h", 1000,
     365LL * 86400 * 1000, "a State not heard from for longer makes an answer incomplete"},
    {"log", "level", SETTING_LEVEL, AT(log_level), "info", 0, 0,
     "error, warning, notice, info or debug; names and contents are never logged"},
};

static const size_t setting_count = sizeof settings / sizeof settings[0];

static const char *const level_names[] = {"error", "warning", "notice", "info", "debug"};

/* --- values -------------------------------------------------------------------------------- */

static int64_t unit_of(enum setting_type type, char unit)
{
    if (type == SETTING_SIZE) {
        return unit == '\0'  ? 1
               : unit == 'K' ? 1024
               : unit == 'M' ? MEBIBYTE
               : unit == 'G' ? 1024 * MEBIBYTE
                             : 0;
    }
    if (type == SETTING_DURATION) {
        return unit == 's'   ? 1000
               : unit == 'm' ? 60 * 1000
               : unit == 'h' ? 60 * 60 * 1000
               : unit == 'd' ? 24 * 60 * 60 * 1000
                             : 0;
    }
    return unit == '\0' ? 1 : 0;
}

static const char *unit_help(enum setting_type type)
{
    return type == SETTING_SIZE       ? "a number with K, M or G, such as 20G"
           : type == SETTING_DURATION ? "a number with s, m, h or d, such as 24h"
                                      : "a whole number";
}

/* Digits and one unit letter; the whole text. */
static bool read_number(const struct setting *setting, const char *text, int64_t *number)
{
    char *end = NULL;
    long long digits = 0;
    int64_t unit = 0;

    errno = 0;
    digits = strtoll(text, &end, 10);
    if (end == text || text[0] < '0' || text[0] > '9' || errno != 0 ||
        (end[0] != '\0' && end[1] != '\0')) {
        return false;
    }
    unit = unit_of(setting->type, end[0]);
    return unit != 0 && !__builtin_mul_overflow((int64_t)digits, unit, number) &&
           *number >= setting->min && *number <= setting->max;
}

/* Put a value where it belongs. @return NULL, or what would have been right. */
static const char *put(const struct setting *setting, const char *text, struct config *config)
{
    char *place = (char *)config + setting->offset;
    int64_t number = 0;

    switch (setting->type) {
    case SETTING_TEXT:
        if (strlen(text) >= CONFIG_TEXT_BYTES) {
            return "at most 511 characters";
        }
        (void)snprintf(place, CONFIG_TEXT_BYTES, "%s", text);
        return NULL;
    case SETTING_FLAG:
        if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0) {
            return "yes or no";
        }
        *(bool *)place = strcmp(text, "yes") == 0;
        return NULL;
    case SETTING_LEVEL:
        for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
            if (strcmp(text, level_names[i]) == 0) {
                number = (int64_t)i;
                memcpy(place, &number, sizeof number);
                return NULL;
            }
        }
        return "error, warning, notice, info or debug";
    default:
        if (!read_number(setting, text, &number)) {
            return unit_help(setting->type);
        }
        memcpy(place, &number, sizeof number);
        return NULL;
    }
}

static const struct setting *find(const char *section, const char *name)
{
    for (size_t i = 0; i < setting_count; i++) {
        if (strcmp(settings[i].section, section) == 0 && strcmp(settings[i].name, name) == 0) {
            return &settings[i];
        }
    }
    return NULL;
}

/* --- reading ------------------------------------------------------------------------------- */

static void unknown_setting(const char *where, const char *section, const char *name,
                            struct problems *problems)
{
    const char *candidates[sizeof settings / sizeof settings[0]];

    for (size_t i = 0; i < setting_count; i++) {
        bool same = strcmp(settings[i].section, section) == 0;
        candidates[i] = same ? settings[i].name : NULL;
    }
    const char *meant = text_suggest(view_of_text(name), candidates, setting_count);
    (void)problem_add(problems, ERR_CONFIG, where, "[%s] has no \"%s\"", section, name);
    problem_mend(problems, meant != NULL ? "did you mean %s?" : "valised --print-config%.0s",
                 meant != NULL ? meant : "");
}

static void read_setting(struct ini_cfgobj *object, const char *path, const char *section,
                         const char *name, struct config *config, struct problems *problems)
{
    char where[PROBLEM_WHERE_BYTES];
    struct value_obj *value = NULL;
    const struct setting *setting = find(section, name);
    uint32_t line = 0;
    int failed = 0;

    if (ini_get_config_valueobj(section, name, object, INI_GET_FIRST_VALUE, &value) != 0 ||
        value == NULL) {
        return;
    }
    (void)value_get_line(value, &line);
    (void)snprintf(where, sizeof where, "%s:%u", path, line);
    if (setting == NULL) {
        unknown_setting(where, section, name, problems);
        return;
    }
    char *text = ini_get_string_config_value(value, &failed);
    const char *right = failed != 0 ? "a text" : put(setting, text == NULL ? "" : text, config);
    if (right != NULL) {
        (void)problem_add(problems, ERR_CONFIG, where, "[%s] %s must be %s", section, name, right);
    }
    free(text);
}

static void read_sections(struct ini_cfgobj *object, const char *path, struct config *config,
                          struct problems *problems)
{
    int section_count = 0;
    int failed = 0;
    char **sections = ini_get_section_list(object, &section_count, &failed);

    for (int s = 0; sections != NULL && s < section_count; s++) {
        int count = 0;
        char **names = ini_get_attribute_list(object, sections[s], &count, &failed);
        for (int i = 0; names != NULL && i < count; i++) {
            read_setting(object, path, sections[s], names[i], config, problems);
        }
        ini_free_attribute_list(names);
    }
    ini_free_section_list(sections);
}

/* libini_config's own messages: file, line and what it could not understand. */
static void add_parse_errors(struct ini_cfgobj *object, const char *path, struct problems *problems)
{
    char **errors = NULL;

    if (ini_config_get_errors(object, &errors) != 0 || errors == NULL) {
        return;
    }
    for (size_t i = 0; errors[i] != NULL; i++) {
        (void)problem_add(problems, ERR_CONFIG, path, "%s", errors[i]);
    }
    ini_config_free_errors(errors);
}

static enum error check_file(const char *path, struct problems *problems)
{
    struct stat info;

    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) {
        return problem_add(problems, ERR_FILE, path, "it cannot be read");
    }
    if ((info.st_mode & 022) != 0) {
        enum error err = problem_add(problems, ERR_FILE_UNSAFE, path,
                                     "its mode is %04o; others must not be able to write it",
                                     (unsigned)info.st_mode & 07777);
        problem_mend(problems, "chmod 0640 %s", path);
        return err;
    }
    return OK;
}

static void put_defaults(struct config *config)
{
    memset(config, 0, sizeof *config);
    for (size_t i = 0; i < setting_count; i++) {
        (void)put(&settings[i], settings[i].standard, config);
    }
}

enum error config_load(const char *path, struct config *config, struct problems *problems)
{
    const uint32_t strict =
        INI_PARSE_NOWRAP | INI_PARSE_NOSPACE | INI_PARSE_NOTAB | INI_PARSE_NO_C_COMMENTS;
    struct ini_cfgfile *file = NULL;
    struct ini_cfgobj *object = NULL;
    size_t before = problems->count;
    enum error err = OK;

    put_defaults(config);
    TRY(check_file(path, problems));
    TRY(ini_config_create(&object) == 0 ? OK : ERR_NO_MEMORY);
    TRY(ini_config_file_open(path, 0, &file) == 0 ? OK : ERR_FILE);
    if (ini_config_parse(file, INI_STOP_ON_NONE, INI_MV1S_ERROR | INI_MV2S_ERROR | INI_MS_ERROR,
                         strict, object) != 0) {
        add_parse_errors(object, path, problems);
        if (problems->count == before) {
            (void)problem_add(problems, ERR_CONFIG, path, "it cannot be understood");
        }
    }
    read_sections(object, path, config, problems);
    err = problems->count > before ? ERR_CONFIG : OK;
out:
    ini_config_file_destroy(file);
    ini_config_destroy(object);
    return err;
}

void config_print(struct buffer *to)
{
    const char *section = "";

    buffer_append_text(to, "; valised: every setting, with its default. Comments stand on lines "
                           "of their own.\n; Check after editing: valised --check-config --config "
                           "FILE\n");
    for (size_t i = 0; i < setting_count; i++) {
        const struct setting *setting = &settings[i];
        if (strcmp(section, setting->section) != 0) {
            section = setting->section;
            buffer_printf(to, "\n[%s]\n", section);
        }
        buffer_printf(to, "; %s", setting->help);
        if (setting->type == SETTING_SIZE || setting->type == SETTING_DURATION) {
            buffer_printf(to, " (%s)", unit_help(setting->type));
        }
        buffer_printf(to, "\n%s%s = %s\n", setting->standard[0] == '\0' ? "; " : "", setting->name,
                      setting->standard);
    }
}
