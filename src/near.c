/*
 * near.c
 *		Where the next row may be.  A statement over many payments takes their
 *		orders mostly as they were written, so the order of the next payment
 *		often stands right behind that of the last one: looking there costs a
 *		tenth of an index scan.  Only a place to look first: who asks believes
 *		it if the row there is visible and has the key.
 *
 * Static state: where a row of some tables was found last.  It is used in
 * the subtransaction that noted it alone: there its lock on the table keeps
 * the block in its place, and a table rewritten has another file.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "storage/proc.h"
#include "utils/rel.h"

#include "compat.h"
#include "paystate.h"

/* so many places are looked at */
#define MAX_STEPS 3

/* after so many misses in a row, none at all for so many rows */
#define MAX_MISSES 4
#define PAUSE 64

typedef struct Trail
{
	LocalTransactionId transaction;
	SubTransactionId subxact;
	Oid			relid;
	Oid			file;
	ItemPointerData last;
	int			misses;			/* in a row; negative: a pause */
} Trail;

#define NTRAILS 4
static Trail trails[NTRAILS];

static Trail *
trail_of(Relation rel)
{
	return &trails[RelationGetRelid(rel) % NTRAILS];
}

static bool
is_fresh(const Trail *trail, Relation rel)
{
	return trail->transaction == ps_local_transaction() &&
		trail->relid == RelationGetRelid(rel) &&
		trail->subxact == GetCurrentSubTransactionId() &&
		trail->file == rel->rd_rel->relfilenode;
}

/*
 * Above READ COMMITTED a scan leaves traces of its own, and other table
 * access methods number their rows otherwise.
 */
static bool
may_look(Trail *trail, Relation rel)
{
	if (!is_fresh(trail, rel) || IsolationUsesXactSnapshot() ||
		rel->rd_tableam != GetHeapamTableAmRoutine())
		return false;
	if (trail->misses >= 0)
		return true;
	trail->misses++;
	return false;
}

/* dead versions are passed over, but not another row that is visible */
static bool
look_behind(Trail *trail, PsRow *row, Snapshot snapshot,
			bool (*fits) (PsRow *row))
{
	ItemPointerData tid = trail->last;

	for (int i = 0; i < MAX_STEPS; i++)
	{
		ItemPointerSetOffsetNumber(&tid, ItemPointerGetOffsetNumber(&tid) + 1);
		if (!table_tuple_fetch_row_version(row->rel, &tid, snapshot, row->slot))
			continue;
		trail->last = tid;
		return fits(row);
	}
	return false;
}

/* into row->slot, if it stands there */
bool
paystate_find_near(PsRow *row, Snapshot snapshot, bool (*fits) (PsRow *row))
{
	Trail	   *trail = trail_of(row->rel);

	if (!may_look(trail, row->rel))
		return false;
	if (look_behind(trail, row, snapshot, fits))
	{
		trail->misses = 0;
		return true;
	}
	if (++trail->misses > MAX_MISSES)
		trail->misses = -PAUSE;
	return false;
}

/* it was found otherwise, so the next may be behind it */
void
paystate_note_near(const PsRow *row)
{
	Trail	   *trail = trail_of(row->rel);

	if (!is_fresh(trail, row->rel))
		trail->misses = 0;
	trail->transaction = ps_local_transaction();
	trail->subxact = GetCurrentSubTransactionId();
	trail->relid = RelationGetRelid(row->rel);
	trail->file = row->rel->rd_rel->relfilenode;
	trail->last = row->slot->tts_tid;
}
