/*
 * near.c
 *		Where the next row may be.  A statement over many payments takes their
 *		orders mostly as they were written, so the order of the next payment
 *		often stands right behind that of the last one: looking there costs a
 *		tenth of an index scan.  Only a place to look first: who asks believes
 *		it if the row there is visible and has the key.
 *
 *		A statement before may have left its new versions partly where the old
 *		ones stood and partly in other pages, by turns; so a trail is of some
 *		runs, each of rows that were found behind one another, and one that
 *		ends may go on in the next page: where it began in this one, or first.
 *
 * Static state: where rows of some tables were found last, and which of the
 * tables gives way to the next one.  It is used in
 * the subtransaction that noted it alone: there its lock on the table keeps
 * the block in its place, and a table rewritten has another file.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "storage/bufmgr.h"
#include "storage/proc.h"
#include "utils/rel.h"

#include "compat.h"
#include "paystate.h"

/* so many places behind the last one are looked at */
#define MAX_STEPS 3

/* after so many misses in a row, none at all for so many rows */
#define MAX_MISSES 4
#define PAUSE 64

typedef struct Run
{
	ItemPointerData last;
	OffsetNumber first;			/* where it began in that page */
	bool		follows;		/* more than one row was found by it */
} Run;

#define NRUNS 4
typedef struct Trail
{
	LocalTransactionId transaction;
	SubTransactionId subxact;
	Oid			relid;
	Oid			file;
	int			misses;			/* in a row; negative: a pause */
	int			nruns;
	Run			runs[NRUNS];	/* the one used last first */
} Trail;

#define NTRAILS 4
static Trail trails[NTRAILS];
static int	next_trail = 0;

/* that of the table, or the one to give way: never the one noted last */
static Trail *
trail_of(Relation rel)
{
	for (int i = 0; i < NTRAILS; i++)
	{
		if (trails[i].relid == RelationGetRelid(rel))
			return &trails[i];
	}
	return &trails[next_trail];
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

/* the i-th has found a row: it is the one used last now */
static void
note_used(Trail *trail, int i, const ItemPointerData *tid, OffsetNumber first)
{
	Run			run = {.last = *tid,.first = first,.follows = true};

	memmove(&trail->runs[1], &trail->runs[0], i * sizeof(Run));
	trail->runs[0] = run;
	trail->misses = 0;
}

/* dead versions are passed over, but not another row that is visible */
static bool
look_behind(Trail *trail, int i, PsRow *row, Snapshot snapshot,
			bool (*fits) (PsRow *row))
{
	ItemPointerData tid = trail->runs[i].last;

	for (int step = 0; step < MAX_STEPS; step++)
	{
		ItemPointerSetOffsetNumber(&tid, ItemPointerGetOffsetNumber(&tid) + 1);
		if (!table_tuple_fetch_row_version(row->rel, &tid, snapshot, row->slot))
			continue;
		if (!fits(row))
			return false;
		note_used(trail, i, &tid, trail->runs[i].first);
		return true;
	}
	return false;
}

static bool
look_at(Trail *trail, int i, OffsetNumber offset, PsRow *row,
		Snapshot snapshot, bool (*fits) (PsRow *row))
{
	ItemPointerData tid;

	ItemPointerSet(&tid, ItemPointerGetBlockNumber(&trail->runs[i].last) + 1, offset);
	if (ItemPointerGetBlockNumber(&tid) >= RelationGetNumberOfBlocks(row->rel) ||
		!table_tuple_fetch_row_version(row->rel, &tid, snapshot, row->slot) ||
		!fits(row))
		return false;
	note_used(trail, i, &tid, offset);
	return true;
}

static bool
look_in_next_page(Trail *trail, int i, PsRow *row, Snapshot snapshot,
				  bool (*fits) (PsRow *row))
{
	OffsetNumber first = trail->runs[i].first;

	return trail->runs[i].follows &&
		(look_at(trail, i, first, row, snapshot, fits) ||
		 (first != FirstOffsetNumber &&
		  look_at(trail, i, FirstOffsetNumber, row, snapshot, fits)));
}

/* into row->slot, if it stands there */
bool
paystate_find_near(PsRow *row, Snapshot snapshot, bool (*fits) (PsRow *row))
{
	Trail	   *trail = trail_of(row->rel);

	if (!may_look(trail, row->rel))
		return false;
	for (int i = 0; i < trail->nruns; i++)
	{
		if (look_behind(trail, i, row, snapshot, fits))
			return true;
	}
	for (int i = 0; i < trail->nruns; i++)
	{
		if (look_in_next_page(trail, i, row, snapshot, fits))
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
	const ItemPointerData *tid = &row->slot->tts_tid;

	if (trail == &trails[next_trail])
		next_trail = (next_trail + 1) % NTRAILS;
	if (!is_fresh(trail, row->rel))
	{
		trail->misses = 0;
		trail->nruns = 0;
	}
	trail->transaction = ps_local_transaction();
	trail->subxact = GetCurrentSubTransactionId();
	trail->relid = RelationGetRelid(row->rel);
	trail->file = row->rel->rd_rel->relfilenode;
	trail->nruns = Min(trail->nruns + 1, NRUNS);
	memmove(&trail->runs[1], &trail->runs[0], (trail->nruns - 1) * sizeof(Run));
	trail->runs[0] = (Run) {.last = *tid,.first = ItemPointerGetOffsetNumber(tid)};
}
