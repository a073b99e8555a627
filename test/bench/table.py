#!/usr/bin/env python3
"""What is printed: rows about goals, and tables of figures below them.

table.py MARK FILE puts what was printed into FILE between the marks in README.md
that name the command MARK.
"""
import os
import re
import sys

README = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'README.md')

rows = []       # of the table of goals
lines = []      # what is printed below it


def say(text):
    print(text, file=sys.stderr, flush=True)


def goal(what, value, at_most=None, beyond=None, at_least=None):
    """A row; with at_least, more is better, and beyond is a floor, too."""
    if at_least is not None:
        met = round(value, 2) >= at_least
        bounds = '≥ %.2f' % at_least, '≥ %.2f' % beyond
    elif at_most is not None:
        met = round(value, 2) <= at_most
        bounds = '≤ %.2f' % at_most, '≤ %.2f' % beyond if beyond is not None else ''
    else:
        met, bounds = None, ('', '')
    rows.append('| %s | %.2f | %s | %s | %s |' % (
        what, value, *bounds, '' if met is None else 'met' if met else '**missed**'))
    say(rows[-1])


def below(text):
    lines.append(text)
    say(text)


def taken():
    """What has been said since it was asked last, as (rows, lines)."""
    both = rows[:], lines[:]
    del rows[:], lines[:]
    return both


def text(rows, lines, note):
    return '\n'.join(['| paystate against its rivals | measured | goal | beyond | goal is |', '|---|--:|--:|--:|---|']
                     + rows + lines + ['', note])


def write_readme(mark, table):
    """Puts a table into README.md, between the two marks that name it."""
    begin, end = ('<!-- measured by %s: %s -->' % (mark, x) for x in ('begin', 'end'))
    with open(README) as f:
        readme = f.read()
    if readme.count(begin) != 1 or readme.count(end) != 1:
        raise SystemExit('README.md has no place for the table: ' + begin)
    with open(README, 'w') as f:
        f.write(re.sub('(?s)%s.*%s' % (re.escape(begin), re.escape(end)),
                       lambda _: '%s\n\n%s\n\n%s' % (begin, table.strip(), end), readme))


if __name__ == '__main__':
    with open(sys.argv[2]) as f:
        write_readme(sys.argv[1], f.read())
