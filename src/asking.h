/*
 * asking.h
 *		Between asking.c and trying.c: tables and keys that a caller names,
 *		and their rows, read with his rights.
 */
#ifndef PAYSTATE_ASKING_H
#define PAYSTATE_ASKING_H

#include "utils/array.h"

#include "general.h"
#include "paystate.h"

/* 42P01 where there is none of that OID, 23PS8 where it is not of that kind */
extern Relation paystate_open_guarded(Oid relid, PsKind kind, LOCKMODE lock,
									  PsTable **table);

/* 22P02 as the column's type has it */
extern Datum paystate_value_of_text(Relation rel, AttrNumber att, char *word);
extern char *paystate_text_of_value(Oid type, Datum value);

/*
 * The values of a primary key, given as texts, and "last" behind them where
 * it is not NULL; returns them in words.  22023 when they are too many or too
 * few, P0002 when one is null.
 */
extern const char *paystate_read_key(Relation rel, const PsTable *table,
									 ArrayType *given, char *last, Datum *key);

/* P0002: no row of an orders or payments table has that key */
pg_noreturn extern void paystate_refuse_absent(Relation rel, PsKind kind,
											   const char *key);

/* rows of a SELECT by key that paystate_sql_find() or _list() worded */
extern int	paystate_read_rows(Relation rel, PsTable *table, const char *sql,
							   int nkeys, Oid *types, Datum *key,
							   bool read_only, PsRow **rows);

#endif							/* PAYSTATE_ASKING_H */
