/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Publishing a draft: validate, decide, seal, grant, all in one transaction. */

#include "drafts.h"

/**
 * Find out whether a record could be kept as a draft and published: everything
 * that drafts_keep and publish_record refuse is refused, and nothing changes.
 * @param record filled in as a draft would be.
 * @return as those two.
 */
MUST_CHECK enum error publish_try(struct publish *publish, struct value *record,
                                  struct policy_preview *preview);

/**
 * Who would read what of a record that is not published yet.
 * @param record checked here as if it were to be published.
 */
MUST_CHECK enum error publish_preview(struct publish *publish, struct value *record,
                                      struct policy_preview *preview);

/**
 * Publish a draft. When it returns OK, the record is on disk here, and what
 * goes to each reader is on its lane or waits for it.
 *
 * @param expected hexadecimal hash of the preview that was seen, or empty.
 * @param preview  receives who will read what.
 * @return OK; ERR_NOT_FOUND; errors of record_check and policy_check; ERR_AUDIENCE_EMPTY;
 *         ERR_PREVIEW_CHANGED; ERR_SUPERSEDED; ERR_TOO_LARGE; ERR_STORE_FULL; errors of the
 *         store. Nothing is changed unless OK.
 */
MUST_CHECK enum error publish_record(struct publish *publish, struct view reference,
                                     struct view expected, struct policy_preview *preview);
