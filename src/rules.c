/*
 * rules.c
 *		How rules are spelled: the atoms of the guard and effect columns, the
 *		names of events, and which combinations of them are no rule at all.
 *
 * Pure: no palloc, SPI, locks or ereport.  Static state: constant tables.
 */
#include "postgres.h"

#include "atoms.h"

typedef struct AtomName
{
	const char *word;
	uint32		bit;
} AtomName;

static const AtomName guard_names[] = {
	{"insert_ok", PS_G_INSERT_OK},
	{"amount=held", PS_G_CAPTURE_IS_HELD},
	{"captured=held", PS_G_CAPTURE_IS_HELD},
	{"captured<held", PS_G_CAPTURE_BELOW_HELD},
	{"amount=order_due", PS_G_AMOUNT_IS_DUE},
	{"due_after=0", PS_G_DUE_AFTER_ZERO},
	{"due_after>0", PS_G_DUE_AFTER_POSITIVE},
	{"partial_payment", PS_G_PARTIAL_PAYMENT},
	{"refund=amount", PS_G_REFUND_IS_AMOUNT},
	{"0<refund", PS_G_REFUND_POSITIVE},
	{"refunded_after<captured", PS_G_REFUNDED_BELOW_CAPTURED},
	{"refunded_after=captured", PS_G_REFUNDED_IS_CAPTURED},
	{"refunded_after<amount_paid", PS_G_REFUNDED_BELOW_PAID},
	{"refunded_after=amount_paid", PS_G_REFUNDED_IS_PAID},
	{"other_live", PS_G_OTHER_LIVE},
	{"no_other_live", PS_G_NO_OTHER_LIVE},
	{"others_held", PS_G_OTHERS_HELD},
	{"others_done", PS_G_OTHERS_DONE},
	{"none_live", PS_G_NONE_LIVE},
	{"attempts<max", PS_G_ATTEMPTS_LEFT},
	{"attempts>=max", PS_G_ATTEMPTS_USED},
	{"held_after<amount", PS_G_HELD_AFTER_BELOW},
	{"held_after=amount", PS_G_HELD_AFTER_IS},
	{"paid_after<amount", PS_G_PAID_AFTER_BELOW},
	{"paid_after=amount", PS_G_PAID_AFTER_IS},
	{"amount_paid=0", PS_G_NOTHING_PAID},
	{"amount_paid>0", PS_G_SOMETHING_PAID}
};

static const AtomName effect_names[] = {
	{"attempt", PS_E_ATTEMPT},
	{"capture", PS_E_CAPTURE},
	{"refund", PS_E_REFUND},
	{"auto_refund", PS_E_AUTO_REFUND}
};

static bool
is_word(const char *text, int len, const char *word)
{
	return len == (int) strlen(word) && memcmp(text, word, len) == 0;
}

static bool
find_atom(const AtomName *names, int n, const char *word, int len,
		  uint32 *bits)
{
	for (int i = 0; i < n; i++)
	{
		if (is_word(word, len, names[i].word))
		{
			*bits |= names[i].bit;
			return true;
		}
	}
	return false;
}

bool
paystate_guard_atom(const char *word, int len, uint32 *guards)
{
	return find_atom(guard_names, lengthof(guard_names), word, len, guards);
}

bool
paystate_effect_atom(const char *word, int len, uint32 *effects,
					 const char **target, int *targetlen)
{
	static const char cascade[] = "live>";
	const int	n = sizeof(cascade) - 1;

	if (len > n && memcmp(word, cascade, n) == 0)
	{
		if (*effects & PS_E_CASCADE)
			return false;
		*effects |= PS_E_CASCADE;
		*target = word + n;
		*targetlen = len - n;
		return true;
	}
	return find_atom(effect_names, lengthof(effect_names), word, len,
					 effects);
}

/* "new>x", "x>y", "x:refund", "order:cancel", "order:fail" */
bool
paystate_event_name(const char *text, PsEventName *name)
{
	const char *mark = text + strcspn(text, ">:");
	const char *rest = mark + 1;

	if (*mark == '\0' || mark == text || *rest == '\0' ||
		strpbrk(rest, ">:") != NULL)
		return false;			/* the CHECK of the rule tables was dropped */
	name->from = text;
	name->fromlen = mark - text;
	name->to = rest;
	name->tolen = strlen(rest);
	if (*mark == '>')
		name->kind = is_word(text, name->fromlen, "new") ?
			PS_EV_INSERT : PS_EV_MOVE;
	else if (is_word(text, name->fromlen, "order"))
	{
		name->kind = strcmp(rest, "cancel") == 0 ? PS_EV_CANCEL : PS_EV_FAIL;
		return name->kind == PS_EV_CANCEL || strcmp(rest, "fail") == 0;
	}
	else
	{
		name->kind = PS_EV_REFUND;
		return strcmp(rest, "refund") == 0;
	}
	return true;
}

/* the events that are not the move of one payment */
static const char *
event_fault(const PsRule *rule, bool refund)
{
	if (rule->effects & (PS_E_CAPTURE | PS_E_AUTO_REFUND))
		return "Only a move of a payment captures or refunds automatically";
	if (refund != ((rule->effects & PS_E_REFUND) != 0))
		return refund ? "A refund must have the effect \"refund\"" :
			"Only a refund has the effect \"refund\"";
	return NULL;
}

/* guards that compare an amount with that of the payment */
#define OF_PAYMENT \
	(PS_G_CAPTURE_IS_HELD | PS_G_CAPTURE_BELOW_HELD | PS_G_AMOUNT_IS_DUE | \
	 PS_G_REFUND_IS_AMOUNT | PS_G_REFUNDED_BELOW_CAPTURED | \
	 PS_G_REFUNDED_IS_CAPTURED | PS_G_REFUNDED_BELOW_PAID | \
	 PS_G_REFUNDED_IS_PAID | PS_G_HELD_AFTER_BELOW | PS_G_HELD_AFTER_IS | \
	 PS_G_PAID_AFTER_BELOW | PS_G_PAID_AFTER_IS)

/* there is no payment yet when one is inserted, and none in an order's event */
static const char *
guard_fault(const PsLifecycle *lc, const PsRule *rule)
{
	const int	n = lc->npayment;
	const bool	insert = rule->slot < n;
	const bool	of_order = rule->slot >= n + n * n + n;

	if ((rule->guards & PS_G_INSERT_OK) && !insert)
		return "The guard \"insert_ok\" belongs to the events that insert a payment";
	if ((insert || of_order) && (rule->guards & OF_PAYMENT))
		return "A guard asks for the amount of a payment, which the event does not have";
	if (of_order && (rule->guards & ~(PS_STATE_GUARDS | PS_G_PARTIAL_PAYMENT)))
		return "A guard asks for an amount, which the event does not have";
	return NULL;
}

/* money moves exactly when the payment's status says that it did */
static const char *
move_fault(const PsLifecycle *lc, const PsRule *rule, int from, int to)
{
	const PsRole was = lc->payment[from].role;
	const PsRole is = lc->payment[to].role;
	const bool	had = was == PS_SETTLED || was == PS_RETURNED;

	if (from == to)
		return "A payment moves to another status";
	if ((was == PS_RETURNED && is != PS_RETURNED) ||
		(was == PS_SETTLED && is != PS_SETTLED && is != PS_RETURNED))
		return "Money that was captured or refunded cannot be undone";
	if ((is == PS_SETTLED && was != PS_SETTLED) !=
		((rule->effects & PS_E_CAPTURE) != 0))
		return "The effect \"capture\" belongs to the moves into a settled status";
	if ((is == PS_RETURNED && was == PS_SETTLED) !=
		((rule->effects & PS_E_REFUND) != 0))
		return "The effect \"refund\" belongs to the moves from a settled into a returned status";
	if ((is == PS_RETURNED && !had) !=
		((rule->effects & PS_E_AUTO_REFUND) != 0))
		return "The effect \"auto_refund\" belongs to the moves into a returned status of what was not captured";
	return NULL;
}

const char *
paystate_rule_fault(const PsLifecycle *lc, const PsRule *rule)
{
	const int	n = lc->npayment;
	const int	move = rule->slot - n;
	const char *fault = guard_fault(lc, rule);

	if (fault != NULL)
		return fault;
	if ((rule->effects & PS_E_CASCADE) &&
		lc->payment[rule->cascade_to].role != PS_DEAD)
		return "Live payments cascade into a dead status";
	if (move < 0)
		return rule->slot == lc->payment_initial ?
			event_fault(rule, false) :
			"A payment is inserted in the initial status";
	if (move < n * n)
		return move_fault(lc, rule, move / n, move % n);
	return event_fault(rule, move < n * n + n);
}
