"""The rivals of test/bench/rivals: their tables, and the statements of a step.

A rival is a file of sections, each begun by a line "-- == NAME": "setup" makes
its tables, run by psql in a new database with the extension (:key is the type
of keys); the others are what its application sends, by pgbench or psql.  A
line "-- == others NAME" takes from another rival what is missing here.
"""
import os
import re
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
STEPS = ('insert_order', 'insert_payment', 'authorize', 'capture')
BULK = ('bulk_orders', 'bulk_payments', 'bulk_authorize', 'bulk_capture')
# keys of 19 digits, as long in text as a gateway's own
FIRST_ORDER = 10 ** 18
FIRST_PAYMENT = 2 * 10 ** 18


def run(*command, **options):
    """Runs it, quietly; its output, or an end with what it said."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True, **options)
    if done.returncode != 0:
        raise SystemExit('%s\n%s%s' % (' '.join(command), done.stdout, done.stderr))
    return done.stdout


def psql(database, sql, **variables):
    """Statements, in order, in one session; the rows, unaligned."""
    command = ['psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', database]
    for name, value in variables.items():
        command += ['-v', '%s=%s' % (name, value)]
    return run(*command, input=sql).strip()


# layouts of create_tables(): what its arguments are
LAYOUTS = {
    '': {'sharded': 'false', 'partition': 'NULL'},
    'sharded': {'sharded': 'true', 'partition': 'NULL'},
    'months': {'sharded': 'false', 'partition': "'month'"},
}
# the bulk's numbers as keys; inlined, so that it costs what it says
KEY = """CREATE FUNCTION key(i bigint) RETURNS %s LANGUAGE sql IMMUTABLE RETURN %s"""
AS_KEY = {'text': 'i::text', 'bigint': 'i', 'uuid': "lpad(i::text, 32, '0')::uuid"}


class Rival:
    """One file of rivals/, in a layout."""

    def __init__(self, name, layout=''):
        self.name = name
        self.layout = layout
        self.sections = {}
        with open(os.path.join(HERE, 'rivals', name + '.sql')) as f:
            parts = re.split(r'^-- == (.*)\n', f.read(), flags=re.M)
        for title, text in zip(parts[1::2], parts[2::2]):
            if title.startswith('others '):
                self.sections = {**Rival(title[7:]).sections, **self.sections}
            else:
                self.sections[title] = text

    def database(self, key):
        return '_'.join(filter(None, ('bench', self.name, key, self.layout)))

    def create(self, key, extra=''):
        """Its database, made anew; extra SQL comes after the tables."""
        name = self.database(key)
        run('dropdb', '--if-exists', name)
        run('createdb', name)
        psql(name, 'SET client_min_messages = warning; CREATE EXTENSION paystate;\n'
             '\\cd %s\n%s\n%s;\n%s' % (os.path.join(HERE, 'rivals'), self.sections['setup'].replace('\\ir', '\\i'),
                                     KEY % (key, AS_KEY[key]), extra),
             key=key, **LAYOUTS[self.layout])
        return name

    def step(self, name, key):
        """What its application sends for a step; every number is a parameter."""
        text = self.sections[name]
        if self.layout == 'sharded':
            text = text.replace('WHERE id = :p', 'WHERE order_id = :o AND id = :p')
        if key == 'uuid':
            text = re.sub(r":([opr])\b", r"lpad(:\1, 32, '0')::uuid", text)
        return text

    def load(self, key, first, n):
        """Life cycles of n orders, in bulk."""
        for section in BULK:
            if section in self.sections:
                psql(self.database(key), self.sections[section], o1=FIRST_ORDER + first + 1,
                     o2=FIRST_ORDER + first + n)

    def script(self, steps, path, key):
        """A pgbench script of these steps, for order after order."""
        with open(path, 'w') as f:
            f.write('\\set n :n + 1\n'
                    '\\set o %d + :client_id * 10000000000 + :n\n'
                    '\\set p :o + %d\n' % (FIRST_ORDER, FIRST_PAYMENT - FIRST_ORDER))
            for step in steps:
                f.write(self.step(step, key))
        return path


def pgbench(database, script, first, *options):
    """pgbench's report; orders are numbered from first + 1 on."""
    return run('pgbench', '-n', '-M', 'prepared', '-D', 'n=%d' % first,
               '-f', script, *options, database)
