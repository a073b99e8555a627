/*
 * advance.h
 *		The decision of paystate, as pure C: compiled rules, the states of an
 *		order and of a payment, an event, and the verdict.
 *
 * Nothing here or in advance.c may use SPI, fmgr, palloc, locks or ereport:
 * the guards, can_transition(), the checks of a life cycle, replay and the
 * fuzzer all call the same function, some of them outside a server.
 *
 * All money is in subunits of the order's currency.
 */
#ifndef PAYSTATE_ADVANCE_H
#define PAYSTATE_ADVANCE_H

/* more statuses than this, of one kind, are refused when rules are compiled */
#define PS_MAX_STATUSES 64

/* an index into PsLifecycle.order[] or .payment[]; a label it does not have */
#define PS_NO_STATUS (-1)

typedef enum PsRole
{
	PS_OPEN,					/* live, nothing authorized yet */
	PS_HELD,					/* live, money held at the issuer */
	PS_SETTLED,					/* money captured */
	PS_RETURNED,				/* money given back */
	PS_DEAD						/* failed, cancelled */
} PsRole;

typedef enum PsEventKind
{
	PS_EV_INSERT,				/* new>x: payment inserted in status "to" */
	PS_EV_MOVE,					/* x>y: payment moves to status "to" */
	PS_EV_REFUND,				/* a refund of a payment, whatever it leaves */
	PS_EV_CANCEL,				/* order:cancel */
	PS_EV_FAIL					/* order:fail */
} PsEventKind;

/* one bit an atom of the guard column; README of the rule tables explains */
typedef enum PsGuard
{
	PS_G_INSERT_OK = 1 << 0,
	PS_G_CAPTURE_IS_HELD = 1 << 1,	/* amount=held, captured=held */
	PS_G_CAPTURE_BELOW_HELD = 1 << 2,	/* captured<held */
	PS_G_AMOUNT_IS_DUE = 1 << 3,	/* amount=order_due */
	PS_G_DUE_AFTER_ZERO = 1 << 4,
	PS_G_DUE_AFTER_POSITIVE = 1 << 5,
	PS_G_PARTIAL_PAYMENT = 1 << 6,
	PS_G_REFUND_IS_AMOUNT = 1 << 7,
	PS_G_REFUND_POSITIVE = 1 << 8,
	PS_G_REFUNDED_BELOW_CAPTURED = 1 << 9,
	PS_G_REFUNDED_IS_CAPTURED = 1 << 10,
	PS_G_REFUNDED_BELOW_PAID = 1 << 11,
	PS_G_REFUNDED_IS_PAID = 1 << 12,
	PS_G_OTHER_LIVE = 1 << 13,
	PS_G_NO_OTHER_LIVE = 1 << 14,
	PS_G_OTHERS_HELD = 1 << 15,
	PS_G_OTHERS_DONE = 1 << 16,
	PS_G_NONE_LIVE = 1 << 17,
	PS_G_ATTEMPTS_LEFT = 1 << 18,	/* attempts<max */
	PS_G_ATTEMPTS_USED = 1 << 19,	/* attempts>=max */
	PS_G_HELD_AFTER_BELOW = 1 << 20,
	PS_G_HELD_AFTER_IS = 1 << 21,
	PS_G_PAID_AFTER_BELOW = 1 << 22,
	PS_G_PAID_AFTER_IS = 1 << 23,
	PS_G_NOTHING_PAID = 1 << 24,	/* amount_paid=0 */
	PS_G_SOMETHING_PAID = 1 << 25	/* amount_paid>0 */
} PsGuard;

typedef enum PsEffect
{
	PS_E_ATTEMPT = 1 << 0,
	PS_E_CAPTURE = 1 << 1,
	PS_E_REFUND = 1 << 2,
	PS_E_AUTO_REFUND = 1 << 3,
	PS_E_CASCADE = 1 << 4		/* live>x, x being the rule's cascade_to */
} PsEffect;

typedef enum PsPartial
{
	PS_PARTIAL_ORDER,			/* the order's own flag decides */
	PS_PARTIAL_LEGS,
	PS_PARTIAL_NO
} PsPartial;

typedef enum PsParallel
{
	PS_ONE_AUTHORIZED,			/* no new payment while one is held */
	PS_PARALLEL_LEGS			/* live legs sum to at most the amount */
} PsParallel;

typedef struct PsStatus
{
	const char *label;
	int			label_id;		/* as interned by the status room */
	PsRole		role;
	bool		initial;
	bool		terminal;
} PsStatus;

typedef struct PsRule
{
	int			slot;			/* the event, see paystate_event_slot() */
	int8		order_before;
	int8		order_after;
	int8		payment_after;	/* PS_NO_STATUS: the payment stays */
	int8		cascade_to;		/* with PS_E_CASCADE */
	uint32		guards;
	uint32		effects;
} PsRule;

/*
 * A compiled life cycle.  rules[] is sorted by (slot, order_before);
 * first[slot * norder + order_before] .. first[that + 1] - 1 are the rules
 * for an event in an order status, so first[] has nslots * norder + 1 items.
 * A rule x>y that refunds stands twice: as the move, and as the refund of x.
 */
typedef struct PsLifecycle
{
	const char *name;
	int			norder;
	int			npayment;
	const PsStatus *order;
	const PsStatus *payment;
	int			order_initial;
	int			payment_initial;
	PsPartial	partial_payment;
	PsParallel	parallel_payments;
	bool		partial_capture;
	bool		order_cancel;
	bool		attempt_on_create;
	bool		refund_moves_order; /* else: the payment; rules say it, too */
	bool		amount_fixed_at_creation;	/* else: at the first payment */
	int			max_attempts;	/* 0: no limit */
	int64		payment_min;	/* 1 where the life cycle has none */
	int64		payment_max;	/* PG_INT64_MAX where it has none */
	int64		late_window;	/* microseconds; 0: no limit */
	bool		all_currencies;
	int			ncurrencies;
	const char *const *currencies;
	int			nslots;
	int			nrules;
	const PsRule *rules;
	const int  *first;
} PsLifecycle;

typedef struct PsOrder
{
	int			status;			/* index, or PS_NO_STATUS */
	int			attempts;
	int			payments_open;
	bool		partial_payment;
	int64		first_payment_min_amount;	/* 0: none */
	int64		amount;
	int64		amount_paid;
	int64		amount_authorized;
	int64		amount_pending;
	int64		amount_refunded;
} PsOrder;

typedef struct PsPayment
{
	int			status;			/* index, or PS_NO_STATUS */
	int64		amount;
	int64		amount_captured;
	int64		amount_refunded;
	int64		refund_pending; /* the refund in hand not counted */
} PsPayment;

/*
 * amount: INSERT the payment's; MOVE into a settled status what is captured
 * now, into a returned one what is refunded; REFUND the refund.  A reserving
 * event (a refund inserted "pending") is judged like any other but only adds
 * to refund_pending.  currency_ok matters to INSERT alone, and to MOVE for how
 * many microseconds the payment has had its status: 0 is never too late.
 */
typedef struct PsEvent
{
	PsEventKind kind;
	int			to;				/* INSERT, MOVE: payment status index */
	int64		amount;
	bool		reserve;
	bool		currency_ok;
	int64		elapsed;
} PsEvent;

/* which code a refusal gets: the classes of CONTRACT section 5 */
typedef enum PsRefusalClass
{
	PS_LEGAL,
	PS_ILLEGAL,					/* 23PS1 */
	PS_WRONG_INITIAL,			/* 23PS2 */
	PS_CLOSED,					/* 23PS3 */
	PS_BAD_AMOUNT,				/* 23PS4 */
	PS_BAD_CURRENCY,			/* 23PS5 */
	PS_DRIFTED					/* the totals cannot be those of the payments */
} PsRefusalClass;

/* why, for the DETAIL */
typedef enum PsWhy
{
	PS_WHY_NONE,
	PS_WHY_NO_RULE,				/* no rule for the event in any order status */
	PS_WHY_NOT_HERE,			/* rules elsewhere, none in this order status */
	PS_WHY_ANOTHER_HELD,
	PS_WHY_ATTEMPTS_USED,
	PS_WHY_OTHERS_LIVE,			/* none_live fails */
	PS_WHY_STATE,				/* another guard that is not about amounts */
	PS_WHY_NOT_POSITIVE,
	PS_WHY_BELOW_MINIMUM,
	PS_WHY_ABOVE_MAXIMUM,
	PS_WHY_NOT_ORDER_AMOUNT,	/* partial payment is not allowed */
	PS_WHY_ABOVE_DUE,
	PS_WHY_LEGS_ABOVE_AMOUNT,
	PS_WHY_BELOW_FIRST_MINIMUM,
	PS_WHY_OVER_CAPTURE,
	PS_WHY_PARTIAL_CAPTURE,
	PS_WHY_OVER_REFUND,
	PS_WHY_REFUND_PENDING,
	PS_WHY_PARTIAL_TERMS,		/* the life cycle has no partial payment */
	PS_WHY_OVERFLOW,
	PS_WHY_AMOUNT,				/* any other guard on amounts */
	PS_WHY_MISSING_CURRENCY,
	PS_WHY_TOTALS,
	PS_WHY_UNJUDGED,			/* stored by the statement, not judged yet */
	PS_WHY_TOO_LATE				/* failed for longer than the late window */
} PsWhy;

typedef struct PsVerdict
{
	PsRefusalClass refusal;
	PsWhy		why;
	PsOrder		order;			/* after, before any cascaded payment */
	PsPayment	payment;		/* after */
	int			cascade_to;		/* of other live ones, or PS_NO_STATUS */
	const PsRule *rule;			/* that fired; NULL when refused or reserving */
} PsVerdict;

/* the slot of an event; -1 when a status it names is not of the life cycle */
extern int	paystate_event_slot(const PsLifecycle *lc, PsEventKind kind,
								int from, int to);

/* does any rule, in any order status, speak of that event? */
extern bool paystate_has_rule(const PsLifecycle *lc, int slot);

/* the decision; payment is not looked at for CANCEL and FAIL */
extern void paystate_advance(const PsLifecycle *lc, const PsOrder *order,
							 const PsPayment *payment, const PsEvent *event,
							 PsVerdict *verdict);

/* an order's own INSERT, or a change of amount before its first payment */
extern PsRefusalClass paystate_open_order(const PsLifecycle *lc, int64 amount,
										  bool partial_payment,
										  bool currency_ok, PsWhy *why);

/*
 * The insert of a payment that was made before and is told now (late.c): in
 * its initial status, dead, or captured where refunds have moved the order
 * since.  What event->to says decides which.
 */
extern void paystate_advance_late(const PsLifecycle *lc, const PsOrder *order,
								  const PsEvent *event, PsVerdict *verdict);

/* may a refund that failed before be told now? */
extern bool paystate_late_refund(const PsPayment *payment, int64 amount);

/*
 * A payment that has no order: any rule of the event in any order status
 * serves, guards on the order are skipped, settled statuses are closed.
 */
extern void paystate_advance_orderless(const PsLifecycle *lc,
									   const PsPayment *payment,
									   const PsEvent *event,
									   PsVerdict *verdict);

/*
 * Moves one more live payment to "to": counters of the order only.  False
 * when the totals cannot be those of the payments.
 */
extern bool paystate_cascade(const PsLifecycle *lc, PsOrder *order,
							 int64 payment_amount, int from, int to);

/*
 * What a move to status "to" implies for the derived columns of a payment
 * whose writer gave none: amount_captured and amount_refunded.  BEFORE fills
 * them in with it and AFTER compares against it.
 */
extern void paystate_implied(const PsLifecycle *lc, const PsPayment *payment,
							 int to, int64 *amount_captured,
							 int64 *amount_refunded);

/* why a status may not be forced on an order */
typedef enum PsForceWhy
{
	PS_FORCE_OK,
	PS_FORCE_PAID,				/* it would deny what was captured */
	PS_FORCE_NOTHING_PAID,
	PS_FORCE_DUE,				/* it says that all is paid */
	PS_FORCE_NOTHING_DUE,		/* it says that not all is */
	PS_FORCE_NOTHING_HELD,
	PS_FORCE_NOTHING_REFUNDED,
	PS_FORCE_REFUNDED,			/* it says something else of the refunds */
	PS_FORCE_STRANDED			/* money could never leave */
} PsForceWhy;

/* may that order status be forced, as far as the order's totals know? */
extern PsForceWhy paystate_force(const PsLifecycle *lc, const PsOrder *order,
								 int to);

/* where live payments go with it; PS_NO_STATUS: they stay */
extern int	paystate_forced_cascade(const PsLifecycle *lc, int to);

/* the event of setting a payment's status, amount_captured being as stored */
extern void paystate_move_event(const PsLifecycle *lc,
								const PsPayment *payment, int to,
								int64 amount_captured, PsEvent *event);

static inline bool
paystate_is_live(const PsLifecycle *lc, int payment_status)
{
	return payment_status >= 0 &&
		(lc->payment[payment_status].role == PS_OPEN ||
		 lc->payment[payment_status].role == PS_HELD);
}

#endif							/* PAYSTATE_ADVANCE_H */
