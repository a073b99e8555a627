/*
 * merchant.c
 *		What a merchant says of an order beside its money: receipt, notes, and
 *		how it may be paid in parts.  The guard of orders says what a CHECK
 *		would say, as a CHECK would; who wants one, too, has the functions.
 *
 * No state.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/rel.h"

#include "paystate.h"

#define RECEIPT_MAX_CHARS 40
#define NOTES_MAX_KEYS 15
#define NOTES_MAX_CHARS 256

PG_FUNCTION_INFO_V1(paystate_notes_ok);
PG_FUNCTION_INFO_V1(paystate_receipt_ok);
PG_FUNCTION_INFO_V1(paystate_first_payment_ok);

/* these three may stand in a CHECK: one call is the shortest there is */
Datum
paystate_receipt_ok(PG_FUNCTION_ARGS)
{
	text	   *receipt = PG_GETARG_TEXT_PP(0);

	PG_RETURN_BOOL(pg_mbstrlen_with_len(VARDATA_ANY(receipt),
										VARSIZE_ANY_EXHDR(receipt)) <= RECEIPT_MAX_CHARS);
}

/* first_payment_ok(minimum, partial_payment, amount) */
Datum
paystate_first_payment_ok(PG_FUNCTION_ARGS)
{
	int64		minimum = PG_GETARG_INT64(0);

	PG_RETURN_BOOL(PG_GETARG_BOOL(1) && minimum > 0 && minimum <= PG_GETARG_INT64(2));
}

/* Is it a scalar, and is its text short enough? */
static bool
note_ok(const JsonbValue *note)
{
	switch (note->type)
	{
		case jbvNull:
		case jbvBool:
			return true;
		case jbvString:
			return pg_mbstrlen_with_len(note->val.string.val,
										note->val.string.len) <= NOTES_MAX_CHARS;
		case jbvNumeric:
			return strlen(DatumGetCString(DirectFunctionCall1(numeric_out,
															  NumericGetDatum(note->val.numeric)))) <= NOTES_MAX_CHARS;
		default:
			return false;
	}
}

/*
 * May this stand in orders.notes?  An object, or the empty array that the
 * gateways print for an object without keys.
 */
Datum
paystate_notes_ok(PG_FUNCTION_ARGS)
{
	Jsonb	   *notes = PG_GETARG_JSONB_P(0);
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	note;

	if (!JB_ROOT_IS_OBJECT(notes))
		PG_RETURN_BOOL(JB_ROOT_IS_ARRAY(notes) && JB_ROOT_COUNT(notes) == 0);
	if (JB_ROOT_COUNT(notes) > NOTES_MAX_KEYS)
		PG_RETURN_BOOL(false);

	/* the first token opens the object; its members are not descended into */
	it = JsonbIteratorInit(&notes->root);
	(void) JsonbIteratorNext(&it, &note, false);
	while ((token = JsonbIteratorNext(&it, &note, true)) != WJB_END_OBJECT)
	{
		if (token == WJB_VALUE && !note_ok(&note))
			PG_RETURN_BOOL(false);
	}
	PG_RETURN_BOOL(true);
}

/* ---- the same, said by the guard: 23514 in the core's words */

pg_noreturn static void refuse_check(const PsCase *c, const char *constraint,
									 const char *detail);

static void
refuse_check(const PsCase *c, const char *constraint, const char *detail)
{
	Relation	rel = c->td->tg_relation;

	paystate_report(&(PsReport) {
		.code = ERRCODE_CHECK_VIOLATION,.rel = rel,.constraint = constraint,
		.message = psprintf("new row for relation \"%s\" violates check constraint \"%s\"",
							paystate_relation_name(rel), constraint),
		.detail = detail
	});
}

/* is there a value of one of these types that this statement put there? */
static bool
is_given(const PsCase *c, int column, const Oid *types, int ntypes, Datum *value)
{
	const PsTable *self = c->family.self;
	AttrNumber	att = self->att[column];
	bool		isnull;

	if (att == 0 ||
		(TRIGGER_FIRED_BY_UPDATE(c->td->tg_event) &&
		 paystate_same_column(c->td, att)))
		return false;
	*value = slot_getattr(ps_new_slot(c->td), att, &isnull);
	for (int i = 0; !isnull && i < ntypes; i++)
	{
		if (self->base[column] == types[i])
			return true;
	}
	return false;
}

static bool
has_changed(const PsCase *c, int column)
{
	AttrNumber	att = c->family.self->att[column];

	return att != 0 && (TRIGGER_FIRED_BY_INSERT(c->td->tg_event) ||
						!paystate_same_column(c->td, att));
}

/* money in the table's own unit will do: both are compared in it */
static bool
first_payment_fits(const PsCase *c)
{
	const PsTable *self = c->family.self;
	TupleTableSlot *slot = ps_new_slot(c->td);
	Relation	rel = c->td->tg_relation;
	int			exponent = paystate_slot_exponent(slot, self, PS_O_CURRENCY);
	bool		isnull = true;
	Datum		partial = 0;

	if (slot_attisnull(slot, self->att[PS_O_FIRST_MIN]))
		return true;
	if (self->att[PS_O_PARTIAL] != 0)
		partial = slot_getattr(slot, self->att[PS_O_PARTIAL], &isnull);
	return DatumGetBool(DirectFunctionCall3(paystate_first_payment_ok,
											Int64GetDatum(paystate_slot_int64(slot, rel, self, PS_O_FIRST_MIN, exponent)),
											BoolGetDatum(!isnull && DatumGetBool(partial)),
											Int64GetDatum(paystate_slot_int64(slot, rel, self, PS_O_AMOUNT, exponent))));
}

void
paystate_check_merchant(const PsCase *c)
{
	static const Oid texts[] = {TEXTOID, VARCHAROID, BPCHAROID};
	static const Oid json[] = {JSONBOID};
	Datum		value;

	if (is_given(c, PS_O_RECEIPT, texts, lengthof(texts), &value) &&
		!DatumGetBool(DirectFunctionCall1(paystate_receipt_ok, value)))
		refuse_check(c, "orders_receipt_check", "A receipt has at most 40 characters.");
	if (is_given(c, PS_O_NOTES, json, lengthof(json), &value) &&
		!DatumGetBool(DirectFunctionCall1(paystate_notes_ok, value)))
		refuse_check(c, "orders_notes_check",
					 "Notes are an object of at most 15 keys with scalars of at most 256 characters.");
	if (c->family.self->att[PS_O_FIRST_MIN] != 0 &&
		(has_changed(c, PS_O_FIRST_MIN) || has_changed(c, PS_O_PARTIAL) ||
		 has_changed(c, PS_O_AMOUNT)) && !first_payment_fits(c))
		refuse_check(c, "orders_first_payment_check",
					 "The least first payment is from 1 to the amount, where partial payment is allowed.");
}
