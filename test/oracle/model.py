"""What an order, its payments and refunds come to, by the documented rules.

Written from the life cycles' data (test/data/*.tsv), from what their atoms
mean, and from what a write means; not from the C code, which it is there to
contradict.  A World holds a few orders with their payments and refunds.
World.statement() is one SQL statement: its rows pass BEFORE and the table's
constraints one by one, then AFTER one by one, and all of it is undone when one
of them is refused.  Cases that are left open raise Ambiguous: who draws
operations draws another.
"""

import csv
import json
import os

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'data')
LIVE = ('open', 'held')


class Refused(Exception):
    def __init__(self, code):
        super().__init__(code)
        self.code = code


class Ambiguous(Exception):
    pass


# ------------------------------------------------------------- life cycles

class LifeCycle:
    """Parameters, roles of the statuses, and the rules by (event, status)."""

    def __init__(self, name, parameters, statuses, rules):
        self.name = name
        self.parameters = parameters
        self.statuses = statuses    # {(kind, label): role}
        self.raw = rules            # [[event, before, guard, after, effect]]
        self.role = {'order': {}, 'payment': {}}
        for (kind, label), role in statuses.items():
            self.role[kind][label] = role
        self.rules, self.events = {}, set()
        for event, before, guard, after, effect in rules:
            self.events.add(event)
            self.rules.setdefault((event, before), []).append(
                (event, atoms(guard), after, atoms(effect)))
        for key, value in parameters.items():
            setattr(self, key, value)
        self.returned = {s for s, r in self.role['payment'].items() if r == 'returned'}

    def derived(self, name, definition):
        """A definition with "based_on" this one."""
        parameters = dict(self.parameters)
        statuses = dict(self.statuses)
        rules = [list(rule) for rule in self.raw]
        moved = (definition.get('attempt_on') == 'create'
                 and self.attempt_on == 'result')
        for key, value in definition.items():
            if key not in ('based_on', 'statuses', 'transitions'):
                parameters[key] = value
        for rule in rules if moved else ():
            old = rule[0].split('>')[0]
            effect = atoms(rule[4])
            if old == 'new':
                effect = ['attempt'] + effect
                if rule[3] == 'created':
                    rule[3] = 'attempted'
            elif old == 'created':
                effect = [e for e in effect if e != 'attempt']
            rule[4] = ';'.join(effect)
        add_items(statuses, rules, definition)
        return LifeCycle(name, parameters, statuses, rules)


def add_items(statuses, rules, definition):
    for item in definition.get('statuses', ()):
        key = (item['kind'], item['label'])
        if item.get('role', '') is None:
            del statuses[key]
        else:
            statuses[key] = item['role']
    for item in definition.get('transitions', ()):
        key = [item['payment_event'], item['order_before'], item.get('guard', '')]
        found = [rule for rule in rules if rule[:3] == key]
        for rule in found:
            rules.remove(rule)
        if item.get('order_after') is not None:
            rules.append(key + [item['order_after'], item.get('money_effect', '')])


def atoms(text):
    return [] if text in ('', '-', '\\N', None) else text.split(';')


def rows(name):
    with open(os.path.join(DATA, name + '.tsv'), newline='', encoding='utf-8') as f:
        lines = [line for line in f if not line.startswith('#')]
    return list(csv.DictReader(lines, delimiter='\t', quoting=csv.QUOTE_NONE))


def parameter(key, text):
    if text == '\\N':
        return None
    if key in ('auto_capture', 'partial_capture', 'order_cancel'):
        return text == 't'
    if key in ('max_attempts', 'payment_min', 'payment_max'):
        return int(text)
    if key == 'currencies':
        return text.strip('{}').split(',')
    return text


def shipped():
    """The four life cycles."""
    found = {}
    for row in rows('lifecycles'):
        name = row.pop('name')
        statuses = {(s['kind'], s['label']): s['role']
                    for s in rows('states') if s['lifecycle'] == name}
        rules = [[t['payment_event'], t['order_before'],
                  '' if t['guard'] == '-' else t['guard'], t['order_after'],
                  '' if t['money_effect'] == '-' else t['money_effect']]
                 for t in rows('transitions') if t['lifecycle'] == name]
        found[name] = LifeCycle(
            name, {k: parameter(k, v) for k, v in row.items()}, statuses, rules)
    return found


def defined(name, text, known):
    """A life cycle as define_lifecycle() takes it."""
    definition = json.loads(text)
    if 'based_on' in definition:
        return known[definition['based_on']].derived(name, definition)
    parameters = {k: v for k, v in definition.items()
                  if k not in ('statuses', 'transitions')}
    statuses, rules = {}, []
    add_items(statuses, rules, definition)
    return LifeCycle(name, parameters, statuses, rules)


CURRENCIES = {row['code'] for row in rows('razorpay_currencies')}


# ------------------------------------------------------------------- atoms

def left(p, r):
    """Is r, above 0, still there to be given back?"""
    return r > 0 and (p['amount_refunded'] + p['refund_pending'] + r
                      <= p['amount_captured'])


# (order, payment, amount captured now, refund, life cycle) -> is it true?
ATOMS = {
    'amount=held': lambda o, p, c, r, l: c == p['amount'],
    'captured=held': lambda o, p, c, r, l: c == p['amount'],
    'captured<held': lambda o, p, c, r, l: 0 < c < p['amount'],
    'amount=order_due': lambda o, p, c, r, l:
        p['amount'] == o['amount'] - o['amount_paid'] and c == p['amount'],
    'due_after=0': lambda o, p, c, r, l: o['amount'] - o['amount_paid'] - c == 0,
    'due_after>0': lambda o, p, c, r, l: o['amount'] - o['amount_paid'] - c > 0,
    'partial_payment': lambda o, p, c, r, l: o['partial_payment'],
    'refund=amount': lambda o, p, c, r, l: r == p['amount'],
    '0<refund': lambda o, p, c, r, l: r > 0,
    'refunded_after<captured': lambda o, p, c, r, l:
        left(p, r) and p['amount_refunded'] + r < p['amount_captured'],
    'refunded_after=captured': lambda o, p, c, r, l:
        left(p, r) and p['amount_refunded'] + r == p['amount_captured'],
    'refunded_after<amount_paid': lambda o, p, c, r, l:
        left(p, r) and o['amount_refunded'] + r < o['amount_paid'],
    'refunded_after=amount_paid': lambda o, p, c, r, l:
        left(p, r) and o['amount_refunded'] + r == o['amount_paid'],
    'other_live': lambda o, p, c, r, l: o['payments_open'] > 1,
    'no_other_live': lambda o, p, c, r, l: o['payments_open'] == 1,
    'others_held': lambda o, p, c, r, l: o['payments_open'] > 1,
    'others_done': lambda o, p, c, r, l: o['payments_open'] == 1,
    'none_live': lambda o, p, c, r, l: o['payments_open'] == 0,
    'attempts<max': lambda o, p, c, r, l:
        l.max_attempts is None or o['attempts'] < l.max_attempts,
    'attempts>=max': lambda o, p, c, r, l:
        l.max_attempts is not None and o['attempts'] >= l.max_attempts,
    'held_after<amount': lambda o, p, c, r, l:
        o['amount_authorized'] + o['amount_paid'] + p['amount'] < o['amount'],
    'held_after=amount': lambda o, p, c, r, l:
        o['amount_authorized'] + o['amount_paid'] + p['amount'] == o['amount'],
    'paid_after<amount': lambda o, p, c, r, l:
        o['amount_paid'] + p['amount'] < o['amount'],
    'paid_after=amount': lambda o, p, c, r, l:
        o['amount_paid'] + p['amount'] == o['amount'],
    'amount_paid=0': lambda o, p, c, r, l: o['amount_paid'] == 0,
    'amount_paid>0': lambda o, p, c, r, l: o['amount_paid'] > 0,
}
# the others say where the order stands, not how much it is
NOT_AMOUNTS = {'other_live', 'no_other_live', 'others_held', 'others_done',
               'none_live', 'attempts<max', 'attempts>=max'}


def match(lifecycle, order, events, p, c=0, r=0):
    """The rule that fires for the first of events that has one."""
    candidates = []
    known = False
    for event in events:
        known = known or event in lifecycle.events
        candidates += lifecycle.rules.get((event, order['status']), ())
    if not known:
        raise Refused('23PS1')
    if not candidates:
        role = lifecycle.role['order'][order['status']]
        raise Refused('23PS1' if role in LIVE else '23PS3')
    code = '23PS3'
    fires = None
    for rule in candidates:
        wrong = [a for a in rule[1] if not ATOMS[a](order, p, c, r, lifecycle)]
        if not wrong:
            if fires:
                raise AssertionError('two rules match: %s' % (events,))
            fires = rule
        elif not NOT_AMOUNTS.intersection(wrong):
            code = '23PS4'
    if not fires:
        raise Refused(code)
    return fires


def check_insert(lifecycle, o, p):
    """The atom insert_ok, whose parts have codes of their own."""
    a = p['amount']
    if lifecycle.max_attempts is not None and o['attempts'] >= lifecycle.max_attempts:
        raise Refused('23PS3')
    if lifecycle.parallel_payments == 'one_authorized' and (
            o['amount_authorized'] != 0 or (o['amount'] == 0 and o['payments_open'] > 0)):
        raise Refused('23PS3')
    if p['currency'] != o['currency']:
        raise Refused('23PS5')
    good = a > 0 or (a == 0 and o['amount'] == 0)
    if lifecycle.parallel_payments == 'legs':
        good = good and (o['amount_pending'] + o['amount_authorized']
                         + o['amount_paid'] + a <= o['amount'])
    elif o['partial_payment']:
        least = o['first_payment_min_amount']
        good = good and a <= o['amount'] - o['amount_paid'] and (
            o['amount_paid'] != 0 or least is None or a >= least)
    else:
        good = good and a == o['amount']
    if not good:
        raise Refused('23PS4')
