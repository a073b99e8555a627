#!/usr/bin/python3
"""SQLAlchemy (its ORM, over psycopg2): see steps.py.  PGDATABASE has the tables."""
import sys

from sqlalchemy import (BigInteger, Boolean, Column, DateTime, FetchedValue, ForeignKey, Integer, String, create_engine,
                        inspect, text)
from sqlalchemy.dialects.postgresql import ENUM, JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, declarative_base
from sqlalchemy.orm.attributes import flag_modified

import steps
from steps import step, OrderStatus, PaymentStatus

engine = create_engine('postgresql+psycopg2://', future=True)
Base = declarative_base()


# recipe begin
def status(name, python_enum):
    """The database's own enum; paystate fills it in and moves it."""
    return Column(ENUM(python_enum, name=name, schema='paystate', create_type=False,
                       values_callable=lambda e: [m.value for m in e]), FetchedValue(), FetchedValue(for_update=True))


def derived(kind):
    """paystate's: never written, read back after each INSERT and UPDATE."""
    return Column(kind, FetchedValue(), FetchedValue(for_update=True))


class Order(Base):
    __tablename__ = 'orders'
    id = Column(String, primary_key=True)
    amount = Column(BigInteger)
    notes = Column(JSONB, FetchedValue())
    status = status('order_status', OrderStatus)
    amount_paid, amount_due = derived(BigInteger), derived(BigInteger)
    # recipe end
    lifecycle, currency = derived(String), derived(String)
    amount_authorized, amount_pending, amount_refunded = derived(BigInteger), derived(BigInteger), derived(BigInteger)
    receipt, offer_id = Column(String), Column(String)
    partial_payment, first_payment_min_amount = Column(Boolean, FetchedValue()), Column(BigInteger)
    attempts, payments_open, version = derived(Integer), derived(Integer), derived(Integer)
    status_since, changed_at = derived(DateTime(timezone=True)), derived(DateTime(timezone=True))
    created_at = derived(DateTime(timezone=True))


class Payment(Base):
    __tablename__ = 'payments'
    id = Column(String, primary_key=True)
    order_id = Column(ForeignKey('orders.id'))
    amount, currency = Column(BigInteger, FetchedValue()), Column(String, FetchedValue())
    status = status('payment_status', PaymentStatus)
    amount_captured, amount_refunded, refund_pending = derived(BigInteger), derived(BigInteger), derived(BigInteger)
    status_since, created_at = derived(DateTime(timezone=True)), derived(DateTime(timezone=True))


def move(payment_id, to):
    try:
        with Session(engine) as session, session.begin():
            session.execute(text("SET LOCAL paystate.actor = 'shop'"))
            session.get(Payment, payment_id).status = to
    except IntegrityError as error:     # error.orig is the driver's
        return error
    return None


def get(kind, key):
    with Session(engine) as session:
        row = session.get(kind, key)
        return row and {c.key: getattr(row, c.key) for c in inspect(kind).column_attrs}


def save(kind, values):
    """Every column is written, changed or not."""
    with Session(engine) as session, session.begin():
        row = session.get(kind, values['id'])
        for name, value in values.items():
            setattr(row, name, value)
            flag_modified(row, name)


def reflected():
    found = inspect(engine)
    return ({table: [c['name'] for c in found.get_columns(table)] for table in steps.COLUMNS},
            [c['type'].name for c in found.get_columns('orders') if c['name'] == 'status'],
            found.get_pk_constraint('orders')['constrained_columns'],
            [f['referred_table'] for f in found.get_foreign_keys('payments')])


def main():
    with Session(engine) as session, session.begin():
        session.add(Order(id='order_1', amount=49900))
        session.flush()
        new = Payment(id='pay_1', order_id='order_1')
        session.add(new)
        session.flush()
        step('insert: what is left out is filled in', (new.amount, new.currency, new.status),
             (49900, 'INR', PaymentStatus.created))
    stale = get(Order, 'order_1')
    moved = move('pay_1', PaymentStatus.authorized), move('pay_1', PaymentStatus.captured)
    order = get(Order, 'order_1')
    step('move: the order follows its payment', (moved, order['amount_paid']), ((None, None), 49900))
    step("enum: a status is the client's own", (order['status'], get(Payment, 'pay_1')['status']),
         (OrderStatus.paid, PaymentStatus.captured))
    with Session(engine) as session:
        step('where: rows are found by status',
             [o.id for o in session.query(Order).filter(Order.status == OrderStatus.paid)], ['order_1'])
    save(Order, dict(order, notes={'gift': 'yes'}))
    save(Payment, get(Payment, 'pay_1'))
    saved = get(Order, 'order_1')
    step('whole row: one that is unchanged is saved without a trace', saved, dict(order, notes={'gift': 'yes'}))
    try:
        save(Order, stale)
        step('stale row: one that was overtaken is refused', 'accepted')
    except IntegrityError as error:
        step('stale row: one that was overtaken is refused', error.orig.pgcode, '23PS6')
    refused = move('pay_1', PaymentStatus.created)
    step("refusal: it is the client's integrity error", refused is not None)
    diag = refused.orig.diag
    step('fields: it says code, message, detail, hint, table and constraint',
         (refused.orig.pgcode, diag.message_primary, diag.message_detail, diag.message_hint, diag.table_name,
          diag.constraint_name), steps.REFUSAL)
    step('afterwards: nothing was written, and the connection is good',
         (get(Order, 'order_1'), get(Payment, 'pay_1')['status']), (saved, PaymentStatus.captured))
    with engine.connect() as connection:
        actors = connection.execute(text("SELECT actor FROM order_history WHERE payment_to = 'captured'")).all()
    step('actor: a transaction says who', actors, [('shop',)])
    step('introspection: the tables are as they are', reflected(),
         (steps.COLUMNS, ['order_status'], ['id'], ['orders']))
    return steps.finish()


sys.exit(main())
