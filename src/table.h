/*
 * table.h
 *		The part of paystate.h that is about tables: what the catalog says of
 *		a guarded one, and how a row of it is found, locked, read and written.
 *		Include paystate.h, not this.
 */
#ifndef PAYSTATE_TABLE_H
#define PAYSTATE_TABLE_H

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

/* saved SPI plans, of the general path and of asof.c, made when first used */
typedef enum PsPlan
{
	PS_PLAN_LOCK,
	PS_PLAN_PEEK,
	PS_PLAN_UPDATE,
	PS_PLAN_INSERT,
	PS_PLAN_LIST,
	PS_PLAN_AS_OF,
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

#endif							/* PAYSTATE_TABLE_H */
