/*
 * replay_order.c
 *		replay(): what an order was after each row of its history, as the
 *		rules make it.
 *
 * No state.
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"

#include "book.h"

typedef struct Followed
{
	ReturnSetInfo *rsinfo;
	bool		found;
} Followed;

static void
put_state(ReturnSetInfo *rsinfo, const PsReplay *r, const PsStep *s)
{
	const PsOrder *o = &r->order;
	bool		nulls[10] = {false};
	Datum		values[10];

	values[0] = Int32GetDatum(s->seq);
	nulls[1] = o->status == PS_NO_STATUS;
	if (!nulls[1])
		values[1] = CStringGetTextDatum(paystate_their_word(&r->book->tables->orders->labels[PS_ORDERS],
															r->lc->order[o->status].label));
	values[2] = Int64GetDatum(o->amount_paid);
	values[3] = Int64GetDatum(o->amount - o->amount_paid);
	values[4] = Int64GetDatum(o->amount_authorized);
	values[5] = Int64GetDatum(o->amount_pending);
	values[6] = Int64GetDatum(o->amount_refunded);
	values[7] = Int32GetDatum(o->attempts);
	values[8] = Int32GetDatum(o->payments_open);
	nulls[9] = r->problem == NULL;
	if (!nulls[9])
		values[9] = CStringGetTextDatum(psprintf("%s: expected %s, actual %s", r->problem,
												 r->expected ? r->expected : "null",
												 r->actual ? r->actual : "null"));
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
follow(PsBook *book, void *arg)
{
	Followed   *f = arg;
	PsReplay	r;
	int			i;

	if (!book->has_order)
		return;
	f->found = true;
	if (book->lc == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PS_UNBOUND),
				 errmsg("life cycle \"%s\" does not exist",
						book->lifecycle ? book->lifecycle : "null"),
				 errhint("Life cycles are the rows of paystate.lifecycle.")));
	if (book->nsteps == 0)
		return;
	i = paystate_replay_begin(&r, book);
	put_state(f->rsinfo, &r, &book->steps[r.done - 1]);
	while (i >= 0 && ++i < book->nsteps)
	{
		bool		ok = paystate_replay_step(&r, &book->steps[i]);

		put_state(f->rsinfo, &r, &book->steps[i]);
		if (!ok)
			break;
	}
}

PG_FUNCTION_INFO_V1(paystate_replay_order);

/* replay(orders, VARIADIC order_key) */
Datum
paystate_replay_order(PG_FUNCTION_ARGS)
{
	PsTables	tables;
	Datum		key[INDEX_MAX_KEYS];
	Followed	followed = {0};

	InitMaterializedSRF(fcinfo, 0);
	followed.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	paystate_tables_open(&tables, PG_GETARG_OID(0), AccessShareLock);
	paystate_order_key(&tables, PG_GETARG_ARRAYTYPE_P(1), key);
	paystate_books_read(&tables, key, true, follow, &followed);
	if (!followed.found)
		paystate_no_such_order(&tables, key);
	paystate_tables_close(&tables);
	return (Datum) 0;
}
