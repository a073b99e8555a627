/*
 * words.c
 *		A table in our words, for SQL that is generated: which expression gives
 *		what we call amount, status and so on, whatever the table calls it.
 *
 * Reading does no harm, so no guard in canonical shape is asked for: what some
 * guard of ours on the table says is believed.
 *
 * No state.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "paystate.h"

/* a copy of any guard of rows: their arguments agree, or writes are refused */
static const Trigger *
some_guard(Relation rel, PsKind kind)
{
	const TriggerDesc *triggers = CopyTriggerDesc(rel->trigdesc);

	for (int i = 0; triggers && i < triggers->numtriggers; i++)
	{
		const Trigger *t = &triggers->triggers[i];

		if (t->tgnargs > 0 && TRIGGER_FOR_ROW(t->tgtype) &&
			paystate_is_guard_of(t->tgfoid, kind))
			return t;
	}
	return NULL;
}

/* "CASE x WHEN 'theirs' THEN 'ours' ... ELSE x END" */
static char *
in_our_words(const PsLabels *labels, const char *expression)
{
	StringInfoData sql;

	initStringInfo(&sql);
	if (labels->n == 0)
		return psprintf("%s::pg_catalog.text", expression);
	appendStringInfo(&sql, "CASE %s::pg_catalog.text", expression);
	for (int i = 0; i < labels->n; i++)
		appendStringInfo(&sql, " WHEN %s THEN %s",
						 quote_literal_cstr(paystate_label(labels->theirs[i])),
						 quote_literal_cstr(paystate_label(labels->ours[i])));
	appendStringInfo(&sql, " ELSE %s::pg_catalog.text END", expression);
	return sql.data;
}

static AttrNumber
column_of(Relation rel, const Trigger *guard, const char *ours)
{
	const char *mapped = guard == NULL ? NULL : paystate_argument_column(guard, ours);

	return get_attnum(RelationGetRelid(rel), mapped == NULL ? ours : mapped);
}

/* money in subunits: numeric money is given in units of the row's currency */
char *
paystate_sql_money(const char *column, Oid base, const char *currency)
{
	if (base != NUMERICOID)
		return psprintf("%s::pg_catalog.int8", column);
	return psprintf("(%s::pg_catalog.numeric OPERATOR(pg_catalog.*) pg_catalog.power(10,"
					" COALESCE(paystate.currency_exponent(%s), 2)))::pg_catalog.int8",
					column, currency == NULL ? "NULL" :
					psprintf("%s::pg_catalog.text", currency));
}

static char *
in_subunits(Relation rel, const Trigger *guard, const char *column, Oid base)
{
	AttrNumber	att = column_of(rel, guard, "currency");

	return paystate_sql_money(column, base, att <= 0 ? NULL :
							  psprintf("o.%s", quote_identifier(get_attname(RelationGetRelid(rel), att, false))));
}

static char *
expression_of(Relation rel, const Trigger *guard, const PsLabels *labels,
			  const PsColumn *column)
{
	AttrNumber	att = column_of(rel, guard, column->name);
	Oid			type;
	char	   *name;

	if (att <= 0)
		return NULL;
	type = TupleDescAttr(RelationGetDescr(rel), att - 1)->atttypid;
	name = psprintf("o.%s", quote_identifier(get_attname(RelationGetRelid(rel), att, false)));
	if (column->meaning == PS_M_MONEY)
		return in_subunits(rel, guard, name, getBaseType(type));
	if (column->meaning == PS_M_ORDER_STATUS)
		return in_our_words(labels, name);
	return name;
}

static char *
free_expression(Relation rel, const Trigger *guard, const char *ours)
{
	AttrNumber	att = column_of(rel, guard, ours);

	return att <= 0 ? NULL :
		psprintf("o.%s", quote_identifier(get_attname(RelationGetRelid(rel), att, false)));
}

static void
put_pair(PsJson *state, const char *key, const char *value)
{
	JsonbValue	k = {.type = jbvString};
	JsonbValue	v = {.type = value == NULL ? jbvNull : jbvString};

	k.val.string.val = (char *) key;
	k.val.string.len = strlen(key);
	ps_push_json(state, WJB_KEY, &k);
	if (value != NULL)
	{
		v.val.string.val = (char *) value;
		v.val.string.len = strlen(value);
	}
	ps_push_json(state, WJB_VALUE, &v);
}

/* what the guard's argument says for orders that name no life cycle */
static char *
lifecycle_expression(const Trigger *guard, const char *column)
{
	const char *usual = guard == NULL ? NULL : paystate_argument_lifecycle(guard);

	if (usual == NULL)
		return column == NULL ? NULL : psprintf("%s::pg_catalog.text", column);
	if (column == NULL)
		return psprintf("%s::pg_catalog.text", quote_literal_cstr(usual));
	return psprintf("COALESCE(%s::pg_catalog.text, %s)", column, quote_literal_cstr(usual));
}

PG_FUNCTION_INFO_V1(paystate_order_cells);

/* order_cells(orders): our name of a column -> the expression over "o", or null */
Datum
paystate_order_cells(PG_FUNCTION_ARGS)
{
	Relation	rel = relation_open(PG_GETARG_OID(0), AccessShareLock);
	const Trigger *guard;
	PsLabels	labels = {0};
	PsJson		state = {0};
	int			n;
	const PsColumn *columns = paystate_columns(PS_ORDERS, &n);

	paystate_learn_guards(fcinfo->flinfo->fn_oid);
	guard = some_guard(rel, PS_ORDERS);
	if (guard != NULL)
		paystate_argument_labels(&labels, guard);
	ps_push_json(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < n; i++)
	{
		char	   *expression = expression_of(rel, guard, &labels, &columns[i]);

		if (i == PS_O_LIFECYCLE)
			expression = lifecycle_expression(guard, expression);
		put_pair(&state, columns[i].name, expression);
	}
	for (int i = 0; paystate_free_columns[i] != NULL; i++)
		put_pair(&state, paystate_free_columns[i],
				 free_expression(rel, guard, paystate_free_columns[i]));
	put_pair(&state, "order_from", in_our_words(&labels, "h.order_from"));
	put_pair(&state, "order_to", in_our_words(&labels, "h.order_to"));
	ps_push_json(&state, WJB_END_OBJECT, NULL);
	relation_close(rel, AccessShareLock);
	PG_RETURN_JSONB_P(JsonbValueToJsonb(state.result));
}
