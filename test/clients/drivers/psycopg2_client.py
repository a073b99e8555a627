#!/usr/bin/python3
"""psycopg2: see steps.py.  PGDATABASE has the tables."""
import sys

import psycopg2
import psycopg2.extras
from psycopg2.extensions import new_type, register_type

import steps
from steps import step, OrderStatus, PaymentStatus

connection = psycopg2.connect('')
cursor = connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor)


# recipe begin
def read_as(type_name, python_enum):
    """Statuses come as members of an Enum, and go as their values."""
    cursor.execute('SELECT NULL::' + type_name)
    oid = cursor.description[0].type_code
    register_type(new_type((oid,), type_name, lambda value, _: value and python_enum(value)), connection)


def move(payment_id, status):
    """None, or why it is refused."""
    try:
        with connection, connection.cursor() as c:      # commits, or rolls back
            c.execute("SET LOCAL paystate.actor = 'shop'")
            c.execute('UPDATE payments SET status = %s WHERE id = %s', (status.value, payment_id))
    except psycopg2.IntegrityError as error:
        return error.pgcode, error.diag
    return None
# recipe end


def get(table, key):
    cursor.execute('SELECT * FROM %s WHERE id = %%s' % table, (key,))
    row = cursor.fetchone()
    connection.commit()
    return row


def save(table, row):
    """All columns, as an application does that keeps rows as objects."""
    values = {k: v.value if hasattr(v, 'value') else psycopg2.extras.Json(v) if isinstance(v, dict) else v
              for k, v in row.items()}
    with connection, connection.cursor() as c:
        c.execute('UPDATE %s SET %s WHERE id = %%(id)s' % (table, ', '.join('%s = %%(%s)s' % (k, k) for k in values)),
                  values)


def main():
    read_as('paystate.order_status', OrderStatus)
    read_as('paystate.payment_status', PaymentStatus)
    with connection:
        cursor.execute("INSERT INTO orders (id, amount) VALUES ('order_1', 49900)")
        cursor.execute("INSERT INTO payments (id, order_id) VALUES ('pay_1', 'order_1') RETURNING *")
        new = cursor.fetchone()
    step('insert: what is left out is filled in', (new['amount'], new['currency'], new['status']),
         (49900, 'INR', PaymentStatus.created))
    stale = get('orders', 'order_1')
    moved = move('pay_1', PaymentStatus.authorized), move('pay_1', PaymentStatus.captured)
    order = get('orders', 'order_1')
    step('move: the order follows its payment', (moved, order['amount_paid']), ((None, None), 49900))
    step("enum: a status is the client's own", (order['status'], get('payments', 'pay_1')['status']),
         (OrderStatus.paid, PaymentStatus.captured))
    cursor.execute('SELECT id FROM orders WHERE status = %s', (OrderStatus.paid.value,))
    step('where: rows are found by status', [r['id'] for r in cursor.fetchall()], ['order_1'])
    save('orders', dict(order, notes={'gift': 'yes'}))
    save('payments', get('payments', 'pay_1'))
    saved = get('orders', 'order_1')
    step('whole row: one that is unchanged is saved without a trace', saved, dict(order, notes={'gift': 'yes'}))
    try:
        save('orders', stale)
        step('stale row: one that was overtaken is refused', 'accepted')
    except psycopg2.IntegrityError as error:
        step('stale row: one that was overtaken is refused', error.pgcode, '23PS6')
    refused = move('pay_1', PaymentStatus.created)
    step("refusal: it is the client's integrity error", refused is not None)
    code, diag = refused
    step('fields: it says code, message, detail, hint, table and constraint',
         (code, diag.message_primary, diag.message_detail, diag.message_hint, diag.table_name, diag.constraint_name),
         steps.REFUSAL)
    step('afterwards: nothing was written, and the connection is good',
         (get('orders', 'order_1'), get('payments', 'pay_1')['status']), (saved, PaymentStatus.captured))
    cursor.execute("SELECT actor FROM order_history WHERE payment_to = 'captured'")
    step('actor: a transaction says who', cursor.fetchall(), [{'actor': 'shop'}])
    columns = {}
    for table in steps.COLUMNS:
        cursor.execute('SELECT * FROM %s LIMIT 0' % table)
        columns[table] = [c.name for c in cursor.description]
    step('introspection: the tables are as they are', columns, steps.COLUMNS)
    return steps.finish()


sys.exit(main())
