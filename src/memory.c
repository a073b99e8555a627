/*
 * memory.c
 *		Caches whose entries are replaced while a caller up the stack may
 *		still be reading the old one: what is replaced is put here and freed
 *		when the transaction ends.
 *
 * Static state: one memory context, for the life of the backend, whose
 * children are the contexts put here by the present transaction.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"

#include "paystate.h"

static MemoryContext discarded = NULL;

/* Nobody who was lent memory of ours lives longer than the transaction. */
static void
free_discarded(XactEvent event, void *arg pg_attribute_unused())
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
		case XACT_EVENT_PREPARE:
			MemoryContextDeleteChildren(discarded);
			break;
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PARALLEL_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			break;				/* deferred triggers are still to come */
	}
}

void
paystate_discard(MemoryContext cxt)
{
	if (discarded == NULL)
	{
		discarded = AllocSetContextCreate(TopMemoryContext,
										  "paystate discarded",
										  ALLOCSET_SMALL_SIZES);
		RegisterXactCallback(free_discarded, NULL);
	}
	MemoryContextSetParent(cxt, discarded);
}
