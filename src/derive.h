/*
 * derive.h
 *		An order's status and attempts from its payments, for repair().
 */
#ifndef PAYSTATE_DERIVE_H
#define PAYSTATE_DERIVE_H

#include "book.h"

/* true when the history leads to the payments as they stand */
extern bool paystate_derive(PsBook *book, int *status, int *attempts);

#endif							/* PAYSTATE_DERIVE_H */
