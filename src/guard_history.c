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

PG_FUNCTION_INFO_V1(paystate_guard_history);

Datum
paystate_guard_history(PG_FUNCTION_ARGS)
{
	TriggerData *td = paystate_trigger_data(fcinfo, "guard_history");

	if (TRIGGER_FIRED_BY_INSERT(td->tg_event) &&
		TRIGGER_FIRED_BEFORE(td->tg_event) &&
		paystate_is_own_write(paystate_table(td->tg_relation, PS_HISTORY), td))
		return PointerGetDatum(td->tg_trigtuple);
	paystate_report(&(PsReport) {
		.code = ERRCODE_PS_COLUMN,.rel = td->tg_relation,
		.constraint = "paystate_history",
		.message = psprintf("%s on table \"%s\" is not allowed",
							paystate_operation(td),
							RelationGetRelationName(td->tg_relation)),
		.detail = "The history of an order is written by paystate alone.",
		.hint = "Write to the orders, the payments or the refunds."
	});
}
