/*
 * compat.h
 *		Everything that differs between PostgreSQL 15, 17, 18 and 19, and nothing
 *		else: the only place where PG_VERSION_NUM may stand.
 */
#ifndef PAYSTATE_COMPAT_H
#define PAYSTATE_COMPAT_H

#include "access/genam.h"
#include "access/tableam.h"
#include "catalog/pg_constraint.h"
#include "nodes/execnodes.h"
#include "utils/jsonb.h"
#include "utils/tuplestore.h"	/* 19: funcapi.h brings it no more */

#if PG_VERSION_NUM < 150000
#error "paystate needs PostgreSQL 15 or later"
#endif

/* 18: noreturn stands in front of a declaration */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* 17: the virtual transaction ID moved into a struct */
#if PG_VERSION_NUM >= 170000
#define ps_local_transaction() (MyProc->vxid.lxid)
#else
#define ps_local_transaction() (MyProc->lxid)
#endif

/* 16: whether an update needs new index entries became an enum, for BRIN */
#if PG_VERSION_NUM >= 160000
typedef TU_UpdateIndexes PsUpdateIndexes;

#define ps_needs_no_index(u) ((u) == TU_None)
#define ps_only_summarizing(u) ((u) == TU_Summarizing)
#define ps_is_summarizing(info) ((info)->ii_Summarizing)
#else
typedef bool PsUpdateIndexes;

#define ps_needs_no_index(u) (!(u))
#define ps_only_summarizing(u) (false)
#define ps_is_summarizing(info) (false)
#endif

/* 17: an index access method may hold resources between two inserts */
#if PG_VERSION_NUM >= 170000
#define ps_index_insert_cleanup(index, info) index_insert_cleanup(index, info)
#else
#define ps_index_insert_cleanup(index, info) ((void) 0)
#endif

/* 18: index_beginscan takes a place for instrumentation; 19: and flags */
#if PG_VERSION_NUM >= 190000
#define ps_index_beginscan(heap, index, snapshot, nkeys) \
	index_beginscan(heap, index, snapshot, NULL, nkeys, 0, 0)
#elif PG_VERSION_NUM >= 180000
#define ps_index_beginscan(heap, index, snapshot, nkeys) \
	index_beginscan(heap, index, snapshot, NULL, nkeys, 0)
#else
#define ps_index_beginscan(heap, index, snapshot, nkeys) \
	index_beginscan(heap, index, snapshot, nkeys, 0)
#endif

/* 18: generated columns may be virtual, and then have no value to check */
#if PG_VERSION_NUM >= 180000
#define ps_has_generated(constr) \
	((constr)->has_generated_stored || (constr)->has_generated_virtual)
#else
#define ps_has_generated(constr) ((constr)->has_generated_stored)
#endif

/* 18: a constraint may be declared NOT ENFORCED */
#if PG_VERSION_NUM >= 180000
#define ps_is_enforced(con) ((con)->conenforced)
#else
#define ps_is_enforced(con) (true)
#endif

/* 19: an update takes options */
#if PG_VERSION_NUM >= 190000
#define ps_table_tuple_update(rel, tid, slot, cid, snapshot, failure, mode, indexes) \
	table_tuple_update(rel, tid, slot, cid, 0, snapshot, InvalidSnapshot, true, \
					   failure, mode, indexes)
#else
#define ps_table_tuple_update(rel, tid, slot, cid, snapshot, failure, mode, indexes) \
	table_tuple_update(rel, tid, slot, cid, snapshot, InvalidSnapshot, true, \
					   failure, mode, indexes)
#endif

/* 19: errors of numeric may be soft ones; NULL: they are not */
#if PG_VERSION_NUM >= 190000
#define ps_numeric_mul(a, b) numeric_mul_safe(a, b, NULL)
#else
#define ps_numeric_mul(a, b) numeric_mul_opt_error(a, b, NULL)
#endif

/* 19: jsonb is built in a struct that holds its result, too */
#if PG_VERSION_NUM >= 190000
typedef JsonbInState PsJson;

#define ps_push_json(json, token, value) pushJsonbValue(json, token, value)
#else
typedef struct PsJson
{
	JsonbParseState *parse;
	JsonbValue *result;
} PsJson;

#define ps_push_json(json, token, value) \
	((json)->result = pushJsonbValue(&(json)->parse, token, value))
#endif

#endif							/* PAYSTATE_COMPAT_H */
