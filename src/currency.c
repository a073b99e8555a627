/*
 * currency.c
 *		The currencies that the gateways take, and how many decimals each has:
 *		money is stored in the smallest of its units.
 *
 * Static state: a constant table.
 */
#include "postgres.h"

#include "fmgr.h"

#include "compat.h"
#include "paystate.h"

#define CODE_LENGTH 3

typedef struct Currency
{
	char		code[CODE_LENGTH + 1];
	int			exponent;
} Currency;

/* as published by Razorpay, sorted by code in byte order */
static const Currency currencies[] = {
	{"AED", 2}, {"ALL", 2}, {"AMD", 2}, {"AUD", 2}, {"AWG", 2},
	{"AZN", 2}, {"BAM", 2}, {"BBD", 2}, {"BDT", 2}, {"BGN", 2},
	{"BHD", 3}, {"BIF", 0}, {"BMD", 2}, {"BND", 2}, {"BOB", 2},
	{"BRL", 2}, {"BSD", 2}, {"BTN", 2}, {"BWP", 2}, {"BZD", 2},
	{"CAD", 2}, {"CHF", 2}, {"CLP", 0}, {"CNY", 2}, {"COP", 2},
	{"CRC", 2}, {"CUP", 2}, {"CVE", 2}, {"CZK", 2}, {"DJF", 0},
	{"DKK", 2}, {"DOP", 2}, {"DZD", 2}, {"EGP", 2}, {"ETB", 2},
	{"EUR", 2}, {"FJD", 2}, {"GBP", 2}, {"GHS", 2}, {"GIP", 2},
	{"GMD", 2}, {"GNF", 0}, {"GTQ", 2}, {"GYD", 2}, {"HKD", 2},
	{"HNL", 2}, {"HRK", 2}, {"HTG", 2}, {"HUF", 2}, {"IDR", 2},
	{"ILS", 2}, {"INR", 2}, {"IQD", 3}, {"ISK", 0}, {"JMD", 2},
	{"JOD", 3}, {"JPY", 0}, {"KES", 2}, {"KGS", 2}, {"KHR", 2},
	{"KMF", 0}, {"KRW", 0}, {"KWD", 3}, {"KYD", 2}, {"KZT", 2},
	{"LAK", 2}, {"LKR", 2}, {"LRD", 2}, {"LSL", 2}, {"MAD", 2},
	{"MDL", 2}, {"MGA", 2}, {"MKD", 2}, {"MMK", 2}, {"MNT", 2},
	{"MOP", 2}, {"MUR", 2}, {"MVR", 2}, {"MWK", 2}, {"MXN", 2},
	{"MYR", 2}, {"MZN", 2}, {"NAD", 2}, {"NGN", 2}, {"NIO", 2},
	{"NOK", 2}, {"NPR", 2}, {"NZD", 2}, {"OMR", 3}, {"PEN", 2},
	{"PGK", 2}, {"PHP", 2}, {"PKR", 2}, {"PLN", 2}, {"PYG", 0},
	{"QAR", 2}, {"RON", 2}, {"RSD", 2}, {"RUB", 2}, {"RWF", 0},
	{"SAR", 2}, {"SCR", 2}, {"SEK", 2}, {"SGD", 2}, {"SLL", 2},
	{"SOS", 2}, {"SVC", 2}, {"SZL", 2}, {"THB", 2}, {"TND", 3},
	{"TRY", 2}, {"TTD", 2}, {"TWD", 2}, {"TZS", 2}, {"UAH", 2},
	{"UGX", 0}, {"USD", 2}, {"UYU", 2}, {"UZS", 2}, {"VND", 0},
	{"VUV", 0}, {"XAF", 0}, {"XCD", 2}, {"XOF", 0}, {"XPF", 0},
	{"YER", 2}, {"ZAR", 2}, {"ZMW", 2}
};

static int
compare_code(const void *code, const void *currency)
{
	return memcmp(code, ((const Currency *) currency)->code, CODE_LENGTH);
}

int
paystate_currency_exponent(const char *code, int len)
{
	const Currency *found;

	if (len != CODE_LENGTH)
		return -1;
	found = bsearch(code, currencies, lengthof(currencies), sizeof(Currency),
					compare_code);
	return found == NULL ? -1 : found->exponent;
}

PG_FUNCTION_INFO_V1(paystate_sql_currency_exponent);

Datum
paystate_sql_currency_exponent(PG_FUNCTION_ARGS)
{
	text	   *code = PG_GETARG_TEXT_PP(0);
	int			exponent = paystate_currency_exponent(VARDATA_ANY(code),
													  VARSIZE_ANY_EXHDR(code));

	if (exponent < 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(exponent);
}
