/*
 * report.c
 *		Every refusal of paystate is raised here, in core's style: a message
 *		of one line, where the order stands in the DETAIL, what is allowed in
 *		the HINT, and the table, column and constraint fields filled.
 *
 * No state.
 */
#include "postgres.h"

#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "mb/pg_wchar.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "paystate.h"

/* of a partition, the name of the table that users know */
const char *
paystate_relation_name(Relation rel)
{
	Oid			relid = RelationGetRelid(rel);

	if (!rel->rd_rel->relispartition)
		return RelationGetRelationName(rel);
	return get_rel_name(llast_oid(get_partition_ancestors(relid)));
}

static int
fill_fields(const PsReport *report)
{
	if (report->rel != NULL)
	{
		err_generic_string(PG_DIAG_SCHEMA_NAME,
						   get_namespace_name(RelationGetNamespace(report->rel)));
		err_generic_string(PG_DIAG_TABLE_NAME,
						   paystate_relation_name(report->rel));
	}
	if (report->column != NULL)
		err_generic_string(PG_DIAG_COLUMN_NAME, report->column);
	if (report->constraint != NULL)
		err_generic_string(PG_DIAG_CONSTRAINT_NAME, report->constraint);
	return 0;
}

static bool
is_given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

void
paystate_report(const PsReport *report)
{
	ereport(ERROR,
			(errcode(report->code),
			 errmsg_internal("%s", report->message),
			 is_given(report->detail) ? errdetail_internal("%s", report->detail) : 0,
			 is_given(report->hint) ? errhint("%s", report->hint) : 0,
			 fill_fields(report)));
	pg_unreachable();
}

void
paystate_unbound(Relation rel, const char *hint, const char *detail,...)
{
	char		buffer[512];
	va_list		args;

	va_start(args, detail);
	vsnprintf(buffer, sizeof(buffer), detail, args);
	va_end(args);
	/* what was cut must not end within a character */
	buffer[pg_mbcliplen(buffer, strlen(buffer), sizeof(buffer) - 1)] = '\0';
	paystate_report(&(PsReport) {
		.code = ERRCODE_PS_UNBOUND,.rel = rel,
		.constraint = "paystate_bound",
		.message = psprintf("table \"%s\" is not bound to a life cycle",
							RelationGetRelationName(rel)),
		.detail = buffer,.hint = hint
	});
}

/* as core does for a unique violation: row-level security hides them, too */
static bool
may_see(Relation rel, int n, const AttrNumber *atts)
{
	Oid			relid = RelationGetRelid(rel);

	if (check_enable_rls(relid, InvalidOid, true) == RLS_ENABLED)
		return false;
	if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK)
		return true;
	for (int i = 0; i < n; i++)
	{
		if (pg_attribute_aclcheck(relid, atts[i], GetUserId(),
								  ACL_SELECT) != ACLCHECK_OK)
			return false;
	}
	return true;
}

char *
paystate_key_text(Relation rel, int n, const AttrNumber *atts,
				  const Datum *values)
{
	StringInfoData text;

	initStringInfo(&text);
	if (!may_see(rel, n, atts))
		return text.data;
	for (int i = 0; i < n; i++)
	{
		Oid			output;
		bool		varlena;

		getTypeOutputInfo(TupleDescAttr(RelationGetDescr(rel), atts[i] - 1)->atttypid,
						  &output, &varlena);
		appendStringInfo(&text, "%s%s", i > 0 ? ", " : "",
						 OidOutputFunctionCall(output, values[i]));
	}
	return text.data;
}

/* in the words of order_json(), which has no table described */
void
paystate_refuse_key_count(Relation rel, const PsTable *table, int given)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < table->nkeys; i++)
		appendStringInfo(&names, "%s%s %s", i > 0 ? ", " : "",
						 NameStr(TupleDescAttr(RelationGetDescr(rel), table->key[i] - 1)->attname),
						 format_type_be(table->keytype[i]));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("wrong number of key values for table \"%s\"",
					paystate_relation_name(rel)),
			 errdetail("Expected: %d; given: %d.", table->nkeys, given),
			 errhint("The key is: %s.", names.data)));
}
