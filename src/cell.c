/*
 * cell.c
 *		A column's value, whatever type the table gives it: money in subunits
 *		of the currency, counts, statuses in the words of the life cycle.
 *		create_tables makes bigint, integer and our enums of them; tables that
 *		were attached have what they had.
 *
 * No state.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/rel.h"

#include "paystate.h"

/* ---- money */

static void
refuse_money(Relation rel, const PsTable *table, int column, int code,
			 const char *detail)
{
	const char *name = NameStr(TupleDescAttr(RelationGetDescr(rel),
											 table->att[column] - 1)->attname);

	paystate_report(&(PsReport) {
		.code = code,.rel = rel,.column = name,
		.constraint = code == ERRCODE_PS_AMOUNT ? "paystate_amount" : "paystate_currency",
		.message = psprintf("column \"%s\" of table \"%s\" cannot hold that amount",
							name, paystate_relation_name(rel)),
		.detail = detail
	});
}

/* rounding would make money, or lose it */
static void
check_scale(Relation rel, const PsTable *table, int column, int exponent)
{
	if (table->scale[column] > exponent)
		refuse_money(rel, table, column, ERRCODE_PS_CURRENCY,
					 psprintf("It has %d decimals, the currency %d.",
							  table->scale[column], exponent));
}

static Numeric
power_of_ten(int exponent)
{
	static const int64 powers[] = {1, 10, 100, 1000};

	return int64_to_numeric(powers[exponent]);
}

static bool
is_above(Numeric a, int64 limit)
{
	return DatumGetBool(DirectFunctionCall2(numeric_gt, NumericGetDatum(a),
											NumericGetDatum(int64_to_numeric(limit))));
}

static int64
numeric_money(Relation rel, const PsTable *table, int column, Datum value,
			  int exponent)
{
	Numeric		units = DatumGetNumeric(value);
	Numeric		subunits;

	check_scale(rel, table, column, exponent);
	if (numeric_is_nan(units) || numeric_is_inf(units))
		refuse_money(rel, table, column, ERRCODE_PS_AMOUNT,
					 "The value is not a number of subunits.");
	subunits = ps_numeric_mul(units, power_of_ten(exponent));
	if (is_above(subunits, PG_INT64_MAX) ||
		!is_above(subunits, PG_INT64_MIN))
		refuse_money(rel, table, column, ERRCODE_PS_AMOUNT,
					 "The value has too many subunits.");
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(subunits)));
}

int64
paystate_money(Relation rel, const PsTable *table, int column, Datum value,
			   int exponent)
{
	switch (table->base[column])
	{
		case INT8OID:
			return DatumGetInt64(value);
		case INT4OID:
			return DatumGetInt32(value);
		default:
			return numeric_money(rel, table, column, value, exponent);
	}
}

/*
 * With as many decimals as the column has, since what is stored is compared
 * with it bit by bit; 22003 where it has not enough digits.
 */
static Datum
numeric_datum(Relation rel, const PsTable *table, int column, int64 amount,
			  int exponent)
{
	Numeric		units;

	check_scale(rel, table, column, exponent);
	units = int64_div_fast_to_numeric(amount, exponent);
	return DirectFunctionCall2(numeric, NumericGetDatum(units),
							   Int32GetDatum(table->typmod[column]));
}

Datum
paystate_money_datum(Relation rel, const PsTable *table, int column,
					 int64 amount, int exponent)
{
	switch (table->base[column])
	{
		case INT8OID:
			return Int64GetDatum(amount);
		case INT4OID:
			if (amount > PG_INT32_MAX || amount < PG_INT32_MIN)
				refuse_money(rel, table, column, ERRCODE_PS_AMOUNT,
							 psprintf("The value would be " INT64_FORMAT ", which is out of the range of type integer.",
									  amount));
			return Int32GetDatum((int32) amount);
		default:
			return numeric_datum(rel, table, column, amount, exponent);
	}
}

/* ---- counts: no life cycle gets near the end of either type */

int32
paystate_count(const PsTable *table, int column, Datum value)
{
	int64		n = table->base[column] == INT8OID ? DatumGetInt64(value) :
		DatumGetInt32(value);

	return (int32) Max(Min(n, PG_INT32_MAX), PG_INT32_MIN);
}

Datum
paystate_count_datum(const PsTable *table, int column, int32 n)
{
	return table->base[column] == INT8OID ? Int64GetDatum(n) : Int32GetDatum(n);
}

/* ---- statuses */

static const PsLabels *
labels_of(const PsTable *table, int column)
{
	int			n;

	return &table->labels[ps_status_of(paystate_columns(table->kind, &n)[column].meaning)];
}

/* a label whose place a mapped one has taken is none of the life cycle's */
int
paystate_our_label(const PsLabels *labels, int label)
{
	int			ours = label;

	for (int i = 0; i < labels->n; i++)
	{
		if (labels->theirs[i] == label)
			return labels->ours[i];
		if (labels->ours[i] == label)
			ours = -1;
	}
	return ours;
}

int
paystate_their_label(const PsLabels *labels, int label)
{
	for (int i = 0; i < labels->n; i++)
	{
		if (labels->ours[i] == label)
			return labels->theirs[i];
	}
	return label;
}

const char *
paystate_their_word(const PsLabels *labels, const char *label)
{
	for (int i = 0; i < labels->n; i++)
	{
		if (strcmp(paystate_label(labels->ours[i]), label) == 0)
			return paystate_label(labels->theirs[i]);
	}
	return label;
}

int
paystate_status(const PsTable *table, int column, Datum value)
{
	return paystate_our_label(labels_of(table, column),
							  paystate_label_from_datum(table->type[column], value));
}

Datum
paystate_status_datum(const PsTable *table, int column, int label)
{
	return paystate_label_to_datum(table->type[column],
								   paystate_their_label(labels_of(table, column), label));
}

/* ---- currencies */

#define USUAL_EXPONENT 2		/* of the Indian rupee */
#define MAX_EXPONENT 3

int
paystate_exponent(Datum currency, bool isnull)
{
	text	   *code;
	int			exponent;

	if (isnull)
		return USUAL_EXPONENT;
	code = DatumGetTextPP(currency);
	exponent = paystate_currency_exponent(VARDATA_ANY(code),
										  VARSIZE_ANY_EXHDR(code));
	return exponent < 0 ? MAX_EXPONENT : exponent;
}

Datum
paystate_word(const PsTable *table, int column, Datum value)
{
	return table->base[column] == BPCHAROID ?
		DirectFunctionCall1(rtrim1, value) : value;
}

int
paystate_slot_exponent(TupleTableSlot *slot, const PsTable *table, int column)
{
	bool		isnull;
	Datum		currency;

	if (table->att[column] == 0)
		return USUAL_EXPONENT;
	currency = slot_getattr(slot, table->att[column], &isnull);
	if (!isnull)
		currency = paystate_word(table, column, currency);
	return paystate_exponent(currency, isnull);
}

void
paystate_row_currency(PsRow *row, const PsRow *order)
{
	const PsTable *table = row->table;
	int			column = table->kind == PS_ORDERS ? PS_O_CURRENCY : PS_P_CURRENCY;
	bool		has_own = (table->kind == PS_ORDERS || table->kind == PS_PAYMENTS) &&
		table->att[column] != 0;

	if (has_own)
		row->exponent =
			paystate_exponent(row->nulls[column] ? (Datum) 0 :
							  paystate_word(table, column, row->values[column]),
							  row->nulls[column]);
	else
		row->exponent = order != NULL ? order->exponent : USUAL_EXPONENT;
}
