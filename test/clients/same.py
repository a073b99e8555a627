"""What must be the same of two shops that were told the same events, in
whatever order.  Imported by the programs beside it."""
import json
import os
import sys

import psycopg2

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../events'))
import histories                                                # noqa: E402

IDS = {'id', 'order_id', 'payment_id', 'parent_payment_id', 'parent_order_id'}


# Left out are our clock's times, and what tells of the way rather than of the
# end: the count of history rows, and the names of refunds that gave back what
# was never captured.
SAME = {
    'orders': """SELECT id, lifecycle, amount, amount_paid, amount_due, amount_authorized, amount_pending,
        amount_refunded, currency, receipt, offer_id, partial_payment, first_payment_min_amount, notes,
        status, attempts, payments_open FROM %s.orders""",
    'payments': """SELECT id, order_id, amount, amount_captured, amount_refunded, refund_pending, currency,
        status, CASE WHEN created_at < now() - interval '1 day' THEN created_at END FROM %s.payments""",
    'refunds': """SELECT CASE WHEN p.amount_captured > 0 THEN r.id END, r.payment_id, r.amount, r.status
        FROM %s.refunds r JOIN %s.payments p ON p.id = r.payment_id""",
    'order_events': """SELECT gateway, event_id, event_type, occurred_at, order_ref, payment_ref, order_key,
        payment_id, outcome IN ('applied', 'unchanged', 'stale') AS done, code, payload FROM %s.order_events""",
}

passed, failed = 0, 0


def check(ok, what, *details):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    print(('ok - ' if ok else 'not ok - ') + what, flush=True)
    for detail in () if ok else details:
        print('    ' + str(detail)[:300], flush=True)


def finish():
    print('%d passed, %d failed' % (passed, failed))
    return 1 if failed or not passed else 0


def renamed(value, ending):
    """A payload with every id made another order's."""
    if isinstance(value, dict):
        return {k: v + ending if k in IDS and isinstance(v, str) else renamed(v, ending)
                for k, v in value.items()}
    return [renamed(v, ending) for v in value] if isinstance(value, list) else value


def make_orders(wanted):
    """Orders with their events (gateway, event_id, payload), at least so many
    events in all, and each history once at least."""
    models = [g for _, g, _ in histories.published()] + [g for _, g in histories.written()]
    models = [g for g in models if g.events]
    orders, count = [], 0
    while count < wanted:
        for g in models:
            ending = '.%d' % len(orders)
            events = [(e['gateway'], 'evt%s.%d' % (ending, n), json.dumps(renamed(e['payload'], ending)))
                      for n, e in enumerate(g.events)]
            orders.append((dict(g.order, id=g.order['id'] + ending), events))
            count += len(events)
            if count >= wanted and len(orders) >= len(models):
                break
    return orders, count


def connect(database):
    connection = psycopg2.connect(dbname=database)
    connection.autocommit = True
    return connection


def make_shop(cursor, shop, orders):
    """The tables of a shop, and its orders as dictionaries of columns."""
    cursor.execute("CREATE SCHEMA %s; SELECT paystate.create_tables('%s');"
                   "SELECT paystate.create_events('%s')" % (shop, shop, shop))
    kinds = {}
    for order in orders:
        kinds.setdefault(tuple(sorted(order)), []).append(order)
    for names, rows in kinds.items():
        cursor.execute('INSERT INTO %s.orders (%s) SELECT %s FROM jsonb_populate_recordset(NULL::%s.orders, %%s)' % (
            shop, ', '.join(names), ', '.join(names), shop), [json.dumps(rows)])


def compare(cursor, shops, orders, events):
    """Two shops hold the same, and neither lost anything."""
    for table, sql in SAME.items():
        sides = [sql % ((shop,) * sql.count('%s')) for shop in shops]
        cursor.execute('SELECT count(*) FROM (%s) x' % sides[0])
        count = cursor.fetchone()[0]
        cursor.execute("""SELECT * FROM ((SELECT '{2}' AS side, to_jsonb(a) AS row FROM (({0}) EXCEPT ALL ({1})) a)
            UNION ALL (SELECT '{3}', to_jsonb(b) FROM (({1}) EXCEPT ALL ({0})) b)) d
            ORDER BY row ->> 'id', side""".format(*sides, *shops))
        rows = cursor.fetchall()
        check(not rows and count, '%s: %d rows are the same' % (table, count), *rows[:10])
    for shop in shops:
        cursor.execute("SELECT * FROM paystate.verify('%s.orders')" % shop)
        rows = cursor.fetchall()
        check(not rows, '%s: verify() finds nothing' % shop, *rows[:10])
        cursor.execute("SELECT event_id, outcome, reason FROM %s.order_events"
                       " WHERE outcome NOT IN ('applied', 'unchanged', 'stale')" % shop)
        rows = cursor.fetchall()
        check(not rows, '%s: every event was taken' % shop, *rows[:10])
        cursor.execute('SELECT count(*) FROM %s.order_events' % shop)
        check(cursor.fetchone()[0] == events, '%s: %d events are kept' % (shop, events))
        cursor.execute("SELECT count(*) FROM %s.orders WHERE version > 1" % shop)
        check(cursor.fetchone()[0] == orders, '%s: every order was moved' % shop)
