"""Sessions of psql as text: what is typed, and what must come.

A line that begins with "=> " begins an input, "-> " goes on with it, and what
follows up to the next prompt is the output that must come, error messages
included.  Blanks at the ends of lines and empty lines around an output do not
count.  Imported by the programs of test/ that run such texts.
"""
import os
import re
import subprocess
import sys
import textwrap

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PSQL = ['psql', '-X', '-q']
MARK = '<<input %d>>'

# With the argument "--owner" pages are walked by a role that owns the database
# and may make roles, and is no superuser.  One did for it, before, what
# doc/install.md says, so CREATE EXTENSION is left out.  With "--creator" that
# role creates the extension itself, on a server that lets it (pgextwlist).
CREATOR = '--creator' in sys.argv
OWNED = '--owner' in sys.argv or CREATOR
OWNER = 'shop_dba'
SUPERUSER = '<!-- by a superuser -->'
TAKES_SUPERUSER = 'DROP EXTENSION'

passed, failed = 0, 0


def check(ok, what, *details):
    """Counts one test, and says what is wrong when it failed."""
    global passed, failed
    if ok:
        passed += 1
        return
    failed += 1
    print('not ok: ' + what)
    for detail in details:
        print('    ' + detail)


def finish():
    """The last line of a program; its exit status."""
    print('%d passed, %d failed' % (passed, failed))
    return 1 if failed or not passed else 0


def read_lines(name):
    """The lines of a file of the tree."""
    with open(os.path.join(TOP, name)) as f:
        return f.read().split('\n')


# what PostgreSQL 19 says, as those before it did
REWORDED = [(['DETAIL:  No operator of that name accepts the given argument types.',
              'HINT:  You might need to add explicit type casts.'],
             ['HINT:  No operator matches the given name and argument types. You might need to add explicit type casts.'])]


def as_before(lines):
    """The lines with the server's newer wordings replaced."""
    for new, old in REWORDED:
        for i in range(len(lines) - len(new), -1, -1):
            if lines[i:i + len(new)] == new:
                lines[i:i + len(new)] = old
    return lines


def tidy(lines):
    """The lines without blanks at their ends and empty lines around them."""
    lines = [line.rstrip() for line in lines]
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    return lines


class Input:
    """What is typed at one prompt, and what must come; None: no error."""

    def __init__(self, number, text, expected):
        self.number = number    # of the line in the file
        self.lines = [text]
        self.expected = expected


def parse_session(number, block):
    inputs = []
    for offset, line in enumerate(block):
        if line.startswith('=> '):
            inputs.append(Input(number + offset, line[3:], []))
        elif line.startswith('-> ') and inputs and not inputs[-1].expected:
            inputs[-1].lines.append(line[3:])
        elif inputs:
            inputs[-1].expected.append(line)
        elif line:
            check(False, 'line %d stands before the first prompt' % (number + offset))
    return inputs


def markdown_inputs(lines):
    """The inputs of all ```sql blocks, in order.  A block without prompts is
    statements alone: each must succeed, what it prints is not shown.  In the
    walk of an owner those under SUPERUSER are left out."""
    inputs, block, start = [], None, 0
    for number, line in enumerate(lines, 1):
        if block is None:
            if line == '```sql' and not (OWNED and lines[number - 2] == SUPERUSER):
                block, start = [], number + 1
        elif line != '```':
            block.append(line)
        else:
            if any(l.startswith('=> ') for l in block):
                inputs += parse_session(start, block)
            else:
                inputs.append(Input(start, '\n'.join(block), None))
            block = None
    return inputs


def check_regions(name, lines):
    """A block under "<!-- from FILE -->" is what stands in that file between
    the lines "recipe begin" and "recipe end", without its common indent."""
    for number, line in enumerate(lines):
        found = re.match(r'<!-- from (\S+) -->$', line)
        if not found:
            continue
        source, there = read_lines(found.group(1)), []
        marks = [i for i, l in enumerate(source) if re.search(r'\brecipe (begin|end)$', l)]
        if len(marks) == 2:
            there = tidy(textwrap.dedent('\n'.join(source[marks[0] + 1:marks[1]])).split('\n'))
        end = lines.index('```', number + 2) if '```' in lines[number + 2:] else number + 2
        shown = tidy(lines[number + 2:end])
        check(there and lines[number + 1].startswith('```') and shown == there,
              '%s:%d: not the recipe of %s' % (name, number + 1, found.group(1)),
              'shown:', *('  ' + l for l in shown), 'there:', *('  ' + l for l in there))


def run_inputs(inputs, database):
    """Runs them all in one psql; returns the output of each."""
    script = []
    for i, item in enumerate(inputs):
        script += '\n'.join(item.lines + ['\\echo ' + MARK % i]).split('\n')
    # from standard input, so that errors come without a file name in front; in
    # the environment, so that "\!" finds the database as well
    environment = dict(os.environ, PAGER='', PGDATABASE=database)
    if OWNED:
        environment['PGUSER'] = OWNER
        script = [line for line in script if CREATOR or line != 'CREATE EXTENSION paystate;']
    done = subprocess.run(PSQL, input='\n'.join(script) + '\n',
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True, cwd=TOP, env=environment)
    rest, outputs = done.stdout.split('\n'), []
    for i in range(len(inputs)):
        if MARK % i not in rest:
            sys.exit('psql ended before input %d:\n%s' % (i, '\n'.join(rest)))
        end = rest.index(MARK % i)
        outputs.append(rest[:end])
        rest = rest[end + 1:]
    return outputs


def check_inputs(name, inputs, database):
    """Runs the inputs of a file, and compares what comes."""
    opened, given_up = False, False
    for item, output in zip(inputs, run_inputs(inputs, database)):
        where = '%s:%d: %s' % (name, item.number, item.lines[0].split('\n')[0])
        if item.lines[0] in ('BEGIN;', 'ROLLBACK;', 'COMMIT;'):
            opened, given_up = item.lines[0] == 'BEGIN;', False
        if given_up:
            continue
        if OWNED and not CREATOR and item.lines[0].startswith(TAKES_SUPERUSER):
            check(tidy(output) == ['ERROR:  must be owner of extension paystate'], where, *output)
            given_up = opened
            continue
        if item.expected is None:
            errors = [l for l in output if re.match('ERROR|FATAL|WARNING|psql:', l)]
            check(not errors, where, *errors)
            continue
        expected, output = tidy(item.expected), as_before(tidy(output))
        check(expected == output, where, 'shown:', *('  ' + l for l in expected),
              'comes:', *('  ' + l for l in output))


def query(sql, database):
    """What a query returns, as rows of columns."""
    done = subprocess.run(PSQL + ['-At', '-R', '\x1e', '-F', '\x1f', '-d', database, '-c', sql],
                          check=True, stdout=subprocess.PIPE, universal_newlines=True)
    text = done.stdout[:-1] if done.stdout.endswith('\n') else done.stdout
    return [row.split('\x1f') for row in text.split('\x1e')] if text else []


def superuser_blocks(name):
    """What a page says that a superuser does, block by block."""
    return re.findall('%s\n```sql\n(.*?)\n```' % SUPERUSER, '\n'.join(read_lines(name)), re.S)


def hand_over(database):
    """Gives a database to an owner who is no superuser, as doc/install.md says."""
    before = ['CREATE EXTENSION paystate', superuser_blocks('doc/install.md')[0]]
    if CREATOR:
        before = ['CREATE ROLE %s LOGIN CREATEROLE' % OWNER]
    commands = before + ['ALTER DATABASE "%s" OWNER TO %s' % (database, OWNER)]
    subprocess.run(PSQL + ['-v', 'ON_ERROR_STOP=1', '-d', database],
                   input=';\n'.join(commands), universal_newlines=True, check=True)


class Database:
    """A new database, dropped in the end with all roles that came meanwhile."""

    def __init__(self, kind):
        self.name = 'paystate_%s_%d' % (kind, os.getpid())

    def roles(self):
        return {row[0] for row in query('SELECT rolname FROM pg_roles', self.name)}

    def __enter__(self):
        subprocess.run(['createdb', self.name], check=True)
        self.before = self.roles()
        if OWNED:
            hand_over(self.name)
        return self.name

    def __exit__(self, *exception):
        new = self.roles() - self.before
        subprocess.run(['dropdb', self.name], check=True)
        # the last one is who let others into them
        for role in sorted(new, key=lambda role: role == OWNER):
            subprocess.run(PSQL + ['-d', 'postgres', '-c', 'DROP ROLE "%s"' % role], check=True)


def anchor(heading):
    return re.sub(r'[^\w\- ]', '', heading.lower()).strip().replace(' ', '-')


def headings(lines):
    return {anchor(l.lstrip('#').strip()) for l in lines if l.startswith('#')}


def check_links(name, lines):
    """Links of a Markdown file lead to files of the tree, and to headings."""
    for target in re.findall(r'\]\(([^)\s]+)\)', '\n'.join(lines)):
        if '://' in target:
            continue
        path, _, heading = target.partition('#')
        full = os.path.normpath(os.path.join(os.path.dirname(name), path)) if path else name
        check(os.path.exists(os.path.join(TOP, full)), '%s links to no file: %s' % (name, target))
        if heading and full.endswith('.md') and os.path.exists(os.path.join(TOP, full)):
            check(heading in headings(read_lines(full)),
                  '%s links to no heading: %s' % (name, target))
