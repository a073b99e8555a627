/*
 * arguments.c
 *		What the arguments of a guard say of its table: the life cycle, and
 *		where the table's own names stand for ours.
 *
 *		'lifecycle=razorpay', 'column.status=state', 'label.paid=COMPLETE'
 *
 * A column mapped to nothing ('column.currency=') is taken as not there.
 *
 * No state.
 */
#include "postgres.h"

#include "paystate.h"

#define LIFECYCLE "lifecycle"
#define COLUMN "column."
#define LABEL "label."

/* what stands behind "name=" */
static const char *
value_of(const char *argument, const char *name)
{
	size_t		len = strlen(name);

	if (strncmp(argument, name, len) != 0 || argument[len] != '=')
		return NULL;
	return argument + len + 1;
}

static const char *
find_value(const Trigger *guard, const char *name)
{
	for (int i = 0; i < guard->tgnargs; i++)
	{
		const char *value = value_of(guard->tgargs[i], name);

		if (value != NULL)
			return value;
	}
	return NULL;
}

const char *
paystate_argument_lifecycle(const Trigger *guard)
{
	return find_value(guard, LIFECYCLE);
}

const char *
paystate_argument_column(const Trigger *guard, const char *ours)
{
	return find_value(guard, psprintf(COLUMN "%s", ours));
}

/* "ours=theirs": no label of a life cycle has an equals sign */
static void
add_label(PsLabels *labels, const char *pair)
{
	const char *sign = strchr(pair, '=');

	if (sign == NULL)
		return;
	labels->ours[labels->n] = paystate_label_id(pnstrdup(pair, sign - pair));
	labels->theirs[labels->n] = paystate_label_id(sign + 1);
	labels->n++;
}

void
paystate_argument_labels(PsLabels *labels, const Trigger *guard)
{
	labels->n = 0;
	labels->ours = palloc(guard->tgnargs * sizeof(int));
	labels->theirs = palloc(guard->tgnargs * sizeof(int));
	for (int i = 0; i < guard->tgnargs; i++)
	{
		if (strncmp(guard->tgargs[i], LABEL, strlen(LABEL)) == 0)
			add_label(labels, guard->tgargs[i] + strlen(LABEL));
	}
}

static bool
is_column(PsKind kind, const char *pair)
{
	int			n;
	const PsColumn *columns = paystate_columns(kind, &n);

	for (int i = 0; i < n; i++)
	{
		if (value_of(pair, columns[i].name) != NULL)
			return true;
	}
	for (int i = 0; kind == PS_ORDERS && paystate_free_columns[i] != NULL; i++)
	{
		if (value_of(pair, paystate_free_columns[i]) != NULL)
			return true;
	}
	return false;
}

/* an argument that means nothing: somebody meant something by it */
const char *
paystate_argument_unknown(const Trigger *guard, PsKind kind)
{
	for (int i = 0; i < guard->tgnargs; i++)
	{
		const char *argument = guard->tgargs[i];
		const char *pair = argument + strlen(COLUMN);

		if (value_of(argument, LIFECYCLE) != NULL ||
			(strncmp(argument, COLUMN, strlen(COLUMN)) == 0 && is_column(kind, pair)) ||
			(strncmp(argument, LABEL, strlen(LABEL)) == 0 && strchr(argument, '=') != NULL))
			continue;
		return argument;
	}
	return NULL;
}

/*
 * An argument whose name an earlier one has, too: which of them is meant?
 */
const char *
paystate_argument_repeated(const Trigger *guard)
{
	for (int i = 1; i < guard->tgnargs; i++)
	{
		const char *argument = guard->tgargs[i];
		int			len = strcspn(argument, "=") + 1;

		for (int j = 0; j < i; j++)
		{
			if (strncmp(guard->tgargs[j], argument, len) == 0)
				return argument;
		}
	}
	return NULL;
}
