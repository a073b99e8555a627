/*
 * book_sql.c
 *		The statement that brings together what the four tables say of each
 *		order: no value in it, every name and operator qualified.
 *
 *		SELECT ... FROM orders UNION ALL payments UNION ALL refunds
 *		UNION ALL history ORDER BY order, table, seq, payment, refund
 *
 * No state.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "book.h"

/* one SELECT of the union: its expressions, NULL where it has none */
typedef struct Branch
{
	const char *alias;
	Relation	rel;
	const PsTable *table;
	const char *column[PS_B_END];
} Branch;

/* ---- expressions */

static const char *
type_of_column(int column)
{
	if (column == PS_B_KIND || column == PS_B_SEQ)
		return "pg_catalog.int4";
	if (column >= PS_B_FLAG)
		return "pg_catalog.bool";
	if (column >= PS_B_TIME)
		return "pg_catalog.timestamptz";
	return column >= PS_B_NUMBER ? "pg_catalog.int8" : "pg_catalog.text";
}

static const char *
cast_column(const Branch *b, AttrNumber att, int column)
{
	if (att == 0)
		return NULL;
	return psprintf("%s.%s::%s", b->alias, paystate_sql_column(b->rel, att),
					type_of_column(column));
}

/* money of an order's row in subunits, as an int8 */
const char *
paystate_sql_subunits(Relation rel, const PsTable *table, int cell,
					  const char *alias)
{
	const char *column = paystate_sql_column(rel, table->att[cell]);

	const char *currency = table->att[PS_O_CURRENCY] == 0 ? NULL :
		psprintf("%s.%s", alias, paystate_sql_column(rel, table->att[PS_O_CURRENCY]));

	return paystate_sql_money(psprintf("%s.%s", alias, column), table->base[cell],
							  currency);
}

/* where the table has no such column, the guard's argument says it for all */
const char *
paystate_sql_lifecycle(Relation rel, const PsTable *orders, const char *alias)
{
	const char *usual = quote_literal_cstr(orders->lifecycle);

	if (orders->att[PS_O_LIFECYCLE] == 0)
		return usual;
	return psprintf("COALESCE(%s.%s::pg_catalog.text, %s)", alias,
					paystate_sql_column(rel, orders->att[PS_O_LIFECYCLE]), usual);
}

/* a column created_at may be of any type; only of these does it say a time */
static bool
is_time(Oid base)
{
	return base == TIMESTAMPTZOID || base == TIMESTAMPOID || base == DATEOID;
}

/* numeric money is brought in thousandths: no currency has smaller subunits */
static const char *
cast_cell(const Branch *b, int cell, int column)
{
	AttrNumber	att = b->table->att[cell];

	if (column >= PS_B_TIME && column < PS_B_FLAG && !is_time(b->table->base[cell]))
		return NULL;
	if (att == 0 || b->table->base[cell] != NUMERICOID)
		return cast_column(b, att, column);
	return psprintf("(%s.%s::pg_catalog.numeric OPERATOR(pg_catalog.*) %d)::%s",
					b->alias, paystate_sql_column(b->rel, att),
					PS_B_FRACTION, type_of_column(column));
}

/* the columns of the table that stand one after the other in the union */
static void
put_columns(Branch *b, int first, int n, const int *columns)
{
	for (int i = 0; i < n; i++)
		b->column[first + i] = cast_cell(b, columns[i], first + i);
}

static void
append_branch(StringInfo sql, const Branch *b, const char *keys)
{
	appendStringInfo(sql, "SELECT %s", keys);
	for (int i = 0; i < PS_B_END; i++)
	{
		if (b->column[i] != NULL)
			appendStringInfo(sql, ", %s", b->column[i]);
		else
			appendStringInfo(sql, ", NULL::%s", type_of_column(i));
	}
	appendStringInfo(sql, " FROM %s AS %s", paystate_sql_table(b->rel), b->alias);
}

/* "p.a, p.b" */
static char *
key_list(const char *alias, Relation rel, int n, const AttrNumber *atts)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < n; i++)
		appendStringInfo(&list, "%s%s.%s", i > 0 ? ", " : "", alias,
						 paystate_sql_column(rel, atts[i]));
	return list.data;
}

/* the id, where some column of the order's key is null */
static const char *
alone(const char *alias, Relation rel, const PsLink *link, const char *id)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "CASE WHEN ");
	for (int i = 0; i < link->nkeys; i++)
		appendStringInfo(&text, "%s%s.%s IS NULL", i > 0 ? " OR " : "", alias,
						 paystate_sql_column(rel, link->fk[i]));
	appendStringInfo(&text, " THEN %s END", id);
	return text.data;
}

/* WHERE the order's key is given as $1 ... */
static void
append_filter(StringInfo sql, const char *alias, Relation rel, int n,
			  const AttrNumber *atts, const Oid *ops)
{
	for (int i = 0; i < n; i++)
		appendStringInfo(sql, " %s $%d %s %s.%s", i == 0 ? "WHERE" : "AND",
						 i + 1, paystate_sql_operator(ops[i]), alias,
						 paystate_sql_column(rel, atts[i]));
}

/* ---- the four of them */

static void
append_orders(StringInfo sql, const PsTables *t, bool one_order)
{
	static const int texts[] = {PS_O_STATUS, PS_O_LIFECYCLE, PS_O_CURRENCY};
	static const int numbers[] = {
		PS_O_AMOUNT, PS_O_PAID, PS_O_DUE, PS_O_AUTHORIZED, PS_O_PENDING,
		PS_O_REFUNDED, PS_O_ATTEMPTS, PS_O_OPEN, PS_O_VERSION, PS_O_FIRST_MIN
	};
	static const int times[] = {PS_O_CHANGED_AT, PS_O_STATUS_SINCE};
	static const int flags[] = {PS_O_PARTIAL};
	Branch		b = {.alias = "o",.rel = t->orders_rel,.table = t->orders};

	b.column[PS_B_KIND] = psprintf("%d", PS_ORDERS);
	put_columns(&b, PS_B_TEXT, lengthof(texts), texts);
	put_columns(&b, PS_B_NUMBER, lengthof(numbers), numbers);
	put_columns(&b, PS_B_TIME, lengthof(times), times);
	put_columns(&b, PS_B_FLAG, lengthof(flags), flags);
	append_branch(sql, &b, key_list("o", b.rel, b.table->nkeys, b.table->key));
	if (one_order)
		append_filter(sql, "o", b.rel, b.table->nkeys, b.table->key, b.table->keyop);
}

static void
append_payments(StringInfo sql, const PsTables *t, bool one_order)
{
	static const int texts[] = {PS_P_STATUS, PS_P_CURRENCY};
	static const int numbers[] = {
		PS_P_AMOUNT, PS_P_CAPTURED, PS_P_REFUNDED, PS_P_REFUND_PENDING
	};
	static const int times[] = {PS_P_STATUS_SINCE};
	Branch		b = {.alias = "p",.rel = t->payments_rel,.table = t->payments};
	const PsLink *link = &b.table->link;

	b.column[PS_B_KIND] = psprintf("%d", PS_PAYMENTS);
	b.column[PS_B_PAYMENT] = cast_column(&b, b.table->key[b.table->id], PS_B_PAYMENT);
	b.column[PS_B_ALONE] = alone("p", b.rel, link, b.column[PS_B_PAYMENT]);
	put_columns(&b, PS_B_TEXT, lengthof(texts), texts);
	put_columns(&b, PS_B_NUMBER, lengthof(numbers), numbers);
	put_columns(&b, PS_B_TIME, lengthof(times), times);
	append_branch(sql, &b, key_list("p", b.rel, link->nkeys, link->fk));
	if (one_order)
		append_filter(sql, "p", b.rel, link->nkeys, link->fk, link->op);
}

/* they find their order through their payment, and name it as it does itself */
static void
append_refunds(StringInfo sql, const PsTables *t, bool one_order)
{
	static const int texts[] = {PS_R_STATUS};
	static const int numbers[] = {PS_R_AMOUNT};
	static const int times[] = {PS_R_CREATED_AT};
	Branch		b = {.alias = "r",.rel = t->refunds_rel,.table = t->refunds};
	const PsLink *link = &b.table->link;
	const PsLink *up;

	Assert(t->payments != NULL);	/* they are found through payments */
	up = &t->payments->link;
	b.column[PS_B_KIND] = psprintf("%d", PS_REFUNDS);
	b.column[PS_B_PAYMENT] = psprintf("COALESCE(p.%s::%s, %s)",
									  paystate_sql_column(t->payments_rel, link->pk[t->payments->id]),
									  type_of_column(PS_B_PAYMENT),
									  cast_column(&b, link->fk[t->payments->id], PS_B_PAYMENT));
	b.column[PS_B_REFUND] = cast_column(&b, b.table->key[b.table->id], PS_B_PAYMENT);
	b.column[PS_B_ALONE] = alone("p", t->payments_rel, up, b.column[PS_B_PAYMENT]);
	put_columns(&b, PS_B_TEXT, lengthof(texts), texts);
	put_columns(&b, PS_B_NUMBER, lengthof(numbers), numbers);
	put_columns(&b, PS_B_TIME, lengthof(times), times);
	b.column[PS_B_FLAG] = psprintf("p.%s IS NOT NULL",
								   paystate_sql_column(t->payments_rel, link->pk[0]));
	append_branch(sql, &b, key_list("p", t->payments_rel, up->nkeys, up->fk));
	appendStringInfo(sql, " LEFT JOIN %s AS p", paystate_sql_table(t->payments_rel));
	for (int i = 0; i < link->nkeys; i++)
		appendStringInfo(sql, " %s p.%s %s r.%s", i == 0 ? "ON" : "AND",
						 paystate_sql_column(t->payments_rel, link->pk[i]),
						 paystate_sql_operator(link->op[i]),
						 paystate_sql_column(b.rel, link->fk[i]));
	if (one_order)
		append_filter(sql, "p", t->payments_rel, up->nkeys, up->fk, up->op);
}

static void
append_history(StringInfo sql, const PsTables *t, bool one_order)
{
	static const int texts[] = {
		PS_H_PAYMENT_FROM, PS_H_PAYMENT_TO, PS_H_REFUND_TO, PS_H_ORDER_FROM,
		PS_H_ORDER_TO
	};
	static const int numbers[] = {PS_H_AMOUNT, PS_H_PAID, PS_H_ATTEMPTS};
	static const int times[] = {PS_H_AT, PS_H_ORDER_SINCE, PS_H_PAYMENT_SINCE};
	static const int flags[] = {PS_H_FORCED};
	Branch		b = {.alias = "h",.rel = t->history_rel,.table = t->history};
	const PsLink *link = &b.table->link;

	b.column[PS_B_KIND] = psprintf("%d", PS_HISTORY);
	b.column[PS_B_SEQ] = cast_column(&b, b.table->att[PS_H_SEQ], PS_B_SEQ);
	b.column[PS_B_PAYMENT] = cast_column(&b, b.table->att[PS_H_PAYMENT_ID], PS_B_PAYMENT);
	b.column[PS_B_REFUND] = cast_column(&b, b.table->att[PS_H_REFUND_ID], PS_B_REFUND);
	put_columns(&b, PS_B_TEXT, lengthof(texts), texts);
	put_columns(&b, PS_B_NUMBER, lengthof(numbers), numbers);
	put_columns(&b, PS_B_TIME, lengthof(times), times);
	put_columns(&b, PS_B_FLAG, lengthof(flags), flags);
	b.column[PS_B_FLAG + 1] = psprintf("h.%s OPERATOR(pg_catalog.=) 'attached'",
									   paystate_sql_column(b.rel, b.table->att[PS_H_REASON]));
	append_branch(sql, &b, key_list("h", b.rel, link->nkeys, link->fk));
	if (one_order)
		append_filter(sql, "h", b.rel, link->nkeys, link->fk, link->op);
}

/* ---- all of it */

/*
 * In the order of the key's own collation, so that equal keys stand together;
 * ids by their bytes, as strcmp() will look them up.
 */
static void
append_order(StringInfo sql, const PsTables *t)
{
	static const PsBookColumn order[] = {
		PS_B_ALONE, PS_B_KIND, PS_B_SEQ, PS_B_PAYMENT, PS_B_REFUND
	};
	TupleDesc	desc = RelationGetDescr(t->orders_rel);

	appendStringInfoString(sql, " ORDER BY ");
	for (int i = 0; i < t->orders->nkeys; i++)
	{
		Oid			collation = TupleDescAttr(desc, t->orders->key[i] - 1)->attcollation;

		appendStringInfo(sql, "b.k%d", i + 1);
		if (OidIsValid(collation))
			appendStringInfo(sql, " COLLATE %s", generate_collation_name(collation));
		appendStringInfoString(sql, ", ");
	}
	for (int i = 0; i < (int) lengthof(order); i++)
		appendStringInfo(sql, "%sb.c%d%s", i > 0 ? ", " : "", order[i] + 1,
						 order[i] == PS_B_KIND || order[i] == PS_B_SEQ ? "" :
						 " COLLATE pg_catalog.\"C\"");
}

char *
paystate_book_sql(const PsTables *t, bool one_order)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT * FROM (");
	append_orders(&sql, t, one_order);
	if (t->payments != NULL)
	{
		appendStringInfoString(&sql, " UNION ALL ");
		append_payments(&sql, t, one_order);
	}
	if (t->refunds != NULL)
	{
		appendStringInfoString(&sql, " UNION ALL ");
		append_refunds(&sql, t, one_order);
	}
	appendStringInfoString(&sql, " UNION ALL ");
	append_history(&sql, t, one_order);
	appendStringInfoString(&sql, ") AS b (");
	for (int i = 0; i < t->orders->nkeys; i++)
		appendStringInfo(&sql, "k%d, ", i + 1);
	for (int i = 0; i < PS_B_END; i++)
		appendStringInfo(&sql, "%sc%d", i > 0 ? ", " : "", i + 1);
	appendStringInfoChar(&sql, ')');
	append_order(&sql, t);
	return sql.data;
}
