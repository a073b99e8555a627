/*
 * columns.c
 *		The columns of the four tables by meaning: name, the types they may
 *		have, whether paystate itself writes them, and whether an attached
 *		table may lack them.  In the order of the enums of table.h.
 *
 * No state.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/lsyscache.h"

#include "paystate.h"

static const PsColumn order_columns[PS_O_END] = {
	{"lifecycle", PS_M_WORD, false, true},
	{"status", PS_M_ORDER_STATUS, true, false},
	{"amount", PS_M_MONEY, false, false},
	{"amount_paid", PS_M_MONEY, true, false},
	{"amount_due", PS_M_MONEY, true, false},
	{"amount_authorized", PS_M_MONEY, true, false},
	{"amount_pending", PS_M_MONEY, true, false},
	{"amount_refunded", PS_M_MONEY, true, true},
	{"currency", PS_M_WORD, false, true},
	{"partial_payment", PS_M_FLAG, false, true},
	{"first_payment_min_amount", PS_M_MONEY, false, true},
	{"attempts", PS_M_COUNT, true, false},
	{"payments_open", PS_M_COUNT, true, false},
	{"version", PS_M_COUNT, true, false},
	{"status_since", PS_M_TIME, true, false},
	{"changed_at", PS_M_TIME, true, false},
	{"created_at", PS_M_ANY, false, true},
	{"receipt", PS_M_FREE, false, true},
	{"notes", PS_M_FREE, false, true},
};

static const PsColumn payment_columns[PS_P_END] = {
	{"amount", PS_M_MONEY, false, false},
	{"amount_captured", PS_M_MONEY, true, false},
	{"amount_refunded", PS_M_MONEY, true, false},
	{"refund_pending", PS_M_MONEY, true, false},
	{"currency", PS_M_WORD, false, true},
	{"status", PS_M_PAYMENT_STATUS, true, false},
	{"status_since", PS_M_TIME, true, false},
	{"created_at", PS_M_ANY, false, true},
};

static const PsColumn refund_columns[PS_R_END] = {
	{"amount", PS_M_MONEY, true, false},
	{"status", PS_M_REFUND_STATUS, true, true},
	{"created_at", PS_M_ANY, false, true},
};

static const PsColumn history_columns[PS_H_END] = {
	{"seq", PS_M_COUNT, true, false},
	{"at", PS_M_TIME, true, false},
	{"payment_id", PS_M_ANY, true, false},
	{"refund_id", PS_M_ANY, true, false},
	{"payment_from", PS_M_PAYMENT_STATUS, true, false},
	{"payment_to", PS_M_PAYMENT_STATUS, true, false},
	{"refund_to", PS_M_REFUND_STATUS, true, false},
	{"order_from", PS_M_ORDER_STATUS, true, false},
	{"order_to", PS_M_ORDER_STATUS, true, false},
	{"amount", PS_M_MONEY, true, false},
	{"amount_paid", PS_M_MONEY, true, false},
	{"attempts", PS_M_COUNT, true, false},
	{"order_since", PS_M_TIME, true, false},
	{"payment_since", PS_M_TIME, true, false},
	{"actor", PS_M_WORD, true, false},
	{"reason", PS_M_WORD, true, false},
	{"event_id", PS_M_WORD, true, false},
	{"forced", PS_M_FLAG, true, false},
};

const char *const paystate_free_columns[] = {
	"offer_id", "gateway_id", NULL
};

const PsColumn *
paystate_columns(PsKind kind, int *n)
{
	static const PsColumn *const columns[PS_NKINDS] = {
		order_columns, payment_columns, refund_columns, history_columns
	};
	static const int counts[PS_NKINDS] = {
		PS_O_END, PS_P_END, PS_R_END, PS_H_END
	};

	*n = counts[kind];
	return columns[kind];
}

/* the currencies of the world have at most three decimals */
#define MAX_SCALE 3

/*
 * A numeric without a scale has no smallest unit, and one with more decimals
 * than any currency cannot be given in subunits.
 */
static bool
money_fits(Oid base, int32 typmod, int *scale)
{
	if (base == INT8OID || base == INT4OID)
		return true;
	if (base != NUMERICOID || typmod < (int32) VARHDRSZ)
		return false;
	/* as numeric packs it: precision above, scale in eleven bits with sign */
	*scale = (((typmod - (int32) VARHDRSZ) & 0x7ff) ^ 1024) - 1024;
	return *scale >= 0 && *scale <= MAX_SCALE;
}

static bool
type_fits(PsMeaning meaning, Oid base, int32 typmod, int *scale)
{
	switch (meaning)
	{
		case PS_M_ANY:
		case PS_M_FREE:
			return true;
		case PS_M_MONEY:
			return money_fits(base, typmod, scale);
		case PS_M_COUNT:
			return base == INT4OID || base == INT8OID;
		case PS_M_WORD:
			return base == TEXTOID || base == VARCHAROID || base == BPCHAROID;
		case PS_M_TIME:
			return base == TIMESTAMPTZOID;
		case PS_M_FLAG:
			return base == BOOLOID;
		default:
			return base == TEXTOID || base == VARCHAROID || type_is_enum(base);
	}
}

Oid
paystate_fitting_type(PsMeaning meaning, Oid type, int32 *typmod, int *scale)
{
	Oid			base = getBaseTypeAndTypmod(type, typmod);

	*scale = 0;
	return type_fits(meaning, base, *typmod, scale) ? base : InvalidOid;
}
