/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The rows behind record.h, and the rules between fields (record_rules.c). */

#include "record.h"

extern const struct record_object record_envelope_object;
extern const struct record_object record_handling_object;
extern const struct record_object record_denial_body;
extern const struct record_object record_alert_body;
extern const struct record_object record_case_body;

/** The rules of a kind, and those of every record that is to be published. */
void record_check_rules(const struct record_kind *kind, const struct value *record,
                        struct problems *problems, struct problems *warnings);

void record_check_denial(const struct value *record, struct problems *problems,
                         struct problems *warnings);
void record_check_alert(const struct value *record, struct problems *problems,
                        struct problems *warnings);
void record_check_case(const struct value *record, struct problems *problems,
                       struct problems *warnings);
