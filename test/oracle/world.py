"""Orders, payments and refunds, and what a statement does to them.

A statement is a list of rows, each a tuple:

    ('oi', order, columns)            INSERT INTO orders
    ('pi', payment, columns, then)    INSERT INTO payments; then: None, 'nothing'
                                      or a dict of columns (ON CONFLICT)
    ('ri', refund, columns)           INSERT INTO refunds
    ('ou'|'pu'|'ru', key, columns)    UPDATE
    ('od'|'pd'|'rd', key)             DELETE
"""

from model import (ATOMS, CURRENCIES, LIVE, Ambiguous, Refused, check_insert,
                   match)

MOST = 2 ** 63 - 1      # what a bigint holds
ORDER_DERIVED = ('amount_paid', 'amount_authorized', 'amount_pending',
                 'amount_refunded', 'attempts', 'payments_open')
PAYMENT_DERIVED = ('amount_captured', 'amount_refunded', 'refund_pending')


class World:
    def __init__(self, lifecycles, default):
        self.lifecycles = lifecycles
        self.default = default      # the life cycle of the tables
        self.orders, self.payments, self.refunds = {}, {}, {}
        self.history = {}           # order -> rows
        self.left = 0               # refunds that the extension left itself

    def copy(self):
        return ({k: dict(v) for k, v in self.orders.items()},
                {k: dict(v) for k, v in self.payments.items()},
                {k: dict(v) for k, v in self.refunds.items()},
                {k: list(v) for k, v in self.history.items()}, self.left)

    def restore(self, saved):
        self.orders, self.payments, self.refunds, self.history, self.left = saved

    def lifecycle(self, payment):
        order = self.orders.get(payment['order_id'])
        return self.lifecycles[order['lifecycle'] if order else self.default]

    # -------------------------------------------------------- a statement

    def statement(self, rows):
        """Its SQLSTATE."""
        saved = self.copy()
        try:
            queue = []
            for row in rows:
                queue += self.store(row, queue)
            for check, arguments in queue:
                check(*arguments)
            return '00000'
        except Refused as refusal:
            self.restore(saved)
            return refusal.code
        except Ambiguous:
            self.restore(saved)
            raise

    def store(self, row, queue):
        """BEFORE and the table's constraints; what AFTER has to do."""
        kind = row[0]
        if kind == 'oi':
            return self.store_order(row[1], row[2])
        if kind == 'pi':
            if row[1] in self.payments and row[3] is not None:
                if row[3] == 'nothing':
                    return []
                return self.store_payment_update(row[1], row[3])
            return self.store_payment(row[1], row[2])
        if kind == 'ri':
            return self.store_refund(row[1], row[2])
        table = {'o': self.orders, 'p': self.payments, 'r': self.refunds}[kind[0]]
        if row[1] not in table:
            return []
        if kind[1] == 'd':
            raise Refused('23PS7')
        if kind == 'ou':
            return self.store_order_update(row[1], row[2])
        if kind == 'pu':
            return self.store_payment_update(row[1], row[2])
        return self.store_refund_update(row[1], row[2])

    def order(self, key):
        """The order that a payment's event is judged with."""
        order = self.orders[key]
        if 'stored' in order:   # the statement itself has written to it
            if order['stored']:
                raise Refused('?')
            raise Ambiguous
        return order

    # ------------------------------------------------------------- orders

    def store_order(self, key, given):
        name = given.get('lifecycle', self.default)
        if name not in self.lifecycles:
            raise Refused('23PS8')
        lifecycle = self.lifecycles[name]
        order = {'lifecycle': name, 'amount': given['amount'],
                 'currency': given.get('currency', 'INR'),
                 'partial_payment': given.get('partial_payment', False),
                 'first_payment_min_amount': given.get('first_payment_min_amount'),
                 'amount_due': given['amount'], 'notes': given.get('notes', '{}'),
                 'receipt': given.get('receipt'), 'version': 1,
                 'status': lifecycle.order_initial}
        for column in ORDER_DERIVED:
            order[column] = 0
        if order['amount'] is None:
            raise Refused('23502')
        if key in self.orders:
            raise Refused('23505')
        order['stored'] = None      # until it is judged
        self.orders[key] = order
        self.history[key] = []
        return [(self.judge_order, (key, dict(given)))]

    def check_terms(self, order):
        """What is said by the names of check constraints."""
        least = order['first_payment_min_amount']
        if least is not None and (not order['partial_payment']
                                  or not 1 <= least <= order['amount']):
            raise Refused('23514')
        if order['receipt'] is not None and len(order['receipt']) > 40:
            raise Refused('23514')

    def judge_order(self, key, given):
        order = self.orders[key]
        del order['stored']
        self.check_terms(order)
        lifecycle = self.lifecycles[order['lifecycle']]
        for column in ORDER_DERIVED + ('amount_due', 'version'):
            if given.get(column) is not None and given[column] != order[column]:
                raise Refused('23PS6')
        if given.get('status', order['status']) != order['status']:
            raise Refused('23PS2')
        if not currency_ok(lifecycle, order['currency']):
            raise Refused('23PS5')
        self.check_bounds(lifecycle, order['amount'])
        if order['partial_payment'] and lifecycle.partial_payment != 'order':
            raise Refused('23PS4')
        self.record(key, None, None, None, None, None, None, order['amount'])

    def check_bounds(self, lifecycle, amount):
        low, high = lifecycle.payment_min, lifecycle.payment_max
        if amount < (low if low is not None else 0) or (
                high is not None and amount > high):
            raise Refused('23PS4')

    def store_order_update(self, key, given):
        old = self.orders[key]
        new = dict(old)
        new.update(given)
        lifecycle = self.lifecycles[old['lifecycle']]
        # the statement itself may void what is open before it changes the amount
        may_open = lifecycle.amount_fixed == 'first_payment' and old['attempts'] == 0
        fixed = not (may_open and old['payments_open'] == 0)
        if not fixed and any(old[c] != new[c] for c in (
                'currency', 'partial_payment', 'first_payment_min_amount')):
            raise Ambiguous
        if not fixed and old['amount'] != new['amount'] and len(given) > 1:
            raise Ambiguous
        if new['amount'] is None:
            raise Refused('23502')
        # notes and receipt are the application's; the rest is written by AFTER
        old['notes'], old['receipt'] = new['notes'], new['receipt']
        before = dict(old)
        changed = {c for c in new if new[c] != before[c]}
        if changed:     # until it is judged: is it sure to be refused?
            old['stored'] = changed != {'status'} and (not may_open or changed != {'amount'}) \
                or 'status' in changed and new['status'] not in order_events(lifecycle)
        return [(self.judge_order_update, (key, before, new, fixed))]

    def judge_order_update(self, key, old, new, fixed):
        order = self.orders[key]
        order.pop('stored', None)
        lifecycle = self.lifecycles[order['lifecycle']]
        changed = {c for c in new if new[c] != old[c]}
        self.check_terms(new)
        if not changed:
            return
        if changed == {'amount'} and not fixed:
            self.check_bounds(lifecycle, new['amount'])
            order['amount'] = order['amount_due'] = new['amount']
            self.record(key, None, None, None, None, None, order['status'],
                        new['amount'])
            return
        events = order_events(lifecycle)
        if changed != {'status'} or new['status'] not in events:
            raise Refused('23PS6')
        if order != old:        # also changed by this statement's payments
            raise Ambiguous
        self.move_order(key, lifecycle, events[new['status']])

    def move_order(self, key, lifecycle, event):
        order = self.orders[key]
        before = order['status']
        fires = None
        for _, guard, after, effects in lifecycle.rules.get((event, before), ()):
            if all(ATOMS[a](order, None, 0, 0, lifecycle) for a in guard):
                fires = (after, effects)
        if not fires or (event == 'order:cancel' and not lifecycle.order_cancel):
            raise Refused('23PS1')
        order['status'] = fires[0]
        moved = self.cascade(key, lifecycle, fires[1], None)
        self.record(key, None, None, None, None, None, before, 0)
        self.record_cascade(key, moved)

    # ----------------------------------------------------------- payments

    def store_payment(self, key, given):
        reference = given.get('order_id')
        order = self.orders.get(reference)
        lifecycle = self.lifecycles[order['lifecycle'] if order else self.default]
        payment = {'order_id': reference, 'amount': given.get('amount'),
                   'currency': given.get('currency'),
                   'status': given.get('status') or lifecycle.payment_initial}
        for column in PAYMENT_DERIVED:
            payment[column] = 0
        if payment['currency'] is None:
            payment['currency'] = order['currency'] if order else 'INR'
        if payment['amount'] is None:
            if reference is None or order and 'stored' in order:
                raise Ambiguous
            payment['amount'] = due(lifecycle, order) if order else 0
        if key in self.payments:
            raise Refused('23505')
        payment['stored'] = None    # until it is judged
        self.payments[key] = payment
        return [(self.judge_payment, (key, dict(given)))]

    def judge_payment(self, key, given):
        payment = self.payments[key]
        del payment['stored']
        reference = payment['order_id']
        if reference is not None and reference not in self.orders:
            raise Refused('23503')
        lifecycle = self.lifecycle(payment)
        for column in PAYMENT_DERIVED:
            if given.get(column) is not None and given[column] != 0:
                raise Refused('23PS6')
        if payment['status'] != lifecycle.payment_initial:
            raise Refused('23PS2')
        if reference is None:
            if not currency_ok(lifecycle, payment['currency']):
                raise Refused('23PS5')
            if payment['amount'] <= 0:
                raise Refused('23PS4')
            return
        order = self.order(reference)
        event = 'new>' + payment['status']
        rules = lifecycle.rules.get((event, order['status']))
        if not rules:
            raise Refused('23PS3')
        check_insert(lifecycle, order, payment)
        before = order['status']
        _, _, order['status'], effects = rules[0]
        self.count(order, lifecycle, payment, None, payment['status'])
        moved = self.apply(reference, lifecycle, effects, key, 0, 0)
        self.record(reference, key, None, None, payment['status'], None, before,
                    payment['amount'])
        self.record_cascade(reference, moved)

    def store_payment_update(self, key, given):
        payment = self.payments[key]
        if 'stored' in payment:     # twice in one statement
            raise Ambiguous
        old, new = dict(payment), dict(payment)
        new.update(given)
        lifecycle = self.lifecycle(payment)
        role = lifecycle.role['payment'].get(new['status'])
        moves = new['status'] != old['status']
        if new['amount_captured'] is None and old['amount_captured']:
            raise Ambiguous
        if moves and role == 'settled' and not new['amount_captured']:
            # by the order's life cycle, which the statement may be writing
            if 'stored' in self.orders.get(old['order_id'], ()):
                raise Ambiguous
            new['amount_captured'] = new['amount']
        elif new['amount_captured'] is None:
            raise Ambiguous
        if new['order_id'] != old['order_id']:
            raise Refused('23PS6')
        payment['stored'] = new['status']
        return [(self.judge_payment_update, (key, old, new))]

    def judge_payment_update(self, key, old, new):
        payment = self.payments[key]
        lifecycle = self.lifecycle(payment)
        payment.pop('stored', None)
        if payment['status'] != old['status']:      # a cascade moved it
            if payment['status'] == new['status'] and all(
                    new[c] == old[c] for c in new if c != 'status'):
                return
            raise Ambiguous
        if payment != old:      # a refund of the same statement changed it
            raise Ambiguous
        changed = {c for c in new if new[c] != old[c]}
        if not changed:
            return
        role = lifecycle.role['payment'].get(new['status'])
        allowed = {'status'}
        if 'status' in changed and role == 'settled':
            allowed.add('amount_captured')
            if old['amount_captured'] and 'amount_captured' in changed:
                # no such move, and a derived column: refused for either
                if old['status'] + '>' + new['status'] not in lifecycle.events:
                    raise Refused('?')
                raise Ambiguous
        if role == 'returned' and new['amount_refunded'] == (
                old['amount_captured'] or old['amount']):
            allowed.add('amount_refunded')      # what the move comes to
        if changed - allowed or 'status' not in changed:
            raise Refused('23PS6')
        self.move_payment(key, lifecycle, new['status'], new['amount_captured'])

    def move_payment(self, key, lifecycle, to, captured):
        payment = self.payments[key]
        event = payment['status'] + '>' + to
        reference = payment['order_id']
        if reference is None:
            self.move_lonely(key, lifecycle, event, to)
            return
        order = self.order(reference)
        settled = lifecycle.role['payment'].get(to) == 'settled'
        c = captured if settled else 0
        r = 0
        if to in lifecycle.returned:
            r = payment['amount_captured'] - payment['amount_refunded'] \
                if payment['amount_captured'] else payment['amount']
        rule = match(lifecycle, order, [event], payment, c, r)
        if settled and c < payment['amount'] and not lifecycle.partial_capture:
            raise Refused('23PS4')
        held = payment['amount']
        refund = self.fire(reference, key, lifecycle, rule, to, c, r,
                           c if settled else r if r else held)
        if refund:
            self.leave_refund(key, r)

    def move_lonely(self, key, lifecycle, event, to):
        payment = self.payments[key]
        if event not in lifecycle.events:
            raise Refused('23PS1')
        if lifecycle.role['payment'][to] == 'settled':
            raise Refused('23PS3')
        payment['status'] = to
        if to in lifecycle.returned:
            payment['amount_refunded'] = payment['amount']
            self.leave_refund(key, payment['amount'])

    def fire(self, reference, key, lifecycle, rule, to, c, r, amount):
        """The rule's effects, and the event's rows of history."""
        order, payment = self.order(reference), self.payments[key]
        before, old = order['status'], payment['status']
        _, _, order['status'], effects = rule
        payment['status'] = to
        self.count(order, lifecycle, payment, old, to)
        moved = self.apply(reference, lifecycle, effects, key, c, r)
        returned = to in lifecycle.returned and old != to
        self.record(reference, key, 'processed' if returned else None, old, to,
                    returned or None, before, amount)
        self.record_cascade(reference, moved)
        return returned

    def leave_refund(self, key, amount):
        self.left += 1
        self.refunds['left%d' % self.left] = {
            'payment_id': key, 'amount': amount, 'status': 'processed'}

    def count(self, order, lifecycle, payment, old, new):
        """The counters of a payment that goes from status old to new."""
        for status, sign in ((old, -1), (new, 1)):
            role = lifecycle.role['payment'].get(status)
            if role in LIVE:
                column = 'amount_pending' if role == 'open' else 'amount_authorized'
                order[column] += sign * payment['amount']
                if order[column] > MOST:
                    raise Refused('23PS4')
                order['payments_open'] += sign

    def apply(self, reference, lifecycle, effects, key, c, r):
        order, payment = self.order(reference), self.payments[key]
        if 'attempt' in effects:
            order['attempts'] += 1
        if 'capture' in effects:
            order['amount_paid'] += c
            order['amount_due'] = order['amount'] - order['amount_paid']
            payment['amount_captured'] = c
        if 'refund' in effects:
            payment['amount_refunded'] += r
            order['amount_refunded'] += r
        if 'auto_refund' in effects:
            payment['amount_refunded'] = payment['amount']
        return self.cascade(reference, lifecycle, effects, key)

    def cascade(self, reference, lifecycle, effects, key):
        """Every other live payment goes along; (payment, from) of each."""
        target = [e[5:] for e in effects if e.startswith('live>')]
        moved = []
        for other in sorted(self.payments) if target else ():
            payment = self.payments[other]
            if other == key or payment['order_id'] != reference or \
                    lifecycle.role['payment'].get(payment['status']) not in LIVE:
                continue
            if payment.get('stored', target[0]) != target[0]:
                raise Ambiguous
            old = payment['status']
            payment['status'] = target[0]
            self.count(self.order(reference), lifecycle, payment, old, target[0])
            moved.append((other, old))
        return moved

    # ------------------------------------------------------------ refunds

    def store_refund(self, key, given):
        refund = {'payment_id': given['payment_id'], 'amount': given['amount'],
                  'status': given.get('status') or 'processed'}
        if refund['amount'] is None:
            raise Refused('23502')
        if key in self.refunds:
            raise Refused('23505')
        self.refunds[key] = refund
        return [(self.judge_refund, (key,))]

    def judge_refund(self, key):
        refund = self.refunds[key]
        payment = self.payments.get(refund['payment_id'])
        if payment is None:
            raise Refused('23503')
        if payment['order_id'] is not None and payment['order_id'] not in self.orders:
            raise Refused('23503')
        if 'stored' in payment:
            raise Ambiguous
        if refund['status'] == 'failed':
            raise Refused('23PS2')
        self.give_back(refund)

    def give_back(self, refund):
        """A refund inserted, or a pending one processed."""
        key, r = refund['payment_id'], refund['amount']
        payment = self.payments[key]
        if 'stored' in payment:
            raise Ambiguous
        lifecycle = self.lifecycle(payment)
        status = payment['status']
        events = [status + ':refund'] + [
            e for e in (status + '>' + s for s in sorted(lifecycle.returned))
            if e in lifecycle.events and lifecycle.role['payment'][status] == 'settled']
        reference = payment['order_id']
        if reference is None:
            raise Refused('23PS1')
        order = self.order(reference)
        rule = match(lifecycle, order, events, payment, 0, r)
        if refund['status'] == 'pending':
            payment['refund_pending'] += r
            self.record(reference, key, 'pending', status, status, True,
                        order['status'], r)
            return
        before = order['status']
        to = rule[0].split('>')[1] if '>' in rule[0] else status
        order['status'], payment['status'] = rule[2], to
        self.count(order, lifecycle, payment, status, to)
        moved = self.apply(reference, lifecycle, rule[3], key, 0, r)
        self.record(reference, key, 'processed', status, to, True, before, r)
        self.record_cascade(reference, moved)

    def store_refund_update(self, key, given):
        refund = self.refunds[key]
        old, new = dict(refund), dict(refund)
        new.update(given)
        if new['payment_id'] != old['payment_id']:
            raise Refused('23PS6')
        return [(self.judge_refund_update, (key, old, new))]

    def judge_refund_update(self, key, old, new):
        refund = self.refunds[key]
        changed = {c for c in new if new[c] != old[c]}
        if not changed:
            return
        if changed != {'status'}:
            raise Refused('23PS6')
        if old['status'] != 'pending':
            raise Refused('23PS1')
        payment = self.payments[old['payment_id']]
        if 'stored' in payment:
            raise Ambiguous
        payment['refund_pending'] -= old['amount']
        refund['status'] = new['status']
        if new['status'] == 'processed':
            self.give_back(refund)
            return
        order = self.orders[payment['order_id']]
        self.record(payment['order_id'], old['payment_id'], 'failed',
                    payment['status'], payment['status'], True, order['status'],
                    old['amount'])

    # ------------------------------------------------------------ history

    def record(self, key, payment, refund_to, payment_from, payment_to, refund,
               order_from, amount):
        order = self.orders[key]
        self.history[key].append(
            (payment, bool(refund), refund_to, payment_from, payment_to, order_from,
             order['status'], amount, order['amount_paid'], order['attempts']))
        order['version'] = len(self.history[key])

    def record_cascade(self, key, moved):
        order = self.orders[key]
        for other, old in moved:
            payment = self.payments[other]
            self.record(key, other, None, old, payment['status'], None,
                        order['status'], payment['amount'])


def currency_ok(lifecycle, currency):
    if lifecycle.currencies is None:
        return currency in CURRENCIES
    return currency in lifecycle.currencies


def due(lifecycle, order):
    amount = order['amount'] - order['amount_paid']
    if lifecycle.parallel_payments == 'legs':
        amount -= order['amount_pending'] + order['amount_authorized']
    return amount if amount > 0 else order['amount']


def order_events(lifecycle):
    """{status: event}: what an UPDATE of an order's status may be."""
    found = {'cancelled': 'order:cancel', 'failed': 'order:fail'}
    for event, _, _, after, _ in lifecycle.raw:
        if event in ('order:cancel', 'order:fail'):
            found[after] = event
    return found
