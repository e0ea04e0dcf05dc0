/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Answers on standard output: lists in every shape, JSON documents, wrapped text. */

#include "cli.h"

/** One column of a list. Strings are static. */
struct column {
    const char *key;   /* of the row's map, and for --fields */
    const char *title; /* heading */
    bool wide;         /* only with --output wide, in CSV and in JSON */
    bool right;        /* numbers */
};

enum { COLUMNS_MAX = 16 };

/** What a list is made of. */
struct listing {
    const char *schema;                 /* "valise/peers/1" */
    const char *empty;                  /* what is said instead of an empty table */
    struct column columns[COLUMNS_MAX]; /* ended by a column without key; the first names a row */
};

/**
 * Write a list in the shape that was asked for.
 * @param items a list of maps; texts are from outside.
 * @return OK; ERR_USAGE for an unknown --fields; ERR_OUTPUT; ERR_NO_MEMORY; ERR_TOO_LARGE.
 */
MUST_CHECK enum error output_list(struct cli *cli, const struct listing *listing,
                                  const struct value *items);

/**
 * Write one JSON document, with `schema` added unless it has one.
 * @param schema "valise/status/1", or NULL to write the document as it is.
 */
MUST_CHECK enum error output_document(struct cli *cli, const char *schema, struct value *document);

/** Write one JSON document on one line. */
MUST_CHECK enum error output_line(const struct value *document);

/** One cell as text: lists joined by ", ", flags as yes or no. Not escaped. */
void cell_text(const struct value *value, struct buffer *to);

/** Append a CSV field (RFC 4180), in quotes where needed. */
void csv_field(struct view text, struct buffer *to);

/**
 * Append text broken at blanks, so that no line is longer than `width` columns
 * unless one word is.
 * @param text   safe for a terminal; line feeds are kept.
 * @param column where the first line begins, columns.
 * @param indent blanks before every further line.
 */
void wrap_text(struct view text, size_t column, size_t indent, size_t width, struct buffer *to);

/** Append blanks up to a column; at least one if the text before reaches it. */
void pad_to(struct buffer *to, size_t from, size_t column);
