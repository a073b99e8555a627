/*
 * binding.c
 *		What the catalog says of a guarded table: its columns, keys, the
 *		foreign key to its parent, its children, its owner, and the path by
 *		which it may be written.  The catalog is the configuration: there is
 *		no registry table and no setting, so renames, pg_dump, partitions and
 *		shards just work.
 *
 * Static state: a hash from relation OID to PsTable, for the life of the
 * backend.  An entry is good while the generation it was built in is the
 * present one; a relcache invalidation of any relation that some entry looked
 * at (or of all) starts a new generation.  A replaced entry lives on until
 * the end of the transaction, for a guard up the stack may still read it.
 */
#include "postgres.h"

#include "access/nbtree.h"
#include "executor/spi.h"
#include "storage/sinval.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "family.h"

typedef struct CacheEntry
{
	Oid			relid;			/* hash key */
	PsTable    *table;			/* NULL until built */
	uint64		generation;		/* in which it was built */
} CacheEntry;

static HTAB *cache = NULL;
static uint64 generation = 1;
static uint64 changes = 1;		/* generations that something real began */
static uint64 messages = 0;		/* had come when the last one began */
static Oid *watched = NULL;		/* relations that some entry looked at */
static int	nwatched = 0;
static int	maxwatched = 0;

uint64
paystate_binding_generation(void)
{
	return changes;
}

/*
 * A server that discards its caches for the sake of a test forgets all at
 * every look-up, though nobody told it anything: who waits for a moment in
 * which nothing changed must not wait for ever.
 */
static void
begin_generation(bool of_all)
{
	generation++;
	if (!of_all || messages != SharedInvalidMessageCounter)
		changes++;
	messages = SharedInvalidMessageCounter;
}

/* relcache callback: someone changed a relation, or may have */
static void
forget_relation(Datum arg, Oid relid)
{
	if (relid == InvalidOid)
	{
		begin_generation(true);
		return;
	}
	for (int i = 0; i < nwatched; i++)
	{
		if (watched[i] == relid)
		{
			begin_generation(false);
			return;
		}
	}
}

void
paystate_watch(Oid relid)
{
	for (int i = 0; i < nwatched; i++)
	{
		if (watched[i] == relid)
			return;
	}
	if (nwatched == maxwatched)
	{
		int			n = maxwatched == 0 ? 64 : maxwatched * 2;

		if (watched == NULL)
			watched = MemoryContextAlloc(TopMemoryContext, n * sizeof(Oid));
		else
			watched = repalloc(watched, n * sizeof(Oid));
		maxwatched = n;
	}
	watched[nwatched++] = relid;
}

/* syscache callback: saved plans name schemas, and a rename moves no relation */
static void
forget_all(Datum arg, int cacheid, uint32 hashvalue)
{
	begin_generation(hashvalue == 0);
}

static void
create_cache(void)
{
	HASHCTL		ctl = {.keysize = sizeof(Oid),.entrysize = sizeof(CacheEntry)};

	cache = hash_create("paystate tables", 64, &ctl, HASH_ELEM | HASH_BLOBS);
	CacheRegisterRelcacheCallback(forget_relation, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, forget_all, (Datum) 0);
}

/* ---- its guards */

static const Trigger *
load_guard(PsTable *table, Relation rel)
{
	const Trigger *guard = paystate_find_guard(rel, table->kind);

	for (int other = 0; other < PS_NKINDS; other++)
	{
		if (other != table->kind && paystate_carries_guard(rel, other))
			paystate_unbound(rel, NULL, "It carries guards of two kinds.");
	}
	if (guard == NULL)
		paystate_unbound(rel, "Restore the guards as create_tables makes them.",
						 "A guard trigger of it is missing, disabled, doubled or altered.");
	if (table->kind == PS_HISTORY && paystate_has_other_trigger(rel))
		paystate_unbound(rel, "Drop it: history is written by paystate alone.",
						 "A trigger of the user stands on the history.");
	if (paystate_argument_lifecycle(guard) == NULL)
		paystate_unbound(rel, NULL, "The guard's argument names no life cycle.");
	if (paystate_argument_unknown(guard, table->kind) != NULL)
		paystate_unbound(rel, NULL, "The guard's argument \"%s\" means nothing.",
						 paystate_argument_unknown(guard, table->kind));
	if (paystate_argument_repeated(guard) != NULL)
		paystate_unbound(rel, NULL, "The guard's argument \"%s\" names again what another names.",
						 paystate_argument_repeated(guard));
	table->lifecycle = pstrdup(paystate_argument_lifecycle(guard));
	if (table->kind != PS_HISTORY)
		paystate_argument_labels(&table->labels[table->kind], guard);
	return guard;
}

/* ---- columns and the primary key */

/* attribute 0 where the table may do without and does */
static AttrNumber
find_column(const PsTable *table, Relation rel, const PsColumn *column,
			const Trigger *guard)
{
	const char *mapped = paystate_argument_column(guard, column->name);
	const char *name = mapped == NULL ? column->name : mapped;
	AttrNumber	att = name[0] == '\0' ? 0 : get_attnum(table->relid, name);

	if (att > 0 || (column->optional && (mapped == NULL || mapped[0] == '\0')))
		return Max(att, 0);
	if (mapped == NULL || mapped[0] == '\0')
		paystate_unbound(rel, NULL, "Column \"%s\" is missing.", column->name);
	paystate_unbound(rel, "Attach the table again, or name the column as it was.",
					 "Column \"%s\", which stands for \"%s\", is missing.",
					 name, column->name);
}

static void
load_column(PsTable *table, Relation rel, int i, const PsColumn *column,
			AttrNumber att)
{
	Form_pg_attribute form = TupleDescAttr(RelationGetDescr(rel), att - 1);
	int32		typmod = form->atttypmod;
	int			scale;
	Oid			base = paystate_fitting_type(column->meaning, form->atttypid,
											 &typmod, &scale);

	if (!OidIsValid(base))
		paystate_unbound(rel, NULL, "Column \"%s\" is of type %s, which cannot hold \"%s\".",
						 NameStr(form->attname),
						 format_type_with_typemod(form->atttypid, form->atttypmod),
						 column->name);
	table->att[i] = att;
	table->type[i] = form->atttypid;
	table->base[i] = base;
	table->typmod[i] = typmod;
	table->scale[i] = scale;
}

static void
load_columns(PsTable *table, Relation rel, const Trigger *guard)
{
	int			n;
	const PsColumn *columns = paystate_columns(table->kind, &n);

	for (int i = 0; i < n; i++)
	{
		AttrNumber	att = find_column(table, rel, &columns[i], guard);

		for (int j = 0; att != 0 && j < i; j++)
		{
			if (table->att[j] == att)
				paystate_unbound(rel, NULL, "One column stands for both \"%s\" and \"%s\".",
								 columns[j].name, columns[i].name);
		}
		if (att != 0)
			load_column(table, rel, i, &columns[i], att);
	}
}

static void
load_key(PsTable *table, Relation rel)
{
	Relation	index;
	Oid			pk;

	list_free(RelationGetIndexList(rel));	/* makes rd_pkindex valid, for now */
	pk = rel->rd_pkindex;
	if (!OidIsValid(pk))
		paystate_unbound(rel, NULL, "It has no primary key.");
	index = index_open(pk, AccessShareLock);
	table->nkeys = IndexRelationGetNumberOfKeyAttributes(index);
	for (int i = 0; i < table->nkeys; i++)
	{
		table->key[i] = index->rd_index->indkey.values[i];
		table->keytype[i] =
			TupleDescAttr(RelationGetDescr(rel), table->key[i] - 1)->atttypid;
		table->keyop[i] = get_opfamily_member(index->rd_opfamily[i],
											  index->rd_opcintype[i],
											  index->rd_opcintype[i],
											  BTEqualStrategyNumber);
	}
	table->self.index = pk;
	table->self.parent = table->relid;
	table->self.nkeys = table->nkeys;
	table->self.spelled = !_bt_allequalimage(index, false);
	memcpy(table->self.pk, table->key, sizeof(table->self.pk));
	memcpy(table->self.op, table->keyop, sizeof(table->self.op));
	index_close(index, AccessShareLock);
}

/*
 * Of a key that leads with the order's, or with anything else that rows of an
 * order share, the first column that they do not.
 */
static void
find_id(PsTable *table)
{
	table->id = table->nkeys - 1;
	for (int i = table->nkeys - 1; i >= 0; i--)
	{
		bool		shared = false;

		for (int j = 0; j < table->link.nkeys; j++)
			shared |= table->link.fk[j] == table->key[i];
		if (!shared)
			table->id = i;
	}
}

/* ---- the cache */

/* runs at the end of the transaction in which an entry was replaced */
static void
free_plans(void *arg)
{
	PsTable    *table = arg;

	for (int i = 0; i < PS_NPLANS; i++)
	{
		if (table->plans[i] != NULL)
			SPI_freeplan(table->plans[i]);
	}
}

static PsTable *
build_table(Relation rel, PsKind kind, MemoryContext cxt)
{
	MemoryContext old = MemoryContextSwitchTo(cxt);
	PsTable    *table = palloc0(sizeof(PsTable));
	MemoryContextCallback *callback = palloc0(sizeof(*callback));

	paystate_shake_hands();
	callback->func = free_plans;
	callback->arg = table;
	MemoryContextRegisterResetCallback(cxt, callback);
	table->cxt = cxt;
	table->relid = RelationGetRelid(rel);
	table->kind = kind;
	paystate_watch(table->relid);
	load_columns(table, rel, load_guard(table, rel));
	load_key(table, rel);
	table->root = paystate_topmost(rel);
	table->owner = paystate_owner(rel);
	paystate_load_family(table, rel);
	find_id(table);
	table->scan_direct = paystate_scan_direct(rel);
	table->write_direct = paystate_write_direct(rel, table);
	MemoryContextSwitchTo(old);
	return table;
}

PsTable *
paystate_table(Relation rel, PsKind kind)
{
	Oid			relid = RelationGetRelid(rel);
	CacheEntry *entry;
	bool		found;
	MemoryContext cxt;
	PsTable    *table;
	uint64		start;

	if (cache == NULL)
		create_cache();
	entry = hash_search(cache, &relid, HASH_FIND, NULL);
	if (entry != NULL && entry->generation == generation &&
		entry->table->kind == kind)
		return entry->table;

	/* under the caller's context first: an error must not leak it */
	start = generation;
	cxt = AllocSetContextCreate(CurrentMemoryContext, "paystate table",
								ALLOCSET_SMALL_SIZES);
	table = build_table(rel, kind, cxt);
	MemoryContextSetParent(cxt, CacheMemoryContext);
	entry = hash_search(cache, &relid, HASH_ENTER, &found);
	if (found)
		paystate_discard(entry->table->cxt);
	entry->table = table;
	entry->generation = start;
	return table;
}
