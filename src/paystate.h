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

#include "advance.h"
#include "compat.h"

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

/* ---- binding (binding.c, columns.c): what the catalog says of a table */

typedef enum PsKind
{
	PS_ORDERS,
	PS_PAYMENTS,
	PS_REFUNDS,
	PS_HISTORY
} PsKind;

#define PS_NKINDS 4

/* columns by meaning; columns.c has their names and types in this order */
enum PsOrderColumn
{
	PS_O_LIFECYCLE,
	PS_O_STATUS,
	PS_O_AMOUNT,
	PS_O_PAID,
	PS_O_DUE,
	PS_O_AUTHORIZED,
	PS_O_PENDING,
	PS_O_REFUNDED,
	PS_O_CURRENCY,
	PS_O_PARTIAL,
	PS_O_FIRST_MIN,
	PS_O_ATTEMPTS,
	PS_O_OPEN,
	PS_O_VERSION,
	PS_O_STATUS_SINCE,
	PS_O_CHANGED_AT,
	PS_O_CREATED_AT,
	PS_O_END
};

enum PsPaymentColumn
{
	PS_P_AMOUNT,
	PS_P_CAPTURED,
	PS_P_REFUNDED,
	PS_P_REFUND_PENDING,
	PS_P_CURRENCY,
	PS_P_STATUS,
	PS_P_STATUS_SINCE,
	PS_P_CREATED_AT,
	PS_P_END
};

enum PsRefundColumn
{
	PS_R_AMOUNT,
	PS_R_STATUS,
	PS_R_CREATED_AT,
	PS_R_END
};

enum PsHistoryColumn
{
	PS_H_SEQ,
	PS_H_AT,
	PS_H_PAYMENT_ID,
	PS_H_REFUND_ID,
	PS_H_PAYMENT_FROM,
	PS_H_PAYMENT_TO,
	PS_H_REFUND_TO,
	PS_H_ORDER_FROM,
	PS_H_ORDER_TO,
	PS_H_AMOUNT,
	PS_H_PAID,
	PS_H_ATTEMPTS,
	PS_H_ORDER_SINCE,
	PS_H_PAYMENT_SINCE,
	PS_H_ACTOR,
	PS_H_REASON,
	PS_H_EVENT_ID,
	PS_H_FORCED,
	PS_H_END
};

#define PS_MAX_COLUMNS 18

typedef struct PsColumn
{
	const char *name;
	Oid			type;			/* InvalidOid: whatever the table says */
	bool		written;		/* by paystate's own UPDATE or INSERT */
} PsColumn;

extern const PsColumn *paystate_columns(PsKind kind, int *n);

/* a foreign key, seen from the referencing table */
typedef struct PsLink
{
	Oid			parent;			/* InvalidOid: there is none */
	Oid			index;			/* unique index of the parent behind it */
	const char *name;
	int			nkeys;
	AttrNumber	fk[INDEX_MAX_KEYS];
	AttrNumber	pk[INDEX_MAX_KEYS];
	Oid			op[INDEX_MAX_KEYS]; /* parent column = our column */
} PsLink;

/* saved SPI plans of the general path, made when first used */
typedef enum PsPlan
{
	PS_PLAN_LOCK,
	PS_PLAN_PEEK,
	PS_PLAN_UPDATE,
	PS_PLAN_INSERT,
	PS_PLAN_LIST,
	PS_NPLANS
} PsPlan;

typedef struct PsTable
{
	Oid			relid;
	PsKind		kind;
	MemoryContext cxt;			/* holds all of it */
	Oid			owner;
	Oid			root;			/* topmost ancestor of a partition, or relid */
	const char *lifecycle;		/* named by the guard's argument */
	AttrNumber	att[PS_MAX_COLUMNS];	/* 0: the table has no such column */
	Oid			type[PS_MAX_COLUMNS];
	int			nkeys;			/* primary key */
	AttrNumber	key[INDEX_MAX_KEYS];
	Oid			keytype[INDEX_MAX_KEYS];
	Oid			keyop[INDEX_MAX_KEYS];
	PsLink		self;			/* its own primary key, as a link's target */
	PsLink		link;			/* to its parent */
	Oid			payments;		/* children: of orders */
	Oid			history;
	Oid			refunds;		/* of payments; or InvalidOid */
	bool		scan_direct;	/* may be searched by a plain index scan */
	bool		write_direct;	/* may be written through the table AM */
	void	   *plans[PS_NPLANS];
} PsTable;

/* a number that changes whenever a table described here may have changed */
extern uint64 paystate_binding_generation(void);

/* canonical.c: which guard functions are ours, by the one being called */
extern void paystate_learn_guards(Oid called);

/* the AFTER guard (the BEFORE one of history), NULL unless all is canonical */
extern const Trigger *paystate_find_guard(Relation rel, PsKind kind);
extern bool paystate_carries_guard(Relation rel, PsKind kind);
extern bool paystate_guards_rows(Relation rel, PsKind kind);
extern bool paystate_has_other_trigger(Relation rel);

/* describes rel, which must be a well-guarded table of that kind: 23PS8 */
extern PsTable *paystate_table(Relation rel, PsKind kind);

/* may rel be written through the table AM? (direct.c) */
extern bool paystate_scan_direct(Relation rel);
extern bool paystate_write_direct(Relation rel, const PsTable *table);

/* ---- row (row.c direct, general.c by SPI): find, lock, read, write a row */

/*
 * A row of a guarded table by meaning of its columns.  Set values[] and call
 * paystate_row_update().  Lives in the memory context it was made in.
 */
typedef struct PsRow
{
	PsTable    *table;
	Relation	rel;
	TupleTableSlot *slot;		/* the stored version, where scan_direct */
	Datum		key[INDEX_MAX_KEYS];	/* primary key */
	Datum		values[PS_MAX_COLUMNS];
	bool		nulls[PS_MAX_COLUMNS];
	Datum		old[PS_MAX_COLUMNS];	/* as found */
	bool		oldnulls[PS_MAX_COLUMNS];
	Datum		parent[INDEX_MAX_KEYS]; /* values of the table's own foreign key */
	bool		has_parent;		/* none of them is null */
	ItemPointerData tid;		/* where the version read stands, */
	Oid			tableoid;		/* in which partition, */
	TransactionId xmin;			/* and who wrote it */
	const PsLink *link;			/* by which it was found, and its values */
	Datum		linkkey[INDEX_MAX_KEYS];
} PsRow;

/* how a row is looked for */
typedef enum PsFind
{
	PS_FIND_PEEK,				/* as stored by anyone, unlocked: for defaults */
	PS_FIND_LOCK				/* locked NO KEY UPDATE, as the isolation level wants */
} PsFind;

/*
 * Finds the parent row of a link by the key given.  False: there is none that
 * this transaction may see.  40001 above READ COMMITTED when it changed since
 * the snapshot, or came after it.
 */
extern bool paystate_row_find(PsRow *row, Relation rel, PsTable *table,
							  const PsLink *link, const Datum *key,
							  PsFind how);
extern void paystate_row_update(PsRow *row);
extern void paystate_row_release(PsRow *row);

/* values[] of the columns we know, and the link's, make a new row (history) */
extern void paystate_row_insert(PsRow *row);

/* general path (general.c) */
extern bool paystate_general_find(PsRow *row, PsFind how);
extern void paystate_general_update(PsRow *row);
extern void paystate_general_insert(PsRow *row, Datum *id);

/* rows "status in (live)" of an order's payments, in key order, locked */
extern int	paystate_general_list(PsRow *order, PsTable *payments,
								  Relation rel, PsRow **rows);

/*
 * The status to which a payment of the order was last moved in the history,
 * and when: label id, -1 when the history does not name it.
 */
extern int	paystate_general_judged(PsTable *history, Relation rel,
									const PsRow *order, Datum payment_id,
									TimestampTz *since);

/* is the row that fired this trigger one that paystate is just writing? */
extern bool paystate_is_own_write(PsTable *self, const TriggerData *td);

static inline int64
row_int64(const PsRow *row, int column)
{
	return row->nulls[column] ? 0 : DatumGetInt64(row->values[column]);
}

static inline int32
row_int32(const PsRow *row, int column)
{
	return row->nulls[column] ? 0 : DatumGetInt32(row->values[column]);
}

static inline void
row_set(PsRow *row, int column, Datum value)
{
	row->values[column] = value;
	row->nulls[column] = false;
}

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
	PsRow		order;			/* locked */
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
	void		(*after_insert) (PsCase *c);
	void		(*after_update) (PsCase *c);
} PsGuardian;

/* trigger.c: the protocol */
extern Datum paystate_guard(FunctionCallInfo fcinfo, const PsGuardian *guardian);
extern void paystate_begin_case(PsCase *c, TriggerData *td, PsKind kind);
extern void paystate_end_case(PsCase *c);

/* guard.c: opening, reading */
extern void paystate_family_open(PsFamily *family, Relation rel, PsKind kind);
extern void paystate_family_close(PsFamily *family);
extern void paystate_open_payments(PsFamily *family);
extern bool paystate_same_column(const TriggerData *td, AttrNumber att);
extern int64 paystate_slot_int64(TupleTableSlot *slot, AttrNumber att);
extern int	paystate_slot_label(TupleTableSlot *slot, const PsTable *table,
								int column);
extern const char *paystate_slot_word(TupleTableSlot *slot,
									  const PsTable *table, int column);
extern void paystate_slot_payment(const PsLifecycle *lc, const PsTable *table,
								  TupleTableSlot *slot, PsPayment *payment);
extern void paystate_slot_key(TupleTableSlot *slot, int n,
							  const AttrNumber *atts, Datum *key);
extern TimestampTz paystate_clock(void);
extern bool paystate_is_clock(TupleTableSlot *slot, AttrNumber att);
extern const PsLifecycle *paystate_lifecycle_or_fail(Relation rel, Datum name);
extern const PsLifecycle *paystate_lifecycle_of_order(const PsRow *order);
extern int	paystate_parent_key(const PsTable *table, TupleTableSlot *slot,
								Datum *key);
extern const PsLifecycle *paystate_named_lifecycle(Relation rel, const char *name);

/* fill.c, fill_payments.c: BEFORE */
typedef struct PsFill
{
	TriggerData *td;
	const PsTable *table;
	int			n;
	int			cols[PS_MAX_COLUMNS];
	Datum		values[PS_MAX_COLUMNS];
	bool		nulls[PS_MAX_COLUMNS];
} PsFill;

extern bool paystate_fill_is_null(const PsFill *f, int column);
extern void paystate_fill(PsFill *f, int column, Datum value);
extern void paystate_fill_if_null(PsFill *f, int column, Datum value);
extern Datum paystate_filled(const PsFill *f);
extern Datum paystate_fill_inserted_payment(TriggerData *td, PsTable *table);
extern Datum paystate_fill_updated_payment(TriggerData *td, PsTable *table);

/* 23503 as the foreign key itself would say it */
pg_noreturn extern void paystate_refuse_missing(Relation rel, const PsLink *link,
									const Datum *key);

/* refusing a column: 23PS6 */
extern char *paystate_derived_message(Relation rel, AttrNumber att);
pg_noreturn extern void paystate_refuse_column(Relation rel, AttrNumber att, bool derived);
extern void paystate_check_keys(const TriggerData *td, const PsTable *table);
extern void paystate_check_immutable(const TriggerData *td,
									 const PsTable *table, int column);
extern void paystate_check_derived(const TriggerData *td,
								   const PsTable *table, int column);

/* transition.c: does some rule, or a cascade, lead a payment there? */
extern bool paystate_payment_can_move(const PsLifecycle *lc, int from, int to);

/* settle.c: an order's state in and out of its row, and what an event writes */
extern bool paystate_lock_order(PsCase *c, const Datum *key);
extern void paystate_read_order(const PsLifecycle *lc, const PsRow *row,
								PsOrder *order);
extern void paystate_read_payment(const PsLifecycle *lc, const PsRow *row,
								  PsPayment *payment);
extern void paystate_settle(PsCase *c, PsRow *payment, bool leave_refund);
extern void paystate_leave_refund(PsCase *c);

/* judged.c: rows stored but not judged yet */
extern void paystate_note_unjudged(void);
extern void paystate_note_judged(void);
extern void paystate_note_cascade(void);
extern int	paystate_judged_status(PsCase *c, Datum payment_id,
								   TimestampTz *since);
extern bool paystate_may_be_unjudged(TransactionId xmin);
extern void paystate_note_counted(const PsRow *payment);
extern bool paystate_counted_already(PsCase *c, int new_label);
extern void paystate_check_judged(PsCase *c, const PsRow *payment);

/* hint.c, explain.c: a refusal in words */
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
