/*
 * table.h
 *		What the catalog says of a guarded table, and how a row of it is found,
 *		locked, read and written.  Include paystate.h, not this.
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
	PS_O_RECEIPT,
	PS_O_NOTES,
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

#define PS_MAX_COLUMNS 20

/* what a column says, and so which types it may have (columns.c) */
typedef enum PsMeaning
{
	PS_M_ANY,
	PS_M_FREE,					/* the writer's own, at any time */
	PS_M_MONEY,					/* bigint, integer or numeric(p,s) */
	PS_M_COUNT,					/* integer or bigint */
	PS_M_WORD,					/* text, varchar or char */
	PS_M_TIME,
	PS_M_FLAG,
	PS_M_ORDER_STATUS,			/* an enum, text or varchar */
	PS_M_PAYMENT_STATUS,
	PS_M_REFUND_STATUS
} PsMeaning;

#define PS_NSTATUSES 3
#define ps_status_of(meaning) ((meaning) - PS_M_ORDER_STATUS)

typedef struct PsColumn
{
	const char *name;
	PsMeaning	meaning;
	bool		written;		/* by paystate's own UPDATE or INSERT */
	bool		optional;		/* where tables were attached; 0 in att[] */
} PsColumn;

extern const PsColumn *paystate_columns(PsKind kind, int *n);

/* columns of an order that no rule reads but order_json() does; ends in NULL */
extern const char *const paystate_free_columns[];

/* does a column of that type fit?  Its base type and typmod, or InvalidOid */
extern Oid	paystate_fitting_type(PsMeaning meaning, Oid type, int32 *typmod,
								  int *scale);

/* labels of a life cycle that a shop names otherwise, by id */
typedef struct PsLabels
{
	int			n;
	int		   *ours;
	int		   *theirs;
} PsLabels;

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
	bool		spelled;		/* equal keys may differ in their images */
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
	Oid			base[PS_MAX_COLUMNS];	/* the same below all domains */
	int32		typmod[PS_MAX_COLUMNS];
	int8		scale[PS_MAX_COLUMNS];	/* decimals of numeric money */
	PsLabels	labels[PS_NSTATUSES];	/* of the statuses that it holds */
	int			nkeys;			/* primary key */
	int			id;				/* which of it tells an order's rows apart */
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
extern bool paystate_is_guard_of(Oid function, PsKind kind);
extern bool paystate_carries_guard(Relation rel, PsKind kind);

/* the same, one by one: which it is, and what is wrong with it or NULL */
typedef enum PsGuardPlace
{
	PS_BEFORE_ROW,
	PS_AFTER_ROW,
	PS_BEFORE_TRUNCATE
} PsGuardPlace;

#define PS_NPLACES 3

extern bool paystate_is_guard(const Trigger *t, PsKind kind);
extern const char *paystate_guard_fault(const Trigger *t, PsGuardPlace *place);
extern bool paystate_same_arguments(const Trigger *a, const Trigger *b);

/* arguments.c: what the guard's arguments say; NULL where it says nothing */
extern const char *paystate_argument_lifecycle(const Trigger *guard);
extern const char *paystate_argument_column(const Trigger *guard, const char *ours);
extern void paystate_argument_labels(PsLabels *labels, const Trigger *guard);
extern const char *paystate_argument_unknown(const Trigger *guard, PsKind kind);
extern const char *paystate_argument_repeated(const Trigger *guard);
extern bool paystate_guards_rows(Relation rel, PsKind kind);
extern bool paystate_has_other_trigger(Relation rel);

/* words.c: the SQL that makes a column int8 subunits; no currency is NULL */
extern char *paystate_sql_money(const char *column, Oid base,
								const char *currency);

/* describes rel, which must be a well-guarded table of that kind: 23PS8 */
extern PsTable *paystate_table(Relation rel, PsKind kind);

/* direct.c: through the table AM? */
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
	Datum		parent[INDEX_MAX_KEYS]; /* of the foreign key of its own */
	bool		has_parent;		/* none of them is null */
	ItemPointerData tid;		/* where the version read stands, */
	Oid			tableoid;		/* in which partition, */
	TransactionId xmin;			/* and who wrote it */
	bool		held;			/* nobody else can write it now */
	bool		waits;			/* it was found among those of waiting.c */
	int			events;			/* for guards to judge: none, 1, 2 or more */
	const PsLink *link;			/* by which it was found, and its values */
	Datum		linkkey[INDEX_MAX_KEYS];
	int			exponent;		/* decimals of its currency */
} PsRow;

/* how a row is looked for */
typedef enum PsFind
{
	PS_FIND_PEEK,				/* as stored by anyone, unlocked: for defaults */
	PS_FIND_READ,				/* as isolation wants, to be written or held */
	PS_FIND_LOCK				/* the same, held: locked NO KEY UPDATE */
} PsFind;

/*
 * Finds the parent row of a link by the key given.  False: there is none that
 * this transaction may see.  40001 above READ COMMITTED when it changed since
 * the snapshot, or came after it.
 */
extern bool paystate_row_find(PsRow *row, Relation rel, PsTable *table,
							  const PsLink *link, const Datum *key,
							  PsFind how);
extern bool paystate_row_hold(PsRow *row);	/* false: read or written in vain */
extern bool paystate_row_update(PsRow *row);
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

/* The status a payment was last moved to in the history, -1 if none, and when. */
extern int	paystate_general_judged(PsTable *history, Relation rel,
									const PsRow *order, Datum payment_id,
									TimestampTz *since);

/* is the row that fired this trigger one that paystate is just writing? */
extern bool paystate_is_own_write(PsTable *self, const TriggerData *td);

/* ---- cell (cell.c): a column's value, whatever type the table gives it */

/* money in subunits; 23PS4, 23PS5 for what is no such amount */
extern int64 paystate_money(Relation rel, const PsTable *table, int column,
							Datum value, int exponent);
extern Datum paystate_money_datum(Relation rel, const PsTable *table,
								  int column, int64 amount, int exponent);
extern int32 paystate_count(const PsTable *table, int column, Datum value);
extern Datum paystate_count_datum(const PsTable *table, int column, int32 n);

/* a label by id, in the life cycle's words */
extern int	paystate_status(const PsTable *table, int column, Datum value);
extern Datum paystate_status_datum(const PsTable *table, int column, int label);

/* from a shop's words to the life cycle's, -1: none of them; and back */
extern int	paystate_our_label(const PsLabels *labels, int label);
extern int	paystate_their_label(const PsLabels *labels, int label);
extern const char *paystate_their_word(const PsLabels *labels, const char *label);

/* decimals of a currency; of one that nobody knows, as many as any has */
extern int	paystate_exponent(Datum currency, bool isnull);
extern int	paystate_slot_exponent(TupleTableSlot *slot, const PsTable *table,
								   int column);

/* the row's own currency decides, where it has one, else that of its order */
extern void paystate_row_currency(PsRow *row, const PsRow *order);

/* text, varchar, or char without the blanks that pad it */
extern Datum paystate_word(const PsTable *table, int column, Datum value);

static inline int64
row_int64(const PsRow *row, int column)
{
	if (row->nulls[column])
		return 0;
	return paystate_money(row->rel, row->table, column, row->values[column],
						  row->exponent);
}

static inline int32
row_int32(const PsRow *row, int column)
{
	return row->nulls[column] ? 0 :
		paystate_count(row->table, column, row->values[column]);
}

/* PS_NO_STATUS and -1 are the same: no label of any life cycle */
static inline int
row_label(const PsRow *row, int column)
{
	return row->nulls[column] ? -1 :
		paystate_status(row->table, column, row->values[column]);
}

static inline TimestampTz
row_time(const PsRow *row, int column)
{
	return row->nulls[column] ? 0 : DatumGetTimestampTz(row->values[column]);
}

static inline void
row_set(PsRow *row, int column, Datum value)
{
	row->values[column] = value;
	row->nulls[column] = false;
}

static inline void
row_set_int64(PsRow *row, int column, int64 amount)
{
	if (row->table->att[column] != 0)
		row_set(row, column,
				paystate_money_datum(row->rel, row->table, column, amount,
									 row->exponent));
}

static inline void
row_set_int32(PsRow *row, int column, int32 n)
{
	row_set(row, column, paystate_count_datum(row->table, column, n));
}

static inline void
row_set_label(PsRow *row, int column, int label)
{
	if (row->table->att[column] != 0)
		row_set(row, column, paystate_status_datum(row->table, column, label));
}

static inline void
row_set_time(PsRow *row, int column, TimestampTz at)
{
	row_set(row, column, TimestampTzGetDatum(at));
}

#endif							/* PAYSTATE_TABLE_H */
