#!/usr/bin/python3
"""psycopg 3: see steps.py.  PGDATABASE has the tables."""
import os
import sys

import psycopg
from psycopg.rows import dict_row
from psycopg.types.enum import EnumInfo, register_enum
from psycopg.types.json import Jsonb

import steps
from steps import step, OrderStatus, PaymentStatus

# behind a pooler in transaction mode nothing may be prepared by name
connection = psycopg.connect('', row_factory=dict_row, autocommit=True,
                             prepare_threshold=None if os.environ.get('POOLED') else 5)


# recipe begin
def read_as(type_name, python_enum):
    """Statuses come and go as members of an Enum."""
    register_enum(EnumInfo.fetch(connection, type_name), connection, python_enum,
                  mapping={member: member.value for member in python_enum})


def move(payment_id, status):
    """None, or why it is refused."""
    try:
        with connection.transaction():
            connection.execute("SET LOCAL paystate.actor = 'shop'")
            connection.execute('UPDATE payments SET status = %s WHERE id = %s', (status, payment_id))
    except psycopg.IntegrityError as error:
        return error.sqlstate, error.diag
    return None
# recipe end


def get(table, key):
    return connection.execute('SELECT * FROM %s WHERE id = %%s' % table, (key,)).fetchone()


def save(table, row):
    """All columns, as an application does that keeps rows as objects."""
    values = {k: Jsonb(v) if isinstance(v, dict) else v for k, v in row.items()}
    connection.execute('UPDATE %s SET %s WHERE id = %%(id)s' % (
        table, ', '.join('%s = %%(%s)s' % (k, k) for k in values)), values)


def main():
    read_as('paystate.order_status', OrderStatus)
    read_as('paystate.payment_status', PaymentStatus)
    connection.execute("INSERT INTO orders (id, amount) VALUES ('order_1', 49900)")
    new = connection.execute("INSERT INTO payments (id, order_id) VALUES ('pay_1', 'order_1') RETURNING *").fetchone()
    step('insert: what is left out is filled in', (new['amount'], new['currency'], new['status']),
         (49900, 'INR', PaymentStatus.created))
    stale = get('orders', 'order_1')
    moved = move('pay_1', PaymentStatus.authorized), move('pay_1', PaymentStatus.captured)
    order = get('orders', 'order_1')
    step('move: the order follows its payment', (moved, order['amount_paid']), ((None, None), 49900))
    step("enum: a status is the client's own", (order['status'], get('payments', 'pay_1')['status']),
         (OrderStatus.paid, PaymentStatus.captured))
    found = connection.execute('SELECT id FROM orders WHERE status = %s', (OrderStatus.paid,)).fetchall()
    step('where: rows are found by status', found, [{'id': 'order_1'}])
    save('orders', dict(order, notes={'gift': 'yes'}))
    save('payments', get('payments', 'pay_1'))
    saved = get('orders', 'order_1')
    step('whole row: one that is unchanged is saved without a trace', saved, dict(order, notes={'gift': 'yes'}))
    try:
        save('orders', stale)
        step('stale row: one that was overtaken is refused', 'accepted')
    except psycopg.IntegrityError as error:
        step('stale row: one that was overtaken is refused', error.sqlstate, '23PS6')
    refused = move('pay_1', PaymentStatus.created)
    step("refusal: it is the client's integrity error", refused is not None)
    code, diag = refused
    step('fields: it says code, message, detail, hint, table and constraint',
         (code, diag.message_primary, diag.message_detail, diag.message_hint, diag.table_name, diag.constraint_name),
         steps.REFUSAL)
    step('afterwards: nothing was written, and the connection is good',
         (get('orders', 'order_1'), get('payments', 'pay_1')['status']), (saved, PaymentStatus.captured))
    actors = connection.execute("SELECT actor FROM order_history WHERE payment_to = 'captured'").fetchall()
    step('actor: a transaction says who', actors, [{'actor': 'shop'}])
    columns = {table: [c.name for c in connection.execute('SELECT * FROM %s LIMIT 0' % table).description]
               for table in steps.COLUMNS}
    step('introspection: the tables are as they are', columns, steps.COLUMNS)
    return steps.finish()


sys.exit(main())
