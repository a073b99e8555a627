#!/usr/bin/python3
"""Django: see steps.py.  PGDATABASE has the tables."""
import io
import os
import sys

import django
from django.conf import settings
from django.core.management import call_command
from django.db import IntegrityError, connection, models, transaction

import steps
from steps import step

settings.configure(USE_TZ=True, DEFAULT_AUTO_FIELD='django.db.models.AutoField', DATABASES={'default': {
    'ENGINE': 'django.db.backends.postgresql', 'NAME': os.environ['PGDATABASE'], 'HOST': os.environ['PGHOST'],
    'PORT': os.environ['PGPORT'], 'USER': os.environ['PGUSER']}})
django.setup()


# recipe begin
class OrderStatus(models.TextChoices):
    CREATED, PENDING, ATTEMPTED, AUTHORIZED = 'created', 'pending', 'attempted', 'authorized'
    PARTIALLY_CAPTURED, PAID, PROCESSED = 'partially_captured', 'paid', 'processed'
    PARTIALLY_REFUNDED, FULLY_REFUNDED = 'partially_refunded', 'fully_refunded'
    CANCELLED, FAILED = 'cancelled', 'failed'


class PaymentStatus(models.TextChoices):
    CREATED, PENDING, AUTHORIZED, CAPTURED = 'created', 'pending', 'authorized', 'captured'
    PROCESSED, FAILED, CANCELLED, REFUNDED = 'processed', 'failed', 'cancelled', 'refunded'


class StatusField(models.CharField):
    """Read as a member of the enum; left out of an INSERT, paystate fills it in."""

    def __init__(self, *args, enum=None, **options):
        self.enum = enum
        super().__init__(*args, **dict(options, max_length=32, null=True, choices=enum.choices))

    def from_db_value(self, value, *_):
        return value and self.enum(value)


class Derived(models.BigIntegerField):
    """A total of paystate's: saved as it was read, never changed."""

    def __init__(self, *args, **options):
        super().__init__(*args, **dict(options, null=True, editable=False))


class Order(models.Model):
    id = models.TextField(primary_key=True)
    amount = models.BigIntegerField()
    notes = models.JSONField(default=dict)
    status = StatusField(enum=OrderStatus)
    amount_paid, amount_due, version = Derived(), Derived(), Derived()
    # recipe end
    lifecycle = models.TextField(default='razorpay')
    currency = models.TextField(default='INR')
    amount_authorized, amount_pending, amount_refunded = Derived(), Derived(), Derived()
    receipt, offer_id = models.TextField(null=True), models.TextField(null=True)
    partial_payment = models.BooleanField(default=False)
    first_payment_min_amount = models.BigIntegerField(null=True)
    attempts, payments_open = Derived(), Derived()
    status_since, changed_at = models.DateTimeField(null=True), models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label, db_table, managed = 'shop', 'orders', False


class Payment(models.Model):
    id = models.TextField(primary_key=True)
    order = models.ForeignKey(Order, models.PROTECT)
    amount = models.BigIntegerField(null=True)
    currency = models.TextField(null=True)
    status = StatusField(enum=PaymentStatus)
    amount_captured, amount_refunded, refund_pending = Derived(), Derived(), Derived()
    status_since = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label, db_table, managed = 'shop', 'payments', False


def move(payment_id, to):
    try:
        with transaction.atomic():
            connection.cursor().execute("SET LOCAL paystate.actor = 'shop'")
            payment = Payment.objects.select_for_update().get(id=payment_id)
            payment.status = to
            payment.save()                      # all columns
    except IntegrityError as error:             # its cause is psycopg2's
        return error.__cause__
    return None


def values(row):
    return {f.attname: getattr(row, f.attname) for f in row._meta.fields}


def inspected():
    out = io.StringIO()
    call_command('inspectdb', 'orders', 'payments', stdout=out)
    text = out.getvalue()
    parts = dict(zip(('orders', 'payments'), text.split('(models.Model):')[1:]))
    return {table: all('    %s = ' % (c[:-3] if c.endswith('_id') and c == 'order_id' else c) in parts[table]
                       for c in columns) for table, columns in steps.COLUMNS.items()}


def main():
    Order(id='order_1', amount=49900).save(force_insert=True)
    Payment(id='pay_1', order_id='order_1').save(force_insert=True)
    new = Payment.objects.get(id='pay_1')
    step('insert: what is left out is filled in', (new.amount, new.currency, new.status),
         (49900, 'INR', PaymentStatus.CREATED))
    stale = Order.objects.get(id='order_1')
    moved = move('pay_1', PaymentStatus.AUTHORIZED), move('pay_1', PaymentStatus.CAPTURED)
    order = Order.objects.get(id='order_1')
    step('move: the order follows its payment', (moved, order.amount_paid), ((None, None), 49900))
    step("enum: a status is the client's own", (order.status is OrderStatus.PAID,
         Payment.objects.get(id='pay_1').status is PaymentStatus.CAPTURED), (True, True))
    step('where: rows are found by status', [o.id for o in Order.objects.filter(status=OrderStatus.PAID)], ['order_1'])
    before = values(order)
    order.notes = {'gift': 'yes'}
    order.save()
    Payment.objects.get(id='pay_1').save()
    saved = values(Order.objects.get(id='order_1'))
    step('whole row: one that is unchanged is saved without a trace', saved, dict(before, notes={'gift': 'yes'}))
    try:
        stale.save()
        step('stale row: one that was overtaken is refused', 'accepted')
    except IntegrityError as error:
        step('stale row: one that was overtaken is refused', error.__cause__.pgcode, '23PS6')
    refused = move('pay_1', PaymentStatus.CREATED)
    step("refusal: it is the client's integrity error", refused is not None)
    diag = refused.diag
    step('fields: it says code, message, detail, hint, table and constraint',
         (refused.pgcode, diag.message_primary, diag.message_detail, diag.message_hint, diag.table_name,
          diag.constraint_name), steps.REFUSAL)
    step('afterwards: nothing was written, and the connection is good',
         (values(Order.objects.get(id='order_1')), Payment.objects.get(id='pay_1').status),
         (saved, PaymentStatus.CAPTURED))
    with connection.cursor() as cursor:
        cursor.execute("SELECT actor FROM order_history WHERE payment_to = 'captured'")
        step('actor: a transaction says who', cursor.fetchall(), [('shop',)])
    step('introspection: the tables are as they are', inspected(), {'orders': True, 'payments': True})
    return steps.finish()


sys.exit(main())
