/*
 * fuzz.h
 *		Between fuzz.c, which tries things, fuzz_parts.c, which makes life
 *		cycles and inputs of bytes, and fuzz_backend.c, which stands in for
 *		the server.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <setjmp.h>

#include "advance.h"
#include "atoms.h"

/* the system's, not the server's */
#undef fprintf
#undef printf
#undef sprintf
#undef vsnprintf

typedef struct Input
{
	const uint8_t *next;
	const uint8_t *end;
} Input;

static inline bool
has_more(const Input *in)
{
	return in->next < in->end;
}

/* the next byte; zeroes when there is none */
static inline int
take(Input *in)
{
	return has_more(in) ? *in->next++ : 0;
}

/* an index below n, or now and then one that is none */
static inline int
take_status(Input *in, int n)
{
	int			byte = take(in);

	return byte >= 250 ? byte - 251 + (byte & 1) * n : byte % n;
}

/* an amount: likely one of those named, or near them, or small, or any */
extern int64 take_amount(Input *in, int64 a, int64 b);

/* a life cycle made of bytes; NULL when it makes no sense */
extern const PsLifecycle *fuzz_lifecycle(Input *in);

/* one of the four that paystate brings, from test/data */
extern const PsLifecycle *fuzz_gateway(Input *in);

extern void fuzz_parsers(Input *in);

/* an ereport() or a life cycle that makes no sense ends up here */
extern jmp_buf fuzz_refusal;

/* all that was allocated since */
extern void fuzz_forget(void);

/* what is allocated now lasts */
extern void fuzz_keep(bool keep);

#endif							/* FUZZ_H */
