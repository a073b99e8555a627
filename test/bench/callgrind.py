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

from rivals import STEPS, pgbench, run

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
        before = set(os.listdir(self.out))
        pgbench(database, script, first, '-t', str(n))
        while self.children() - self.helpers:
            time.sleep(0.05)
        # pgbench connects twice, the first time only to look around
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
