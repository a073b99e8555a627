/*
 * paystate.c
 *		The module: its magic block and what happens when it is loaded.
 */
#include "postgres.h"

#include "paystate.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	paystate_define_settings();
}
