/*
 * paystate.c
 *		The module: its magic block, what happens when it is loaded, and the
 *		handshake between the library and the extension's script.
 *
 * The two come to a server apart: the library when a package is installed,
 * the script in each database when ALTER EXTENSION is run there; a session
 * keeps the library it has loaded.  A release that changes what one expects
 * of the other gets a new number before the second dot, and the two refuse to
 * work together across it.  The check stands where tables are bound and rules
 * compiled, which is once in a session and after changes of these: never on
 * the path of a write.
 *
 * No state.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "paystate.h"

/* of default_version, what stands before the second dot */
#define INTERFACE_MAJOR 0
#define INTERFACE_MINOR 1

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	paystate_define_settings();
	paystate_install_hooks();
}

/* the version that pg_extension says this database has, or NULL */
static char *
script_version(void)
{
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	char	   *version = NULL;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber,
				F_NAMEEQ, CStringGetDatum("paystate"));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		value = heap_getattr(tuple, Anum_pg_extension_extversion,
										 RelationGetDescr(rel), &isnull);

		version = TextDatumGetCString(value);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return version;
}

/* ERROR when the script in this database is not one for this library */
void
paystate_shake_hands(void)
{
	char	   *version;
	int			major;
	int			minor;
	bool		older;

	/* a script that is running right now brings what it needs */
	if (creating_extension)
		return;
	version = script_version();
	if (version == NULL || sscanf(version, "%d.%d", &major, &minor) != 2)
		return;
	if (major == INTERFACE_MAJOR && minor == INTERFACE_MINOR)
		return;
	older = major < INTERFACE_MAJOR ||
		(major == INTERFACE_MAJOR && minor < INTERFACE_MINOR);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("extension \"paystate\" has version %s, but the library that is loaded is for %d.%d",
					version, INTERFACE_MAJOR, INTERFACE_MINOR),
			 older ?
			 errdetail("A newer library was installed, and the extension was not updated in this database.") :
			 errdetail("The extension was updated in this database, and this session has an older library."),
			 older ?
			 errhint("Run ALTER EXTENSION paystate UPDATE.") :
			 errhint("Connect again; if that does not help, install the library of that version.")));
}
