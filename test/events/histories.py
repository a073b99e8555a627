"""Histories as the gateways would send them.

Each is a name, an order, and its events in the order of their times.  A
Gateway object keeps one order and its payments as the gateway has them, and
gives the payload for whatever happens; what may happen is not its business.
"""
import json
import os

DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'data')
START = 1700000000


class Gateway:
    """One order at one gateway; the clock runs ten seconds an event."""

    def __init__(self, order_id, amount, lifecycle, **fields):
        self.lifecycle = lifecycle
        self.order = dict(id=order_id, amount=amount, lifecycle=lifecycle, **fields)
        self.payments, self.refunds, self.events = {}, {}, []
        self.now = START

    def tick(self):
        self.now += 10
        return self.now

    def emit(self, payload):
        self.events.append({'gateway': type(self).gateway, 'payload': payload})
        return payload

    def pay(self, pid, amount=None):
        self.payments[pid] = {'id': pid, 'amount': self.order['amount'] if amount is None else amount,
                              'status': 'new', 'created': self.tick(), 'refunded': 0}


class Razorpay(Gateway):
    gateway = 'razorpay'

    def entity(self, pid, status=None):
        p = self.payments[pid]
        return {'id': pid, 'entity': 'payment', 'amount': p['amount'], 'currency': self.order.get('currency', 'INR'),
                'status': status or p['status'], 'order_id': self.order['id'], 'captured': p.get('captured', False),
                'amount_refunded': p['refunded'], 'notes': [], 'created_at': p['created']}

    def event(self, name, **entities):
        return self.emit({'entity': 'event', 'account_id': 'acc_BFQ7uQEaa7j2z7', 'event': name,
                          'contains': list(entities),
                          'payload': {k: {'entity': v} for k, v in entities.items()},
                          'created_at': self.tick()})

    def to(self, pid, status):
        p = self.payments[pid]
        p['status'] = status
        if status == 'captured':
            p['captured'] = True
        if status == 'created':
            return self.emit(self.entity(pid))
        return self.event('payment.' + status, payment=self.entity(pid))

    def paid(self, pid):
        o = self.order
        return self.event('order.paid', payment=self.entity(pid), order={
            'id': o['id'], 'entity': 'order', 'amount': o['amount'], 'amount_paid': o['amount'],
            'amount_due': 0, 'currency': o.get('currency', 'INR'), 'status': 'paid', 'attempts': 1})

    def refund(self, pid, rid, amount, status='processed', alone=False, name=None):
        p = self.payments[pid]
        self.refunds[rid] = (pid, amount)
        if status == 'processed':
            p['refunded'] += amount
            if p['refunded'] == p['amount']:
                p['status'] = 'refunded'
        entity = {'id': rid, 'entity': 'refund', 'amount': amount, 'currency': 'INR', 'payment_id': pid,
                  'status': status, 'created_at': self.now}
        if alone:
            self.tick()
            return self.emit(entity)
        return self.event(name or 'refund.' + {'pending': 'created'}.get(status, status),
                          refund=entity, payment=self.entity(pid))


class Paykun(Gateway):
    gateway = 'paykun'
    words = {'created': 'Initialized', 'captured': 'Success', 'failed': 'Failed', 'refunded': 'Refund'}

    def to(self, pid, status):
        p = self.payments[pid]
        p['status'] = status
        if status not in self.words:         # PayKun does not tell of it
            return None
        amount = p['amount'] / 100 if p['amount'] % 100 else p['amount'] // 100
        return self.emit({'transaction': {
            'payment_id': pid, 'merchant_id': '123456789012345', 'status': self.words[status], 'status_flag': 0,
            'order': {'order_id': self.order['id'], 'product_name': 'x', 'gross_amount': amount,
                      'gateway_fee': 0.22, 'tax': 0.04}, 'date': str(self.tick())}})


class Plural(Gateway):
    gateway = 'plural'

    def iso(self, t):
        import datetime
        return datetime.datetime.utcfromtimestamp(t).strftime('%Y-%m-%dT%H:%M:%S.000Z')

    def snapshot(self, kind, status, refunds=(), only=None):
        at = self.iso(self.now)
        payments = []
        for p in self.payments.values():
            if only is not None and p['id'] not in only:
                continue
            entry = {'id': p['id'], 'status': {'new': 'PENDING'}.get(p['status'], p['status'].upper()),
                     'payment_amount': {'value': p['amount'], 'currency': 'INR'}, 'payment_method': 'CARD',
                     'created_at': self.iso(p['created']), 'updated_at': self.iso(p.get('at', p['created']))}
            if p.get('captured') is not None:
                entry['capture_data'] = [{'capture_amount': {'value': p['captured'], 'currency': 'INR'},
                                          'created_at': at}]
            payments.append(entry)
        return self.emit({'event_type': kind, 'data': {
            'order_id': self.order['id'], 'type': 'CHARGE', 'status': status,
            'order_amount': {'value': self.order['amount'], 'currency': 'INR'},
            'pre_auth': self.lifecycle == 'plural_preauth', 'payments': payments, 'refunds': list(refunds),
            'created_at': self.iso(START), 'updated_at': at}})

    def to(self, pid, status, kind, order_status, captured=None, only=None):
        p = self.payments[pid]
        p['status'], p['at'] = status, self.tick()
        if captured is not None:
            p['captured'] = captured
        return self.snapshot(kind, order_status, only=only)

    def refund(self, rid, amount, status='PROCESSED', pid=None, inside=False):
        at = self.iso(self.tick())
        made = self.refunds.setdefault(rid, at)
        payment = {'id': rid + '-cc-a', 'status': status, 'payment_method': 'CARD',
                   'payment_amount': {'value': amount, 'currency': 'INR'}, 'created_at': made, 'updated_at': at}
        if pid:
            payment['parent_payment_id'] = pid
        refund = {'order_id': rid, 'parent_order_id': self.order['id'], 'type': 'REFUND', 'status': status,
                  'order_amount': {'value': amount, 'currency': 'INR'}, 'payments': [payment],
                  'created_at': made, 'updated_at': at}
        kind = 'REFUND_' + {'PENDING': 'CREATED'}.get(status, status)
        if inside:
            del refund['parent_order_id']
            return self.snapshot(kind, 'PARTIALLY_REFUNDED', refunds=[refund])
        return self.emit({'event_type': kind, 'data': refund})


def gateway_for(lifecycle, order_id, order):
    kind = {'razorpay': Razorpay, 'paykun': Paykun}.get(lifecycle.split('_')[0], Plural)
    return kind(order_id, lifecycle=lifecycle, **order)


PLURAL_WORDS = {'authorized': ('ORDER_AUTHORIZED', 'AUTHORIZED'), 'processed': ('ORDER_PROCESSED', 'PROCESSED'),
                'failed': ('PAYMENT_FAILED', 'ATTEMPTED'), 'cancelled': ('PAYMENT_CANCELLED', 'FAILED'),
                'pending': ('ORDER_PENDING', 'PENDING')}


def take_step(g, step, count=[0]):
    """One step of a published history; returns the payload, or None."""
    op, pid = step['op'], step.get('id')
    if op == 'pay':
        g.pay(pid, step['amount'])
    elif op == 'to' and isinstance(g, Plural):
        kind, status = PLURAL_WORDS[step['status']]
        if step['status'] == 'processed' and step.get('captured', g.payments[pid]['amount']) < g.payments[pid]['amount']:
            status = 'PARTIALLY_CAPTURED'
        return g.to(pid, step['status'], kind, status, step.get('captured'))
    elif op == 'to':
        if step.get('captured'):
            g.payments[pid]['amount'] = step['captured']
        return g.to(pid, step['status'])
    elif op == 'refund':
        count[0] += 1
        rid = 'rfnd_%d' % count[0]
        if isinstance(g, Plural):
            return g.refund(rid, step['amount'], pid=pid)
        if isinstance(g, Paykun):
            return g.to(pid, 'refunded')
        return g.refund(pid, rid, step['amount'])
    elif op == 'order':
        event = {'cancel': 'CANCELLED', 'fail': 'FAILED'}[step['event']]
        g.tick()
        return g.snapshot('ORDER_' + event, event)
    return None


def read(name):
    with open(os.path.join(DATA, name)) as f:
        return [json.loads(line) for line in f if line.strip()]


VARIANTS = {'': '', 'zero_amount': '_zero', 'attempt_on=create': '_on_create'}


def published():
    """(name, gateway with its events, the last check) of replay.jsonl."""
    for h in read('replay.jsonl'):
        g = gateway_for(h['lifecycle'] + VARIANTS[h['needs']], h['id'], h['order'])
        check = None
        for step in h['steps']:
            if step['op'] == 'check':
                check = step
            else:
                take_step(g, step)
        for p in g.payments.values():        # those that wait, by the API
            if p['status'] == 'new':
                g.tick()
                g.to(p['id'], 'created')
        if h['lifecycle'] == 'razorpay' and check['order']['status'] == 'paid':
            g.paid([p['id'] for p in g.payments.values() if p['status'] == 'captured'][-1])
        yield h['id'], g, check


def rejected():
    """(id, gateway with the legal events, the payload of the illegal step)."""
    for h in read('reject.jsonl'):
        g = gateway_for(h['lifecycle'], h['id'], h['order'])
        for step in h['steps']:
            take_step(g, step)
        for p in g.payments.values():
            if p['status'] == 'new' and not isinstance(g, Plural):
                g.to(p['id'], 'created')
            elif p['status'] == 'new':
                g.to(p['id'], 'pending', 'ORDER_PENDING', 'PENDING')
        legal = len(g.events)
        step = h['illegal']
        take_step(g, step)
        if len(g.events) == legal:           # a payment more
            g.tick()
            if isinstance(g, Plural):
                g.to(step['id'], 'pending', 'ORDER_PENDING', 'PENDING')
            else:
                g.to(step['id'], 'authorized')
        illegal = g.events.pop()
        yield h['id'], g, illegal


def written():
    """(name, gateway) of histories made for what makes order matter."""
    g = Razorpay('order_refunds', 1000, 'razorpay')
    g.pay('p'); g.to('p', 'authorized'); g.to('p', 'captured')
    g.refund('p', 'r1', 300, 'pending'); g.refund('p', 'r2', 200); g.refund('p', 'r1', 300); g.paid('p')
    yield 'refunds, one of them pending first', g

    g = Razorpay('order_failed_refund', 1000, 'razorpay')
    g.pay('p'); g.to('p', 'captured'); g.refund('p', 'r1', 400, 'pending'); g.refund('p', 'r1', 400, 'failed')
    g.refund('p', 'r2', 1000)
    yield 'a refund that fails, then all goes back', g

    g = Razorpay('order_alone', 1000, 'razorpay')
    g.pay('p'); g.to('p', 'authorized'); g.to('p', 'captured')
    g.refund('p', 'r1', 600, 'pending', alone=True); g.refund('p', 'r1', 600, alone=True)
    yield 'refunds told by the API, without their payment', g

    g = Razorpay('order_late', 1000, 'razorpay')
    g.pay('p1'); g.to('p1', 'failed'); g.to('p1', 'authorized'); g.to('p1', 'captured'); g.refund('p1', 'r', 1000)
    yield 'late authorization', g

    g = Razorpay('order_two', 1000, 'razorpay')
    g.pay('p1'); g.to('p1', 'failed'); g.pay('p2'); g.to('p2', 'authorized'); g.to('p1', 'authorized')
    g.to('p2', 'captured'); g.payments['p1']['captured'] = False; g.refund('p1', 'r', 1000)
    yield 'late authorization beside another, given back', g

    g = Razorpay('order_held', 1000, 'razorpay')
    g.pay('p1'); g.pay('p2'); g.to('p1', 'authorized'); g.to('p1', 'captured'); g.to('p2', 'authorized')
    g.paid('p1'); g.refund('p2', 'r', 1000)
    yield 'authorized after another paid, given back', g

    g = Razorpay('order_parts', 1000, 'razorpay', partial_payment=True, first_payment_min_amount=200)
    g.pay('p1', 300); g.to('p1', 'authorized'); g.to('p1', 'captured'); g.pay('p2', 700); g.to('p2', 'failed')
    g.pay('p3', 700); g.to('p3', 'captured'); g.refund('p1', 'r', 300)
    yield 'paid in parts', g

    g = Razorpay('order_retries', 1000, 'razorpay')
    for n in range(4):
        g.pay('p%d' % n); g.to('p%d' % n, 'failed')
    g.pay('p9'); g.to('p9', 'captured')
    yield 'four attempts that failed', g

    g = Paykun('order_pk', 1150, 'paykun')
    g.pay('p1'); g.to('p1', 'failed'); g.pay('p2'); g.to('p2', 'failed'); g.to('p2', 'captured'); g.to('p2', 'refunded')
    yield 'PayKun: failed, failed, late, refunded', g

    g = Plural('order_void', 1000, 'plural_preauth')
    g.pay('p1'); g.to('p1', 'failed', 'PAYMENT_FAILED', 'ATTEMPTED')
    g.pay('p2'); g.to('p2', 'authorized', 'ORDER_AUTHORIZED', 'AUTHORIZED')
    g.to('p2', 'cancelled', 'ORDER_CANCELLED', 'CANCELLED')
    yield 'Plural: retried, authorized, voided', g

    g = Plural('order_alone_void', 1000, 'plural_preauth')
    g.pay('p1'); g.to('p1', 'failed', 'PAYMENT_FAILED', 'ATTEMPTED', only=['p1'])
    g.pay('p2'); g.to('p2', 'authorized', 'ORDER_AUTHORIZED', 'AUTHORIZED', only=['p2'])
    g.to('p2', 'cancelled', 'ORDER_CANCELLED', 'CANCELLED', only=['p2'])
    yield 'Plural: the same, each event with its own payment alone', g

    g = Plural('order_part', 2000, 'plural_preauth')
    g.pay('p'); g.to('p', 'authorized', 'ORDER_AUTHORIZED', 'AUTHORIZED')
    g.to('p', 'processed', 'ORDER_PROCESSED', 'PARTIALLY_CAPTURED', captured=1200)
    g.refund('rf1', 500); g.refund('rf2', 700, inside=True, pid='p')
    yield 'Plural: captured in part, refunded twice', g

    g = Plural('order_refund_fails', 1000, 'plural')
    g.pay('p'); g.to('p', 'processed', 'ORDER_PROCESSED', 'PROCESSED')
    g.refund('rf1', 400, 'PENDING'); g.refund('rf1', 400, 'FAILED'); g.refund('rf2', 1000)
    yield 'Plural: a refund fails, another is whole', g

    g = Plural('order_fails', 1000, 'plural')
    g.pay('p1'); g.to('p1', 'failed', 'PAYMENT_FAILED', 'ATTEMPTED')
    g.pay('p2'); g.to('p2', 'failed', 'PAYMENT_FAILED', 'ATTEMPTED')
    g.tick(); g.snapshot('ORDER_FAILED', 'FAILED')
    yield 'Plural: two attempts, then the order fails', g

    g = Plural('order_legs', 1000, 'plural')
    g.pay('c', 600); g.pay('pt', 400)
    g.to('c', 'processed', 'PAYMENT_PROCESSED', 'PENDING'); g.to('pt', 'failed', 'PAYMENT_FAILED', 'ATTEMPTED')
    g.pay('pt2', 400); g.to('pt2', 'processed', 'ORDER_PROCESSED', 'PROCESSED')
    g.refund('rf', 600, pid='c', inside=True)
    yield 'Plural: two legs, one retried', g

    g = Plural('order_hold_legs', 1000, 'plural_preauth')
    g.pay('c', 600); g.pay('pt', 400)
    g.to('c', 'authorized', 'PAYMENT_AUTHORIZED', 'PENDING'); g.to('pt', 'authorized', 'ORDER_AUTHORIZED', 'AUTHORIZED')
    g.to('c', 'processed', 'PAYMENT_PROCESSED', 'AUTHORIZED'); g.to('pt', 'processed', 'ORDER_PROCESSED', 'PROCESSED')
    yield 'Plural: two legs held, then captured', g

    g = Plural('order_hold_part', 1000, 'plural_preauth')
    g.pay('a', 600); g.pay('b', 400)
    g.to('a', 'authorized', 'PAYMENT_AUTHORIZED', 'PENDING'); g.to('b', 'authorized', 'ORDER_AUTHORIZED', 'AUTHORIZED')
    g.to('b', 'processed', 'PAYMENT_PROCESSED', 'AUTHORIZED')
    g.to('a', 'processed', 'ORDER_PROCESSED', 'PARTIALLY_CAPTURED', captured=200); g.refund('rf', 400)
    yield 'Plural: two legs held, one captured, of the other a part', g

    g = Plural('order_leg_back', 1000, 'plural')
    g.pay('c', 600); g.to('c', 'processed', 'PAYMENT_PROCESSED', 'PENDING')
    g.pay('pt', 400); g.to('pt', 'processed', 'ORDER_PROCESSED', 'PROCESSED')
    g.refund('rf', 600, pid='c')
    yield 'Plural: one leg goes back, told alone, after another paid', g

    g = Plural('order_legs_back', 1000, 'plural')
    g.pay('c', 300); g.to('c', 'processed', 'PAYMENT_PROCESSED', 'PENDING')
    g.pay('pt', 700); g.to('pt', 'failed', 'PAYMENT_FAILED', 'ATTEMPTED')
    g.pay('pt2', 700); g.to('pt2', 'processed', 'ORDER_PROCESSED', 'PROCESSED')
    g.refund('rf1', 300, pid='c'); g.refund('rf2', 200, pid='pt2'); g.refund('rf3', 500, pid='pt2')
    yield 'Plural: a leg retried, then all goes back, each refund told alone', g

    g = Plural('order_three_legs', 1000, 'plural')
    g.pay('a', 200); g.to('a', 'processed', 'PAYMENT_PROCESSED', 'PENDING', only=['a'])
    g.pay('b', 300); g.to('b', 'processed', 'PAYMENT_PROCESSED', 'PENDING', only=['b'])
    g.pay('c', 500); g.to('c', 'processed', 'ORDER_PROCESSED', 'PROCESSED', only=['c'])
    g.refund('rf1', 200, pid='a'); g.refund('rf2', 100, 'PENDING', pid='b'); g.refund('rf2', 100, pid='b')
    yield 'Plural: three legs, each told alone, two of them refunded', g

    g = Plural('order_leg_fails', 1000, 'plural')
    g.pay('c', 600); g.to('c', 'processed', 'PAYMENT_PROCESSED', 'PENDING')
    g.pay('pt', 400); g.to('pt', 'failed', 'PAYMENT_FAILED', 'ATTEMPTED')
    g.refund('rf', 600, pid='c')
    yield 'Plural: a leg fails, what the other paid goes back', g

    g = Razorpay('order_failed_alone', 1000, 'razorpay')
    g.pay('p'); g.to('p', 'captured'); g.refund('p', 'r1', 1000, 'failed'); g.refund('p', 'r2', 600)
    g.refund('p', 'r3', 700, 'failed'); g.refund('p', 'r4', 400)
    yield 'refunds that fail at once, between others', g

    g = Plural('order_refund_fails_late', 1000, 'plural_preauth')
    g.pay('p'); g.to('p', 'authorized', 'ORDER_AUTHORIZED', 'AUTHORIZED')
    g.to('p', 'processed', 'ORDER_PROCESSED', 'PARTIALLY_CAPTURED', captured=700)
    g.refund('rf1', 700, 'PENDING', pid='p'); g.refund('rf1', 700, 'FAILED', pid='p'); g.refund('rf2', 700, pid='p')
    yield 'Plural: captured in part, a refund fails, another is whole', g

    g = Paykun('order_pk_two', 1150, 'paykun')
    g.pay('p1'); g.pay('p2'); g.pay('p3'); g.to('p2', 'captured'); g.to('p1', 'failed'); g.to('p3', 'failed')
    g.to('p2', 'refunded')
    yield 'PayKun: two payments fail after another paid', g

    # refunds that do not name their payment: which it is, others tell
    g = legs('order_unnamed_failed', 600, 600)
    g.refund('rf1', 600, pid='a'); g.refund('rf2', 500, 'PENDING'); g.refund('rf2', 500, 'FAILED')
    g.refund('rf3', 600, pid='b')
    yield 'Plural: a refund without a payment fails, both legs go back whole', g

    g = legs('order_unnamed_rest', 600, 400)
    g.refund('rf1', 600, pid='a'); g.refund('rf2', 400)
    yield 'Plural: a leg goes back, then the other, not named', g

    g = legs('order_unnamed_larger', 700, 300)
    g.refund('rf1', 500); g.refund('rf2', 200, pid='a'); g.refund('rf3', 100, 'PENDING'); g.refund('rf3', 100)
    yield 'Plural: no payment named, but one leg alone is as large', g

    g = legs('order_unnamed_both', 600, 400)
    g.refund('rf1', 400); g.refund('rf2', 600)
    yield 'Plural: the second refund tells of which leg the first was', g

    g = legs('order_unnamed_reserved', 600, 400)
    g.refund('rf1', 600, 'PENDING', pid='a'); g.refund('rf2', 400, 'PENDING'); g.refund('rf2', 400)
    g.refund('rf1', 600, pid='a')
    yield 'Plural: no payment named while another is on its way', g

    g = legs('order_unnamed_pending', 600, 400)
    g.refund('rf1', 400, 'PENDING'); g.refund('rf1', 400); g.refund('rf2', 600, 'PENDING', pid='a')
    g.refund('rf2', 600, pid='a')
    yield 'Plural: one after it tells of which leg a refund was', g

    g = one_leg('order_unnamed_listed')
    g.refund('rf', 300, inside=True)
    yield 'Plural: no payment named, but all listed', g

    g = one_leg('order_unnamed_much')
    g.refund('rf', 500)
    yield 'Plural: no payment named, and more than is left to be captured', g

    g = Plural('order_unnamed_late', 1000, 'plural')
    g.pay('a', 600); g.to('a', 'processed', 'PAYMENT_PROCESSED', 'PENDING', only=['a'])
    g.pay('b', 100); g.to('b', 'processed', 'PAYMENT_PROCESSED', 'PENDING', only=['b'])
    g.refund('rf', 500)
    g.refund('rf2', 100, pid='b')
    yield 'Plural: no payment named, one leg late and too small for it', g


def legs(order_id, *amounts):
    """Plural's order paid by legs a, b, ..., each told alone."""
    g, names = Plural(order_id, sum(amounts), 'plural'), 'abcdefg'[:len(amounts)]
    for name, amount in zip(names, amounts):
        g.pay(name, amount)
    for name in names:
        last = name == names[-1]
        g.to(name, 'processed', 'ORDER_PROCESSED' if last else 'PAYMENT_PROCESSED',
             'PROCESSED' if last else 'PENDING', only=[name])
    return g


def one_leg(order_id):
    """One of two legs was captured, the other failed."""
    g = Plural(order_id, 1000, 'plural')
    g.pay('a', 600); g.to('a', 'processed', 'PAYMENT_PROCESSED', 'PENDING', only=['a'])
    g.pay('b', 400); g.to('b', 'failed', 'PAYMENT_FAILED', 'ATTEMPTED')
    return g


def unsettled():
    """(name, gateway, how many events stay refused) of histories where nothing
    says of which payment a refund is: as it was told, so it waits."""
    g = legs('order_either', 500, 500)
    g.refund('rf', 500)
    yield 'Plural: a refund of either leg', g, 1

    g = one_leg('order_or_unknown')
    g.refund('rf', 300)
    yield 'Plural: a refund of the one leg, or of one that is not told yet', g, 1

    g = legs('order_freed', 600, 400)
    g.refund('rf1', 600, 'PENDING', pid='a'); g.refund('rf1', 600, 'FAILED', pid='a'); g.refund('rf2', 400)
    yield 'Plural: a refund of either leg, after another failed', g, 1

    g = legs('order_failed_either', 600, 600)
    g.refund('rf1', 500, 'PENDING'); g.refund('rf1', 500, 'FAILED')
    g.refund('rf2', 600, pid='a'); g.refund('rf3', 600, pid='b')
    yield 'Plural: a refund of either leg fails, both go back whole', g, 2

    g = legs('order_both_either', 500, 500)
    g.refund('rf1', 500); g.refund('rf2', 500, 'PENDING'); g.refund('rf2', 500)
    yield 'Plural: two refunds of two equal legs', g, 3

    g = legs('order_named_later', 500, 500)
    g.refund('rf1', 500, 'PENDING'); g.refund('rf1', 500, pid='b'); g.refund('rf2', 200)
    yield 'Plural: a refund of either leg, named in the end, and another', g, 0
