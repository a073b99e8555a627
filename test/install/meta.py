#!/usr/bin/env python3
"""META.json against PGXN's Meta Spec 1.0.0 (https://pgxn.org/meta/spec.txt).

"meta.py FILE" prints what is wrong with it, nothing when all is well.
"meta.py --self FILE" breaks a copy in many ways and prints those that were not
noticed.
"""
import copy
import json
import re
import sys

LICENSES = set('''agpl_3 apache_1_1 apache_2_0 artistic_1 artistic_2 bsd freebsd gfdl_1_2 gfdl_1_3
    gpl_1 gpl_2 gpl_3 lgpl_2_1 lgpl_3_0 mit mozilla_1_0 mozilla_1_1 openssl perl_5 postgresql qpl_1_0
    ssleay sun zlib open_source restricted unrestricted unknown'''.split())
PHASES = {'configure', 'runtime', 'build', 'test', 'develop'}
RELATIONS = {'requires', 'recommends', 'suggests', 'conflicts'}


def text(value):
    return isinstance(value, str) and value.strip() != ''


def version(value):
    number = r'(0|[1-9]\d*)'
    return isinstance(value, str) and re.fullmatch(
        r'%s\.%s\.%s(-?[A-Za-z][0-9A-Za-z.-]*)?(\+[0-9A-Za-z.-]+)?' % (number, number, number), value)


def version_range(value):
    return value in (0, '0') or isinstance(value, str) and all(
        version(re.sub(r'^\s*(<=|>=|<|>|==|!=)?\s*', '', part).strip()) for part in value.split(','))


def term(value):
    return text(value) and len(value) >= 2 and not re.search(r'[\s/\\\x00-\x1f]', value)


def tag(value):
    return text(value) and len(value) <= 255 and not re.search(r'[/\\\x00-\x1f]', value)


def uri(value):
    return isinstance(value, str) and re.fullmatch(r'[a-z][a-z0-9+.-]*:\S+', value)


def path(value):
    return text(value) and not value.startswith('/') and '..' not in value.split('/')


def names(value, one):
    """A string, or a list of some."""
    return one(value) or isinstance(value, list) and value and all(map(one, value))


def license_(value):
    if isinstance(value, dict):
        return value and all(text(k) and uri(v) for k, v in value.items())
    return names(value, lambda v: isinstance(v, str) and v in LICENSES)


def members(kinds, needed=()):
    """An object with such members alone, or some of one's own (x_...)."""
    def test(value):
        return isinstance(value, dict) and all(k in value for k in needed) and all(
            re.match('[xX]_', k) or k in kinds and kinds[k](v) for k, v in value.items())
    return test


def mapping(key, one):
    return lambda value: isinstance(value, dict) and bool(value) and all(
        key(k) and one(v) for k, v in value.items())


EXTENSION = members({'file': path, 'version': version, 'abstract': text, 'docfile': path}, ('file', 'version'))
FIELDS = {
    'name': term,
    'version': version,
    'abstract': text,
    'maintainer': lambda v: names(v, text),
    'license': license_,
    'provides': mapping(term, EXTENSION),
    'meta-spec': members({'version': lambda v: v == '1.0.0', 'url': uri}, ('version',)),
    'description': text,
    'generated_by': text,
    'release_status': lambda v: v in ('stable', 'testing', 'unstable'),
    'tags': lambda v: isinstance(v, list) and v and all(map(tag, v)),
    'no_index': members({'file': lambda v: names(v, path), 'directory': lambda v: names(v, path)}),
    'prereqs': mapping(lambda k: k in PHASES, mapping(lambda k: k in RELATIONS, mapping(term, version_range))),
    'resources': members({
        'homepage': uri,
        'bugtracker': members({'web': uri, 'mailto': lambda v: isinstance(v, str) and '@' in v}),
        'repository': members({'web': uri, 'url': uri, 'type': lambda v: isinstance(v, str) and v == v.lower()}),
    }),
}
NEEDED = ('name', 'version', 'abstract', 'maintainer', 'license', 'provides', 'meta-spec')


def problems(meta):
    if not isinstance(meta, dict):
        return ['it is no object']
    return ['there is no ' + f for f in NEEDED if f not in meta] + [
        'unknown: ' + f for f in meta if f not in FIELDS and not re.match('[xX]_', f)] + [
            'bad ' + f for f in meta if f in FIELDS and not FIELDS[f](meta[f])]


def changed(meta, *steps):
    """A copy in which the member that the steps lead to is the last of them;
    None: it is gone."""
    meta = copy.deepcopy(meta)
    at = meta
    for step in steps[:-2]:
        at = at[step]
    if steps[-1] is None:
        del at[steps[-2]]
    else:
        at[steps[-2]] = steps[-1]
    return meta


def self_test(meta):
    """Breaks it in every way, one at a time."""
    name = next(iter(meta['provides']))
    ways = [(f, None) for f in NEEDED] + [(f, '') for f in FIELDS if f in meta] + [(f, 7) for f in FIELDS if f in meta] + [
        ('colour', 'blue'), ('name', 'two words'), ('name', 'a/b'), ('version', '0.1'), ('version', '01.0.0'),
        ('license', 'as you like'), ('license', []), ('license', {'own': 'no address'}), ('maintainer', []),
        ('provides', {}), ('provides', name, 'file', None), ('provides', name, 'version', None),
        ('provides', name, 'version', 'new'), ('provides', name, 'file', '/etc/passwd'),
        ('provides', name, 'file', '../x'), ('provides', name, 'size', 4), ('meta-spec', 'version', '2.0.0'),
        ('meta-spec', 'version', None), ('meta-spec', 'url', 'nowhere'), ('tags', []), ('tags', ['a/b']), ('tags', ['x' * 256]),
        ('release_status', 'good'), ('prereqs', {'sometimes': {'requires': {'PostgreSQL': '15.0.0'}}}),
        ('prereqs', {'runtime': {'wants': {'PostgreSQL': '15.0.0'}}}),
        ('prereqs', {'runtime': {'requires': {'PostgreSQL': 'fifteen'}}}),
        ('resources', {'homepage': 'here'}), ('resources', {'repository': {'type': 'GIT'}}), ('no_index', {'tree': 'x'}),
    ]
    missed = [way for way in ways if not problems(changed(meta, *way))]
    fine = [('release_status', 'testing'), ('x_own', 1), ('license', ['postgresql', 'mit']), ('version', '1.0.0-rc1'),
            ('maintainer', ['a', 'b']), ('no_index', {'directory': ['src']}),
            ('prereqs', {'test': {'recommends': {'pgTAP': '>= 1.0.0, < 2.0.0', 'x9': 0}}})]
    return ['not noticed: %r' % (way,) for way in missed] + [
        'noticed: %r' % (way,) for way in fine if problems(changed(meta, *way))]


with open(sys.argv[-1], encoding='utf-8') as source:
    META = json.load(source)
for line in self_test(META) if sys.argv[1] == '--self' else problems(META):
    print(line)
