"""What is measured by the clock or by counters of the server: transactions a
second, WAL, bytes, HOT updates, growth.  Rivals take turns within each round,
so that a busy machine slows all of them; only ratios are worth reading.
"""
import os
import re
import statistics
import tempfile
import time

from rivals import FIRST_ORDER, FIRST_PAYMENT, STEPS, pgbench, psql

ROUNDS = 5
SECONDS = 2


class Numbers:
    """Numbers of orders that nobody used yet, for one run after the other."""

    def __init__(self):
        self.next = 10 ** 8

    def take(self):
        self.next += 10 ** 7
        return self.next


numbers = Numbers()


def script_file(text):
    with tempfile.NamedTemporaryFile('w', suffix='.sql', delete=False) as f:
        f.write(text)
    return f.name


def rate(rival, key, script, clients, seconds=SECONDS):
    """Scripts a second."""
    report = pgbench(rival.database(key), script, numbers.take(), '-T', str(seconds),
                     '-c', str(clients), '-j', str(min(clients, 2)))
    return float(re.search(r'^tps = ([\d.]+)', report, re.M).group(1))


def children_cpu(postmaster):
    """CPU seconds of all backends that have ended."""
    with open('/proc/%d/stat' % postmaster) as f:
        fields = f.read().rsplit(')', 1)[1].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf('SC_CLK_TCK')


def children(postmaster):
    with open('/proc/%d/task/%d/children' % (postmaster, postmaster)) as f:
        return set(f.read().split())


def cpu(database, script, n):
    """CPU seconds that a script takes of a backend, run n times: by what the
    postmaster's ended children had.  Nobody else may connect meanwhile."""
    with open(os.path.join(psql('postgres', 'SHOW data_directory'), 'postmaster.pid')) as f:
        postmaster = int(f.readline())
    time.sleep(0.3)         # until that psql's backend is gone
    others, before = children(postmaster), children_cpu(postmaster)
    pgbench(database, script, numbers.take(), '-t', str(n))
    while children(postmaster) - others:
        time.sleep(0.01)
    os.unlink(script)
    return (children_cpu(postmaster) - before) / n


def in_turns(rivals, key, scripts, clients, rounds=ROUNDS):
    """{rival's name: median of its rates}"""
    rates = {r.name: [] for r in rivals}
    for r in rivals:        # once, so that files and caches are there
        rate(r, key, scripts[r.name], clients, 1)
    for _ in range(rounds):
        for r in rivals:
            rates[r.name].append(rate(r, key, scripts[r.name], clients))
    return {name: statistics.median(values) for name, values in rates.items()}


def life_cycles(rivals, key, clients, rounds=ROUNDS):
    """Whole life cycles a second."""
    scripts = {r.name: r.script(STEPS, script_file(''), key) for r in rivals}
    rates = in_turns(rivals, key, scripts, clients, rounds)
    for path in scripts.values():
        os.unlink(path)
    return rates


def hot_order(rivals, key, clients):
    """Events a second of one order that everybody pays and nobody can pay."""
    order, scripts = FIRST_ORDER + 9 * 10 ** 12, {}
    for r in rivals:
        psql(r.database(key), r.sections['insert_order'].replace(':o', "'%d'" % order))
        scripts[r.name] = script_file(
            '\\set n :n + 1\n\\set o %d\n\\set p %d + :client_id * 10000000000 + :n\n'
            % (order, FIRST_PAYMENT + 9 * 10 ** 12)
            + r.sections['insert_payment'] + r.sections['fail'])
    rates = in_turns(rivals, key, scripts, clients)
    for path in scripts.values():
        os.unlink(path)
    return {name: 2 * n for name, n in rates.items()}


SIZE = """SELECT sum(pg_relation_size(oid)) FROM pg_class
	WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')"""
HOT = """SELECT pg_stat_clear_snapshot();
	SELECT coalesce(sum(n_tup_upd), 0), coalesce(sum(n_tup_hot_upd), 0)
	FROM pg_stat_user_tables WHERE relname IN ('orders', 'payments')"""


def written(rival, key, n=4000):
    """(WAL bytes, bytes of tables and indexes) a life cycle, share of HOT
    updates, all in a database that nobody else writes to at the moment."""
    database = rival.database(key)

    def state():
        wal = psql(database, "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
        hot = psql(database, HOT).split('\n')[-1].split('|')
        return [int(x) for x in (wal, psql(database, SIZE), *hot)]

    script = rival.script(STEPS, script_file(''), key)
    first = numbers.take()
    # what the bulk load left free is not to take the rows of some and not of others
    psql(database, 'VACUUM (FULL, ANALYZE)')
    pgbench(database, script, first, '-t', '500')       # warm
    before = state()
    pgbench(database, script, first + 500, '-t', str(n))
    wal, size, updates, hot = (b - a for a, b in zip(before, state()))
    os.unlink(script)
    return wal / n, size / n, hot / updates
