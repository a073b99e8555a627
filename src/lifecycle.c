/*
 * lifecycle.c
 *		Compiled life cycles, one copy in a backend, and the triggers that
 *		keep the rule tables as they were published.
 *
 * Static state: the compiled life cycles, for the life of the backend or
 * until one of the rule tables changes.  The tables' statement triggers send
 * a relcache invalidation; the callback only marks the copies as stale, and
 * the next look-up hands them to the memory room, since a guard up the stack
 * may still hold one.  That no life cycle has a name is not remembered.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "compile.h"

typedef struct CachedLifecycle
{
	const PsLifecycle *lc;
	int			namelen;
	MemoryContext cxt;			/* holds lc */
} CachedLifecycle;

static const char *const rule_table_names[] = {
	"lifecycle", "lifecycle_status", "lifecycle_transition"
};

static Oid	rule_tables[lengthof(rule_table_names)];
static CachedLifecycle *cached = NULL;
static int	ncached = 0;
static int	maxcached = 0;
static bool stale = false;
static bool stale_at_end = false;	/* something is of an old snapshot */

/* relcache callback */
static void
rules_may_have_changed(Datum arg pg_attribute_unused(), Oid relid)
{
	if (relid == InvalidOid)
		stale = true;
	for (int i = 0; i < (int) lengthof(rule_tables); i++)
	{
		if (relid == rule_tables[i])
			stale = true;
	}
}

static void
end_of_transaction(XactEvent event pg_attribute_unused(),
				   void *arg pg_attribute_unused())
{
	if (stale_at_end)
		stale = true;
	stale_at_end = false;
}

static void
register_callbacks(void)
{
	static bool registered = false;

	if (registered)
		return;
	RegisterXactCallback(end_of_transaction, NULL);
	CacheRegisterRelcacheCallback(rules_may_have_changed, (Datum) 0);
	registered = true;
}

/*
 * From here on, a change of the rule tables marks what is read as stale.  The
 * extension may have been dropped and made again, so the tables are looked up
 * anew.
 */
static void
forget_stale(void)
{
	Oid			schema = get_namespace_oid("paystate", true);

	stale = false;
	while (ncached > 0)
		paystate_discard(cached[--ncached].cxt);
	for (int i = 0; i < (int) lengthof(rule_tables); i++)
		rule_tables[i] = get_relname_relid(rule_table_names[i], schema);
}

static void
make_room(void)
{
	if (ncached < maxcached)
		return;
	if (cached == NULL)
		cached = MemoryContextAlloc(TopMemoryContext,
									8 * sizeof(CachedLifecycle));
	else
		cached = repalloc(cached, 2 * maxcached * sizeof(CachedLifecycle));
	maxcached = maxcached == 0 ? 8 : 2 * maxcached;
}

/* an error leaves the cache as it was, and takes cxt with the transaction */
static const PsLifecycle *
compile_and_keep(const char *name, int len)
{
	MemoryContext cxt = AllocSetContextCreate(CurTransactionContext,
											  "paystate life cycle",
											  ALLOCSET_SMALL_SIZES);
	const PsLifecycle *lc;
	bool		lasting;

	paystate_shake_hands();
	if (stale || rule_tables[0] == InvalidOid)
		forget_stale();
	lc = paystate_compile(name, len, cxt, &lasting);
	if (lc == NULL)
	{
		MemoryContextDelete(cxt);
		return NULL;
	}
	make_room();
	MemoryContextSetParent(cxt, TopMemoryContext);
	cached[ncached].lc = lc;
	cached[ncached].namelen = len;
	cached[ncached].cxt = cxt;
	ncached++;
	if (!lasting)
		stale_at_end = true;
	return lc;
}

const PsLifecycle *
paystate_lifecycle(const char *name, int len)
{
	if (!stale)
	{
		for (int i = 0; i < ncached; i++)
		{
			if (cached[i].namelen == len &&
				memcmp(cached[i].lc->name, name, len) == 0)
				return cached[i].lc;
		}
	}
	register_callbacks();
	return compile_and_keep(name, len);
}

const PsLifecycle *
paystate_lifecycle_of_text(Datum name)
{
	text	   *packed = DatumGetTextPP(name);
	const PsLifecycle *lc = paystate_lifecycle(VARDATA_ANY(packed),
											   VARSIZE_ANY_EXHDR(packed));

	if ((Pointer) packed != DatumGetPointer(name))
		pfree(packed);
	return lc;
}

int
paystate_order_status(const PsLifecycle *lc, int label_id)
{
	for (int i = 0; i < lc->norder; i++)
	{
		if (lc->order[i].label_id == label_id)
			return i;
	}
	return PS_NO_STATUS;
}

int
paystate_payment_status(const PsLifecycle *lc, int label_id)
{
	for (int i = 0; i < lc->npayment; i++)
	{
		if (lc->payment[i].label_id == label_id)
			return i;
	}
	return PS_NO_STATUS;
}

bool
paystate_currency_ok(const PsLifecycle *lc, const char *code, int len)
{
	if (lc->all_currencies)
		return paystate_currency_exponent(code, len) >= 0;
	for (int i = 0; i < lc->ncurrencies; i++)
	{
		if ((int) strlen(lc->currencies[i]) == len &&
			memcmp(lc->currencies[i], code, len) == 0)
			return true;
	}
	return false;
}

static void
refuse_change(const TriggerData *trigdata, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("published life cycles in table \"%s\" cannot be changed",
					RelationGetRelationName(trigdata->tg_relation)),
			 errdetail_internal("%s", detail),
			 errhint("Define another life cycle, under a name of its own.")));
}

static bool
is_builtin(const TriggerData *trigdata, HeapTuple tuple)
{
	TupleDesc	desc = RelationGetDescr(trigdata->tg_relation);
	int			number = SPI_fnumber(desc, "builtin");
	bool		isnull;
	Datum		value;

	if (number <= 0)
		elog(ERROR, "table \"%s\" is not a rule table",
			 RelationGetRelationName(trigdata->tg_relation));
	value = heap_getattr(tuple, number, desc, &isnull);
	return !isnull && DatumGetBool(value);
}

/* does the row speak of a life cycle that came with the extension? */
static bool
is_of_builtin(const TriggerData *trigdata, HeapTuple tuple)
{
	TupleDesc	desc = RelationGetDescr(trigdata->tg_relation);
	int			number = SPI_fnumber(desc, "lifecycle");
	Oid			type = TEXTOID;
	Datum		name;
	bool		isnull;
	bool		found;

	if (number <= 0)
		return false;
	name = heap_getattr(tuple, number, desc, &isnull);
	if (isnull)
		return false;
	SPI_connect();
	SPI_execute_with_args("SELECT FROM paystate.lifecycle AS l"
						  " WHERE l.name OPERATOR(pg_catalog.=) $1 AND l.builtin",
						  1, &type, &name, NULL, true, 1);
	found = SPI_processed > 0;
	SPI_finish();
	return found;
}

/* has another transaction committed rows of the same life cycle in this table? */
static bool
is_published(const TriggerData *trigdata, HeapTuple tuple)
{
	TupleDesc	desc = RelationGetDescr(trigdata->tg_relation);
	Oid			type = TEXTOID;
	Datum		name;
	bool		isnull;
	bool		published = false;

	if (SPI_fnumber(desc, "lifecycle") <= 0)
		return false;			/* the life cycles themselves: a primary key */
	name = heap_getattr(tuple, SPI_fnumber(desc, "lifecycle"), desc, &isnull);
	if (isnull)
		return false;
	PushActiveSnapshot(GetLatestSnapshot());
	SPI_connect();
	SPI_execute_with_args(psprintf("SELECT r.xmin FROM paystate.%s AS r"
								   " WHERE r.lifecycle OPERATOR(pg_catalog.=) $1",
								   RelationGetRelationName(trigdata->tg_relation)),
						  1, &type, &name, NULL, true, 0);
	for (uint64 i = 0; i < SPI_processed && !published; i++)
	{
		Datum		xmin = SPI_getbinval(SPI_tuptable->vals[i],
										 SPI_tuptable->tupdesc, 1, &isnull);

		published = !TransactionIdIsCurrentTransactionId(DatumGetTransactionId(xmin));
	}
	SPI_finish();
	PopActiveSnapshot();
	return published;
}

/*
 * A life cycle is published by the commit that brings it: what came with the
 * extension, or with another transaction, stays, and nothing is added to it.
 * A restored dump brings the three tables in any order, several at once, so no
 * foreign key holds them together, and it is each table's own rows that tell.
 * Rows may even come one by one, each committed, from a dump of INSERTs: what
 * pg_dump writes is known by a setting that nobody else has a use for here.
 */
static void
check_row_change(const TriggerData *trigdata)
{
	HeapTuple	row = trigdata->tg_trigtuple;
	HeapTuple	result = row;

	if (TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event))
		result = trigdata->tg_newtuple;
	if (!TRIGGER_FIRED_BY_INSERT(trigdata->tg_event))
	{
		if (is_builtin(trigdata, row))
			refuse_change(trigdata, "The row belongs to the extension.");
		if (!TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(row->t_data)))
			refuse_change(trigdata, "The row was committed, and orders may rely on it.");
	}
	if (!TRIGGER_FIRED_BY_DELETE(trigdata->tg_event) &&
		is_builtin(trigdata, result))
		refuse_change(trigdata, "Only rows of the extension are marked \"builtin\".");
	if (!TRIGGER_FIRED_BY_DELETE(trigdata->tg_event) &&
		is_of_builtin(trigdata, result))
		refuse_change(trigdata, "The life cycle belongs to the extension.");
	if (!TRIGGER_FIRED_BY_DELETE(trigdata->tg_event) && check_function_bodies &&
		is_published(trigdata, result))
		refuse_change(trigdata, "The life cycle was committed, and orders may rely on it.");
}

PG_FUNCTION_INFO_V1(paystate_guard_rules);

/*
 * All triggers of the rule tables.  AFTER each statement, every backend is
 * told to compile anew; BEFORE, what is published is protected, except from
 * the extension's own scripts.
 */
Datum
paystate_guard_rules(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager",
						"paystate.guard_rules")));

	if (TRIGGER_FIRED_AFTER(trigdata->tg_event))
		CacheInvalidateRelcache(trigdata->tg_relation);
	else if (TRIGGER_FIRED_BY_TRUNCATE(trigdata->tg_event))
		refuse_change(trigdata, "The table holds the life cycles of the extension.");
	else if (TRIGGER_FIRED_FOR_ROW(trigdata->tg_event))
	{
		if (!creating_extension)
			check_row_change(trigdata);
		return PointerGetDatum(TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event) ?
							   trigdata->tg_newtuple : trigdata->tg_trigtuple);
	}
	return PointerGetDatum(NULL);
}
