/*
 * seen.c
 *		Where the newest version of an order was, as far as this transaction
 *		knows.  An order that gets many events in one transaction leaves as
 *		many versions behind, and an index scan walks them all; and AFTER need
 *		not look for what BEFORE found.  Only a place to look first: who asks
 *		believes it if the row there is visible and has the key.
 *
 * Static state: the places, each with the transaction that it was noted in;
 * another order may have taken a place since.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "storage/proc.h"
#include "utils/datum.h"
#include "utils/rel.h"

#include "compat.h"
#include "paystate.h"

typedef struct Place
{
	LocalTransactionId transaction;
	Oid			relid;
	uint32		hash;			/* of the key: most others are not looked at */
	ItemPointerData tid;
} Place;

#define NPLACES 256
static Place places[NPLACES];

uint32
paystate_key_hash(Relation rel, int n, const AttrNumber *atts, const Datum *key)
{
	uint32		hash = 0;

	for (int i = 0; i < n; i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), atts[i] - 1);

		hash = hash_combine(hash, datum_image_hash(key[i], att->attbyval,
												   att->attlen));
	}
	return hash;
}

static Place *
place_of(Oid relid, uint32 hash)
{
	return &places[(relid + hash) % NPLACES];
}

void
paystate_see(Relation rel, int n, const AttrNumber *atts, const Datum *key,
			 const ItemPointerData *tid)
{
	uint32		hash = paystate_key_hash(rel, n, atts, key);
	Place	   *place = place_of(RelationGetRelid(rel), hash);

	place->transaction = ps_local_transaction();
	place->relid = RelationGetRelid(rel);
	place->hash = hash;
	place->tid = *tid;
}

bool
paystate_seen(Relation rel, int n, const AttrNumber *atts, const Datum *key,
			  ItemPointerData *tid)
{
	uint32		hash = paystate_key_hash(rel, n, atts, key);
	const Place *place = place_of(RelationGetRelid(rel), hash);

	if (place->transaction != ps_local_transaction() ||
		place->relid != RelationGetRelid(rel) || place->hash != hash)
		return false;
	*tid = place->tid;
	return true;
}
