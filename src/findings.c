/*
 * findings.c
 *		What verify() finds, one row each.
 *
 * No state.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "findings.h"

/* NULL for a payment that has no order */
const char *
paystate_find_key(const PsFindings *f)
{
	return f->book->alone != NULL ? NULL :
		paystate_key_in_words(f->tables, f->book->key);
}

/* worded here, for most of what is looked at is right */
static const char *
with_place(const PsFindings *f, const char *problem)
{
	if (f->leg != NULL)
		return psprintf("%s of payment \"%s\"", problem, f->leg->id);
	if (f->refund != NULL)
		return psprintf("%s of refund \"%s\"", problem, f->refund->id);
	if (f->step != NULL)
		return psprintf("%s in history row %d", problem, f->step->seq);
	return problem;
}

void
paystate_find(PsFindings *f, const char *problem, const char *expected,
			  const char *actual)
{
	const char *texts[] = {paystate_find_key(f), with_place(f, problem), expected, actual};
	Datum		values[lengthof(texts)];
	bool		nulls[lengthof(texts)];

	for (int i = 0; i < (int) lengthof(texts); i++)
	{
		nulls[i] = texts[i] == NULL;
		values[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(texts[i]);
	}
	tuplestore_putvalues(f->rsinfo->setResult, f->rsinfo->setDesc, values, nulls);
}

void
paystate_find_text(PsFindings *f, const char *problem, const char *expected,
				   const char *actual)
{
	if (expected == NULL ? actual != NULL :
		actual == NULL || strcmp(expected, actual) != 0)
		paystate_find(f, problem, expected, actual);
}

void
paystate_find_number(PsFindings *f, const char *problem, int64 expected,
					 int64 actual)
{
	if (expected != actual)
		paystate_find(f, problem, psprintf(INT64_FORMAT, expected),
					  psprintf(INT64_FORMAT, actual));
}

void
paystate_find_time(PsFindings *f, const char *problem, TimestampTz expected,
				   TimestampTz actual)
{
	if (expected != actual)
		paystate_find(f, problem, pstrdup(timestamptz_to_str(expected)),
					  pstrdup(timestamptz_to_str(actual)));
}
