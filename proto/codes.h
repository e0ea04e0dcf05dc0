/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Code lists of records (records.md sections 2 to 4) and the check digits of
 * identifiers. The lists stand in codes_tables.c.
 */

#include "bytes.h"
#include "error.h"

#include <stdbool.h>
#include <stddef.h>

/** Every list that a field can name. */
enum code_list {
    CODES_NONE,
    CODES_STATE, /* ISO 3166-1 alpha-3, and user-assigned codes */
    CODES_TLP,
    CODES_LANGUAGE,
    CODES_SCRIPT,
    CODES_LEGAL_BASIS,
    CODES_DENIAL_TYPE,
    CODES_ACTIVITY,
    CODES_PARTY_ROLE,
    CODES_PARTY_TYPE,
    CODES_NAME_KIND,
    CODES_DATE_PRECISION,
    CODES_ID_SCHEME,
    CODES_CONDUCT,
    CODES_ATT_SCOPE,
    CODES_UNROCA,
    CODES_UNIT,
    CODES_CURRENCY,
    CODES_ITEM_FORM,
    CODES_GROUND_SCHEME,
    CODES_GROUND_ATT,
    CODES_GROUND_EU,
    CODES_DENIAL_STATUS,
    CODES_TRANSPORT_MODE,
    CODES_REVIEW_STATUS,
    CODES_DOCUMENT_KIND,
    CODES_ALERT_TYPE,
    CODES_ALERT_STATUS,
    CODES_CONFIDENCE,
    CODES_RELATION,
    CODES_JURISDICTION,
    CODES_ALERT_ACTION,
    CODES_CASE_STATUS,
    CODES_CERTAINTY,
    CODES_DETECTION,
    CODES_DIVERSION_POINT,
    CODES_SERIAL_STATUS,
    CODES_SOURCE_TYPE,
    CODES_MEASURE,
    CODES_CASE_REQUEST,
    CODES_REGISTRATION_STATUS,
    CODES_ONWARD,
    CODES_PURPOSE,
    CODES_EXPORT,
    CODES_ACK,
    CODES_LEAVE,
    CODES_HISTORY,
    CODES_LIST_COUNT
};

/** One code. Strings are static. `group` is a class within the list, or NULL. */
struct code {
    const char *code;
    const char *label;
    const char *group;
};

/** One country. Strings are static. */
struct country {
    const char *alpha2;
    const char *alpha3;
    const char *name; /* English short name */
};

/** One list: `items` is ended by a row without code. */
struct code_list_info {
    const char *name;
    const struct code *items;
};

/** The table of a list; static. CODES_STATE has no items here: see country_find. */
const struct code_list_info *code_list_info(enum code_list list);

/** Find a code, exact letter case. @return NULL if the list does not have it. */
const struct code *code_find(enum code_list list, struct view code);

/** The code most like a mistyped one, or NULL. */
const char *code_suggest(enum code_list list, struct view code);

/** All countries of ISO 3166-1, `count` rows ordered by alpha2; static. */
const struct country *country_list(size_t *count);

/**
 * Find a country by alpha-2, alpha-3 (any letter case) or English name.
 * @return NULL if there is none; user-assigned codes have no row.
 */
const struct country *country_find(struct view text);

/**
 * Bring a State or country code to its stored form, alpha-3 in capitals.
 * @param text   alpha-2, alpha-3, an English name, or a user-assigned alpha-3
 *               (AAA-AAZ, QMA-QZZ, XAA-XZZ, ZZA-ZZZ).
 * @param alpha3 receives 3 letters and their end.
 * @return false if it is none of these.
 */
bool state_canonical(struct view text, char alpha3[static 4]);

/** English name of a stored State code; NULL if it has none (user-assigned). */
const char *state_name(struct view alpha3);

/** Whether the text is a stored State code: 3 capitals that state_canonical accepts. */
bool state_is_valid(struct view alpha3);

enum { CML_TEXT_BYTES = 16 };

/**
 * Bring a military list entry to canonical form: "ML1b1", "ML 1.b.1" -> "ML1.b.1".
 * @return false if it is not an entry of ML1..ML22.
 * Source: records.md section 4.
 */
bool cml_canonical(struct view text, char canonical[static CML_TEXT_BYTES]);

/** What is known of an identifier's own consistency. */
enum identifier_verdict {
    IDENTIFIER_GOOD,     /* form and check digit agree, or the scheme has none */
    IDENTIFIER_BAD_FORM, /* wrong length or characters */
    IDENTIFIER_BAD_DIGIT /* check digit does not add up: warn, do not refuse */
};

/** Whether two serials are ends of a range: the same letters, then as many digits, upwards. */
bool serial_range_is_valid(struct view first, struct view last);

/**
 * Check an identifier by its scheme (CODES_ID_SCHEME, and CONTAINER, LOCODE).
 * Chosen by scheme, never by shape: IMO ship and company numbers look alike.
 * Source: records.md section 4 (IMO Res. A.1117(30), ISO 17442, ISO 6346, UN/LOCODE).
 */
enum identifier_verdict identifier_check(struct view scheme, struct view value);

/** Append an identifier reduced to what is compared: capitals and digits, no "IMO" prefix. */
void identifier_fold(struct view scheme, struct view value, struct buffer *folded);
