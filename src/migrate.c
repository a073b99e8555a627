/*
 * migrate.c
 *		migrate_orders(): takes the orders of one life cycle over to another,
 *		those that stand as some order of the other one may stand.  That is
 *		known from the proof of the other life cycle: it lists in which status
 *		an order is found with how much of its money paid, held and returned.
 *
 * The history row says where an order stands when it begins anew, as that of
 * a repair does, so what stands before it is not judged by the new rules.
 * Written under the order's lock, through a frame like all that is ours.
 *
 * No state.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "book.h"
#include "general.h"
#include "prove.h"

typedef struct Migration
{
	PsTables	tables;
	const PsLifecycle *from;
	const PsLifecycle *to;
	const PsProof *proof;		/* of the latter */
	ReturnSetInfo *rsinfo;
	MemoryContext cxt;
	bool		dry_run;
	Datum	   *keys;			/* of the orders that are to move */
	int			nkeys;
	int			maxkeys;

	/* of the order in hand */
	const char *status;
	const char *reason;			/* why it stays; NULL: it moves */
	PsOrder		order;
	int			version;
	TimestampTz changed_at;
} Migration;

/* ---- what is told */

static void
put_row(Migration *m, const char *key, const char *outcome)
{
	const char *texts[] = {key, m->status, outcome, m->reason};
	Datum		values[lengthof(texts)];
	bool		nulls[lengthof(texts)];

	for (int i = 0; i < (int) lengthof(texts); i++)
	{
		nulls[i] = texts[i] == NULL;
		values[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(texts[i]);
	}
	tuplestore_putvalues(m->rsinfo->setResult, m->rsinfo->setDesc, values, nulls);
}

static void
keep_key(Migration *m, const Datum *key)
{
	const PsTable *orders = m->tables.orders;
	MemoryContext old = MemoryContextSwitchTo(m->cxt);

	if (m->nkeys == m->maxkeys)
	{
		m->maxkeys = m->maxkeys == 0 ? 64 : 2 * m->maxkeys;
		m->keys = m->keys == NULL ?
			palloc(m->maxkeys * orders->nkeys * sizeof(Datum)) :
			repalloc_huge(m->keys, (Size) m->maxkeys * orders->nkeys * sizeof(Datum));
	}
	for (int i = 0; i < orders->nkeys; i++)
	{
		int16		len;
		bool		byval;

		get_typlenbyval(orders->keytype[i], &len, &byval);
		m->keys[m->nkeys * orders->nkeys + i] = datumCopy(key[i], byval, len);
	}
	m->nkeys++;
	MemoryContextSwitchTo(old);
}

/* of all orders: those that stay are told now, the others when they moved */
static void
look_at(PsBook *book, void *arg)
{
	Migration  *m = arg;

	if (!book->has_order || book->lifecycle == NULL ||
		strcmp(book->lifecycle, m->from->name) != 0)
		return;
	m->status = book->status;
	m->reason = paystate_counterpart_fault(m->from, m->to, m->proof, book);
	if (m->reason == NULL && !m->dry_run)
		keep_key(m, book->key);
	else
		put_row(m, paystate_key_in_words(&m->tables, book->key),
				m->reason == NULL ? "movable" : "kept");
}

/* of one order, locked */
static void
look_again(PsBook *book, void *arg)
{
	Migration  *m = arg;
	MemoryContext old = MemoryContextSwitchTo(m->cxt);

	m->reason = "it has gone over to another life cycle meanwhile";
	m->status = book->status == NULL ? NULL : pstrdup(book->status);
	if (book->has_order && book->lifecycle != NULL &&
		strcmp(book->lifecycle, m->from->name) == 0)
		m->reason = paystate_counterpart_fault(m->from, m->to, m->proof, book);
	m->order = book->order;
	m->version = book->nsteps == 0 ? 0 : book->steps[book->nsteps - 1].seq;
	m->changed_at = book->changed_at;
	MemoryContextSwitchTo(old);
}

/* ---- what is written */

/*
 *	UPDATE orders SET lifecycle = $1, version = $2, changed_at = $3
 *	WHERE key = $4 ...
 */
static char *
update_sql(const PsTables *t)
{
	const PsTable *o = t->orders;
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "UPDATE %s SET %s = $1", paystate_sql_table(t->orders_rel),
					 paystate_sql_column(t->orders_rel, o->att[PS_O_LIFECYCLE]));
	appendStringInfo(&sql, ", %s = $2", paystate_sql_column(t->orders_rel, o->att[PS_O_VERSION]));
	appendStringInfo(&sql, ", %s = $3", paystate_sql_column(t->orders_rel, o->att[PS_O_CHANGED_AT]));
	for (int i = 0; i < o->nkeys; i++)
	{
		appendStringInfo(&sql, " %s %s", i == 0 ? "WHERE" : "AND",
						 paystate_sql_column(t->orders_rel, o->key[i]));
		appendStringInfo(&sql, " %s $%d", paystate_sql_operator(o->keyop[i]), i + 4);
	}
	return sql.data;
}

static void
write_order(const Migration *m, PsRow *row)
{
	const PsTable *o = m->tables.orders;
	Oid			types[3 + INDEX_MAX_KEYS] = {
		o->base[PS_O_LIFECYCLE], o->base[PS_O_VERSION], o->base[PS_O_CHANGED_AT]
	};
	Datum		values[3 + INDEX_MAX_KEYS] = {
		row->values[PS_O_LIFECYCLE], row->values[PS_O_VERSION], row->values[PS_O_CHANGED_AT]
	};
	PsFrame		frame;
	volatile int result = 0;

	for (int i = 0; i < o->nkeys; i++)
	{
		types[3 + i] = o->keytype[i];
		values[3 + i] = row->key[i];
	}
	paystate_push_frame(&frame, row, false);
	PG_TRY();
	{
		result = SPI_execute_with_args(update_sql(&m->tables), 3 + o->nkeys, types,
									   values, NULL, false, 0);
	}
	PG_FINALLY();
	{
		paystate_pop_frame(&frame);
	}
	PG_END_TRY();
	if (result != SPI_OK_UPDATE || SPI_processed != 1 || !frame.used)
		paystate_unbound(row->rel, "Look for triggers that return null or put old values back, and for rules.",
						 "Something suppressed or changed what paystate wrote to it.");
}

static void
write_history(const Migration *m, const PsRow *order, TimestampTz at)
{
	PsTable    *history = m->tables.history;
	const char *actor = GetConfigOption("paystate.actor", true, false);
	const char *why = GetConfigOption("paystate.reason", true, false);
	int			label = m->from->order[m->order.status].label_id;
	PsRow		row;

	memset(&row, 0, sizeof(row));
	memset(row.nulls, true, sizeof(row.nulls));
	row.table = history;
	row.rel = m->tables.history_rel;
	row.link = &history->link;
	row.exponent = order->exponent;
	for (int i = 0; i < history->link.nkeys; i++)
		row.linkkey[i] = order->key[i];
	row_set_int32(&row, PS_H_SEQ, m->version + 1);
	row_set_time(&row, PS_H_AT, at);
	row_set_label(&row, PS_H_ORDER_FROM, label);
	row_set_label(&row, PS_H_ORDER_TO, label);
	row_set_int64(&row, PS_H_AMOUNT, m->order.amount);
	row_set_int64(&row, PS_H_PAID, m->order.amount_paid);
	row_set_int32(&row, PS_H_ATTEMPTS, m->order.attempts);
	row_set(&row, PS_H_ACTOR, CStringGetTextDatum(actor == NULL || *actor == '\0' ?
												  GetUserNameFromId(GetSessionUserId(), false) : actor));
	row_set(&row, PS_H_REASON,
			CStringGetTextDatum(psprintf("migrated from %s to %s%s%s", m->from->name, m->to->name,
										 why == NULL || *why == '\0' ? "" : ": ",
										 why == NULL ? "" : why)));
	row_set(&row, PS_H_FORCED, BoolGetDatum(true));
	paystate_row_insert(&row);
}

static void
move_order(Migration *m, Datum *key)
{
	PsRow		row;
	TimestampTz at;

	CommandCounterIncrement();
	if (!paystate_row_find(&row, m->tables.orders_rel, m->tables.orders,
						   &m->tables.orders->self, key, PS_FIND_LOCK))
		return;
	paystate_books_read(&m->tables, row.key, false, look_again, m);
	if (m->reason == NULL)
	{
		at = paystate_history_clock(m->changed_at);
		row_set(&row, PS_O_LIFECYCLE,
				CStringGetTextDatum(m->to->name));
		row_set_int32(&row, PS_O_VERSION, m->version + 1);
		row_set_time(&row, PS_O_CHANGED_AT, at);
		SPI_connect();
		write_order(m, &row);
		SPI_finish();
		write_history(m, &row, at);
		CommandCounterIncrement();
	}
	put_row(m, paystate_key_in_words(&m->tables, row.key), m->reason == NULL ? "moved" : "kept");
	paystate_row_release(&row);
}

/* ---- the function */

pg_noreturn static void refuse(const char *message, const char *detail);
pg_noreturn static void refuse_problem(void *arg, const char *problem, const char *detail);

static void
refuse(const char *message, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s", message), errdetail_internal("%s", detail)));
}

/* a label that the table cannot hold would be refused at some later write */
static void
check_labels(const PsTable *t, int column, int which, const PsStatus *statuses, int n)
{
	for (int i = 0; i < n && type_is_enum(t->base[column]); i++)
	{
		const char *word = paystate_their_word(&t->labels[which], statuses[i].label);

		if (!SearchSysCacheExists2(ENUMTYPOIDNAME, ObjectIdGetDatum(t->base[column]),
								   CStringGetDatum(word)))
			refuse("orders cannot migrate to a life cycle whose statuses they cannot have",
				   psprintf("Type %s has no value \"%s\".", format_type_be(t->base[column]), word));
	}
}

static void
refuse_problem(void *arg, const char *problem, const char *detail)
{
	refuse(psprintf("life cycle \"%s\" has problems", ((Migration *) arg)->to->name),
		   psprintf("%s: %s", problem, detail));
}

static void
check_arguments(Migration *m)
{
	const PsTables *t = &m->tables;

	if (!has_privs_of_role(GetUserId(), t->orders->owner))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, RelationGetRelationName(t->orders_rel));
	if (t->orders->att[PS_O_LIFECYCLE] == 0)
		refuse(psprintf("table \"%s\" has no column for the life cycle", paystate_relation_name(t->orders_rel)),
			   "All its orders follow the one that its guards name.");
	if (strcmp(m->from->name, m->to->name) == 0)
		refuse("orders migrate to another life cycle", psprintf("Both are \"%s\".", m->to->name));
	check_labels(t->orders, PS_O_STATUS, 0, m->to->order, m->to->norder);
	if (t->payments != NULL)
		check_labels(t->payments, PS_P_STATUS, 1, m->to->payment, m->to->npayment);
	m->proof = paystate_prove(m->to, refuse_problem, m);
}

PG_FUNCTION_INFO_V1(paystate_migrate_orders);

/* migrate_orders(orders, from_lifecycle, to_lifecycle, dry_run) */
Datum
paystate_migrate_orders(PG_FUNCTION_ARGS)
{
	Migration	m = {.cxt = CurrentMemoryContext,.dry_run = PG_GETARG_BOOL(3)};
	Oid			user;
	int			context;

	if (!m.dry_run)
		PreventCommandIfReadOnly("migrate_orders()");
	InitMaterializedSRF(fcinfo, 0);
	m.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	paystate_tables_open(&m.tables, PG_GETARG_OID(0),
						 m.dry_run ? AccessShareLock : RowExclusiveLock);
	m.from = paystate_named_lifecycle(NULL, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	m.to = paystate_named_lifecycle(NULL, text_to_cstring(PG_GETARG_TEXT_PP(2)));
	check_arguments(&m);
	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(m.tables.orders->owner, context |
						   SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	paystate_books_read(&m.tables, NULL, m.dry_run, look_at, &m);
	for (int i = 0; i < m.nkeys; i++)
	{
		CHECK_FOR_INTERRUPTS();
		move_order(&m, &m.keys[i * m.tables.orders->nkeys]);
	}
	SetUserIdAndSecContext(user, context);
	paystate_tables_close(&m.tables);
	return (Datum) 0;
}
