"""What every client does, and how it is counted; imported by the Python ones.

The steps are the same for all: see steps.txt.
"""
import enum

passed, failed = 0, 0
COLUMNS = {
    'orders': 'id lifecycle amount amount_paid amount_due amount_authorized amount_pending amount_refunded currency'
              ' receipt offer_id partial_payment first_payment_min_amount notes status attempts payments_open version'
              ' status_since changed_at created_at'.split(),
    'payments': 'id order_id amount amount_captured amount_refunded refund_pending currency status status_since'
                ' created_at'.split()}
REFUSAL = ('23PS1', 'update on table "payments" violates life cycle "razorpay"',
           'Payment "pay_1" of order "order_1" cannot move from "captured" to "created".',
           'Allowed: refunded, a refund.', 'payments', 'paystate_transition')
OrderStatus = enum.Enum('OrderStatus', [(s, s) for s in (
    'created pending attempted authorized partially_captured paid processed partially_refunded fully_refunded'
    ' cancelled failed').split()])
PaymentStatus = enum.Enum('PaymentStatus', [(s, s) for s in (
    'created pending authorized captured processed failed cancelled refunded').split()])


def step(name, got, wanted=True):
    global passed, failed
    if got == wanted:
        passed += 1
        print('ok - ' + name)
    else:
        failed += 1
        print('not ok - %s\n    wanted: %r\n    got:    %r' % (name, wanted, got))


def finish():
    print('%d passed, %d failed' % (passed, failed))
    return 1 if failed else 0
