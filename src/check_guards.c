/*
 * check_guards.c
 *		What check_guards() needs from C: each guard of a table held against
 *		the very shape that the binding wants, and what the binding makes of
 *		the table.  So what the guards refuse, and what is reported, is one.
 *
 * No state.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"

#include "paystate.h"

static const char *const kind_names[PS_NKINDS] = {
	"orders", "payments", "refunds", "history"
};

static Relation
open_relation(Oid relid)
{
	Relation	rel = try_relation_open(relid, AccessShareLock);

	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	return rel;
}

/* ---- guarded_findings(): the guards one by one */

typedef struct Findings
{
	ReturnSetInfo *rsinfo;
	Relation	rel;
	const TriggerDesc *triggers;	/* the relation's, copied; or NULL */
	PsKind		kind;
	const Trigger *first[PS_NPLACES];
} Findings;

static void
find(const Findings *f, const char *problem, const char *detail)
{
	bool		nulls[2] = {false, false};
	Datum		values[2];

	values[0] = CStringGetTextDatum(problem);
	values[1] = CStringGetTextDatum(detail);
	tuplestore_putvalues(f->rsinfo->setResult, f->rsinfo->setDesc, values, nulls);
}

static const char *
problem_of(const Trigger *t)
{
	switch (t->tgenabled)
	{
		case TRIGGER_DISABLED:
			return "disabled guard";
		case TRIGGER_FIRES_ALWAYS:
		case TRIGGER_FIRES_ON_REPLICA:
			return "guard not on origin";
		default:
			return "altered guard";
	}
}

static void
check_guard(Findings *f, const Trigger *t)
{
	PsGuardPlace place;
	const char *fault = paystate_guard_fault(t, &place);

	if (fault == NULL && f->kind == PS_HISTORY && place == PS_AFTER_ROW)
		fault = "fires at another time or for other events";
	if (fault != NULL)
		find(f, problem_of(t), psprintf("Trigger \"%s\" %s.", t->tgname, fault));
	if (f->first[place] != NULL)
		find(f, "doubled guard",
			 psprintf("Triggers \"%s\" and \"%s\" do the same.",
					  f->first[place]->tgname, t->tgname));
	else
		f->first[place] = t;
}

/* a partition has no rows of its own where it is itself partitioned */
static bool
needs(const Findings *f, PsGuardPlace place)
{
	if (place == PS_AFTER_ROW)
		return f->kind != PS_HISTORY;
	return place != PS_BEFORE_TRUNCATE || !f->rel->rd_rel->relispartition ||
		f->rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE;
}

static void
check_all_there(const Findings *f)
{
	static const char *const places[PS_NPLACES] = {
		"BEFORE ROW", "AFTER ROW", "TRUNCATE"
	};
	const Trigger *model = NULL;

	for (int i = 0; i < PS_NPLACES; i++)
	{
		const Trigger *t = f->first[i];

		if (t == NULL && needs(f, i))
			find(f, "missing guard",
				 psprintf("It has no %s guard of %s.", places[i], kind_names[f->kind]));
		if (t != NULL && model != NULL && !paystate_same_arguments(model, t))
			find(f, "altered guard",
				 psprintf("The arguments of triggers \"%s\" and \"%s\" differ.",
						  model->tgname, t->tgname));
		else if (model == NULL)
			model = t;
	}
}

/* a foreign key, too, is kept by triggers */
static void
check_key_triggers(const Findings *f)
{
	for (int i = 0; i < f->triggers->numtriggers; i++)
	{
		const Trigger *t = &f->triggers->triggers[i];

		if (RI_FKey_trigger_type(t->tgfoid) != RI_TRIGGER_NONE &&
			t->tgenabled != TRIGGER_FIRES_ON_ORIGIN)
			find(f, "disabled foreign key",
				 psprintf("Trigger \"%s\" of constraint \"%s\" is not enabled as usual.",
						  t->tgname, get_constraint_name(t->tgconstraint)));
	}
}

static void
check_kind(Findings *f)
{
	memset(f->first, 0, sizeof(f->first));
	for (int i = 0; i < f->triggers->numtriggers; i++)
	{
		if (paystate_is_guard(&f->triggers->triggers[i], f->kind))
			check_guard(f, &f->triggers->triggers[i]);
	}
	check_all_there(f);
}

PG_FUNCTION_INFO_V1(paystate_guarded_findings);

/* guarded_findings(relation) */
Datum
paystate_guarded_findings(PG_FUNCTION_ARGS)
{
	Findings	f = {0};

	paystate_learn_guards(fcinfo->flinfo->fn_oid);
	InitMaterializedSRF(fcinfo, 0);
	f.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	/* who writes to pg_trigger itself tells no cache of it */
	RelationCacheInvalidateEntry(PG_GETARG_OID(0));
	f.rel = open_relation(PG_GETARG_OID(0));
	f.triggers = CopyTriggerDesc(f.rel->trigdesc);
	for (int kind = 0; kind < PS_NKINDS; kind++)
	{
		f.kind = kind;
		if (paystate_carries_guard(f.rel, kind))
			check_kind(&f);
	}
	if (f.triggers != NULL)
		check_key_triggers(&f);
	relation_close(f.rel, AccessShareLock);
	return (Datum) 0;
}

/* ---- guarded_table(): what the binding makes of it */

static Datum
attribute_array(const AttrNumber *atts, int n)
{
	Datum		items[Max(INDEX_MAX_KEYS, PS_MAX_COLUMNS)];

	for (int i = 0; i < n; i++)
		items[i] = Int16GetDatum(atts[i]);
	return PointerGetDatum(construct_array(items, n, INT2OID, 2, true, TYPALIGN_SHORT));
}

static Datum
written_columns(const PsTable *table)
{
	AttrNumber	atts[PS_MAX_COLUMNS];
	int			n;
	int			nwritten = 0;
	const PsColumn *columns = paystate_columns(table->kind, &n);

	for (int i = 0; i < n; i++)
	{
		if (columns[i].written && table->att[i] != 0)
			atts[nwritten++] = table->att[i];
	}
	return attribute_array(atts, nwritten);
}

static void
append_pair(StringInfo json, const char *name, const char *value)
{
	appendStringInfoString(json, json->len > 1 ? ", " : "");
	escape_json(json, name);
	appendStringInfoString(json, ": ");
	escape_json(json, value);
}

static Datum
finish_pairs(StringInfo json)
{
	appendStringInfoChar(json, '}');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json->data));
}

/* our names of columns, and theirs */
static Datum
columns_of(const PsTable *table, Relation rel)
{
	StringInfoData json;
	int			n;
	const PsColumn *columns = paystate_columns(table->kind, &n);

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (int i = 0; i < n; i++)
	{
		if (table->att[i] != 0)
			append_pair(&json, columns[i].name,
						NameStr(TupleDescAttr(RelationGetDescr(rel), table->att[i] - 1)->attname));
	}
	return finish_pairs(&json);
}

/* our labels, where theirs are others */
static Datum
labels_of(const PsTable *table)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (int i = 0; table->kind != PS_HISTORY && i < table->labels[table->kind].n; i++)
		append_pair(&json, paystate_label(table->labels[table->kind].ours[i]),
					paystate_label(table->labels[table->kind].theirs[i]));
	return finish_pairs(&json);
}

static PsKind
kind_of(Relation rel)
{
	for (int kind = 0; kind < PS_NKINDS; kind++)
	{
		if (paystate_carries_guard(rel, kind))
			return kind;
	}
	paystate_unbound(rel, NULL, "It has no guard.");
}

PG_FUNCTION_INFO_V1(paystate_guarded_table);

/* guarded_table(relation): 23PS8 when it cannot be bound */
Datum
paystate_guarded_table(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	Relation	rel;
	PsTable    *table;
	bool		nulls[10] = {false};
	Datum		values[10];

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	paystate_learn_guards(fcinfo->flinfo->fn_oid);
	rel = open_relation(PG_GETARG_OID(0));
	table = paystate_table(rel, kind_of(rel));
	values[0] = CStringGetTextDatum(kind_names[table->kind]);
	values[1] = CStringGetTextDatum(table->lifecycle);
	values[2] = ObjectIdGetDatum(table->link.parent);
	nulls[2] = !OidIsValid(table->link.parent);
	values[3] = ObjectIdGetDatum(table->payments);
	nulls[3] = !OidIsValid(table->payments);
	values[4] = attribute_array(table->key, table->nkeys);
	values[5] = attribute_array(table->link.fk, table->link.nkeys);
	values[6] = attribute_array(table->link.pk, table->link.nkeys);
	values[7] = written_columns(table);
	values[8] = columns_of(table, rel);
	values[9] = labels_of(table);
	relation_close(rel, AccessShareLock);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
