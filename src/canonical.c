/*
 * canonical.c
 *		The guards on a table: exactly one of each kind, in the shape that
 *		create_tables gives them.  A second copy would count money twice, a
 *		disabled or altered one would let it pass.
 *
 * Static state: the OIDs of our four trigger functions, as last seen called.
 */
#include "postgres.h"

#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "paystate.h"

#define ROW_EVENTS \
	(TRIGGER_TYPE_ROW | TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE)

static Oid	guards[PS_NKINDS];	/* our trigger functions */

static const char *const guard_names[PS_NKINDS] = {
	"guard_orders", "guard_payments", "guard_refunds", "guard_history"
};

static bool
is_guard(Oid function)
{
	for (int i = 0; i < PS_NKINDS; i++)
	{
		if (guards[i] == function)
			return true;
	}
	return false;
}

/*
 * The schema of the guard being called is ours, whatever it is named, and
 * nobody else can create a function there: so the other guards are the
 * functions of those names in it.
 */
void
paystate_learn_guards(Oid called)
{
	Oid			schema;
	oidvector  *none;

	if (is_guard(called))
		return;
	schema = get_func_namespace(called);
	none = buildoidvector(NULL, 0);
	for (int i = 0; i < PS_NKINDS; i++)
		guards[i] = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
									CStringGetDatum(guard_names[i]),
									PointerGetDatum(none),
									ObjectIdGetDatum(schema));
}

/* what is wrong with a guard that should be of that type; NULL: nothing */
static const char *
fault_of(const Trigger *t, int16 type)
{
	if (t->tgenabled == TRIGGER_DISABLED)
		return "is disabled";
	if (t->tgenabled == TRIGGER_FIRES_ALWAYS)
		return "is enabled ALWAYS";
	if (t->tgenabled == TRIGGER_FIRES_ON_REPLICA)
		return "is enabled REPLICA";
	if (t->tgtype != type)
		return "fires at another time or for other events";
	if (t->tgqual != NULL)
		return "has a WHEN condition";
	if (t->tgnattr != 0)
		return "fires for some columns only";
	if (t->tgdeferrable)
		return "is deferrable";
	return t->tgnargs < 1 ? "has no arguments" : NULL;
}

static bool
is_canonical(const Trigger *t, int16 type)
{
	return fault_of(t, type) == NULL;
}

/*
 * Which of the three guards of a table a trigger of ours is meant to be, and
 * what is wrong with it; NULL where nothing is.
 */
const char *
paystate_guard_fault(const Trigger *t, PsGuardPlace *place)
{
	static const int16 types[PS_NPLACES] = {
		[PS_BEFORE_ROW] = ROW_EVENTS | TRIGGER_TYPE_BEFORE,
		[PS_AFTER_ROW] = ROW_EVENTS,
		[PS_BEFORE_TRUNCATE] = TRIGGER_TYPE_TRUNCATE | TRIGGER_TYPE_BEFORE
	};

	if (TRIGGER_FOR_TRUNCATE(t->tgtype))
		*place = PS_BEFORE_TRUNCATE;
	else
		*place = TRIGGER_FOR_BEFORE(t->tgtype) ? PS_BEFORE_ROW : PS_AFTER_ROW;
	return fault_of(t, types[*place]);
}

bool
paystate_is_guard(const Trigger *t, PsKind kind)
{
	return t->tgfoid == guards[kind];
}

/* two that disagree on the names of columns would judge different rows */
bool
paystate_same_arguments(const Trigger *a, const Trigger *b)
{
	if (a->tgnargs != b->tgnargs)
		return false;
	for (int i = 0; i < a->tgnargs; i++)
	{
		if (strcmp(a->tgargs[i], b->tgargs[i]) != 0)
			return false;
	}
	return true;
}

/* a copy, for whoever looks at the catalog may find the relation's replaced */
const Trigger *
paystate_find_guard(Relation rel, PsKind kind)
{
	const int16 before = ROW_EVENTS | TRIGGER_TYPE_BEFORE;
	const TriggerDesc *triggers = CopyTriggerDesc(rel->trigdesc);
	const Trigger *found[2] = {NULL, NULL};
	int			nrow = 0;

	for (int i = 0; triggers && i < triggers->numtriggers; i++)
	{
		const Trigger *t = &triggers->triggers[i];

		if (t->tgfoid != guards[kind] || !TRIGGER_FOR_ROW(t->tgtype))
			continue;
		nrow++;
		if (is_canonical(t, before))
			found[0] = t;
		else if (is_canonical(t, ROW_EVENTS))
			found[1] = t;
	}
	if (kind == PS_HISTORY)
		return nrow == 1 ? found[0] : NULL;
	if (nrow != 2 || found[0] == NULL || found[1] == NULL)
		return NULL;
	return paystate_same_arguments(found[0], found[1]) ? found[1] : NULL;
}

bool
paystate_is_guard_of(Oid function, PsKind kind)
{
	return guards[kind] == function;
}

bool
paystate_carries_guard(Relation rel, PsKind kind)
{
	for (int i = 0; rel->trigdesc && i < rel->trigdesc->numtriggers; i++)
	{
		if (rel->trigdesc->triggers[i].tgfoid == guards[kind])
			return true;
	}
	return false;
}

/* does a guard of rows stand there, and not only the one against TRUNCATE? */
bool
paystate_guards_rows(Relation rel, PsKind kind)
{
	for (int i = 0; rel->trigdesc && i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *t = &rel->trigdesc->triggers[i];

		if (t->tgfoid == guards[kind] && TRIGGER_FOR_ROW(t->tgtype))
			return true;
	}
	return false;
}

/* does a trigger of the user stand there that is neither ours nor a key's? */
bool
paystate_has_other_trigger(Relation rel)
{
	for (int i = 0; rel->trigdesc && i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *t = &rel->trigdesc->triggers[i];

		if (!is_guard(t->tgfoid) &&
			t->tgenabled != TRIGGER_DISABLED &&
			RI_FKey_trigger_type(t->tgfoid) == RI_TRIGGER_NONE)
			return true;
	}
	return false;
}
