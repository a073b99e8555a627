/*
 * book.h
 *		Everything that the four tables say of one order, as read by book.c
 *		and kept by it while one reader looks at it: what verify(), replay()
 *		and repair() work on.
 */
#ifndef PAYSTATE_BOOK_H
#define PAYSTATE_BOOK_H

#include "storage/lockdefs.h"
#include "tcop/dest.h"
#include "utils/array.h"

#include "general.h"

/* a payment: as its row says, and as the history has it so far */
typedef struct PsLeg
{
	const char *id;
	const char *status;			/* its label as stored */
	const char *currency;
	PsPayment	row;
	TimestampTz status_since;
	int64		processed;		/* sums over its rows in refunds */
	int64		pending;
	bool		known;			/* the history has named it */
	PsPayment	now;
} PsLeg;

typedef struct PsRefund
{
	const char *payment;
	const char *id;
	const char *status;
	int64		amount;
	TimestampTz created_at;
	bool		has_payment;
	const char *now;			/* by the history; NULL: not named yet */
} PsRefund;

/* a row of the history */
typedef struct PsStep
{
	int			seq;
	const char *payment;		/* NULL, as all labels may be */
	const char *refund;
	const char *payment_from;
	const char *payment_to;
	const char *refund_to;
	const char *order_from;
	const char *order_to;
	int64		amount;
	int64		amount_paid;
	int			attempts;
	TimestampTz at;
	TimestampTz order_since;	/* 0: null, the row begins the history anew */
	TimestampTz payment_since;
	bool		found;			/* an order that was attached or repaired */
	bool		forced;
} PsStep;

/* the four tables, opened and described */
typedef struct PsTables
{
	PsTable    *orders;
	PsTable    *payments;		/* NULL, as refunds: there is none */
	PsTable    *refunds;
	PsTable    *history;
	Relation	orders_rel;
	Relation	payments_rel;
	Relation	refunds_rel;
	Relation	history_rel;
} PsTables;

typedef struct PsBook
{
	MemoryContext cxt;			/* emptied for each order */
	const PsTables *tables;
	int			nkeys;
	Datum		key[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];
	const char *alone;			/* id of a payment that has no order */
	int			exponent;		/* decimals of the order's currency */

	bool		has_order;
	const char *lifecycle;
	const PsLifecycle *lc;		/* NULL: there is none of that name */
	const char *status;
	const char *currency;
	PsOrder		order;			/* as stored */
	int64		amount_due;
	int			version;
	TimestampTz changed_at;
	TimestampTz status_since;

	PsLeg	   *legs;			/* sorted by id */
	int			nlegs;
	int			maxlegs;
	PsRefund   *refunds;		/* sorted by payment and id */
	int			nrefunds;
	int			maxrefunds;
	PsStep	   *steps;			/* sorted by seq */
	int			nsteps;
	int			maxsteps;
} PsBook;

typedef void (*PsBookReader) (PsBook *book, void *arg);

/* book_tables.c */
extern void paystate_tables_open(PsTables *tables, Oid orders,
								 LOCKMODE lockmode);
extern void paystate_tables_close(PsTables *tables);
extern void paystate_stream(const char *sql, int n, const Oid *types,
							const Datum *values, bool read_only,
							DestReceiver *dest);

/* book_rows.c: a row into the book of its order; a text of its columns */
extern void paystate_book_take(PsBook *book, TupleTableSlot *slot);
extern const char *paystate_book_text(TupleTableSlot *slot, const PsBook *book,
									  int column);
extern PsLeg *paystate_book_leg(const PsBook *book, const char *id);
extern PsRefund *paystate_book_refund(const PsBook *book, const char *payment,
									  const char *id);
extern int	paystate_label_index(const PsStatus *statuses, int n,
								 const char *label);

/* book.c */
extern void paystate_books_read(const PsTables *tables, const Datum *key,
								bool read_only, PsBookReader reader, void *arg);

/*
 * book_sql.c: one statement that brings the rows of all tables, by order.
 * After the order's key, these columns, which each table uses in its way.
 */
typedef enum PsBookColumn
{
	PS_B_ALONE,					/* payments without an order: their id */
	PS_B_KIND,					/* PsKind; orders come first, history last */
	PS_B_SEQ,
	PS_B_PAYMENT,
	PS_B_REFUND,
	PS_B_TEXT,
	PS_B_NUMBER = PS_B_TEXT + 5,
	PS_B_TIME = PS_B_NUMBER + 10,
	PS_B_FLAG = PS_B_TIME + 3,
	PS_B_END = PS_B_FLAG + 2
} PsBookColumn;

/* what numeric money is multiplied with, whatever its currency */
#define PS_B_DECIMALS 3
#define PS_B_FRACTION 1000

extern char *paystate_book_sql(const PsTables *tables, bool one_order);

/* money and life cycle of an order as they stand in a statement */
extern const char *paystate_sql_lifecycle(Relation rel, const PsTable *orders,
										  const char *alias);
extern const char *paystate_sql_subunits(Relation rel, const PsTable *table,
										 int cell, const char *alias);

/* order_key.c: the order that a caller names; P0002 when there is none */
extern void paystate_order_key(const PsTables *tables, ArrayType *given,
							   Datum *key);
pg_noreturn extern void paystate_no_such_order(const PsTables *tables,
											   const Datum *key);
extern char *paystate_key_in_words(const PsTables *tables, const Datum *key);
pg_noreturn extern void paystate_null_argument(const char *name);

/* ---- replay_begin.c, replay.c: the history judged once more */

typedef struct PsReplay
{
	PsBook	   *book;
	const PsLifecycle *lc;
	PsOrder		order;
	int			cascade_to;		/* where live payments but stays must go */
	int			stays;			/* 1: the payment of the step itself is live */
	bool		found;			/* it began with payments as they were found */
	int			done;			/* steps taken */

	/* what stopped it: problem is NULL while nothing did */
	const char *problem;
	const char *expected;
	const char *actual;
} PsReplay;

/* takes the step from which on the order can be followed; -1: it cannot */
extern int	paystate_replay_begin(PsReplay *r, PsBook *book);
extern bool paystate_replay_step(PsReplay *r, const PsStep *step);

/* followed to its end, are all payments as they stand? */
extern bool paystate_replay_agrees(const PsReplay *r);

/* all of it; false, with the problem, where a step is none of the rules */
extern bool paystate_replay(PsReplay *r, PsBook *book);

/* derive.c: totals of the payments as they stand; the rest as the order has it */
extern void paystate_sum_up(const PsBook *book, PsOrder *sums);

/* retention.c: since when the history is kept, DT_NOBEGIN: always */
extern TimestampTz paystate_kept_since(const PsTables *tables);

/* may all rows that the order's history lacks be older than that? */
extern bool paystate_let_go(const PsBook *book, TimestampTz kept);

/* verify_chain.c: since when the order has had its status after a step; 0: nobody knows */
extern TimestampTz paystate_since_after(const PsStep *step, TimestampTz since);

#endif							/* PAYSTATE_BOOK_H */
