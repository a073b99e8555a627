"""What a life cycle costs when the tables have grown: 10,000 orders, then up to
as many as one has time for, six rows of history each.

There is one set of tables for paystate and for the floor, so that both find
the same pages and the same trees: between two runs the guards are disabled or
enabled, which only changes the catalog.
"""
import statistics
import threading

import clock
from rivals import Rival, psql

KEY = 'bigint'
ROUNDS = 5
CYCLES = 1500

# The guards, whatever they are called, and the history's foreign key, which is
# two triggers.
FLOOR = """
SELECT format('ALTER TABLE %s DISABLE TRIGGER %I', tgrelid::regclass, tgname)
  FROM pg_trigger WHERE tgname LIKE '%\\_paystate\\_%' \\gexec
ALTER TABLE order_history DISABLE TRIGGER ALL;
"""
PAYSTATE = FLOOR.replace('DISABLE', 'ENABLE')
REFUND = ('\\set n :n + 1\n\\set o random(1, %d)\n\\set p 2 * :o\n\\set r 3000000000000000000 + :n\n')


def grow(rival, size):
    """Its tables with so many orders in them."""
    database = rival.create(KEY)
    past, now = Rival('grown').sections, psql(database, 'SELECT now()')
    errors = []

    def write(part):
        try:
            psql(database, past[part], size=size, now=now)
        except SystemExit as e:
            errors.append(e)

    writers = [threading.Thread(target=write, args=(part,)) for part in ('orders', 'history')]
    for w in writers:
        w.start()
    for w in writers:
        w.join()
    if errors:
        raise errors[0]
    psql(database, 'VACUUM (ANALYZE) orders; ANALYZE payments; ANALYZE refunds; ANALYZE order_history')
    return database


def cost(size, say):
    """(CPU of a life cycle, CPU of a refund of some order of the past), both of
    paystate as shares of the floor's."""
    paystate, floor = Rival('paystate'), Rival('floor')
    database = grow(paystate, size)
    if size <= 10000:
        wrong = psql(database, "SELECT * FROM paystate.verify('orders') LIMIT 3")
        if wrong:
            raise SystemExit('what growth.py made is not consistent:\n' + wrong)
    say('%d orders, %s rows of history, %s' % ((size,) + tuple(psql(
        database, 'SELECT count(*) FROM order_history; SELECT pg_size_pretty(pg_database_size(current_database()))').split('\n'))))
    psql(database, 'CHECKPOINT')
    found = {}
    for _ in range(ROUNDS):
        for rival, guards in ((floor, FLOOR), (paystate, PAYSTATE)):
            psql(database, guards)
            scripts = [rival.script(clock.STEPS, clock.script_file(''), KEY),
                       clock.script_file(REFUND % size + rival.step('refund', KEY))]
            for i, script in enumerate(scripts):
                found.setdefault((rival.name, i), []).append(clock.cpu(database, script, CYCLES))
    psql('postgres', 'DROP DATABASE ' + database)
    return [statistics.median(found['paystate', i]) / statistics.median(found['floor', i]) for i in (0, 1)]
