/*
 * stays.h
 *		What the aggregates behind the views share: a status column may be of
 *		one of our enums, or of any type.
 */
#ifndef PAYSTATE_STAYS_H
#define PAYSTATE_STAYS_H

#include "fmgr.h"

typedef struct PsLabelType
{
	bool		known;			/* are the next two? */
	bool		byval;			/* equal values are equal Datums */
	FmgrInfo	out;
} PsLabelType;

/* in stays.c */
extern void paystate_label_type(FunctionCallInfo fcinfo, MemoryContext context,
								PsLabelType *type);

#endif							/* PAYSTATE_STAYS_H */
