/*
 * status.c
 *		Labels of statuses.  Rules are compared by small numbers, but the
 *		columns that they speak of may be of our enums, of somebody else's, or
 *		text; so each label gets one number in a backend, whatever type it
 *		came from.
 *
 * Static state, all for the life of the backend: the table of labels, which
 * only rules and enum values may make grow, never the text of a user; and two
 * caches of fixed size between enum values and labels, emptied when any enum
 * changes.
 */
#include "postgres.h"

#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "compat.h"
#include "paystate.h"

/* a power of two; far above the labels of all shipped life cycles */
#define CACHE_SIZE 128

typedef struct LabelEntry
{
	char		label[NAMEDATALEN]; /* hash key */
	int			id;
} LabelEntry;

/* an enum value, or nothing where the type is invalid */
typedef struct EnumEntry
{
	Oid			type;			/* as the column has it, maybe a domain */
	Oid			value;
	int			id;
} EnumEntry;

static HTAB *labels = NULL;
static const char **label_of = NULL;	/* by id, into the hash table */
static int	nlabels = 0;
static int	maxlabels = 0;
static EnumEntry by_value[CACHE_SIZE];
static EnumEntry by_id[CACHE_SIZE];
static bool enums_changed = false;

static void
make_label_table(void)
{
	HASHCTL		ctl;

	ctl.keysize = NAMEDATALEN;
	ctl.entrysize = sizeof(LabelEntry);
	ctl.hcxt = TopMemoryContext;
	labels = hash_create("paystate labels", 64, &ctl,
						 HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	/* events of any order, also where no life cycle so far has such a status */
	paystate_label_id("cancelled");
	paystate_label_id("failed");
}

/* looks only: -1 when no rule and no enum has such a label */
static int
find_label(const char *text, int len)
{
	char		key[NAMEDATALEN];
	LabelEntry *entry;

	if (labels == NULL || len >= NAMEDATALEN)
		return -1;
	memcpy(key, text, len);
	key[len] = '\0';
	entry = hash_search(labels, key, HASH_FIND, NULL);
	return entry == NULL ? -1 : entry->id;
}

static void
make_room_for_label(void)
{
	if (nlabels < maxlabels)
		return;
	if (label_of == NULL)
		label_of = MemoryContextAlloc(TopMemoryContext,
									  64 * sizeof(char *));
	else
		label_of = repalloc(label_of, 2 * maxlabels * sizeof(char *));
	maxlabels = maxlabels == 0 ? 64 : 2 * maxlabels;
}

int
paystate_label_id(const char *label)
{
	LabelEntry *entry;
	bool		found;

	if (strlen(label) >= NAMEDATALEN)
		elog(ERROR, "label of a status is too long: \"%s\"", label);
	if (labels == NULL)
		make_label_table();
	make_room_for_label();		/* first: below, nothing may fail */
	entry = hash_search(labels, label, HASH_ENTER, &found);
	if (!found)
	{
		entry->id = nlabels;
		label_of[nlabels++] = entry->label;
	}
	return entry->id;
}

const char *
paystate_label(int id)
{
	if (id < 0 || id >= nlabels)
		elog(ERROR, "no label has number %d", id);
	return label_of[id];
}

/* syscache callback: may come at any moment, so nothing is emptied here */
static void
enums_did_change(Datum arg pg_attribute_unused(),
				 int cacheid pg_attribute_unused(),
				 uint32 hashvalue pg_attribute_unused())
{
	enums_changed = true;
}

static void
check_enum_caches(void)
{
	static bool registered = false;

	if (!registered)
	{
		CacheRegisterSyscacheCallback(ENUMOID, enums_did_change, (Datum) 0);
		registered = true;
	}
	if (enums_changed)
	{
		enums_changed = false;
		memset(by_value, 0, sizeof(by_value));
		memset(by_id, 0, sizeof(by_id));
	}
}

static int
label_from_text(Datum value)
{
	text	   *packed = DatumGetTextPP(value);
	int			id = find_label(VARDATA_ANY(packed),
								VARSIZE_ANY_EXHDR(packed));

	if ((Pointer) packed != DatumGetPointer(value))
		pfree(packed);
	return id;
}

static int
label_from_enum(Oid value)
{
	HeapTuple	tuple = SearchSysCache1(ENUMOID, ObjectIdGetDatum(value));
	int			id;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for enum value %u", value);
	id = paystate_label_id(NameStr(((Form_pg_enum) GETSTRUCT(tuple))->enumlabel));
	ReleaseSysCache(tuple);
	return id;
}

/* the type that a status column really has: enum, text or varchar */
static Oid
base_type(Oid type)
{
	Oid			base = getBaseType(type);

	if (base != TEXTOID && base != VARCHAROID && !type_is_enum(base))
		elog(ERROR, "type %s cannot hold a status", format_type_be(type));
	return base;
}

/*
 * -1 for a text that no rule compiled so far and no enum has for a label: so
 * compile the life cycle before asking.
 */
int
paystate_label_from_datum(Oid type, Datum value)
{
	EnumEntry  *entry;

	if (type == TEXTOID || type == VARCHAROID)
		return label_from_text(value);

	/* a domain over text has no entry, whatever its pointer looks like */
	check_enum_caches();
	entry = &by_value[DatumGetObjectId(value) % CACHE_SIZE];
	if (entry->type != type || entry->value != DatumGetObjectId(value))
	{
		int			id;

		if (!type_is_enum(base_type(type)))
			return label_from_text(value);
		id = label_from_enum(DatumGetObjectId(value));
		entry->type = type;
		entry->value = DatumGetObjectId(value);
		entry->id = id;
	}
	return entry->id;
}

/*
 * An enum's own input function answers, and with it comes the core's message
 * for a label that the enum does not have.
 */
Datum
paystate_label_to_datum(Oid type, int id)
{
	const char *label = paystate_label(id);
	EnumEntry  *entry;

	if (type == TEXTOID || type == VARCHAROID)
		return CStringGetTextDatum(label);

	check_enum_caches();
	/* by both: orders and payments share labels, in types made together */
	entry = &by_id[(id + 31 * type) % CACHE_SIZE];
	if (entry->type != type || entry->id != id)
	{
		Oid			base = base_type(type);
		Oid			value;

		if (!type_is_enum(base))
			return CStringGetTextDatum(label);
		value = DatumGetObjectId(DirectFunctionCall3(enum_in,
													 CStringGetDatum(label),
													 ObjectIdGetDatum(base),
													 Int32GetDatum(-1)));
		entry->type = type;
		entry->value = value;
		entry->id = id;
	}
	return ObjectIdGetDatum(entry->value);
}
