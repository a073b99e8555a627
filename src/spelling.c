/*
 * spelling.c
 *		to_order_status() and its like: statuses as the gateways spell them.
 *
 * Static state: a constant table.
 */
#include "postgres.h"

#include "catalog/pg_enum.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "paystate.h"

typedef struct Spelling
{
	const char *enum_label;		/* a label that tells which enum is meant */
	const char *spelling;		/* in lower case */
	const char *label;
} Spelling;

/*
 * PayKun names its payments in words of its own, and both spellings of
 * "cancelled" are about.  Everything else differs in case alone.  No two
 * gateways mean different things by the same word.
 */
static const Spelling payment_spellings[] = {
	{"captured", "initialized", "created"},
	{"captured", "success", "captured"},
	{"captured", "refund", "refunded"},
	{"cancelled", "canceled", "cancelled"}
};

static bool
enum_has_label(Oid type, const char *label)
{
	return SearchSysCacheExists2(ENUMTYPOIDNAME, ObjectIdGetDatum(type),
								 CStringGetDatum(label));
}

/* only an enum that has enum_label knows the spelling */
static const char *
usual_label(Oid type, const char *spelling)
{
	for (int i = 0; i < (int) lengthof(payment_spellings); i++)
	{
		const Spelling *s = &payment_spellings[i];

		if (strcmp(s->spelling, spelling) == 0 &&
			enum_has_label(type, s->enum_label))
			return s->label;
	}
	return spelling;
}

PG_FUNCTION_INFO_V1(paystate_to_status);

/*
 * One function for the three enums, told apart by what the SQL function
 * returns.  What is not recognized goes to the enum's input function as it
 * came, so that the error quotes the caller.
 */
Datum
paystate_to_status(PG_FUNCTION_ARGS)
{
	Oid			type = get_func_rettype(fcinfo->flinfo->fn_oid);
	char	   *given = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char		folded[NAMEDATALEN];
	const char *label = given;

	if (strlen(given) < NAMEDATALEN)
	{
		int			i;

		for (i = 0; given[i] != '\0'; i++)
			folded[i] = pg_ascii_tolower((unsigned char) given[i]);
		folded[i] = '\0';
		label = usual_label(type, folded);
		if (!enum_has_label(type, label))
			label = given;
	}
	return DirectFunctionCall3(enum_in, CStringGetDatum(label),
							   ObjectIdGetDatum(type), Int32GetDatum(-1));
}
