/*
 * columns.c
 *		The columns of the four tables by meaning: name, type, and whether
 *		paystate itself writes them.  In the order of the enums of paystate.h.
 *
 * No state.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "paystate.h"

#define ANY_TYPE InvalidOid

static const PsColumn order_columns[PS_O_END] = {
	{"lifecycle", TEXTOID, false},
	{"status", ANY_TYPE, true},
	{"amount", INT8OID, false},
	{"amount_paid", INT8OID, true},
	{"amount_due", INT8OID, true},
	{"amount_authorized", INT8OID, true},
	{"amount_pending", INT8OID, true},
	{"amount_refunded", INT8OID, true},
	{"currency", TEXTOID, false},
	{"partial_payment", BOOLOID, false},
	{"first_payment_min_amount", INT8OID, false},
	{"attempts", INT4OID, true},
	{"payments_open", INT4OID, true},
	{"version", INT4OID, true},
	{"status_since", TIMESTAMPTZOID, true},
	{"changed_at", TIMESTAMPTZOID, true},
	{"created_at", TIMESTAMPTZOID, false},
};

static const PsColumn payment_columns[PS_P_END] = {
	{"amount", INT8OID, false},
	{"amount_captured", INT8OID, true},
	{"amount_refunded", INT8OID, true},
	{"refund_pending", INT8OID, true},
	{"currency", TEXTOID, false},
	{"status", ANY_TYPE, true},
	{"status_since", TIMESTAMPTZOID, true},
	{"created_at", TIMESTAMPTZOID, false},
};

static const PsColumn refund_columns[PS_R_END] = {
	{"amount", INT8OID, true},
	{"status", ANY_TYPE, true},
	{"created_at", TIMESTAMPTZOID, false},
};

static const PsColumn history_columns[PS_H_END] = {
	{"seq", INT4OID, true},
	{"at", TIMESTAMPTZOID, true},
	{"payment_id", ANY_TYPE, true},
	{"refund_id", ANY_TYPE, true},
	{"payment_from", ANY_TYPE, true},
	{"payment_to", ANY_TYPE, true},
	{"refund_to", ANY_TYPE, true},
	{"order_from", ANY_TYPE, true},
	{"order_to", ANY_TYPE, true},
	{"amount", INT8OID, true},
	{"amount_paid", INT8OID, true},
	{"attempts", INT4OID, true},
	{"order_since", TIMESTAMPTZOID, true},
	{"payment_since", TIMESTAMPTZOID, true},
	{"actor", TEXTOID, true},
	{"reason", TEXTOID, true},
	{"event_id", TEXTOID, true},
	{"forced", BOOLOID, true},
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
