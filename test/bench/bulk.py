"""Statements over many rows: how long the backend was on a CPU, and how much
memory of its own it took.  Both are the kernel's word for that one process, so
that what other processes do at the same time counts little.
"""
import os
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../bin'))
from staying import Psql                                        # noqa: E402
from rivals import FIRST_ORDER, FIRST_PAYMENT, psql

PARTS = ('bulk_copy', 'bulk_payments', 'bulk_authorize', 'bulk_capture', 'bulk_refunds')


class Session(Psql):
    """With its backend's process."""

    def __init__(self, database, **variables):
        super().__init__('-v', 'ON_ERROR_STOP=1', '-d', database,
                         *('--set=%s=%s' % pair for pair in variables.items()))
        self.pid = int(self.ask('SELECT pg_backend_pid();')[0])
        self.peak = 0

    def cpu(self):
        """Seconds on a CPU since it began."""
        with open('/proc/%d/schedstat' % self.pid) as f:
            return int(f.read().split()[0]) / 1e9

    def memory(self):
        """Bytes of its own, shared buffers not counted."""
        with open('/proc/%d/status' % self.pid) as f:
            return next(int(l.split()[1]) * 1024 for l in f if l.startswith('RssAnon'))

    def seconds(self, sql):
        """CPU seconds that the statements take; self.peak: most memory."""
        done = threading.Event()

        def watch():
            while not done.wait(0.02):
                self.peak = max(self.peak, self.memory())

        watcher = threading.Thread(target=watch)
        self.peak = self.memory()
        start = self.cpu()
        watcher.start()
        try:
            self.ask(sql)
        finally:
            done.set()
            watcher.join()
        return self.cpu() - start


def copied_file(n):
    """A file for COPY that the server can read."""
    with tempfile.NamedTemporaryFile('w', prefix='paystate.', delete=False) as f:
        f.writelines('%d\t49900\n' % (FIRST_ORDER + i) for i in range(1, n + 1))
    os.chmod(f.name, 0o644)
    return f.name


def bulk(rival, key, n):
    """{part: (CPU seconds, growth of memory in bytes)} for n orders; refunds
    are of 3 in 10."""
    rival.create(key)
    path = copied_file(n)
    first = "'%d'" % FIRST_ORDER if key != 'bigint' else str(FIRST_ORDER)
    found = {}
    for part in PARTS:
        # before, so that it is nobody's part of what is measured; and a backend
        # for each, for malloc keeps what a statement before had
        psql(rival.database(key), 'VACUUM (ANALYZE) orders, payments, refunds, order_history; CHECKPOINT')
        session = Session(rival.database(key), file=path, o1=FIRST_ORDER + 1,
                          o2=FIRST_ORDER + (3 * n // 10 if part == 'bulk_refunds' else n))
        # one row, taken back: a COPY that makes the library be loaded writes row by row
        session.ask('BEGIN; %s ROLLBACK;' % rival.step('insert_order', key).replace(':o', first))
        low = session.memory()
        found[part] = (session.seconds(rival.sections[part]), session.peak - low)
        session.close()
    os.unlink(path)
    psql('postgres', 'DROP DATABASE ' + rival.database(key))
    return found


EVENTS = """DO $$
BEGIN
	FOR i IN 1 .. %(n)d LOOP
		%(fail)s;
	END LOOP;
END $$;"""


def one_transaction(rival, key, events):
    """CPU seconds an event, for so many of one order in one transaction.
    They are updates, for where a payment is inserted the core's foreign key
    check walks all versions that its order has had, whoever wrote them."""
    order, p = FIRST_ORDER + 8 * 10 ** 12 + events, FIRST_PAYMENT + 8 * 10 ** 12 + events * 10 ** 6
    database = rival.database(key)
    psql(database, rival.sections['insert_order'].replace(':o', "'%d'" % order))
    if rival.name != 'paystate':
        psql(database, "ALTER TABLE payments ALTER status SET DEFAULT 'created', ALTER status_since SET DEFAULT now()")
    psql(database, """INSERT INTO payments (id, order_id, amount, currency)
        SELECT %d + i, %d, 49900, 'INR' FROM generate_series(1, %d) AS i""" % (p, order, events))
    psql(database, 'VACUUM (ANALYZE) orders, payments, order_history')
    session = Session(database)
    fail = rival.sections['fail'].strip().rstrip(';').replace(':p', '(%d + i)::%s' % (p, key)).replace(':o', "'%d'" % order)
    took = session.seconds(EVENTS % {'n': events, 'fail': fail})
    session.close()
    return took / events
