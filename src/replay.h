/*
 * replay.h
 *		Between the files that follow a history: replay_begin.c, replay.c,
 *		and replay_words.c, which says where one cannot be followed.
 */
#ifndef PAYSTATE_REPLAY_H
#define PAYSTATE_REPLAY_H

#include "book.h"

/* replay_words.c: what stops it, said in words that live as long as the book */
extern bool paystate_replay_stop(PsReplay *r, const PsStep *step,
								 const char *what, const char *expected,
								 const char *actual);
extern bool paystate_replay_illegal(PsReplay *r, const PsStep *step);

/* the order as the step leaves it, which must be what the step says */
extern bool paystate_replay_enter(PsReplay *r, const PsStep *step, int status);

static inline const char *
replay_number(int64 n)
{
	return psprintf(INT64_FORMAT, n);
}

static inline bool
replay_same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static inline const char *
replay_order_label(const PsReplay *r)
{
	return r->order.status == PS_NO_STATUS ? NULL :
		r->lc->order[r->order.status].label;
}

static inline const char *
replay_payment_label(const PsReplay *r, const PsLeg *leg)
{
	return !leg->known || leg->now.status == PS_NO_STATUS ? NULL :
		r->lc->payment[leg->now.status].label;
}

static inline int
replay_payment_index(const PsReplay *r, const char *label)
{
	return paystate_label_index(r->lc->payment, r->lc->npayment, label);
}

static inline int
replay_order_index(const PsReplay *r, const char *label)
{
	return paystate_label_index(r->lc->order, r->lc->norder, label);
}

static inline bool
replay_has_role(const PsReplay *r, int status, PsRole role)
{
	return status != PS_NO_STATUS && r->lc->payment[status].role == role;
}

#endif							/* PAYSTATE_REPLAY_H */
