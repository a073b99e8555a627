/*
 * findings.h
 *		Between the files of verify().
 */
#ifndef PAYSTATE_FINDINGS_H
#define PAYSTATE_FINDINGS_H

#include "nodes/execnodes.h"

#include "book.h"

typedef struct PsFindings
{
	ReturnSetInfo *rsinfo;
	const PsTables *tables;
	PsBook	   *book;
	TimestampTz kept_since;		/* of the history; DT_NOBEGIN: all is kept */
	bool		let_go;			/* the rows missing first are older */

	/* what of the order is looked at: at most one of them is set */
	const PsLeg *leg;
	const PsRefund *refund;
	const PsStep *step;
} PsFindings;

/* findings.c: the key of the order at hand, NULL for a payment without one */
extern const char *paystate_find_key(const PsFindings *f);

extern void paystate_find(PsFindings *f, const char *problem,
						  const char *expected, const char *actual);

/* found only where they differ */
extern void paystate_find_text(PsFindings *f, const char *problem,
							   const char *expected, const char *actual);
extern void paystate_find_number(PsFindings *f, const char *problem,
								 int64 expected, int64 actual);
extern void paystate_find_time(PsFindings *f, const char *problem,
							   TimestampTz expected, TimestampTz actual);

/* verify_chain.c: true if the rows hang together and can be followed */
extern bool paystate_check_chain(PsFindings *f, TimestampTz *since);

/* the last row and the order's own */
extern void paystate_check_end(PsFindings *f, TimestampTz since);

#endif							/* PAYSTATE_FINDINGS_H */
