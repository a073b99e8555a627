/*
 * trigger.c
 *		The protocol that every guard follows: called as a trigger, at a time
 *		and for an event it knows; a removal refused; then on to what the
 *		guard of that table does.
 *
 * No state.
 */
#include "postgres.h"

#include "utils/rel.h"

#include "paystate.h"

static const char *
operation(TriggerEvent event)
{
	if (TRIGGER_FIRED_BY_INSERT(event))
		return "insert";
	if (TRIGGER_FIRED_BY_UPDATE(event))
		return "update";
	return TRIGGER_FIRED_BY_DELETE(event) ? "delete" : "truncate";
}

const char *
paystate_operation(const TriggerData *td)
{
	return operation(td->tg_event);
}

static void
refuse_removal(const TriggerData *td)
{
	paystate_report(&(PsReport) {
		.code = ERRCODE_PS_DELETE,.rel = td->tg_relation,
		.constraint = "paystate_no_delete",
		.message = psprintf("%s on table \"%s\" is not allowed",
							operation(td->tg_event),
							paystate_relation_name(td->tg_relation)),
		.detail = "Orders, payments, refunds and their history are kept.",
		.hint = "Cancel, fail or refund instead; to drop old data, drop the tables or detach a partition."
	});
}

/*
 * What every guard checks first: that it is called as a trigger, at a time
 * and for an event it knows.  A removal is refused here for all of them.
 */
static TriggerData *
check_protocol(FunctionCallInfo fcinfo, const char *function)
{
	TriggerData *td = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager",
						function)));
	paystate_learn_guards(fcinfo->flinfo->fn_oid);
	if (TRIGGER_FIRED_BY_DELETE(td->tg_event) ||
		TRIGGER_FIRED_BY_TRUNCATE(td->tg_event))
		refuse_removal(td);
	if (!TRIGGER_FIRED_FOR_ROW(td->tg_event) ||
		TRIGGER_FIRED_INSTEAD(td->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be fired before or after, for each row",
						function)));
	return td;
}

/* an event of a row, its tables opened and described */
void
paystate_begin_case(PsCase *c, TriggerData *td, PsKind kind)
{
	memset(c, 0, sizeof(*c));
	c->td = td;
	c->entry = (PsEntry) PS_NO_ENTRY;
	c->fired = true;
	paystate_family_open(&c->family, td->tg_relation, kind);
}

void
paystate_end_case(PsCase *c)
{
	if (c->has_order)
		paystate_row_release(&c->order);
	paystate_family_close(&c->family);
}

/* the same event once more, with the order held from the start */
static void
begin_again(PsCase *c)
{
	PsFamily	family = c->family;
	TriggerData *td = c->td;

	if (c->has_order)
		paystate_row_release(&c->order);
	memset(c, 0, sizeof(*c));
	c->td = td;
	c->family = family;
	c->entry = (PsEntry) PS_NO_ENTRY;
	c->fired = true;
	c->again = true;
	c->hold = true;
}

/* what a guard function does: paystate's own writes pass, others are judged */
Datum
paystate_guard(FunctionCallInfo fcinfo, const PsGuardian *guardian)
{
	TriggerData *td = check_protocol(fcinfo, guardian->function);
	PsTable    *self = paystate_table(td->tg_relation, guardian->kind);
	bool		update = TRIGGER_FIRED_BY_UPDATE(td->tg_event);
	PsCase		c;

	if (TRIGGER_FIRED_BEFORE(td->tg_event))
		return update ? guardian->before_update(td, self) :
			guardian->before_insert(td, self);
	if (paystate_is_own_write(self, td))
		return PointerGetDatum(NULL);
	paystate_begin_case(&c, td, guardian->kind);
	while (!(update ? guardian->after_update : guardian->after_insert) (&c))
		begin_again(&c);
	paystate_end_case(&c);
	return PointerGetDatum(NULL);
}
