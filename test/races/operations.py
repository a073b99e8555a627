"""The twelve operations of each life cycle, and what they find.

Rows as test/oracle/world.py has them, about order 0; the races add 8 to every
number for the other order.  The first of each life cycle takes effect.
"""


def order(**given):
    return ('oi', 0, dict({'amount': 1000}, **given))


def pay(key, amount):
    return ('pi', key, {'order_id': 0, 'amount': amount}, None)


def move(key, status, **given):
    return ('pu', key, dict({'status': status}, **given))


def refund(key, payment, amount, status='processed'):
    return ('ri', key, {'payment_id': payment, 'amount': amount, 'status': status})


def redeliver(key, amount):
    return ('pi', key, {'order_id': 0, 'amount': amount}, 'nothing')


SAVE = ('ou', 0, {'receipt': 'mine'})
CANCEL = ('ou', 0, {'status': 'cancelled'})
FAIL = ('ou', 0, {'status': 'failed'})

PREPARED = {
    # 300 of 1000 are captured, 100 of them about to go back
    'razorpay': [
        order(partial_payment=True), pay(0, 300), pay(1, 400), pay(2, 500), pay(3, 200),
        move(0, 'authorized'), move(0, 'captured'), refund(0, 0, 100, 'pending'),
        move(1, 'authorized'), move(2, 'authorized')],
    # paid by the one, with another still open
    'paykun': [
        order(), pay(0, 1000), pay(1, 1000), pay(2, 1000), move(2, 'authorized'),
        move(0, 'captured'), refund(0, 0, 300, 'pending')],
    # two legs are held
    'plural_preauth': [
        order(), pay(0, 600), pay(1, 400), move(0, 'authorized'), move(1, 'authorized')],
    # two legs are under way, and room is left for one more
    'plural': [order(), pay(0, 500), pay(1, 300)],
}

OPERATIONS = {
    'razorpay': {
        'capture1': move(1, 'captured'), 'capture2': move(2, 'captured'),
        'authorize3': move(3, 'authorized'), 'fail3': move(3, 'failed'),
        'insert': pay(4, 200), 'redeliver': redeliver(1, 400),
        'refund': refund(1, 0, 150), 'process': ('ru', 0, {'status': 'processed'}),
        'release': ('ru', 0, {'status': 'failed'}), 'refundall': move(0, 'refunded'),
        'giveback': move(1, 'refunded'), 'save': SAVE},
    'paykun': {
        'refund400': refund(1, 0, 400), 'refund700': refund(2, 0, 700),
        'process': ('ru', 0, {'status': 'processed'}),
        'release': ('ru', 0, {'status': 'failed'}), 'refundall': move(0, 'refunded'),
        'capture1': move(1, 'captured'), 'fail1': move(1, 'failed'),
        'fail2': move(2, 'failed'), 'insert': pay(3, 1000),
        'redeliver': redeliver(0, 1000), 'save': SAVE, 'cancel': CANCEL},
    'plural_preauth': {
        'capture0': move(0, 'processed'), 'capture1': move(1, 'processed'),
        'part0': move(0, 'processed', amount_captured=200), 'void0': move(0, 'cancelled'),
        'void1': move(1, 'cancelled'), 'fail0': move(0, 'failed'), 'cancel': CANCEL,
        'fail': FAIL, 'insert': pay(2, 100), 'redeliver': redeliver(0, 600),
        'save': SAVE, 'stale': ('ou', 0, {'amount_paid': 0, 'amount_due': 1000})},
    'plural': {
        'pay0': move(0, 'processed'), 'pay1': move(1, 'processed'),
        'fail0': move(0, 'failed'), 'void1': move(1, 'cancelled'), 'cancel': CANCEL,
        'fail': FAIL, 'insert2': pay(2, 200), 'insert3': pay(3, 200),
        'redeliver': redeliver(0, 500), 'refund': refund(0, 0, 100), 'save': SAVE,
        'delete': ('od', 0)},
}
