#!/usr/bin/env python3
"""lint.py SCRIPT...

Reads an extension's SQL script and says where it breaks a rule of extension
security: what CREATE EXTENSION runs is run by a superuser, and what it makes
is called under whatever search_path its caller has.  One line a finding,
"LINE RULE what"; exit status 1 when there is one.  RULES lists the rules.
"""
import re
import sys

RULES = {
    'or-replace': 'CREATE OR REPLACE would take over an object that somebody planted',
    'if-exists': 'IF [NOT] EXISTS would make do with an object that somebody planted',
    'definer': 'SECURITY DEFINER wants a fixed search_path, and REVOKE from PUBLIC',
    'path': 'a body kept as text wants SET search_path = pg_catalog, pg_temp',
    'name': 'a name outside of a fixed search_path wants its schema',
    'operator': 'an operator outside of a fixed search_path wants OPERATOR(pg_catalog.…)',
    'own': 'an object of this script is called without its schema',
    'cast': 'casts are made WITH FUNCTION or INOUT, and never IMPLICIT',
    'volatility': 'a function says IMMUTABLE, STABLE or VOLATILE',
    'parallel': 'a function says how it goes with parallel queries',
    'comment': 'every object has a comment',
    'revoke': 'administration is revoked from PUBLIC',
    'glued': 'EXECUTE takes a text made by format(), never one glued together',
    'block': 'comments begin with --: a block comment may hide what follows',
    'stranger': 'objects are made in the extension\'s own schema'}
SCHEMA = 'paystate'
# rules that a function may break, and why
EXCEPTIONS = {
    ('glued', 'paystate.attach_fill_payments'): 'its parts are those of attach_frame(): names by format(%I) and regclass, labels by quote_literal()',
    ('glued', 'paystate.attach_fill_orders'): 'its parts are those of attach_frame(): names by format(%I) and regclass, labels by quote_literal()',
    ('glued', 'paystate.attach_find'): 'its parts are those of attach_frame(): names by format(%I) and regclass, labels by quote_literal()'}
ADMINISTRATION = ('define_lifecycle', 'force_status', 'repair', 'expire', 'migrate_orders')
FIXED = re.compile(r'\bSET\s+search_path\s*(?:=|TO)\s*pg_catalog\s*,\s*pg_temp\b', re.I)
TOKEN = re.compile(r"""
    (?P<comment>--[^\n]*) | (?P<block>/\*) | (?P<dollar>\$(?:[A-Za-z_]\w*)?\$) |
    (?P<text>[eE]?'(?:[^'\\]|''|\\.)*') | (?P<quoted>"(?:[^"]|"")*") |
    (?P<end>;) | (?P<other>[A-Za-z_]\w*|\s+|.)""", re.X | re.S)


class Statement:
    """One statement: its line, its text with bodies cut out, and the bodies."""

    def __init__(self, line, text, bodies):
        self.line, self.text, self.bodies = line, text, bodies


def split(script):
    """The statements; comments are gone, texts are '', bodies are $$."""
    at, line, start, text, bodies, found, statements = 0, 1, None, [], [], [], []
    while at < len(script):
        token = TOKEN.match(script, at)
        kind, word = token.lastgroup, token.group()
        begin, at = at, token.end()
        if kind == 'dollar':
            close = script.find(word, at)
            close = len(script) if close < 0 else close
            bodies.append((line + word.count('\n'), script[at:close]))
            at = close + len(word)
            word = '$$'
        elif kind == 'block':
            found.append((line, 'block', 'a block comment'))
        elif kind == 'comment':
            word = ''
        elif kind == 'text':
            word = "''"
        if start is None and word.strip() and not (kind == 'other' and word == '\\'):
            start = line
        if kind == 'end':
            statements.append(Statement(start, ''.join(text).strip(), bodies))
            start, text, bodies = None, [], []
        elif kind == 'other' and word == '\\' and not ''.join(text).strip():
            end = script.find('\n', at)     # psql's own, such as \echo
            at = len(script) if end < 0 else end
            start = None
        else:
            text.append(word)
        line += script.count('\n', begin, at)
    return statements, found


def bare(body):
    """A body without its comments and texts."""
    kept = []
    for token in TOKEN.finditer(body):
        kind, word = token.lastgroup, token.group()
        kept.append('\n' * word.count('\n') if kind == 'comment' else "''" + '\n' * word.count('\n') if kind == 'text' else word)
    return ''.join(kept)


NOT_CALLS = set('''in exists any all some values as and or not over filter within using on from where when then else
    case returns table select set key references check unique primary foreign index default constraint cast row
    array interval with recursive lateral distinct into returning if elsif while for loop return group by order
    partition limit column function aggregate trigger view type event of is between like raise execute perform
    union except intersect having include exclude variadic operator collate window materialized numeric varchar
    extract coalesce nullif greatest least xmlelement grouping array_agg_ rows groups only join trim substring position
    overlay treat normalize current_schema session_user'''.split())


def check_names(found, line, text, what):
    """No name and no operator that the caller's search_path could decide."""
    for m in re.finditer(r'(?<![\w."])([a-z_]\w*)\s*\(', text):
        word = m.group(1).lower()
        before = text[:m.start()].rstrip()
        if word not in NOT_CALLS and not re.search(r'(\bAS|\bWITH|\bRECURSIVE|\bTABLE|,|\bINDEX|\bCONSTRAINT|\bINTO|\bKEY)$', before, re.I):
            found.append((line + text.count('\n', 0, m.start()), 'name', '%s: %s()' % (what, m.group(1))))
    for m in re.finditer(r'\b(?:FROM|JOIN|UPDATE|INTO)\s+(?:ONLY\s+)?([a-z_]\w*)(?!\s*[.(\w])', text):
        if m.group(1).lower() not in ('select', 'lateral', 'strict', 'public', 'set', 'unnest', 'only', 'or', 'of', 'on', 'values'):
            if not re.search(r'\b%s\s+AS\s+(?:MATERIALIZED\s+)?\(' % m.group(1), text, re.I) and 'IS DISTINCT FROM' not in text[max(0, m.start() - 12):m.end()].upper():
                found.append((line + text.count('\n', 0, m.start()), 'name', '%s: relation %s' % (what, m.group(1))))
    for m in re.finditer(r'(?<=[\w)\]\'"$])\s+(=|<>|<|>|<=|>=|\|\||->>?|~|\+|-|\*|/|@>|<@)\s+', text):
        if not re.search(r'\b(DEFAULT|SET\s+\w+|SET\s+LOCAL\s+\w+|ERRCODE|MESSAGE|DETAIL|HINT|SELECT|COUNT\()$', text[:m.start()], re.I):
            found.append((line + text.count('\n', 0, m.start()), 'operator', '%s: %s' % (what, m.group(1))))


def check_function(found, s, head, own):
    name = re.match(r'CREATE\s+(?:OR\s+REPLACE\s+)?(?:FUNCTION|PROCEDURE)\s+([\w."]+)', head, re.I).group(1)
    language = re.search(r'\bLANGUAGE\s+\'?(\w*)', head, re.I)
    language = language.group(1).lower() if language else 'sql'
    trigger = re.search(r'\bRETURNS\s+(?:pg_catalog\.)?(?:event_)?trigger\b', head, re.I)
    atomic = re.search(r'\bBEGIN\s+ATOMIC\b|\bRETURN\s', head, re.I) and not s.bodies
    if not trigger:
        if not re.search(r'\b(IMMUTABLE|STABLE|VOLATILE)\b', head, re.I):
            found.append((s.line, 'volatility', name))
        if not re.search(r'\bPARALLEL\s+(SAFE|RESTRICTED|UNSAFE)\b', head, re.I):
            found.append((s.line, 'parallel', name))
    fixed = FIXED.search(head)
    if re.search(r'\bSECURITY\s+DEFINER\b', head, re.I) and not fixed:
        found.append((s.line, 'definer', name + ' has no fixed search_path'))
    if language in ('c', 'internal') or atomic:
        return
    for line, body in s.bodies:
        body = bare(body)
        if language == 'plpgsql' and not fixed:
            found.append((s.line, 'path', name))
        elif not fixed:
            # SQL without a path of its own can be inlined: then every name in it
            check_names(found, line, body, name)
        for m in re.finditer(r'\bEXECUTE\s+(?!format\b|pg_catalog\.format\b)[^;]*?\|\|', body, re.I):
            found.append((line + body.count('\n', 0, m.start()), 'glued', name))
        for m in re.finditer(r'\b(?:CREATE|ALTER|DROP)\s+(?:\w+\s+)+IF\s+(?:NOT\s+)?EXISTS\b', body, re.I):
            found.append((line + body.count('\n', 0, m.start()), 'if-exists', name))
        for m in re.finditer(r'(?<![\w.:"$%%])(%s)\s*\(' % '|'.join(sorted(own)), body) if own else ():
            if not re.search(r'(\bWITH|\bRECURSIVE|,|\bAS|\bINTO)\s*$', body[:m.start()], re.I):
                found.append((line + body.count('\n', 0, m.start()), 'own', '%s: %s()' % (name, m.group(1))))


MADE = re.compile(r'CREATE\s+(?:OR\s+REPLACE\s+)?(?:TEMP\s+|TEMPORARY\s+|UNLOGGED\s+)?(FUNCTION|PROCEDURE|AGGREGATE|TABLE|VIEW|MATERIALIZED\s+VIEW|TYPE|DOMAIN|SEQUENCE|OPERATOR)'
                  r'\s+(?:IF\s+NOT\s+EXISTS\s+)?([\w."]+|[\w.]*[^\w\s(]+)', re.I)


def check_objects(found, statements):
    """What is made is ours, has a comment, and is not everybody's to administrate."""
    commented, revoked = set(), set()
    for s in statements:
        m = re.match(r'COMMENT\s+ON\s+(?:MATERIALIZED\s+)?(\w+)\s+([\w."]+)', s.text, re.I)
        if m:
            commented.add(m.group(2).lower())
        if re.match(r'COMMENT\s+ON\s+CAST', s.text, re.I):
            commented.add(re.sub(r'\s+', '', re.search(r'\((.*?)\)', s.text).group(1)).lower())
        m = re.match(r'REVOKE\s+(?:ALL|EXECUTE)[^;]*\bON\s+FUNCTION\s+(.*)\bFROM\b.*\bPUBLIC\b', s.text, re.I | re.S)
        if m:
            revoked.update(name.split('.')[-1].lower() for name in re.findall(r'([\w.]+)\s*\(', m.group(1)))
        # in a loop over all, as "ALL FUNCTIONS IN SCHEMA"
        if re.match(r'REVOKE\s+.*ALL\s+FUNCTIONS\s+IN\s+SCHEMA', s.text, re.I | re.S):
            revoked.update(ADMINISTRATION)
    for s in statements:
        m = MADE.match(s.text)
        if m:
            name = m.group(2)
            if not name.lower().startswith(SCHEMA + '.'):
                found.append((s.line, 'stranger', name))
            if name.lower() not in commented:
                found.append((s.line, 'comment', name))
            plain = name.split('.')[-1].lower()
            administration = plain in ADMINISTRATION or re.search(r'\bSECURITY\s+DEFINER\b', s.text, re.I)
            if m.group(1).upper() in ('FUNCTION', 'PROCEDURE') and administration and plain not in revoked:
                found.append((s.line, 'revoke', name))
        m = re.match(r'CREATE\s+CAST\s*\((.*?)\)', s.text, re.I | re.S)
        if m:
            if re.sub(r'\s+', '', m.group(1)).lower() not in commented:
                found.append((s.line, 'comment', 'cast of ' + m.group(1)))
            if re.search(r'WITHOUT\s+FUNCTION|AS\s+IMPLICIT', s.text, re.I):
                found.append((s.line, 'cast', m.group(1)))


def lint(script):
    statements, found = split(script)
    own = {m.group(2).split('.')[-1] for m in (MADE.match(s.text) for s in statements)
           if m and m.group(1).upper() == 'FUNCTION' and m.group(2).lower().startswith(SCHEMA + '.')}
    for s in statements:
        if re.match(r'CREATE\s+OR\s+REPLACE\b', s.text, re.I):
            found.append((s.line, 'or-replace', s.text[:60]))
        if re.match(r'(?:CREATE|ALTER|DROP)\b[^$]*?\bIF\s+(?:NOT\s+)?EXISTS\b', s.text, re.I):
            found.append((s.line, 'if-exists', s.text[:60]))
        if re.match(r'CREATE\s+(?:OR\s+REPLACE\s+)?(?:FUNCTION|PROCEDURE)\b', s.text, re.I):
            check_function(found, s, s.text, own)
        elif re.match(r'DO\b', s.text, re.I):
            for line, body in s.bodies:
                check_names(found, line, bare(body), 'DO')
        elif not re.match(r'(?:CREATE|ALTER|COMMENT|GRANT|REVOKE|INSERT)\b', s.text, re.I):
            check_names(found, s.line, s.text, s.text.split()[0] if s.text else '')
        elif re.match(r'CREATE\s+(?:MATERIALIZED\s+)?VIEW\b', s.text, re.I):
            check_names(found, s.line, s.text, 'view')
    check_objects(found, statements)
    return sorted(finding for finding in set(found) if finding[1:] not in EXCEPTIONS)


def main():
    count = 0
    for path in sys.argv[1:]:
        with open(path, encoding='utf-8') as f:
            for line, rule, what in lint(f.read()):
                print('%s:%d %s: %s (%s)' % (path, line, rule, what, RULES[rule]))
                count += 1
    return 1 if count else 0


if __name__ == '__main__':
    sys.exit(main())
