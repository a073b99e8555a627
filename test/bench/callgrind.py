"""Instructions of a backend, counted by valgrind's callgrind.

A copy of the server's data directory is started under valgrind, all of it, for
callgrind follows every fork.  A backend writes what it counted when it ends,
so each workload has a connection of its own; what starting one costs, and what
its first statements compile, goes by taking the difference of a long run and
a short one.
"""
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time

from rivals import FIRST_ORDER, STEPS, pgbench, psql, run

SHORT, MORE = 50, 200
# what runs beside the backend would only take time, or prune under our feet
SETTINGS = ('listen_addresses=', 'autovacuum=off', 'bgwriter_lru_maxpages=0',
            'checkpoint_timeout=1h', 'max_wal_size=8GB', 'wal_writer_delay=10s',
            'max_wal_senders=0', 'wal_level=replica', 'max_parallel_workers=0',
            'shared_buffers=64MB', 'max_connections=20', 'jit=off')


class Server:
    """The copy, under valgrind; to be used in a "with"."""

    def __init__(self, *options):
        self.options = options

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix='paystate.', dir=os.environ.get('TMPDIR', '/tmp'))
        self.out = os.path.join(self.dir, 'out')
        self.before = {k: os.environ.get(k) for k in ('PGHOST',)}
        data = os.path.join(self.dir, 'data')
        os.mkdir(self.out)
        run('pg_basebackup', '-D', data, '-c', 'fast', '-X', 'fetch', '--no-sync')
        as_server = []
        if os.getuid() == 0:
            # with-server chose the owner; the socket is his
            owner = pwd.getpwuid(os.stat(os.environ['PGHOST']).st_uid).pw_name
            run('chown', '-R', owner, self.dir)
            as_server = ['runuser', '-u', owner, '--']
        command = as_server + [
            'valgrind', '--tool=callgrind', '--trace-children=yes', '-q',
            '--callgrind-out-file=%s/%%p' % self.out, *self.options,
            os.path.join(os.environ['PG_BIN'], 'postgres'), '-D', data]
        for setting in SETTINGS + ('unix_socket_directories=' + self.dir,):
            command += ['-c', setting]
        with open(os.path.join(self.dir, 'log'), 'w') as log:
            self.process = subprocess.Popen(command, cwd=self.dir, stdout=log, stderr=log)
        self.pidfile = os.path.join(data, 'postmaster.pid')
        os.environ['PGHOST'] = self.dir
        self.wait()
        with open(self.pidfile) as f:
            self.postmaster = int(f.readline())
        self.helpers = self.settled_children()
        return self

    def wait(self):
        for _ in range(600):
            if subprocess.run(['pg_isready', '-q']).returncode == 0:
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        with open(os.path.join(self.dir, 'log')) as f:
            raise SystemExit('the server under valgrind did not start:\n' + f.read())

    def __exit__(self, *_):
        # immediate shutdown of the postmaster that we started
        os.kill(self.postmaster, signal.SIGQUIT)
        self.process.wait()
        for name, value in self.before.items():
            os.environ[name] = value
        shutil.rmtree(self.dir, ignore_errors=True)

    def children(self):
        path = '/proc/%d/task/%d/children' % (self.postmaster, self.postmaster)
        with open(path) as f:
            return set(f.read().split())

    def settled_children(self):
        """What the server has beside backends, once pg_isready's are gone."""
        time.sleep(1)
        return self.children()

    def count(self, database, script, first, n):
        """Instructions of a backend that runs a pgbench script n times, and
        the profile of where they went."""
        # pgbench connects twice, the first time only to look around
        return self.dearest(pgbench, database, script, first, '-t', str(n))

    def statements(self, database, sql, **variables):
        """The same of a backend that psql gives some SQL to."""
        return self.dearest(psql, database, sql, **variables)

    def dearest(self, client, *arguments, **variables):
        """Of the backends that a client has, the one with most instructions."""
        before = set(os.listdir(self.out))
        client(*arguments, **variables)
        while self.children() - self.helpers:
            time.sleep(0.05)
        new = [os.path.join(self.out, f) for f in set(os.listdir(self.out)) - before]
        return max((instructions(path), path) for path in new)


def instructions(path):
    """The total of a profile."""
    with open(path, errors='replace') as f:
        return int(re.search(r'^summary: (\d+)', f.read(), re.M).group(1))


def marginal(server, rival, key, steps, first):
    """Instructions that one more order taken through these steps takes."""
    script = rival.script(steps, os.path.join(server.dir, 'script.sql'), key)
    short, _ = server.count(rival.database(key), script, first, SHORT)
    long, _ = server.count(rival.database(key), script, first + SHORT, SHORT + MORE)
    return (long - short) / MORE


def each_step(server, rival, key, first):
    """The same for each of the four steps, a step being what it adds to those
    before it, so that every row is as old as it would be; and for all."""
    sums = [0]
    for n in range(1, len(STEPS) + 1):
        sums.append(marginal(server, rival, key, STEPS[:n], first + n * 10000))
    return dict(zip(STEPS, (b - a for a, b in zip(sums, sums[1:]))), whole=sums[-1])


# what the server does around the triggers of a row, less what they do
AROUND = ('ExecBRInsertTriggers', 'ExecBRUpdateTriggersNew', 'ExecARUpdateTriggers', 'AfterTriggerEndQuery')
WITHIN = ('trigger.c:paystate_guard', 'RI_FKey_check_ins')


def firing(path):
    """Of a profile, the instructions of firing triggers, without the triggers."""
    found, names = {}, '|'.join(AROUND + WITHIN)
    for line in run('callgrind_annotate', '--inclusive=yes', '--threshold=100', path).split('\n'):
        part = re.match(r'\s*([\d,]+) \([\d. ]+%\)\s+\S*?(' + names + r')( |$)', line)
        if part:
            n = int(part.group(1).replace(',', ''))
            found[part.group(2)] = max(n, found.get(part.group(2), 0))
    return sum(found.get(f, 0) for f in AROUND) - sum(found.get(f, 0) for f in WITHIN)


def bulk_rows(rivals, key, parts, copied_file, few=2000, many=6000):
    """{(rival's name, part): (instructions a row, of them of firing triggers)}
    of statements over many rows beyond few, in a session that is not new."""
    found, sizes = {}, {'few': few, 'many': many}
    for rival in rivals:
        for size in sizes:
            psql('postgres', 'DROP DATABASE IF EXISTS %s_%s' % (rival.database(key), size))
            psql('postgres', 'ALTER DATABASE %s RENAME TO %s_%s' % (rival.create(key), rival.database(key), size))
    with Server() as server:
        for rival in rivals:
            for size, n in sizes.items():
                database, path = '%s_%s' % (rival.database(key), size), copied_file(n)
                psql(database, 'SELECT 1')          # makes files that the first backend makes
                warm = 'BEGIN; %s ROLLBACK;' % rival.step('insert_order', key).replace(':o', "'%d'" % FIRST_ORDER)
                for part in parts:
                    psql(database, 'VACUUM (ANALYZE) orders, payments, refunds, order_history')
                    found[rival.name, part, size] = server.statements(
                        database, warm + rival.sections[part], file=path, o1=FIRST_ORDER + 1, o2=FIRST_ORDER + n)
                os.unlink(path)
        around = {what: firing(path) for what, (_, path) in found.items()}
    for rival in rivals:
        for size in sizes:
            psql('postgres', 'DROP DATABASE %s_%s' % (rival.database(key), size))
    # what the one row before has taken goes by the difference
    return {(r.name, part): tuple((many_rows - few_rows) / (many - few) for many_rows, few_rows in (
        (found[r.name, part, 'many'][0], found[r.name, part, 'few'][0]),
        (around[r.name, part, 'many'], around[r.name, part, 'few']))) for r in rivals for part in parts}
