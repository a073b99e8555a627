/*
 * family.h
 *		Between binding.c, which keeps descriptions of tables, and family.c,
 *		which finds how they are related.
 */
#ifndef PAYSTATE_FAMILY_H
#define PAYSTATE_FAMILY_H

#include "paystate.h"

/* binding.c: a change of that relation makes descriptions stale */
extern void paystate_watch(Oid relid);

/* the topmost ancestor of a partition, or the relation itself */
extern Oid	paystate_topmost(Relation rel);
extern Oid	paystate_owner(Relation rel);

/* fills in link, payments, refunds, history; 23PS8 when they are not clear */
extern void paystate_load_family(PsTable *table, Relation rel);

#endif							/* PAYSTATE_FAMILY_H */
