/*
 * paystate.h
 *		What the rooms of paystate share.  Rooms stand in the order of the
 *		sections below; a room uses only what stands above it.
 */
#ifndef PAYSTATE_H
#define PAYSTATE_H

#include "postgres.h"

#include "access/attnum.h"
#include "commands/trigger.h"
#include "datatype/timestamp.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "utils/relcache.h"
#include "utils/timestamp.h"

#include "advance.h"
#include "compat.h"

/* ---- paystate (paystate.c): are library and script of one kind? */

extern void paystate_shake_hands(void);
extern void paystate_install_hooks(void);	/* level.c */

/* ---- memory (memory.c): caches that are dropped while someone uses them */

/* frees cxt at the end of the transaction, when no caller can hold it */
extern void paystate_discard(MemoryContext cxt);

/* ---- report (report.c): every refusal */

#define ERRCODE_PS_ILLEGAL		MAKE_SQLSTATE('2','3','P','S','1')
#define ERRCODE_PS_INITIAL		MAKE_SQLSTATE('2','3','P','S','2')
#define ERRCODE_PS_CLOSED		MAKE_SQLSTATE('2','3','P','S','3')
#define ERRCODE_PS_AMOUNT		MAKE_SQLSTATE('2','3','P','S','4')
#define ERRCODE_PS_CURRENCY		MAKE_SQLSTATE('2','3','P','S','5')
#define ERRCODE_PS_COLUMN		MAKE_SQLSTATE('2','3','P','S','6')
#define ERRCODE_PS_DELETE		MAKE_SQLSTATE('2','3','P','S','7')
#define ERRCODE_PS_UNBOUND		MAKE_SQLSTATE('2','3','P','S','8')

typedef struct PsReport
{
	int			code;
	Relation	rel;			/* for the schema and table fields; or NULL */
	const char *column;
	const char *constraint;
	const char *message;
	const char *detail;
	const char *hint;
} PsReport;

extern const char *paystate_relation_name(Relation rel);
pg_noreturn extern void paystate_report(const PsReport *report);

/* 23PS8, its detail printf-like */
pg_noreturn extern void paystate_unbound(Relation rel, const char *hint,
										 const char *detail,...)
			pg_attribute_printf(3, 4);

/* 'x' or 'x, y', or '' when the current user may not see these columns */
extern char *paystate_key_text(Relation rel, int n, const AttrNumber *atts,
							   const Datum *values);

/* ---- status (status.c): labels interned for the life of the backend */

/* the id of a label, given one if it has none yet */
extern int	paystate_label_id(const char *label);
extern const char *paystate_label(int id);

/* the label in a column of type enum, text or varchar (domains over them) */
extern int	paystate_label_from_datum(Oid type, Datum value);

/* back; ERROR 22P02 when an enum type does not have that label */
extern Datum paystate_label_to_datum(Oid type, int id);

/* ---- currency (currency.c) */

/* 0, 2 or 3 decimals; -1 for a code not among the 128 */
extern int	paystate_currency_exponent(const char *code, int len);

/* ---- lifecycle (lifecycle.c): rule tables compiled, once per backend */

/* NULL when there is none of that name; valid to the end of transaction */
extern const PsLifecycle *paystate_lifecycle(const char *name, int len);
extern const PsLifecycle *paystate_lifecycle_of_text(Datum name);

/* index of a label in the life cycle, or PS_NO_STATUS */
extern int	paystate_order_status(const PsLifecycle *lc, int label_id);
extern int	paystate_payment_status(const PsLifecycle *lc, int label_id);
extern bool paystate_currency_ok(const PsLifecycle *lc, const char *code,
								 int len);

#include "table.h"

/* ---- near (near.c): a row may stand behind the one found last */

extern bool paystate_find_near(PsRow *row, Snapshot snapshot,
							   bool (*fits) (PsRow *row));
extern void paystate_note_near(const PsRow *row);

/* ---- entries (entries.c): of rows just written, in all indexes */

extern void paystate_index_rows(Relation rel, TupleTableSlot **slots, int n,
								bool only_summarizing);

/* 22023: a caller named a row of it by too few or too many values */
pg_noreturn extern void paystate_refuse_key_count(Relation rel,
												  const PsTable *table, int given);

/* ---- history (notify.c, history.c) */

/* one row of the history; labels by id, -1 is NULL; times, 0 is NULL */
typedef struct PsEntry
{
	bool		has_payment;
	bool		has_refund;
	Datum		payment_id;
	Datum		refund_id;
	int			payment_from;
	int			payment_to;
	int			refund_to;
	int			order_from;
	int			order_to;
	int64		amount;
	bool		forced;
	TimestampTz at;
	TimestampTz order_since;
	TimestampTz payment_since;
} PsEntry;

#define PS_NO_ENTRY {.payment_from = -1, .payment_to = -1, .refund_to = -1, \
	.order_from = -1, .order_to = -1}

/* notify.c: the same, told to listeners */
extern void paystate_define_notify_setting(void);
extern void paystate_notify(const PsTable *history, const PsRow *order,
							const PsEntry *entry);

extern void paystate_define_settings(void);
extern int64 paystate_elapsed(const PsLifecycle *lc, TimestampTz since);
extern TimestampTz paystate_history_clock(TimestampTz changed_at);
extern void paystate_history_append(PsTable *table, Relation rel,
									const PsRow *order, const PsEntry *entry);

/* ---- guard (guard.c, guard_*.c, explain.c): the triggers */

/* the tables that one event concerns, opened and described */
typedef struct PsFamily
{
	PsTable    *self;			/* the table of the trigger */
	Relation	self_rel;
	PsTable    *orders;
	Relation	orders_rel;
	PsTable    *history;
	Relation	history_rel;
	PsTable    *payments;		/* for refunds: the parent; else on demand */
	Relation	payments_rel;
} PsFamily;

/* one event under judgement */
typedef struct PsCase
{
	TriggerData *td;
	PsFamily	family;
	bool		has_order;
	int			exponent;		/* decimals of the currency */
	bool		hold;			/* the order, before anything is judged */
	bool		again;			/* it changed while it was not held */
	bool		fired;			/* by a trigger, not called */
	PsRow		order;
	const PsLifecycle *lc;
	PsOrder		before;
	PsPayment	payment;		/* before */
	PsEvent		event;
	PsVerdict	verdict;
	Datum		payment_key[INDEX_MAX_KEYS];
	TimestampTz payment_since;	/* before */
	PsEntry		entry;			/* the history row of the event itself */
} PsCase;

/* a column of the trigger's table, of its NEW (or inserted) and OLD row */
static inline TupleTableSlot *
ps_new_slot(const TriggerData *td)
{
	return TRIGGER_FIRED_BY_UPDATE(td->tg_event) ? td->tg_newslot : td->tg_trigslot;
}

static inline HeapTuple
ps_new_tuple(const TriggerData *td)
{
	return TRIGGER_FIRED_BY_UPDATE(td->tg_event) ? td->tg_newtuple : td->tg_trigtuple;
}

/* what one guard does, by time and event */
typedef struct PsGuardian
{
	PsKind		kind;
	const char *function;
	Datum		(*before_insert) (TriggerData *td, PsTable *self);
	Datum		(*before_update) (TriggerData *td, PsTable *self);
	bool		(*after_insert) (PsCase *c);	/* false: judge anew */
	bool		(*after_update) (PsCase *c);
} PsGuardian;

/* trigger.c: the protocol */
extern Datum paystate_guard(FunctionCallInfo fcinfo, const PsGuardian *guardian);
extern void paystate_begin_case(PsCase *c, TriggerData *td, PsKind kind);
extern void paystate_end_case(PsCase *c);

/* guard.c: opening, reading */
extern void paystate_family_open(PsFamily *family, Relation rel, PsKind kind);
extern void paystate_family_close(PsFamily *family);
extern void paystate_open_payments(PsFamily *family);
extern bool paystate_same_image(Form_pg_attribute att, Datum a, Datum b);
extern bool paystate_same_column(const TriggerData *td, AttrNumber att);
extern int64 paystate_slot_int64(TupleTableSlot *slot, Relation rel,
								 const PsTable *table, int column, int exponent);
extern TimestampTz paystate_slot_time(TupleTableSlot *slot, const PsTable *table,
									  int column);
extern int	paystate_slot_label(TupleTableSlot *slot, const PsTable *table,
								int column);
extern const char *paystate_slot_word(TupleTableSlot *slot,
									  const PsTable *table, int column);
extern void paystate_slot_payment(const PsLifecycle *lc, Relation rel,
								  const PsTable *table, TupleTableSlot *slot,
								  int exponent, PsPayment *payment);
extern void paystate_slot_key(TupleTableSlot *slot, int n,
							  const AttrNumber *atts, Datum *key);
extern TimestampTz paystate_clock(void);
extern bool paystate_is_clock(TupleTableSlot *slot, AttrNumber att);
extern const PsLifecycle *paystate_lifecycle_or_fail(Relation rel, Datum name);
extern const PsLifecycle *paystate_lifecycle_of_order(const PsRow *order);
extern bool paystate_order_currency_ok(const PsLifecycle *lc, const PsRow *order);
extern int	paystate_parent_key(const PsTable *table, TupleTableSlot *slot,
								Datum *key);
extern const PsLifecycle *paystate_named_lifecycle(Relation rel, const char *name);

/* fill.c, fill_payments.c: BEFORE */
typedef struct PsFill
{
	TriggerData *td;
	const PsTable *table;
	int			exponent;
	int			n;
	int			cols[PS_MAX_COLUMNS];
	Datum		values[PS_MAX_COLUMNS];
	bool		nulls[PS_MAX_COLUMNS];
} PsFill;

extern bool paystate_fill_is_null(const PsFill *f, int column);
extern void paystate_fill(PsFill *f, int column, Datum value);
extern void paystate_fill_if_null(PsFill *f, int column, Datum value);
extern void paystate_fill_money(PsFill *f, int column, int64 amount);
extern void paystate_fill_count(PsFill *f, int column, int32 n);
extern void paystate_fill_label(PsFill *f, int column, int label);
extern Datum paystate_filled(const PsFill *f);
extern Datum paystate_fill_inserted_payment(TriggerData *td, PsTable *table);
extern Datum paystate_fill_updated_payment(TriggerData *td, PsTable *table);

/* 23503 as the foreign key itself would say it */
pg_noreturn extern void paystate_refuse_missing(Relation rel, const PsLink *link,
												const Datum *key);

/* refusing a column: 23PS6 */
extern char *paystate_derived_message(Relation rel, AttrNumber att);
pg_noreturn extern void paystate_refuse_write(Relation rel, AttrNumber att,
											  const char *since);
pg_noreturn extern void paystate_refuse_column(Relation rel, AttrNumber att, bool derived);
extern void paystate_check_keys(const TriggerData *td, const PsTable *table);
extern void paystate_check_immutable(const TriggerData *td,
									 const PsTable *table, int column);
extern void paystate_check_derived(const TriggerData *td,
								   const PsTable *table, int column);

/* transition.c: is the label one that an event of the order leads to? */
extern bool paystate_order_event(const PsLifecycle *lc, int label,
								 PsEventKind *kind);

/* does some rule, or a cascade, lead a payment there? */
extern bool paystate_payment_can_move(const PsLifecycle *lc, int from, int to);

/* seen.c: where an order of that key was in this transaction */
extern void paystate_see(Relation rel, int n, const AttrNumber *atts,
						 const Datum *key, const ItemPointerData *tid);
extern uint32 paystate_key_hash(Relation rel, int n, const AttrNumber *atts,
								const Datum *key);
extern bool paystate_seen(Relation rel, int n, const AttrNumber *atts,
						  const Datum *key, ItemPointerData *tid);

/* settle.c: an order's state in and out of its row, and what an event writes */
extern bool paystate_find_order(PsCase *c, const Datum *key);
extern bool paystate_hold_order(PsCase *c);
extern void paystate_read_order(const PsLifecycle *lc, const PsRow *row,
								PsOrder *order);
extern void paystate_read_payment(const PsLifecycle *lc, const PsRow *row,
								  PsPayment *payment);
extern void paystate_set_order(PsRow *row, const PsLifecycle *lc,
							   const PsOrder *order, int version, TimestampTz at);
extern bool paystate_settle(PsCase *c, PsRow *payment, bool leave_refund);
extern void paystate_leave_refund(PsCase *c);

/* late_payment.c: is the row at hand one that is inserted late? */
extern bool paystate_take_late(const PsTable *table);

/* judged.c: rows stored but not judged yet */
extern void paystate_note_unjudged(const TriggerData *td, const PsTable *payments);
extern bool paystate_has_siblings(const PsCase *c);
extern void paystate_note_judged(void);
extern void paystate_note_cascade(void);
extern int	paystate_judged_status(PsCase *c, Datum payment_id,
								   TimestampTz *since);
extern bool paystate_may_be_unjudged(TransactionId xmin);
extern bool paystate_may_be_new(TransactionId xmin);
extern void paystate_note_counted(const PsRow *payment);
extern bool paystate_counted_already(PsCase *c, int new_label);
extern void paystate_check_judged(PsCase *c, const PsRow *payment);

/* merchant.c: receipt, notes, partial terms; 23514 */
extern void paystate_check_merchant(const PsCase *c);

/* hint.c, explain.c: a refusal in words */
extern const char *paystate_shop_word(const PsCase *c, PsKind kind,
									  const char *label);
extern const char *paystate_amount(const PsCase *c, int64 amount);
extern const char *paystate_hint(const PsCase *c);
pg_noreturn extern void paystate_refuse(PsCase *c);
extern const char *paystate_operation(const TriggerData *td);
extern char *paystate_refusal_message(PsRefusalClass refusal, const char *operation,
									  Relation rel, const PsLifecycle *lc);
pg_noreturn extern void paystate_refuse_drift(PsCase *c);
pg_noreturn extern void paystate_refuse_initial(PsCase *c, const char *label);
pg_noreturn extern void paystate_refuse_refund(PsCase *c, const char *from);
pg_noreturn extern void paystate_refuse_order_status(Relation rel, AttrNumber att,
													 const char *label);

#endif							/* PAYSTATE_H */
