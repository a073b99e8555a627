/*
 * level.c
 *		When has a statement fired all its AFTER triggers?  PostgreSQL tells
 *		no row trigger, and a trigger per statement fires only for the table
 *		that the statement names, and once a shard.  So the end of the query,
 *		and of a COPY, is hooked: what the guards hold back is written there.
 *
 * Rows may wait only where nobody could miss them.  While a statement fires
 * its triggers, that is where it writes to guarded tables alone and none of
 * them has a trigger of anyone else, in the subtransaction that it began in:
 * then no code runs in between but ours and that of the foreign keys, which
 * read nothing of it but an order's key.  Before a statement of our own
 * (general.c), or one that writes, they are written, and no more of them wait.
 * Everywhere else, as in a COPY that made the library be loaded, a row is
 * written when it is due.
 *
 * Static state: the statements under way, innermost first, which is a list
 * on the C stack; whoever pushes one pops it in PG_FINALLY.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "executor/executor.h"
#include "tcop/utility.h"
#include "utils/rel.h"

#include "level.h"

static PsLevel *top = NULL;
static ExecutorStart_hook_type next_start = NULL;
static ExecutorFinish_hook_type next_finish = NULL;
static ProcessUtility_hook_type next_utility = NULL;

PsLevel *
paystate_top_level(void)
{
	return top;
}

static void
push_level(PsLevel *level)
{
	level->up = top;
	level->subxact = GetCurrentSubTransactionId();
	level->cid = GetCurrentCommandId(false);
	top = level;
}

static void
pop_level(PsLevel *level)
{
	paystate_pending_drop(level);
	paystate_waiting_drop(level);
	top = level->up;
}

/* ---- may rows wait? */

/* a guarded table of orders, payments or refunds, and no more triggers on it */
static bool
is_ours_alone(Relation rel)
{
	return !paystate_has_other_trigger(rel) &&
		(paystate_guards_rows(rel, PS_ORDERS) ||
		 paystate_guards_rows(rel, PS_PAYMENTS) ||
		 paystate_guards_rows(rel, PS_REFUNDS));
}

static bool
are_ours_alone(List *results)
{
	ListCell   *lc;

	foreach(lc, results)
	{
		if (!is_ours_alone(((ResultRelInfo *) lfirst(lc))->ri_RelationDesc))
			return false;
	}
	return true;
}

/*
 * A COPY tells nobody which table it has opened: the one of that name, which
 * it has locked.  Of a partitioned one, every partition would have to be seen.
 */
static bool
is_copy_alone(const PsLevel *level)
{
	Relation	rel;
	bool		alone;

	if (!OidIsValid(level->copied) ||
		RangeVarGetRelid(level->copy->relation, NoLock, true) != level->copied)
		return false;
	rel = table_open(level->copied, AccessShareLock);
	alone = rel->rd_rel->relkind == RELKIND_RELATION && is_ours_alone(rel);
	table_close(rel, NoLock);
	return alone;
}

static bool
is_alone(const PsLevel *level)
{
	const EState *estate = level->estate;

	if (estate == NULL)
		return is_copy_alone(level);
	return are_ours_alone(estate->es_opened_result_relations) &&
		are_ours_alone(estate->es_tuple_routing_result_relations) &&
		are_ours_alone(estate->es_trig_target_relations);
}

PsLevel *
paystate_waiting_level(void)
{
	if (top == NULL)
		return NULL;
	if (!top->known)
		top->alone = is_alone(top);
	top->known = true;
	return top->alone && top->subxact == GetCurrentSubTransactionId() ? top : NULL;
}

/* ---- the hooks */

/*
 * A foreign key of the user may change other tables along with ours, and their
 * triggers may read what waits.
 */
static void
start_query(QueryDesc *query, int eflags)
{
	if (top != NULL && (query->operation != CMD_SELECT ||
						query->plannedstmt->hasModifyingCTE))
		paystate_pending_stop();
	if (next_start != NULL)
		next_start(query, eflags);
	else
		standard_ExecutorStart(query, eflags);
}

static void
run_finish(QueryDesc *query)
{
	if (next_finish != NULL)
		next_finish(query);
	else
		standard_ExecutorFinish(query);
}

/* a query without rows to write, or whose triggers another one fires, passes */
static void
finish_query(QueryDesc *query)
{
	PsLevel		level = {.estate = query->estate};

	if (query->estate->es_opened_result_relations == NIL ||
		(query->estate->es_top_eflags & EXEC_FLAG_SKIP_TRIGGERS))
	{
		run_finish(query);
		return;
	}
	push_level(&level);
	PG_TRY();
	{
		run_finish(query);
		paystate_pending_flush();
	}
	PG_FINALLY();
	{
		pop_level(&level);
	}
	PG_END_TRY();
}

static void
run_utility(PlannedStmt *statement, const char *text, bool read_only_tree,
			ProcessUtilityContext context, ParamListInfo params,
			QueryEnvironment *environment, DestReceiver *receiver,
			QueryCompletion *completion)
{
	if (next_utility != NULL)
		next_utility(statement, text, read_only_tree, context, params,
					 environment, receiver, completion);
	else
		standard_ProcessUtility(statement, text, read_only_tree, context,
								params, environment, receiver, completion);
}

static void
process_utility(PlannedStmt *statement, const char *text, bool read_only_tree,
				ProcessUtilityContext context, ParamListInfo params,
				QueryEnvironment *environment, DestReceiver *receiver,
				QueryCompletion *completion)
{
	CopyStmt   *copy = (CopyStmt *) statement->utilityStmt;
	PsLevel		level = {.copy = copy};

	if (!IsA(copy, CopyStmt) || !copy->is_from)
	{
		run_utility(statement, text, read_only_tree, context, params,
					environment, receiver, completion);
		return;
	}
	level.copied = RangeVarGetRelid(copy->relation, NoLock, true);
	push_level(&level);
	PG_TRY();
	{
		run_utility(statement, text, read_only_tree, context, params,
					environment, receiver, completion);
		paystate_pending_flush();
	}
	PG_FINALLY();
	{
		pop_level(&level);
	}
	PG_END_TRY();
}

void
paystate_install_hooks(void)
{
	next_start = ExecutorStart_hook;
	ExecutorStart_hook = start_query;
	next_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = finish_query;
	next_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
}
