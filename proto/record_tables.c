/* SPDX-License-Identifier: Apache-2.0 */
#include "record_tables.h"

/*
 * One row a field: name, type, flags, limits, code list, section, index, help.
 * Source: records.md sections 2.0 to 2.3; a T1 fact stands in summary or
 * parties, T2 in details, T3 in restricted, T4 in internal.
 */

/* clang-format off */

#define REQ FIELD_REQUIRED
#define LIST FIELD_IS_LIST
#define MANY (FIELD_IS_LIST | FIELD_REQUIRED | FIELD_AT_LEAST_ONE)

#define TEXT(name, flags, max, section, help) \
    {name, FIELD_TEXT, flags, 1, max, CODES_NONE, section, INDEX_NONE, NULL, help}
#define LINES(name, flags, max, section, help) \
    {name, FIELD_LINES, flags, 1, max, CODES_NONE, section, INDEX_NONE, NULL, help}
#define CODE(name, flags, codes, section, index, help) \
    {name, FIELD_CODE, flags, 0, 0, codes, section, index, NULL, help}
#define STATE(name, flags, section, index, help) \
    {name, FIELD_STATE, flags, 0, 0, CODES_STATE, section, index, NULL, help}
#define PLAIN(name, type, flags, section, index, help) \
    {name, type, flags, 0, 0, CODES_NONE, section, index, NULL, help}
#define INTEGER(name, flags, min, max, section, help) \
    {name, FIELD_INTEGER, flags, min, max, CODES_NONE, section, INDEX_NONE, NULL, help}
#define OBJECT(name, flags, object, section, help) \
    {name, FIELD_OBJECT, flags, 0, 0, CODES_NONE, section, INDEX_NONE, object, help}
#define OBJECT_OF(variable, text) \
    {text, variable, sizeof variable / sizeof variable[0]}

#define HERE SECTION_INHERIT

/* --- shared objects ------------------------------------------------------------------------ */

static const struct record_field name_fields[] = {
    {"name", FIELD_NAME, REQ, 1, 300, CODES_NONE, HERE, INDEX_NAME, NULL, "the name as written"},
    CODE("script", REQ, CODES_SCRIPT, HERE, INDEX_NONE, "script it is written in, ISO 15924"),
    CODE("kind", REQ, CODES_NAME_KIND, HERE, INDEX_NONE, "primary, alias, former, weak or original"),
    CODE("lang", 0, CODES_LANGUAGE, HERE, INDEX_NONE, "language, ISO 639-1"),
};
static const struct record_object name_object = OBJECT_OF(name_fields, "name");

static const struct record_field birth_fields[] = {
    PLAIN("date", FIELD_PARTIAL_DATE, REQ, HERE, INDEX_NONE, "date of birth, as far as known"),
    CODE("precision", REQ, CODES_DATE_PRECISION, HERE, INDEX_NONE, "how exact the date is"),
    TEXT("place", 0, 200, HERE, "place of birth"),
};
static const struct record_object birth_object = OBJECT_OF(birth_fields, "birth");

static const struct record_field address_fields[] = {
    TEXT("text", REQ, 300, HERE, "address as written"),
    STATE("country", 0, HERE, INDEX_STATE, "country of the address"),
};
static const struct record_object address_object = OBJECT_OF(address_fields, "address");

static const struct record_field id_fields[] = {
    CODE("scheme", REQ, CODES_ID_SCHEME, HERE, INDEX_NONE, "what kind of number it is"),
    {"value", FIELD_IDENTIFIER, REQ, 1, 64, CODES_NONE, HERE, INDEX_IDENTIFIER, NULL, "the number as written"},
    STATE("country", 0, HERE, INDEX_NONE, "country that issued it"),
};
static const struct record_object id_object = OBJECT_OF(id_fields, "identifier");

static const struct record_field not_same_fields[] = {
    PLAIN("record_id", FIELD_REFERENCE, REQ, HERE, INDEX_REFERS_TO, "record of the other one"),
    TEXT("subject_id", 0, 16, HERE, "subject there"),
    TEXT("basis", REQ, 300, HERE, "why they are not the same"),
};
static const struct record_object not_same_object = OBJECT_OF(not_same_fields, "not the same as");

static const struct record_field party_fields[] = {
    CODE("role", REQ, CODES_PARTY_ROLE, HERE, INDEX_NONE, "role in the transaction"),
    CODE("type", REQ, CODES_PARTY_TYPE, HERE, INDEX_NONE, "person, organisation, vessel, …"),
    OBJECT("names", MANY, &name_object, HERE, "all known names, in every script"),
    OBJECT("birth", 0, &birth_object, SECTION_RESTRICTED, "birth of a person"),
    STATE("nationality", LIST, SECTION_DETAILS, INDEX_STATE, "nationalities"),
    STATE("country", 0, SECTION_DETAILS, INDEX_STATE, "country of residence or registration"),
    OBJECT("address", 0, &address_object, SECTION_DETAILS, "address"),
    OBJECT("ids", LIST, &id_object, HERE, "identifiers"),
    CODE("conduct", LIST, CODES_CONDUCT, SECTION_DETAILS, INDEX_CODE, "what the party did"),
    OBJECT("not_same_as", LIST, &not_same_object, HERE, "homonyms that this is not"),
};
static const struct record_object party_object = OBJECT_OF(party_fields, "party");

static const struct record_field national_fields[] = {
    TEXT("list", REQ, 100, HERE, "name of the national list"),
    TEXT("code", REQ, 40, HERE, "entry"),
    TEXT("edition", 0, 40, HERE, "edition of the list"),
};
static const struct record_object national_object = OBJECT_OF(national_fields, "national list entry");

static const struct record_field marks_fields[] = {
    TEXT("manufacturer", 0, 200, HERE, "maker as marked"),
    STATE("country", 0, HERE, INDEX_STATE, "country of manufacture as marked"),
    INTEGER("year", 0, 1800, 2200, HERE, "year as marked"),
    TEXT("import_mark", 0, 100, HERE, "import mark"),
    TEXT("proof", 0, 100, HERE, "proof mark"),
};
static const struct record_object marks_object = OBJECT_OF(marks_fields, "marks");

/* Fields of goods that denials, alerts and cases share. */
#define ITEM_FIELDS \
    INTEGER("line", 0, 1, 10000, HERE, "line number"), \
    {"description", FIELD_TEXT, REQ, 3, 500, CODES_NONE, HERE, INDEX_NONE, NULL, "what it is"}, \
    CODE("att", REQ, CODES_ATT_SCOPE, HERE, INDEX_CODE, "Treaty scope"), \
    PLAIN("cml", FIELD_CML, 0, HERE, INDEX_CODE, "military list entry, such as ML1.a"), \
    TEXT("cml_edition", 0, 40, SECTION_DETAILS, "edition of the military list"), \
    OBJECT("national", 0, &national_object, SECTION_DETAILS, "national list entry"), \
    PLAIN("catch_all", FIELD_FLAG, 0, SECTION_DETAILS, INDEX_NONE, "not listed, but refused"), \
    CODE("unroca", 0, CODES_UNROCA, SECTION_DETAILS, INDEX_CODE, "UN Register class"), \
    PLAIN("hs", FIELD_HS, 0, SECTION_DETAILS, INDEX_CODE, "Harmonized System code"), \
    PLAIN("quantity", FIELD_QUANTITY, 0, HERE, INDEX_NONE, "how many or how much"), \
    CODE("unit", 0, CODES_UNIT, HERE, INDEX_NONE, "unit of the quantity"), \
    PLAIN("value", FIELD_MONEY, 0, SECTION_RESTRICTED, INDEX_NONE, "value, as a decimal in quotes"), \
    CODE("currency", 0, CODES_CURRENCY, SECTION_RESTRICTED, INDEX_NONE, "ISO 4217"), \
    TEXT("model", 0, 200, SECTION_DETAILS, "model"), \
    LINES("tech_specs", 0, 2000, SECTION_DETAILS, "technical specification"), \
    PLAIN("serials", FIELD_SERIALS, LIST, HERE, INDEX_SERIAL, "serial numbers, or ranges A..B"), \
    TEXT("lot", 0, 100, HERE, "lot"), \
    OBJECT("marks", 0, &marks_object, HERE, "marks on the goods")

static const struct record_field item_fields[] = {
    ITEM_FIELDS,
    CODE("form", REQ, CODES_ITEM_FORM, HERE, INDEX_NONE, "complete, parts, ammunition, …"),
};
static const struct record_object item_object = OBJECT_OF(item_fields, "item");

static const struct record_field vessel_fields[] = {
    {"name", FIELD_NAME, 0, 1, 300, CODES_NONE, HERE, INDEX_NAME, NULL, "name of the vessel"},
    PLAIN("imo", FIELD_IMO, 0, HERE, INDEX_IDENTIFIER, "IMO ship number"),
    PLAIN("mmsi", FIELD_MMSI, 0, HERE, INDEX_IDENTIFIER, "maritime mobile identity"),
    STATE("flag", 0, HERE, INDEX_STATE, "flag State"),
};
static const struct record_object vessel_object = OBJECT_OF(vessel_fields, "vessel");

static const struct record_field transport_fields[] = {
    CODE("mode", REQ, CODES_TRANSPORT_MODE, HERE, INDEX_NONE, "mode of transport"),
    OBJECT("vessel", 0, &vessel_object, HERE, "vessel"),
    PLAIN("load", FIELD_LOCODE, 0, HERE, INDEX_CODE, "port of loading, UN/LOCODE"),
    PLAIN("tranship", FIELD_LOCODE, 0, HERE, INDEX_CODE, "port of trans-shipment"),
    PLAIN("discharge", FIELD_LOCODE, 0, HERE, INDEX_CODE, "port of discharge"),
    PLAIN("container", FIELD_CONTAINER, 0, HERE, INDEX_IDENTIFIER, "container, ISO 6346"),
    TEXT("seal", 0, 100, HERE, "seal"),
    TEXT("bill_of_lading", 0, 100, HERE, "bill of lading"),
    TEXT("air_waybill", 0, 100, HERE, "air waybill"),
    LINES("ais_gap", 0, 500, HERE, "when and where its position was not sent"),
};
static const struct record_object transport_object = OBJECT_OF(transport_fields, "transport");

static const struct record_field document_fields[] = {
    CODE("kind", REQ, CODES_DOCUMENT_KIND, HERE, INDEX_NONE, "kind of document"),
    {"number", FIELD_IDENTIFIER, 0, 1, 100, CODES_NONE, HERE, INDEX_IDENTIFIER, NULL, "its number"},
    PLAIN("sha256", FIELD_HASH, 0, HERE, INDEX_NONE, "hash of its file"),
    LINES("finding", 0, 1000, HERE, "what was found"),
};
static const struct record_object document_object = OBJECT_OF(document_fields, "document");

static const struct record_field contact_fields[] = {
    TEXT("role", REQ, 200, HERE, "office, not a person"),
    TEXT("channel", 0, 200, HERE, "how to reach it"),
};
static const struct record_object contact_object = OBJECT_OF(contact_fields, "contact");

/* --- denial, records.md section 2.1 -------------------------------------------------------- */

static const struct record_field ground_fields[] = {
    CODE("scheme", REQ, CODES_GROUND_SCHEME, HERE, INDEX_NONE, "whose criteria"),
    {"code", FIELD_TEXT, REQ, 1, 40, CODES_NONE, HERE, INDEX_CODE, NULL, "criterion, such as ATT-7.1.b.ii or EU-7"},
    TEXT("threshold", REQ, 200, HERE, "threshold that was met"),
};
static const struct record_object ground_object = OBJECT_OF(ground_fields, "ground");

static const struct record_field step_fields[] = {
    INTEGER("n", REQ, 1, 6, HERE, "step 1 to 6 of Article 7 (4)"),
    LINES("finding", REQ, 2000, HERE, "finding"),
};
static const struct record_object step_object = OBJECT_OF(step_fields, "assessment step");

static const struct record_field assessment_fields[] = {
    TEXT("method", 0, 200, HERE, "method"),
    OBJECT("steps", LIST, &step_object, HERE, "steps in their order"),
    PLAIN("overriding_risk", FIELD_FLAG, 0, HERE, INDEX_NONE, "whether an overriding risk was found"),
};
static const struct record_object assessment_object = OBJECT_OF(assessment_fields, "assessment");

static const struct record_field review_fields[] = {
    CODE("status", REQ, CODES_REVIEW_STATUS, HERE, INDEX_NONE, "state of the proceedings"),
    PLAIN("may_be_disclosed", FIELD_FLAG, 0, HERE, INDEX_NONE, "a court may order disclosure"),
};
static const struct record_object review_object = OBJECT_OF(review_fields, "legal review");

static const struct record_field denial_fields[] = {
    CODE("status", 0, CODES_DENIAL_STATUS, SECTION_MANIFEST, INDEX_STATUS, "in force, revoked, …"),
    CODE("denial_type", REQ, CODES_DENIAL_TYPE, SECTION_SUMMARY, INDEX_CODE, "what was decided"),
    CODE("activity", REQ, CODES_ACTIVITY, SECTION_SUMMARY, INDEX_CODE, "activity that was refused"),
    PLAIN("denied_on", FIELD_DATE, REQ, SECTION_SUMMARY, INDEX_NONE, "date of the denial"),
    PLAIN("active_until", FIELD_DATE, 0, SECTION_SUMMARY, INDEX_NONE, "in force until; three years by default"),
    STATE("destination", REQ, SECTION_SUMMARY, INDEX_DESTINATION, "country of destination"),
    OBJECT("items", MANY, &item_object, SECTION_SUMMARY, "goods"),
    OBJECT("grounds", MANY, &ground_object, SECTION_SUMMARY, "reasons for refusal by criterion"),
    CODE("legal_basis", LIST, CODES_LEGAL_BASIS, SECTION_DETAILS, INDEX_NONE, "why it is shared"),
    OBJECT("parties", MANY, &party_object, SECTION_PARTIES, "who was involved"),
    STATE("origin", 0, SECTION_DETAILS, INDEX_STATE, "country of origin"),
    STATE("transit", LIST, SECTION_DETAILS, INDEX_STATE, "countries of transit"),
    TEXT("national_ref", 0, 100, SECTION_DETAILS, "reference of the national file"),
    LINES("stated_end_use", 0, 2000, SECTION_DETAILS, "end-use as stated"),
    TEXT("embargo_ref", 0, 200, SECTION_DETAILS, "resolution or committee, with ground ATT-6.1 or EU-1"),
    OBJECT("transport", 0, &transport_object, SECTION_DETAILS, "transport"),
    OBJECT("documents", LIST, &document_object, SECTION_DETAILS, "documents and what was found"),
    LINES("scope_note", 0, 1000, SECTION_DETAILS, "note on the Treaty's scope"),
    OBJECT("contact", 0, &contact_object, SECTION_DETAILS, "office that answers"),
    LINES("explanation", 0, 4000, SECTION_RESTRICTED, "why it was refused"),
    LINES("mitigation_considered", LIST, 1000, SECTION_RESTRICTED, "measures that were considered"),
    OBJECT("assessment", 0, &assessment_object, SECTION_RESTRICTED, "assessment under Article 7"),
    OBJECT("legal_review", 0, &review_object, SECTION_RESTRICTED, "judicial review"),
    LINES("internal_notes", 0, 8000, SECTION_INTERNAL, "never leaves this node"),
    TEXT("officer", 0, 200, SECTION_INTERNAL, "never leaves this node"),
};
const struct record_object record_denial_body = OBJECT_OF(denial_fields, "denial");

/* --- broker alert, records.md section 2.2 -------------------------------------------------- */

static const struct record_field registration_fields[] = {
    TEXT("register", REQ, 100, HERE, "register"),
    CODE("status", REQ, CODES_REGISTRATION_STATUS, HERE, INDEX_NONE, "state of the registration"),
    TEXT("number", 0, 64, HERE, "registration number"),
    PLAIN("since", FIELD_PARTIAL_DATE, 0, HERE, INDEX_NONE, "since when"),
};
static const struct record_object registration_object = OBJECT_OF(registration_fields, "registration");

static const struct record_field subject_fields[] = {
    TEXT("subject_id", REQ, 16, HERE, "short name within the alert, such as S1"),
    CODE("type", REQ, CODES_PARTY_TYPE, HERE, INDEX_NONE, "person, organisation, vessel, …"),
    PLAIN("directing_mind", FIELD_FLAG, 0, HERE, INDEX_NONE, "directs the transaction"),
    OBJECT("names", MANY, &name_object, HERE, "all known names, in every script"),
    OBJECT("birth", 0, &birth_object, SECTION_RESTRICTED, "birth of a person"),
    STATE("nationality", LIST, SECTION_DETAILS, INDEX_STATE, "nationalities"),
    STATE("country", 0, SECTION_DETAILS, INDEX_STATE, "country of residence or registration"),
    STATE("flag", 0, SECTION_DETAILS, INDEX_STATE, "flag State of a vessel"),
    OBJECT("address", 0, &address_object, SECTION_DETAILS, "address"),
    OBJECT("ids", LIST, &id_object, HERE, "identifiers"),
    PLAIN("formed", FIELD_PARTIAL_DATE, 0, SECTION_DETAILS, INDEX_NONE, "when the organisation was formed"),
    TEXT("function", 0, 200, SECTION_DETAILS, "what it serves as"),
    OBJECT("registration", 0, &registration_object, SECTION_DETAILS, "registration as a broker"),
    OBJECT("not_same_as", LIST, &not_same_object, HERE, "homonyms that this is not"),
};
static const struct record_object subject_object = OBJECT_OF(subject_fields, "subject");

static const struct record_field relation_fields[] = {
    TEXT("a", REQ, 16, HERE, "subject"),
    TEXT("b", REQ, 16, HERE, "other subject"),
    CODE("rel", REQ, CODES_RELATION, HERE, INDEX_NONE, "what a is to b"),
    INTEGER("share", 0, 0, 100, HERE, "share in percent"),
    PLAIN("period", FIELD_PARTIAL_DATE, 0, HERE, INDEX_NONE, "when"),
};
static const struct record_object relation_object = OBJECT_OF(relation_fields, "relation");

static const struct record_field conduct_fields[] = {
    TEXT("subject", REQ, 16, HERE, "who"),
    CODE("code", REQ, CODES_CONDUCT, HERE, INDEX_CODE, "what"),
    PLAIN("period", FIELD_PARTIAL_DATE, 0, HERE, INDEX_NONE, "when"),
    LINES("evidence", 0, 2000, SECTION_RESTRICTED, "what shows it"),
    PLAIN("grade", FIELD_GRADE, 0, HERE, INDEX_NONE, "Admiralty grade of the evidence"),
    OBJECT("document", 0, &document_object, SECTION_RESTRICTED, "document that shows it"),
};
static const struct record_object conduct_object = OBJECT_OF(conduct_fields, "conduct");

static const struct record_field route_fields[] = {
    STATE("path", MANY, HERE, INDEX_STATE, "countries in order"),
    CODE("mode", 0, CODES_TRANSPORT_MODE, HERE, INDEX_NONE, "mode of transport"),
    PLAIN("ports", FIELD_LOCODE, LIST, HERE, INDEX_CODE, "ports in order"),
};
static const struct record_object route_object = OBJECT_OF(route_fields, "route");

static const struct record_field redress_fields[] = {
    TEXT("contact", REQ, 200, HERE, "office that corrects it"),
    LINES("corrections", LIST, 1000, HERE, "corrections made"),
};
static const struct record_object redress_object = OBJECT_OF(redress_fields, "redress");

static const struct record_field withdrawal_fields[] = {
    TEXT("reason", REQ, 200, HERE, "why it is withdrawn"),
    LINES("instruct", 0, 1000, HERE, "what receivers are asked to do"),
    PLAIN("effective", FIELD_DATE, REQ, HERE, INDEX_NONE, "from when"),
};
static const struct record_object withdrawal_object = OBJECT_OF(withdrawal_fields, "withdrawal");

static const struct record_field place_fields[] = {
    TEXT("kind", REQ, 60, HERE, "kind of place"),
    TEXT("text", REQ, 300, HERE, "place in words"),
    STATE("country", 0, HERE, INDEX_STATE, "country"),
};
static const struct record_object place_object = OBJECT_OF(place_fields, "place");

static const struct record_field alert_fields[] = {
    CODE("status", 0, CODES_ALERT_STATUS, SECTION_MANIFEST, INDEX_STATUS, "active, withdrawn, …"),
    CODE("alert_type", REQ, CODES_ALERT_TYPE, SECTION_SUMMARY, INDEX_CODE, "what the alert is about"),
    OBJECT("subjects", MANY, &subject_object, SECTION_PARTIES, "who it is about"),
    CODE("confidence", REQ, CODES_CONFIDENCE, SECTION_DETAILS, INDEX_NONE, "how sure the State is"),
    PLAIN("source_grade", FIELD_GRADE, 0, SECTION_DETAILS, INDEX_NONE, "Admiralty grade"),
    OBJECT("relations", LIST, &relation_object, SECTION_DETAILS, "how subjects are related"),
    OBJECT("conduct", LIST | FIELD_AT_LEAST_ONE, &conduct_object, SECTION_DETAILS, "what each subject did"),
    PLAIN("indicator_only", FIELD_FLAG, 0, SECTION_DETAILS, INDEX_NONE, "no core act of brokering (C01 to C05) is alleged"),
    LINES("conduct_summary", 0, 2000, SECTION_DETAILS, "conduct in words"),
    CODE("jurisdiction_basis", 0, CODES_JURISDICTION, SECTION_DETAILS, INDEX_NONE, "why the State's law applies"),
    OBJECT("routes", LIST, &route_object, SECTION_DETAILS, "routes used"),
    OBJECT("goods", LIST, &item_object, SECTION_DETAILS, "goods dealt in"),
    OBJECT("location", 0, &place_object, SECTION_DETAILS, "place"),
    CODE("legal_basis", LIST, CODES_LEGAL_BASIS, SECTION_DETAILS, INDEX_NONE, "why it is shared"),
    PLAIN("linked", FIELD_REFERENCE, LIST, SECTION_DETAILS, INDEX_REFERS_TO, "denials and cases"),
    CODE("requested_action", LIST, CODES_ALERT_ACTION, SECTION_DETAILS, INDEX_NONE, "what is asked of receivers"),
    LINES("legal_notice", 0, 500, SECTION_DETAILS, "legal notice; no finding of guilt by default"),
    OBJECT("redress", 0, &redress_object, SECTION_DETAILS, "how it can be corrected"),
    OBJECT("withdrawal", 0, &withdrawal_object, SECTION_DETAILS, "when status is withdrawn"),
    LINES("internal_notes", 0, 8000, SECTION_INTERNAL, "never leaves this node"),
    TEXT("officer", 0, 200, SECTION_INTERNAL, "never leaves this node"),
};
const struct record_object record_alert_body = OBJECT_OF(alert_fields, "broker alert");

/* --- diversion case, records.md section 2.3 ------------------------------------------------ */

static const struct record_field materiel_fields[] = {
    ITEM_FIELDS,
    CODE("form", 0, CODES_ITEM_FORM, HERE, INDEX_NONE, "complete, parts, ammunition, …"),
    CODE("serial_status", 0, CODES_SERIAL_STATUS, HERE, INDEX_NONE, "state of the serial numbers"),
    TEXT("headstamp", 0, 100, SECTION_DETAILS, "headstamp of cartridges"),
    TEXT("packaging", 0, 300, SECTION_DETAILS, "packaging"),
    PLAIN("photos", FIELD_HASH, LIST, SECTION_DETAILS, INDEX_NONE, "hashes of photographs"),
};
static const struct record_object materiel_object = OBJECT_OF(materiel_fields, "materiel");

static const struct record_field spot_fields[] = {
    {"lat", FIELD_COORDINATE, REQ, -90, 90, CODES_NONE, HERE, INDEX_NONE, NULL, "latitude, WGS 84"},
    {"lon", FIELD_COORDINATE, REQ, -180, 180, CODES_NONE, HERE, INDEX_NONE, NULL, "longitude, WGS 84"},
    INTEGER("precision_km", 0, 0, 1000, HERE, "how exact, in kilometres"),
};
static const struct record_object spot_object = OBJECT_OF(spot_fields, "location");

static const struct record_field recovery_fields[] = {
    STATE("country", REQ, HERE, INDEX_STATE, "where it was found"),
    TEXT("admin", 0, 200, HERE, "province or district"),
    OBJECT("location", 0, &spot_object, SECTION_RESTRICTED, "exact place"),
    LINES("circumstances", 0, 2000, HERE, "circumstances"),
};
static const struct record_object recovery_object = OBJECT_OF(recovery_fields, "recovery");

static const struct record_field custody_fields[] = {
    INTEGER("seq", REQ, 1, 1000, HERE, "place in the chain"),
    TEXT("holder", REQ, 300, HERE, "who held it"),
    STATE("country", 0, HERE, INDEX_STATE, "where"),
    TEXT("event", REQ, 200, HERE, "what happened"),
    PLAIN("on", FIELD_PARTIAL_DATE, 0, HERE, INDEX_NONE, "when"),
    TEXT("licence", 0, 100, SECTION_RESTRICTED, "licence number"),
    TEXT("document", 0, 200, HERE, "document"),
};
static const struct record_object custody_object = OBJECT_OF(custody_fields, "link of custody");

static const struct record_field person_fields[] = {
    TEXT("role", REQ, 100, HERE, "role"),
    TEXT("ref", 0, 200, HERE, "national reference"),
};
static const struct record_object person_object = OBJECT_OF(person_fields, "person under investigation");

static const struct record_field source_fields[] = {
    CODE("type", REQ, CODES_SOURCE_TYPE, HERE, INDEX_NONE, "kind of source"),
    TEXT("confidentiality", 0, 300, HERE, "how the source is protected"),
    PLAIN("grade", FIELD_GRADE, 0, HERE, INDEX_NONE, "Admiralty grade"),
};
static const struct record_object source_object = OBJECT_OF(source_fields, "source");

static const struct record_field measure_fields[] = {
    CODE("measure", REQ, CODES_MEASURE, HERE, INDEX_NONE, "what was done"),
    PLAIN("on", FIELD_PARTIAL_DATE, 0, HERE, INDEX_NONE, "when"),
    TEXT("note", 0, 300, HERE, "note"),
};
static const struct record_object measure_object = OBJECT_OF(measure_fields, "measure");

static const struct record_field expected_fields[] = {
    PLAIN("arrive", FIELD_PARTIAL_DATE, 0, HERE, INDEX_NONE, "expected arrival"),
    {"consignee", FIELD_NAME, 0, 1, 300, CODES_NONE, HERE, INDEX_NAME, NULL, "declared consignee"},
};
static const struct record_object expected_object = OBJECT_OF(expected_fields, "expected delivery");

static const struct record_field outcome_fields[] = {
    PLAIN("closed_on", FIELD_DATE, REQ, HERE, INDEX_NONE, "when it was closed"),
    LINES("lessons", LIST, 1000, HERE, "lessons learnt"),
    TEXT("reported_to", LIST, 200, HERE, "where it was reported"),
};
static const struct record_object outcome_object = OBJECT_OF(outcome_fields, "outcome");

static const struct record_field case_fields[] = {
    CODE("status", 0, CODES_CASE_STATUS, SECTION_MANIFEST, INDEX_STATUS, "open, closed, …"),
    CODE("certainty", REQ, CODES_CERTAINTY, SECTION_SUMMARY, INDEX_CODE, "suspected or detected"),
    CODE("diversion_point", REQ, CODES_DIVERSION_POINT, SECTION_SUMMARY, INDEX_CODE, "where it left the authorised path"),
    OBJECT("materiel", MANY, &materiel_object, SECTION_SUMMARY, "what was diverted"),
    STATE("affected_states", MANY, SECTION_SUMMARY, INDEX_STATE, "States that must be told, Treaty Article 11 (4)"),
    PLAIN("detected_on", FIELD_PARTIAL_DATE, REQ, SECTION_SUMMARY, INDEX_NONE, "when it was noticed"),
    CODE("detection", REQ, CODES_DETECTION, SECTION_DETAILS, INDEX_NONE, "how it was noticed"),
    CODE("legal_basis", LIST, CODES_LEGAL_BASIS, SECTION_DETAILS, INDEX_NONE, "why it is shared"),
    OBJECT("recovery", 0, &recovery_object, SECTION_DETAILS, "where and how it was found"),
    OBJECT("custody_chain", LIST, &custody_object, SECTION_DETAILS, "who held it when"),
    OBJECT("transport", 0, &transport_object, SECTION_DETAILS, "transport"),
    OBJECT("expected", 0, &expected_object, SECTION_DETAILS, "delivery that was expected"),
    STATE("route", LIST, SECTION_DETAILS, INDEX_STATE, "countries in order"),
    LINES("concealment", 0, 1000, SECTION_DETAILS, "how it was hidden"),
    OBJECT("documents", LIST, &document_object, SECTION_DETAILS, "documents and what was found"),
    OBJECT("measures_taken", LIST, &measure_object, SECTION_DETAILS, "measures taken"),
    LINES("scope_note", 0, 1000, SECTION_DETAILS, "note on the Treaty's scope"),
    CODE("requested", LIST, CODES_CASE_REQUEST, SECTION_DETAILS, INDEX_NONE, "what is asked of receivers"),
    OBJECT("outcome", 0, &outcome_object, SECTION_DETAILS, "when status is closed"),
    OBJECT("actors", LIST, &party_object, SECTION_RESTRICTED, "groups and networks involved"),
    OBJECT("source", 0, &source_object, SECTION_RESTRICTED, "where it is known from"),
    LINES("gbv_observation", 0, 2000, SECTION_RESTRICTED, "observed acts of gender-based violence"),
    OBJECT("persons", LIST, &person_object, SECTION_INTERNAL, "persons under investigation; never leaves this node"),
    LINES("internal_notes", 0, 8000, SECTION_INTERNAL, "never leaves this node"),
    TEXT("officer", 0, 200, SECTION_INTERNAL, "never leaves this node"),
};
const struct record_object record_case_body = OBJECT_OF(case_fields, "diversion case");

/* --- envelope and handling ----------------------------------------------------------------- */

static const struct record_field originator_fields[] = {
    STATE("state", REQ, HERE, INDEX_ORIGINATOR, "State that writes it"),
    TEXT("authority", REQ, 200, HERE, "office that writes it"),
};
static const struct record_object originator_object = OBJECT_OF(originator_fields, "originator");

static const struct record_field handling_fields[] = {
    CODE("tlp", REQ, CODES_TLP, HERE, INDEX_NONE, "Traffic Light Protocol 2.0 label"),
    PLAIN("read", FIELD_AUDIENCE, REQ, HERE, INDEX_NONE, "who reads which section; \"*\" for all others"),
    PLAIN("deny", FIELD_TERM, LIST, HERE, INDEX_NONE, "who never reads it"),
    PLAIN("fields", FIELD_SECTIONS, 0, HERE, INDEX_NONE, "fields moved to a stricter section"),
    CODE("onward", 0, CODES_ONWARD, HERE, INDEX_NONE, "whether it may be shared further"),
    PLAIN("onward_to", FIELD_TERM, LIST, HERE, INDEX_NONE, "to whom, with onward listed or group"),
    CODE("purpose", LIST, CODES_PURPOSE, HERE, INDEX_NONE, "what it may be used for"),
    PLAIN("not_before", FIELD_DATE, 0, HERE, INDEX_NONE, "not to be used before"),
    PLAIN("use_until", FIELD_DATE, 0, HERE, INDEX_NONE, "not to be used after"),
    PLAIN("review_by", FIELD_DATE, 0, HERE, INDEX_NONE, "to be looked at again by"),
    PLAIN("purge_by", FIELD_DATE, 0, HERE, INDEX_NONE, "to be destroyed by"),
    PLAIN("retain", FIELD_DURATION, 0, HERE, INDEX_NONE, "to be kept at least, such as 10y"),
    CODE("history", 0, CODES_HISTORY, HERE, INDEX_NONE, "what a State that joins later gets"),
    CODE("leave", 0, CODES_LEAVE, HERE, INDEX_NONE, "what a State that leaves does with it"),
    CODE("ack", 0, CODES_ACK, HERE, INDEX_NONE, "when receivers acknowledge"),
    CODE("export", 0, CODES_EXPORT, HERE, INDEX_NONE, "how it may leave the receiver's node"),
    TEXT("caveats", LIST, 100, HERE, "conditions in words"),
};
const struct record_object record_handling_object = OBJECT_OF(handling_fields, "handling");

static const struct record_field envelope_fields[] = {
    TEXT("schema", REQ, 64, SECTION_MANIFEST, "kind and version of the record"),
    PLAIN("reference", FIELD_REFERENCE, REQ, SECTION_MANIFEST, INDEX_REFERENCE, "reference, never used twice"),
    INTEGER("version", 0, 1, 9999, SECTION_MANIFEST, "version of the record"),
    PLAIN("supersedes", FIELD_VERSIONED, 0, SECTION_MANIFEST, INDEX_NONE, "version that this one replaces"),
    OBJECT("originator", REQ, &originator_object, SECTION_MANIFEST, "who writes it"),
    PLAIN("issued_at", FIELD_TIME, REQ, SECTION_MANIFEST, INDEX_NONE, "when it was written, UTC"),
    CODE("lang", REQ, CODES_LANGUAGE, SECTION_MANIFEST, INDEX_NONE, "language of its texts"),
    PLAIN("refs", FIELD_REFERENCE, LIST, SECTION_MANIFEST, INDEX_REFERS_TO, "records it refers to"),
    OBJECT("handling", REQ, &record_handling_object, SECTION_INTERNAL, "who may read and do what"),
    /* The body's own table depends on the kind. */
    OBJECT("body", REQ, NULL, SECTION_SUMMARY, "the facts"),
};
const struct record_object record_envelope_object = OBJECT_OF(envelope_fields, "record");
