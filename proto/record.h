/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What records are: one table (record_tables.c) says for every field of every
 * kind its type, limits, code list, section, index and help. Checking, JSON,
 * splitting into sections, the blind index, JSON Schema, forms and the manual
 * all come from it. Source: records.md.
 */

#include "arena.h"
#include "codes.h"
#include "error.h"
#include "instant.h"
#include "value.h"

#include <stdbool.h>

/** The parts of a record that have readers of their own, from open to strict. */
enum section_id {
    SECTION_MANIFEST,
    SECTION_SUMMARY,
    SECTION_PARTIES,
    SECTION_DETAILS,
    SECTION_RESTRICTED,
    SECTION_ATTACHMENTS,
    SECTION_INTERNAL, /* never leaves the node */
    SECTION_COUNT,
    SECTION_INHERIT = SECTION_COUNT /* in the table: the section of the field around it */
};

/** Sections that can be granted: all but SECTION_INTERNAL. */
enum { SECTION_SHARED_COUNT = SECTION_INTERNAL };

enum field_type {
    FIELD_TEXT,       /* one line, min..max code points */
    FIELD_LINES,      /* several lines, min..max code points */
    FIELD_NAME,       /* as FIELD_TEXT; no hidden or bidi characters */
    FIELD_CODE,       /* of the list `codes` */
    FIELD_STATE,      /* alpha-3; input also alpha-2 or English name */
    FIELD_CML,        /* EU/Wassenaar list entry, brought to canonical form */
    FIELD_HS,         /* 2, 4, 6, 8 or 10 digits */
    FIELD_GRADE,      /* Admiralty grade, A1..F6 */
    FIELD_HASH,       /* SHA-256, 64 hexadecimal digits */
    FIELD_IDENTIFIER, /* value of an identifier; its scheme is the sibling `scheme` */
    FIELD_IMO,        /* IMO ship number */
    FIELD_MMSI,
    FIELD_CONTAINER,    /* ISO 6346 */
    FIELD_LOCODE,       /* UN/LOCODE */
    FIELD_SERIALS,      /* serial number, or a range A..B */
    FIELD_REFERENCE,    /* DN-XMA-2026-0014 */
    FIELD_VERSIONED,    /* DN-XMA-2026-0014#2 */
    FIELD_DATE,         /* 2026-03-11 */
    FIELD_PARTIAL_DATE, /* 1971, 1971-06, 1971~, 2024/2026 */
    FIELD_TIME,         /* 2026-03-11T09:42:00Z */
    FIELD_INTEGER,      /* min..max */
    FIELD_QUANTITY,     /* integer >= 0, or a decimal in quotes */
    FIELD_MONEY,        /* decimal in quotes */
    FIELD_COORDINATE,   /* number, min..max degrees; millionths inside */
    FIELD_FLAG,
    FIELD_OBJECT,   /* `object` */
    FIELD_AUDIENCE, /* handling.read: section or "*" to terms */
    FIELD_SECTIONS, /* handling.fields: JSON pointer to section */
    FIELD_TERM,     /* state:XXX or group:NAME */
    FIELD_DURATION  /* 10y, 18m, 90d */
};

enum field_flags {
    FIELD_REQUIRED = 1,
    FIELD_IS_LIST = 2,
    FIELD_AT_LEAST_ONE = 4 /* a list that may not be empty */
};

/** Exact indexes of a record; the numbers are stored, never reuse one. */
enum index_field {
    INDEX_NONE = 0,
    INDEX_REFERENCE = 1, /* own reference */
    INDEX_REFERS_TO = 2, /* references it names */
    INDEX_KIND = 3,
    INDEX_ORIGINATOR = 4,
    INDEX_STATE = 5, /* any State it names */
    INDEX_DESTINATION = 6,
    INDEX_CODE = 7, /* control list, scope, grounds, conduct, … and their headings */
    INDEX_IDENTIFIER = 8,
    INDEX_NAME = 9,   /* folded name */
    INDEX_WORD = 10,  /* one word of a folded name */
    INDEX_MONTH = 11, /* of the kind's main date, yyyymm */
    INDEX_SERIAL = 12,
    INDEX_STATUS = 13,
    INDEX_CIPHER = 14, /* hash of a ciphertext: put by the node, not found in the tree */
    INDEX_FIELD_COUNT
};

struct record_object;

/** One field. */
struct record_field {
    const char *name;
    enum field_type type;
    unsigned flags;
    int64_t min;
    int64_t max;
    enum code_list codes;
    enum section_id section;
    enum index_field index;
    const struct record_object *object; /* FIELD_OBJECT */
    const char *help;
};

/** One object: its fields, ordered as people expect them. */
struct record_object {
    const char *name;
    const struct record_field *fields;
    size_t count;
};

/** One kind of record. */
struct record_kind {
    const char *kind;      /* "denial", as in commands */
    const char *schema;    /* "valise/denial/1" */
    const char *prefix;    /* "DN" */
    const char *title;     /* "Denial" */
    const char *main_date; /* JSON pointer of the date it is filed under */
    const struct record_object *body;
    /** Rules between fields; adds problems and warnings. */
    void (*check)(const struct value *record, struct problems *problems, struct problems *warnings);
};

/** All kinds; `count` rows, static. */
const struct record_kind *record_kinds(size_t *count);

/** Find a kind by its name, schema, or reference prefix; NULL if there is none. */
const struct record_kind *record_kind_find(struct view name);

/** The envelope around every body: schema, reference, …, handling, body. */
const struct record_object *record_envelope(void);

/** The table of handling. */
const struct record_object *record_handling(void);

/** Field of an object by name; NULL if it has none. */
const struct record_field *record_field_find(const struct record_object *object, struct view name);

const char *section_name(enum section_id section);

/** @return false if no section has this name. */
bool section_find(struct view name, enum section_id *section);

enum {
    REFERENCE_TEXT_BYTES = 24,
    RECORD_JSON_MAX_BYTES = 1024 * 1024,
    RECORD_ARENA_BYTES = 16 * 1024 * 1024,
    RECORD_LIST_MAX = 1000,
    RECORD_NUMBER_MAX = 9999
};

/** A reference taken apart. */
struct reference {
    const struct record_kind *kind;
    char state[4];
    int year;
    int number;
};

/**
 * Read a reference in any letter case, hyphens optional: "dn xma 2026 14" is
 * not one, "dnxma20260014" is.
 * @return OK, ERR_FIELD_VALUE.
 */
MUST_CHECK enum error reference_parse(struct view text, struct reference *reference);

/** Write the stored form, "DN-XMA-2026-0014". @return text. */
const char *reference_format(const struct reference *reference,
                             char text[static REFERENCE_TEXT_BYTES]);

/** How a record is checked. */
enum record_check_mode {
    RECORD_OWN,     /* typed by our officer: complete; codes brought to canonical form */
    RECORD_DRAFT,   /* as RECORD_OWN, but required fields may still be missing */
    RECORD_RECEIVED /* what a peer sent: any part of a record, canonical already */
};

/**
 * Check a record tree against the table.
 *
 * @param record   the tree; with RECORD_OWN and RECORD_DRAFT brought to canonical form.
 * @param arena    that the tree lives in.
 * @param problems receives what is wrong; may be NULL.
 * @param warnings receives what looks odd but is allowed (check digits, scope); may be NULL.
 * @return OK; the error of the first problem; ERR_CODE_NOT_KNOWN_HERE for an unknown field or
 *         code of a received record; ERR_NO_MEMORY.
 */
MUST_CHECK enum error record_check(struct value *record, enum record_check_mode mode,
                                   struct arena *arena, struct problems *problems,
                                   struct problems *warnings);

/** Kind of a record tree by its schema; NULL if unknown. */
const struct record_kind *record_kind_of(const struct value *record);

/**
 * Fill in what the tables give by default: status, active_until three years
 * after denied_on, review_by, version 1.
 * @param record a tree that passed record_check.
 */
MUST_CHECK enum error record_fill_defaults(struct value *record, struct arena *arena);
