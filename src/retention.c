/*
 * retention.c
 *		A history partitioned by time, whose oldest partitions were detached:
 *		since when it is kept, and whether the rows that an order lacks can all
 *		be older than that.
 *
 * No state.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "book.h"

/* where the oldest partition that has bounds begins */
static TimestampTz
oldest_bound(const PsTables *t)
{
	PartitionKey key;
	PartitionBoundInfo bounds;

	if (t->history_rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		return DT_NOBEGIN;
	key = RelationGetPartitionKey(t->history_rel);
	bounds = RelationGetPartitionDesc(t->history_rel, true)->boundinfo;
	if (key->strategy != PARTITION_STRATEGY_RANGE ||
		key->partattrs[0] != t->history->att[PS_H_AT] ||
		bounds == NULL || bounds->ndatums == 0 ||
		bounds->kind[0][0] != PARTITION_RANGE_DATUM_VALUE)
		return DT_NOBEGIN;
	return DatumGetTimestampTz(bounds->datums[0][0]);
}

/* the oldest row before that, which must be one of the default partition */
static TimestampTz
oldest_row_before(const PsTables *t, TimestampTz bound)
{
	const char *at = paystate_sql_column(t->history_rel, t->history->att[PS_H_AT]);
	char	   *sql = psprintf("SELECT pg_catalog.min(h.%s) FROM %s AS h WHERE h.%s OPERATOR(pg_catalog.<) $1",
							   at, paystate_sql_table(t->history_rel), at);
	Oid			type = TIMESTAMPTZOID;
	Datum		value = TimestampTzGetDatum(bound);
	bool		isnull;
	Datum		oldest;

	SPI_connect();
	if (SPI_execute_with_args(sql, 1, &type, &value, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look for the oldest history row");
	oldest = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	SPI_finish();
	return isnull ? bound : DatumGetTimestampTz(oldest);
}

/*
 * Rows from then on are all there; those before may have been let go, with
 * their partitions.  DT_NOBEGIN: none can have been.
 */
TimestampTz
paystate_kept_since(const PsTables *t)
{
	TimestampTz bound = oldest_bound(t);

	return bound == DT_NOBEGIN ? bound : oldest_row_before(t, bound);
}

/*
 * Whatever moved a payment left its time behind: in the payment's next row of
 * the history, or else in the payment itself.
 */
static bool
payments_may_be_older(const PsBook *book, TimestampTz kept)
{
	bool		ok = true;

	for (int i = 0; i < book->nsteps; i++)
	{
		const PsStep *s = &book->steps[i];
		PsLeg	   *leg = paystate_book_leg(book, s->payment);

		if (leg == NULL || leg->known)
			continue;
		leg->known = true;
		ok &= s->payment_from == NULL || s->payment_since < kept;
	}
	for (int i = 0; i < book->nlegs; i++)
	{
		ok &= book->legs[i].known || book->legs[i].status_since < kept;
		book->legs[i].known = false;
	}
	return ok;
}

/*
 * Are the rows that the order lacks those with which its history began, and
 * is there nothing to say that one of them is not older than what is kept?
 */
bool
paystate_let_go(const PsBook *book, TimestampTz kept)
{
	if (kept == DT_NOBEGIN)
		return false;
	if (book->nsteps == 0)
	{
		if (book->changed_at >= kept)
			return false;
	}
	else if (book->steps[0].seq <= 1 || book->steps[0].order_since >= kept)
		return false;
	return payments_may_be_older(book, kept);
}
