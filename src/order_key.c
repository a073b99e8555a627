/*
 * order_key.c
 *		The order that a caller names: by the texts of its key.
 *
 * No state.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "book.h"

void
paystate_null_argument(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("argument \"%s\" must not be null", name)));
}

/* 22P02 by the input function of the key's own type */
void
paystate_order_key(const PsTables *t, ArrayType *given, Datum *key)
{
	TupleDesc	desc = RelationGetDescr(t->orders_rel);
	Datum	   *texts;
	bool	   *nulls;
	int			n;

	deconstruct_array(given, TEXTOID, -1, false, TYPALIGN_INT, &texts, &nulls, &n);
	if (n != t->orders->nkeys)
		paystate_refuse_key_count(t->orders_rel, t->orders, n);
	for (int i = 0; i < n; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, t->orders->key[i] - 1);
		Oid			input;
		Oid			ioparam;

		if (nulls[i])
			paystate_null_argument("order_key");
		getTypeInputInfo(att->atttypid, &input, &ioparam);
		key[i] = OidInputFunctionCall(input, TextDatumGetCString(texts[i]),
									  ioparam, att->atttypmod);
	}
}

/* 'x', or 'x, y' */
char *
paystate_key_in_words(const PsTables *t, const Datum *key)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < t->orders->nkeys; i++)
	{
		Oid			output;
		bool		varlena;

		getTypeOutputInfo(t->orders->keytype[i], &output, &varlena);
		appendStringInfo(&text, "%s%s", i > 0 ? ", " : "",
						 OidOutputFunctionCall(output, key[i]));
	}
	return text.data;
}

void
paystate_no_such_order(const PsTables *t, const Datum *key)
{
	ereport(ERROR,
			(errcode(ERRCODE_NO_DATA_FOUND),
			 errmsg("order \"%s\" does not exist", paystate_key_in_words(t, key)),
			 errdetail("Table \"%s\" has no row with that key.",
					   RelationGetRelationName(t->orders_rel)),
			 errtable(t->orders_rel)));
}
