"""Random operations, drawn so that most of them lead somewhere."""

from model import Ambiguous
from shapes import has_static

ORDERS, PAYMENTS, REFUNDS = 2, 4, 4     # of a history
MOST = 2 ** 63 - 1
LABELS = {'order': ('created', 'pending', 'attempted', 'authorized', 'partially_captured',
                    'paid', 'processed', 'partially_refunded', 'fully_refunded',
                    'cancelled', 'failed'),
          'payment': ('created', 'pending', 'authorized', 'captured', 'processed',
                      'failed', 'cancelled', 'refunded')}


class Draw:
    def __init__(self, random, names, attached):
        self.random = random
        self.names = names          # of the life cycles
        self.attached = attached    # tables of one's own: text, fewer constraints

    def chance(self, percent):
        return self.random.random() * 100 < percent

    def pick(self, items):
        return items[int(self.random.random() * len(items))]

    # --------------------------------------------------------------- rows

    def order(self, world):
        name = self.pick(self.names)
        lifecycle = world.lifecycles[name]
        amount = self.pick((1000, 1000, 1000, 2000))
        if self.chance(4):
            amount = self.pick((0, -1, 1, 99, 100, 999, 5000, 5001, 100000000, 100000001,
                                99999999, MOST))
        given = {'lifecycle': name, 'amount': amount,
                 'partial_payment': lifecycle.partial_payment == 'order' and self.chance(50)}
        if self.chance(90):
            return given
        which = self.pick(range(9))
        if which == 0:
            given['currency'] = self.pick(('INR', 'USD', 'JPY', 'XXX', 'inr'))
        elif which == 1:
            given['first_payment_min_amount'] = self.pick(
                (100, 400, max(1, amount), amount + 1 if amount > 0 else 1))
        elif which == 2:
            given['status'] = self.pick(list(lifecycle.role['order']))
        elif which == 3:
            given[self.pick(('amount_paid', 'attempts', 'amount_refunded',
                             'payments_open'))] = self.pick((0, 0, None, 1))
        elif which == 4:
            given['amount_due'] = self.pick((amount, None, 0, 1))
        elif which == 5:
            given['receipt'] = self.pick(('r' * 40, 'r' * 41, 'r'))
        elif which == 6:
            given['partial_payment'] = True
        elif which == 7:
            given['version'] = self.pick((1, None, 2))
        elif self.attached:
            pass
        else:
            given['lifecycle'] = self.pick(('nothing', 'Razorpay'))
        if self.attached and which in (1, 5):
            given.pop('first_payment_min_amount', None)
            given.pop('receipt', None)
        return given

    def amount(self, world, reference):
        order = world.orders.get(reference)
        if order is None:
            return self.pick((1000, 500))
        if self.chance(70):
            if not order['partial_payment'] and world.lifecycles[
                    order['lifecycle']].parallel_payments != 'legs':
                return order['amount']
            return self.pick((None, order['amount'] // 2, order['amount'],
                              order['amount'] - order['amount_paid']))
        return self.pick((None, None, 0, -1, 1, 400, 600, order['amount_due'],
                          order['amount'] + 1, MOST))

    def payment(self, world):
        used = len(world.payments)
        key = used if used < PAYMENTS and not self.chance(6) else self.pick(range(PAYMENTS))
        reference = self.pick(list(world.orders) or [0])
        if self.chance(4):
            reference = self.pick((None, None, 0, 1))
        given = {'order_id': reference, 'amount': self.amount(world, reference)}
        if self.chance(6):
            which = self.pick(range(4))
            if which == 0:
                given['status'] = self.pick(self.labels(world, reference, 'payment'))
            elif which == 1:
                given['currency'] = self.pick(('INR', 'USD', 'EUR', 'XYZ'))
            elif which == 2:
                given[self.pick(('amount_captured', 'amount_refunded',
                                 'refund_pending'))] = self.pick((0, 1, None))
            else:
                del given['amount']
        return ('pi', key, given, None)

    def labels(self, world, reference, kind):
        order = world.orders.get(reference)
        lifecycle = world.lifecycles[order['lifecycle'] if order else world.default]
        labels = list(lifecycle.role[kind])
        if self.chance(10):
            labels = LABELS[kind]
        return labels

    def payment_status(self, world):
        """A move, a legal one by preference."""
        key = self.pick(list(world.payments) or [0])
        payment = world.payments.get(key)
        reference = payment and payment['order_id']
        given = {'status': self.pick(self.labels(world, reference, 'payment'))}
        if payment is None:
            return ('pu', key, given)
        order = world.orders.get(reference)
        lifecycle = world.lifecycle(payment)
        if self.chance(65):
            likely = [to for to in lifecycle.role['payment']
                      if (payment['status'] + '>' + to, order and order['status'])
                      in lifecycle.rules]
            if likely:
                given['status'] = self.pick(likely)
        settled = lifecycle.role['payment'].get(given['status']) == 'settled'
        if settled and self.chance(15):
            given['amount_captured'] = self.pick(
                (payment['amount'], payment['amount'] // 2, 1, 0, payment['amount'] + 1,
                 -1, None))
        elif self.chance(3):
            column = self.pick(('amount', 'currency', 'amount_refunded',
                                'amount_captured', 'refund_pending', 'order_id'))
            given[column] = self.write(payment, column)
        return ('pu', key, given)

    def write(self, row, column):
        """A value for a column that is not the application's, or the one it has."""
        if self.chance(40):
            return row[column]
        if column == 'order_id':
            return self.pick((None, 0))
        if column == 'currency':
            return self.pick(('USD', 'INR'))
        if column == 'partial_payment':
            return not row[column]
        return row[column] + self.pick((1, -1, 100))

    def refund(self, world):
        used = len([k for k in world.refunds if isinstance(k, int)])
        key = used if used < REFUNDS and not self.chance(6) else self.pick(range(REFUNDS))
        likely = [k for k, p in world.payments.items() if p['amount_captured']]
        if not likely or self.chance(10):
            likely = list(world.payments) or [0]
        payment_key = self.pick(likely)
        payment = world.payments.get(payment_key)
        amount = 100
        if payment:
            amount = payment['amount_captured'] - payment['amount_refunded']
            if self.chance(50):
                amount = self.pick((100, 500, amount // 2, amount + 1, 0, -1,
                                    payment['amount'], None))
        if self.chance(1):
            payment_key = PAYMENTS
        return ('ri', key, {'payment_id': payment_key, 'amount': amount,
                            'status': self.pick(('processed', 'processed', 'pending',
                                                 'pending', 'failed', None))
                            if self.chance(60) else 'processed'})

    def refund_status(self, world):
        keys = [k for k in world.refunds if isinstance(k, int)]
        pending = [k for k in keys if world.refunds[k]['status'] == 'pending']
        key = self.pick(pending if pending and self.chance(85) else keys or [0])
        given = {'status': self.pick(('processed', 'processed', 'failed', 'pending'))}
        refund = world.refunds.get(key)
        if refund and self.chance(10):
            given = {'amount': refund['amount'] + self.pick((0, 1))} if self.chance(50) \
                else {'payment_id': self.pick(list(world.payments))}
        return ('ru', key, given)

    def order_status(self, world):
        key = self.pick(list(world.orders) or [0])
        order = world.orders.get(key)
        labels = self.labels(world, key, 'order')
        status = self.pick(labels)
        if self.chance(75):
            status = self.pick(('cancelled', 'failed'))
            if order and 'canceled' in world.lifecycles[order['lifecycle']].role['order']:
                status = 'canceled'
        return ('ou', key, {'status': status})

    def order_write(self, world):
        key = self.pick(list(world.orders) or [0])
        order = world.orders.get(key)
        if order is None:
            return ('ou', key, {'notes': '{"a": 1}'})
        given = {}
        for _ in range(self.pick((1, 1, 2))):
            column = self.pick(
                ('notes', 'notes', 'receipt', 'amount', 'amount_paid', 'amount_due',
                 'attempts', 'amount_authorized', 'amount_pending', 'payments_open',
                 'version', 'amount_refunded', 'currency', 'partial_payment', 'lifecycle',
                 'status'))
            if column == 'notes':
                given[column] = '{"a": %d}' % self.pick(range(9))
            elif column == 'receipt':
                given[column] = 'r%d' % self.pick(range(9))
            elif column == 'lifecycle':
                given[column] = self.pick((order['lifecycle'], self.pick(self.names)))
            elif column == 'status':
                given[column] = self.pick(self.labels(world, key, 'order'))
            elif column == 'amount':
                given[column] = self.pick((order['amount'], 2000, 3000, 0, 6000))
            else:
                given[column] = self.write(order, column)
        return ('ou', key, given)

    def row(self, world):
        return clamp(self.any_row(world))

    def any_row(self, world):
        if not world.orders or (len(world.orders) < ORDERS and self.chance(4)):
            return ('oi', self.pick(range(len(world.orders) + 1)) if world.orders else 0,
                    self.order(world))
        if not world.payments:
            return self.pick((self.payment, self.payment, self.payment, self.payment,
                              self.order_status, self.order_write))(world)
        captured = any(p['amount_captured'] for p in world.payments.values())
        n = self.random.random() * 100
        if n < (10 if captured else 22):
            return self.payment(world)
        if n < (42 if captured else 78):
            return self.payment_status(world)
        if n < 78 and any(r['status'] == 'pending' for r in world.refunds.values()) \
                and self.chance(45):
            return self.refund_status(world)
        if n < 78 or n < 81:
            return self.refund(world)
        if n < 84:
            return self.refund_status(world)
        if n < 92:
            return self.order_status(world)
        if n < 98:
            return self.order_write(world)
        table = self.pick(('o', 'p', 'r'))
        return (table + 'd', self.pick(range(3)))

    # ---------------------------------------------------------- statements

    def another(self, world, row):
        """A row for the same statement, of the same columns; or none."""
        if row[0] == 'pu':
            others = [k for k in world.payments if k > row[1]]
            return ('pu', self.pick(others), row[2]) if others else None
        if row[0] == 'ru':
            others = [k for k in world.refunds if isinstance(k, int) and k > row[1]]
            return ('ru', self.pick(others), row[2]) if others else None
        if row[0] == 'pi':
            other = clamp(self.payment(world))
        elif row[0] == 'ri':
            other = clamp(self.refund(world))
        else:
            return None
        key = row[1] + 1 if other[1] == row[1] else other[1]
        limit = PAYMENTS if row[0] == 'pi' else REFUNDS
        if key >= limit or list(other[2]) != list(row[2]) or None in row[2].values() \
                or None in other[2].values():
            return None
        return (row[0], key) + other[2:]

    def shape(self, world, row):
        """The row, perhaps with others, in one of the shapes that can carry it."""
        rows = [row]
        n = self.random.random() * 100
        kind = row[0]
        if n < 50 and has_static(row):
            return ('static', rows)
        if n < 62:
            other = self.another(world, row)
            while other:
                rows.append(other)
                other = self.another(world, other) if self.chance(50) else None
            if kind[1] == 'i' and self.chance(40):
                return ('copy', rows)
        elif n < 68 and kind[1] == 'i':
            return ('copy', rows)
        elif n < 76 and (kind == 'pi' or kind[1] in 'ud'):
            if kind == 'pi':
                rows = [self.conflict(world, row)]
            return ('merge', rows)
        elif n < 80 and kind == 'pu' and list(row[2]) == ['status']:
            return ('cursor', rows)
        elif n < 86 and kind == 'pi':
            return ('plain', [self.conflict(world, row)])
        elif n < 90 and has_static(row) and kind in ('pi', 'pu', 'ri', 'ou') and \
                'amount_captured' not in row[2]:
            return ('prepared', rows)
        elif n < 96 and kind[1] != 'd':
            other = self.row(world)
            if other[0][1] != 'd' and other[:2] != row[:2] and self.follows(world, row, other):
                return ('cte', [row, other])
        return ('plain', rows)

    def follows(self, world, row, other):
        """Does the second row's statement see what it is about?"""
        if other[0][0] == row[0][0] and other[1] == row[1]:
            return False
        if other[0][1] == 'i':
            return True
        table = {'o': world.orders, 'p': world.payments, 'r': world.refunds}
        return other[1] in table[other[0][0]]

    def conflict(self, world, row):
        """ON CONFLICT, often with a payment that is there."""
        key = row[1]
        if world.payments and self.chance(70):
            key = self.pick(list(world.payments))
        if self.chance(50):
            return ('pi', key, row[2], 'nothing')
        there = world.payments.get(key)
        then = {'status': self.pick(self.labels(
            world, there and there['order_id'], 'payment'))}
        if self.chance(20):
            then['amount'] = row[2].get('amount') or 1
        return ('pi', key, row[2], then)

    def operation(self, world):
        """An operation, and what it ends in; the world goes on."""
        while True:
            if self.chance(4) and world.orders:
                drawn = self.savepoint(world)
            else:
                operation = self.shape(world, self.row(world))
                drawn = operation, predict(world, operation)
            if drawn[1] is not None:
                return drawn

    def savepoint(self, world):
        saved = world.copy()
        inner, codes = [], []
        for _ in range(self.pick((1, 2, 2, 3))):
            operation = ('plain', [self.row(world)])
            code = predict(world, operation)
            if code is not None:
                inner.append(operation)
                codes.append(code)
        world.restore(saved)
        return ('savepoint', inner), ','.join(codes) if inner else None


def clamp(row):
    """The row, with no number that a bigint cannot hold."""
    for given in row[2:]:
        if isinstance(given, dict):
            given.update((c, MOST) for c, v in given.items()
                         if isinstance(v, int) and v > MOST)
    return row


def predict(world, operation):
    """Its SQLSTATE, as run() tells it; None where the rules leave it open."""
    shape, rows = operation
    if shape == 'savepoint':
        saved = world.copy()
        codes = [predict(world, op) for op in rows]
        world.restore(saved)
        return None if None in codes else ','.join(codes)
    try:
        return world.statement(rows)
    except Ambiguous:
        return None

