/*
 * guard_history.c
 *		The guard of an order history: append-only, and appended to by
 *		paystate alone.
 *
 * No state.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/rel.h"

#include "paystate.h"

pg_noreturn static void refuse_write(const TriggerData *td);

/* whatever is not paystate's own row */
static void
refuse_write(const TriggerData *td)
{
	paystate_report(&(PsReport) {
		.code = ERRCODE_PS_COLUMN,.rel = td->tg_relation,
		.constraint = "paystate_history",
		.message = psprintf("%s on table \"%s\" is not allowed",
							paystate_operation(td),
							paystate_relation_name(td->tg_relation)),
		.detail = "The history of an order is written by paystate alone.",
		.hint = "Write to the orders, the payments or the refunds."
	});
}

static Datum
before_insert(TriggerData *td, PsTable *self)
{
	if (!paystate_is_own_write(self, td))
		refuse_write(td);
	return PointerGetDatum(td->tg_trigtuple);
}

static Datum
before_update(TriggerData *td, PsTable *self)
{
	refuse_write(td);
}

/* such a trigger unbinds the table before anybody gets here */
static bool
after(PsCase *c)
{
	elog(ERROR, "the history is guarded before a row alone");
}

PG_FUNCTION_INFO_V1(paystate_guard_history);

Datum
paystate_guard_history(PG_FUNCTION_ARGS)
{
	static const PsGuardian guardian = {
		PS_HISTORY, "guard_history", before_insert, before_update, after, after
	};

	return paystate_guard(fcinfo, &guardian);
}
