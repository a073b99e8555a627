/*
 * general_sql.c
 *		The SQL text of the general path, made once a plan: every name and
 *		every operator qualified, no value in it.
 *
 * No state.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_operator.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "general.h"
#include "paystate.h"

static const char *
table_name(Relation rel)
{
	return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
									  RelationGetRelationName(rel));
}

const char *
paystate_sql_column(Relation rel, AttrNumber att)
{
	return quote_identifier(NameStr(TupleDescAttr(RelationGetDescr(rel),
												  att - 1)->attname));
}

/* rows of inheritance children are no rows of ours; partitions are */
const char *
paystate_sql_table(Relation rel)
{
	return psprintf("%s%s",
					rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ? "" : "ONLY ",
					table_name(rel));
}

const char *
paystate_sql_operator(Oid op)
{
	HeapTuple	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(op));
	Form_pg_operator form;
	char	   *text;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", op);
	form = (Form_pg_operator) GETSTRUCT(tuple);
	text = psprintf("OPERATOR(%s.%s)",
					quote_identifier(get_namespace_name(form->oprnamespace)),
					NameStr(form->oprname));

	ReleaseSysCache(tuple);
	return text;
}

/* "column = $n", or "$n = column" where the operator has our side right */
static void
append_equals(StringInfo sql, Relation rel, AttrNumber att, Oid op, int param,
			  bool param_first)
{
	if (param_first)
		appendStringInfo(sql, "$%d", param);
	else
		appendStringInfoString(sql, paystate_sql_column(rel, att));
	appendStringInfo(sql, " %s ", paystate_sql_operator(op));
	if (param_first)
		appendStringInfoString(sql, paystate_sql_column(rel, att));
	else
		appendStringInfo(sql, "$%d", param);
}

/* WHERE atts = $first, $first + 1 ... */
static void
append_where(StringInfo sql, Relation rel, int n, const AttrNumber *atts,
			 const Oid *ops, int first, bool param_first)
{
	for (int i = 0; i < n; i++)
	{
		appendStringInfoString(sql, i == 0 ? " WHERE " : " AND ");
		append_equals(sql, rel, atts[i], ops[i], first + i, param_first);
	}
}

/*
 * SELECT of all columns we know, then the primary and the foreign key, then
 * where the row stands
 */
static void
append_select(StringInfo sql, Relation rel, const PsTable *table)
{
	int			n;

	(void) paystate_columns(table->kind, &n);
	appendStringInfoString(sql, "SELECT ");
	for (int i = 0; i < n; i++)
		appendStringInfo(sql, "%s, ", table->att[i] == 0 ? "NULL" :
						 paystate_sql_column(rel, table->att[i]));
	for (int i = 0; i < table->nkeys; i++)
		appendStringInfo(sql, "%s%s", i > 0 ? ", " : "",
						 paystate_sql_column(rel, table->key[i]));
	for (int i = 0; i < table->link.nkeys; i++)
		appendStringInfo(sql, ", %s", paystate_sql_column(rel, table->link.fk[i]));
	appendStringInfo(sql, ", ctid, tableoid, xmin FROM %s", paystate_sql_table(rel));
}

static void
append_key_order(StringInfo sql, Relation rel, const PsTable *table)
{
	for (int i = 0; i < table->nkeys; i++)
		appendStringInfo(sql, "%s%s", i == 0 ? " ORDER BY " : ", ",
						 paystate_sql_column(rel, table->key[i]));
}

/* ---- the statements */

/* one row by its parent-side key, locked or as it is */
char *
paystate_sql_find(Relation rel, const PsTable *table, const PsLink *link,
				  bool lock)
{
	StringInfoData sql;

	initStringInfo(&sql);
	append_select(&sql, rel, table);
	append_where(&sql, rel, link->nkeys, link->pk, link->op, 1, false);
	if (lock)
		appendStringInfoString(&sql, " FOR NO KEY UPDATE");
	return sql.data;
}

/* all payments of an order in key order, locked or as they are */
char *
paystate_sql_list(Relation rel, const PsTable *payments, bool lock)
{
	const PsLink *link = &payments->link;
	StringInfoData sql;

	initStringInfo(&sql);
	append_select(&sql, rel, payments);
	append_where(&sql, rel, link->nkeys, link->fk, link->op, 1, true);
	append_key_order(&sql, rel, payments);
	if (lock)
		appendStringInfoString(&sql, " FOR NO KEY UPDATE");
	return sql.data;
}

/* the last history row of an order that names a payment */
char *
paystate_sql_judged(Relation rel, const PsTable *history)
{
	const PsLink *link = &history->link;
	const AttrNumber *att = history->att;
	TypeCacheEntry *type = lookup_type_cache(history->type[PS_H_PAYMENT_ID],
											 TYPECACHE_EQ_OPR);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s, ", paystate_sql_column(rel, att[PS_H_PAYMENT_TO]));
	appendStringInfo(&sql, "%s FROM ", paystate_sql_column(rel, att[PS_H_AT]));
	appendStringInfoString(&sql, paystate_sql_table(rel));
	append_where(&sql, rel, link->nkeys, link->fk, link->op, 1, true);
	appendStringInfoString(&sql, " AND ");
	append_equals(&sql, rel, att[PS_H_PAYMENT_ID], type->eq_opr,
				  link->nkeys + 1, false);
	appendStringInfo(&sql, " ORDER BY %s DESC LIMIT 1",
					 paystate_sql_column(rel, att[PS_H_SEQ]));
	return sql.data;
}

/* UPDATE of the columns we write, by primary key */
char *
paystate_sql_update(Relation rel, const PsTable *table)
{
	StringInfoData sql;
	int			n;
	const PsColumn *columns = paystate_columns(table->kind, &n);
	int			param = 0;

	initStringInfo(&sql);
	appendStringInfo(&sql, "UPDATE %s SET ", paystate_sql_table(rel));
	for (int i = 0; i < n; i++)
	{
		if (columns[i].written && table->att[i] != 0)
		{
			param++;
			appendStringInfo(&sql, "%s%s = $%d", param > 1 ? ", " : "",
							 paystate_sql_column(rel, table->att[i]), param);
		}
	}
	append_where(&sql, rel, table->nkeys, table->key, table->keyop,
				 param + 1, false);
	return sql.data;
}

/* INSERT of the columns we write and the link's, returning the row's own id */
char *
paystate_sql_insert(Relation rel, const PsTable *table)
{
	StringInfoData sql;
	int			n;
	const PsColumn *columns = paystate_columns(table->kind, &n);
	int			params = table->link.nkeys;

	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO %s (", table_name(rel));
	for (int i = 0; i < n; i++)
	{
		if (!columns[i].written || table->att[i] == 0)
			continue;
		appendStringInfo(&sql, "%s, ", paystate_sql_column(rel, table->att[i]));
		params++;
	}
	for (int i = 0; i < table->link.nkeys; i++)
		appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "",
						 paystate_sql_column(rel, table->link.fk[i]));
	appendStringInfoString(&sql, ") VALUES (");
	for (int i = 1; i <= params; i++)
		appendStringInfo(&sql, "%s$%d", i > 1 ? ", " : "", i);
	appendStringInfo(&sql, ") RETURNING %s",
					 paystate_sql_column(rel, table->key[table->id]));
	return sql.data;
}

/* UPDATE of a payment's status by primary key, as an application writes it */
char *
paystate_sql_move(Relation rel, const PsTable *payments, bool captured)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "UPDATE %s SET %s = $1", paystate_sql_table(rel),
					 paystate_sql_column(rel, payments->att[PS_P_STATUS]));
	if (captured)
		appendStringInfo(&sql, ", %s = $2",
						 paystate_sql_column(rel, payments->att[PS_P_CAPTURED]));
	append_where(&sql, rel, payments->nkeys, payments->key, payments->keyop,
				 captured ? 3 : 2, false);
	return sql.data;
}
