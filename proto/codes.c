/* SPDX-License-Identifier: Apache-2.0 */
#include "codes.h"

#include "codes_tables.h"
#include "text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

const struct code_list_info *code_list_info(enum code_list list)
{
    return (unsigned)list < CODES_LIST_COUNT ? &code_lists[list] : &code_lists[CODES_NONE];
}

const struct code *code_find(enum code_list list, struct view code)
{
    const struct code *item = code_list_info(list)->items;

    for (; item != NULL && item->code != NULL; item++) {
        if (view_is(code, item->code)) {
            return item;
        }
    }
    return NULL;
}

const char *code_suggest(enum code_list list, struct view code)
{
    enum { CANDIDATES_MAX = 128 };
    const char *candidates[CANDIDATES_MAX];
    size_t count = 0;
    const struct code *item = code_list_info(list)->items;

    for (; item != NULL && item->code != NULL && count < CANDIDATES_MAX; item++) {
        /* Wrong letter case only: that is what was meant. */
        if (strlen(item->code) == code.size &&
            strncasecmp(item->code, (const char *)code.data, code.size) == 0) {
            return item->code;
        }
        candidates[count++] = item->code;
    }
    return text_suggest(code, candidates, count);
}

const struct country *country_list(size_t *count)
{
    *count = countries_count;
    return countries;
}

static bool same_text(struct view text, const char *word)
{
    /* Every State of a record is looked up here, and most words differ in their first letter. */
    return toupper(text.data[0]) == toupper((uint8_t)word[0]) && strlen(word) == text.size &&
           strncasecmp(word, (const char *)text.data, text.size) == 0;
}

/* What a text of this size can be of a country: none has a name as short as a code. */
static const char *word_of(const struct country *country, size_t size)
{
    if (size == 2) {
        return country->alpha2;
    }
    return size == 3 ? country->alpha3 : country->name;
}

const struct country *country_find(struct view text)
{
    if (text.size < 2) {
        return NULL;
    }
    for (size_t i = 0; i < countries_count; i++) {
        if (same_text(text, word_of(&countries[i], text.size))) {
            return &countries[i];
        }
    }
    return NULL;
}

/* ISO 3166-1 section 8.1.3 leaves these to users: AAA-AAZ, QMA-QZZ, XAA-XZZ, ZZA-ZZZ. */
static bool is_user_assigned(const char *alpha3)
{
    return (alpha3[0] == 'A' && alpha3[1] == 'A') || (alpha3[0] == 'Q' && alpha3[1] >= 'M') ||
           alpha3[0] == 'X' || (alpha3[0] == 'Z' && alpha3[1] == 'Z');
}

bool state_canonical(struct view text, char alpha3[static 4])
{
    const struct country *country = country_find(text);
    char letters[4] = {0};

    if (country != NULL) {
        (void)snprintf(alpha3, 4, "%s", country->alpha3);
        return true;
    }
    if (text.size != 3) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        letters[i] = (char)toupper(text.data[i]);
        if (letters[i] < 'A' || letters[i] > 'Z') {
            return false;
        }
    }
    if (!is_user_assigned(letters)) {
        return false;
    }
    memcpy(alpha3, letters, 4);
    return true;
}

const char *state_name(struct view alpha3)
{
    const struct country *country = alpha3.size == 3 ? country_find(alpha3) : NULL;

    return country == NULL ? NULL : country->name;
}

bool state_is_valid(struct view alpha3)
{
    char canonical[4];

    return alpha3.size == 3 && state_canonical(alpha3, canonical) && view_is(alpha3, canonical);
}

/* Read one part of a list entry after an optional dot; returns its length, 0 if there is none. */
static size_t cml_part(struct view text, size_t at, bool letter, size_t *start)
{
    size_t length = 0;

    *start = at;
    if (at < text.size && text.data[at] == '.') {
        *start = at + 1;
    }
    while (*start + length < text.size) {
        int c = tolower(text.data[*start + length]);
        bool fits = letter ? c >= 'a' && c <= 'z' : c >= '0' && c <= '9';
        if (!fits || length == (letter ? 1U : 2U)) {
            break;
        }
        length++;
    }
    return length;
}

bool cml_canonical(struct view text, char canonical[static CML_TEXT_BYTES])
{
    size_t at = 2;
    size_t out = 2;
    unsigned heading = 0;

    if (text.size < 3 || toupper(text.data[0]) != 'M' || toupper(text.data[1]) != 'L') {
        return false;
    }
    memcpy(canonical, "ML", 3);
    while (at < text.size && text.data[at] == ' ') {
        at++;
    }
    if (at < text.size && text.data[at] == '.') {
        return false;
    }
    for (int part = 0; part < 4 && at < text.size; part++) {
        size_t start = 0;
        size_t length = cml_part(text, at, part % 2 == 1, &start);
        if (length == 0) {
            return false;
        }
        if (part > 0) {
            canonical[out++] = '.';
        }
        for (size_t i = 0; i < length; i++) {
            canonical[out++] = (char)tolower(text.data[start + i]);
            heading = part == 0 ? heading * 10 + (unsigned)(text.data[start + i] - '0') : heading;
        }
        at = start + length;
    }
    canonical[out] = '\0';
    return at == text.size && heading >= 1 && heading <= 22 && canonical[2] != '0';
}

/* Where the digits begin: after "IMO", which people write in front of IMO numbers. */
static size_t fold_start(struct view scheme, struct view value)
{
    bool imo = view_is(scheme, "IMO") || view_is(scheme, "IMO_COMPANY");

    return imo && value.size > 3 && strncasecmp((const char *)value.data, "IMO", 3) == 0 ? 3 : 0;
}

/* Bytes of other scripts are kept: a registration number may hold letters of any. */
static bool is_kept(uint8_t c)
{
    return isalnum(c) || c >= 0x80;
}

void identifier_fold(struct view scheme, struct view value, struct buffer *folded)
{
    for (size_t at = fold_start(scheme, value); at < value.size; at++) {
        if (is_kept(value.data[at])) {
            buffer_append_byte(folded, (uint8_t)toupper(value.data[at]));
        }
    }
}

static bool digits_only(const char *text, size_t count)
{
    return strlen(text) == count && strspn(text, "0123456789") == count;
}

static enum identifier_verdict verdict(bool digit_is_right)
{
    return digit_is_right ? IDENTIFIER_GOOD : IDENTIFIER_BAD_DIGIT;
}

static enum identifier_verdict check_imo(const char *text)
{
    int sum = 0;

    if (!digits_only(text, 7)) {
        return IDENTIFIER_BAD_FORM;
    }
    for (int i = 0; i < 6; i++) {
        sum += (text[i] - '0') * (7 - i);
    }
    return verdict(sum % 10 == text[6] - '0');
}

static enum identifier_verdict check_imo_company(const char *text)
{
    static const int weights[6] = {8, 6, 4, 2, 9, 7};
    int sum = 0;

    if (!digits_only(text, 7)) {
        return IDENTIFIER_BAD_FORM;
    }
    for (int i = 0; i < 6; i++) {
        sum += (text[i] - '0') * weights[i];
    }
    return verdict((11 - sum % 11) % 10 == text[6] - '0');
}

static enum identifier_verdict check_mmsi(const char *text)
{
    if (!digits_only(text, 9)) {
        return IDENTIFIER_BAD_FORM;
    }
    int country = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
    return verdict(country >= 201 && country <= 775);
}

static enum identifier_verdict check_lei(const char *text)
{
    unsigned rest = 0;

    if (strlen(text) != 20 || strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 20) {
        return IDENTIFIER_BAD_FORM;
    }
    for (const char *c = text; *c != '\0'; c++) {
        unsigned number = *c <= '9' ? (unsigned)(*c - '0') : (unsigned)(*c - 'A') + 10;
        rest = (number >= 10 ? rest * 100 + number : rest * 10 + number) % 97;
    }
    return verdict(rest == 1);
}

static enum identifier_verdict check_container(const char *text)
{
    unsigned sum = 0;

    if (strlen(text) != 11 || strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 4 ||
        !digits_only(text + 4, 7) || strchr("UJZ", text[3]) == NULL) {
        return IDENTIFIER_BAD_FORM;
    }
    for (unsigned i = 0; i < 10; i++) {
        /* Letters count from 10, leaving out the multiples of 11. */
        unsigned number =
            text[i] <= '9' ? (unsigned)(text[i] - '0') : (unsigned)(text[i] - 'A') + 10;
        if (text[i] >= 'A') {
            number += (number - 1) / 10;
        }
        sum += number << i;
    }
    return verdict(sum % 11 % 10 == (unsigned)(text[10] - '0'));
}

static enum identifier_verdict check_locode(const char *text)
{
    bool good = strlen(text) == 5 && isupper((unsigned char)text[0]) &&
                isupper((unsigned char)text[1]) &&
                strspn(text + 2, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3;

    return good ? IDENTIFIER_GOOD : IDENTIFIER_BAD_FORM;
}

/** One scheme whose identifiers can be checked. */
struct identifier_rule {
    const char *scheme;
    enum identifier_verdict (*check)(const char *text);
};

static const struct identifier_rule identifier_rules[] = {
    {"IMO", check_imo}, {"IMO_COMPANY", check_imo_company}, {"MMSI", check_mmsi},
    {"LEI", check_lei}, {"CONTAINER", check_container},     {"LOCODE", check_locode},
};

enum identifier_verdict identifier_check(struct view scheme, struct view value)
{
    enum { IDENTIFIER_MAX = 64 };
    char text[IDENTIFIER_MAX + 1];
    size_t size = 0;

    for (size_t i = 0; i < sizeof identifier_rules / sizeof identifier_rules[0]; i++) {
        if (!view_is(scheme, identifier_rules[i].scheme)) {
            continue;
        }
        for (size_t at = fold_start(scheme, value); at < value.size; at++) {
            if (!is_kept(value.data[at])) {
                continue;
            }
            if (size == IDENTIFIER_MAX) {
                return IDENTIFIER_BAD_FORM;
            }
            text[size++] = (char)toupper(value.data[at]);
        }
        text[size] = '\0';
        return identifier_rules[i].check(text);
    }
    return IDENTIFIER_GOOD;
}

static size_t digits_at_end(struct view text)
{
    size_t digits = 0;

    while (digits < text.size && text.data[text.size - 1 - digits] >= '0' &&
           text.data[text.size - 1 - digits] <= '9') {
        digits++;
    }
    return digits;
}

bool serial_range_is_valid(struct view first, struct view last)
{
    size_t digits = digits_at_end(first);

    return digits > 0 && first.size == last.size && digits_at_end(last) == digits &&
           memcmp(first.data, last.data, first.size - digits) == 0 &&
           view_compare(first, last) <= 0;
}
