#!/usr/bin/env python3
"""What can be told of a Dockerfile without building it.

"dockerfile.py FILE" prints what is wrong with it, nothing when all is well;
"dockerfile.py --self FILE" breaks copies of it and prints what was not noticed.
Paths that are copied are looked for from the tree's root, whence it is built.
"""
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KNOWN = set('ARG FROM SHELL RUN WORKDIR COPY ENV LABEL USER'.split())


def instructions(text):
    """(word, rest) of each, lines that go on joined, comments left out."""
    lines = [l for l in text.split('\n') if l.strip() and not l.lstrip().startswith('#')]
    return [tuple((l.split(None, 1) + [''])[:2]) for l in re.sub(r'\\\n\s*', '', '\n'.join(lines)).split('\n')]


def problems(text):
    found, stages, args, stage_args = [], [], set(), set()
    for word, rest in instructions(text):
        if word not in KNOWN:
            found.append('unknown instruction: ' + word)
        elif word == 'ARG':
            (stage_args if stages else args).add(rest.split('=')[0])
        elif word == 'FROM':
            named = re.fullmatch(r'(\S+) AS ([a-z][a-z0-9-]*)', rest)
            if not named:
                found.append('a stage without a name: ' + rest)
                continue
            image, name = named.groups()
            if image != 'scratch' and (':' not in image or image.endswith(':latest')):
                found.append('an image without a version: ' + image)
            found += ['unknown argument in FROM: ' + a for a in re.findall(r'\$\{(\w+)\}', image) if a not in args]
            if name in stages:
                found.append('two stages of one name: ' + name)
            stages.append(name)
            stage_args, scratch = set(), image == 'scratch'
        elif not stages:
            found.append(word + ' before the first FROM')
        elif word == 'RUN':
            if scratch:
                found.append('nothing can be run in an image from scratch')
            found += ['unknown argument in RUN: ' + a for a in re.findall(r'\$\{(\w+)\}', rest) if a not in stage_args]
            if 'apt-get install' in rest:
                found += ['apt-get install without ' + w for w in
                          ('apt-get update', '--yes', '--no-install-recommends', 'rm -rf /var/lib/apt/lists/') if w not in rest]
            if re.search(r'\bsudo\b|curl [^|]*\|', rest):
                found.append('not in a build: ' + rest)
        elif word == 'COPY':
            source = re.match(r'--from=(\S+) ', rest)
            if source and source.group(1) not in stages[:-1]:
                found.append('copied from no earlier stage: ' + rest)
            paths = rest.split()[1 if source else 0:]
            if len(paths) < 2:
                found.append('COPY of what, to where? ' + rest)
            found += ['copied, and not there: ' + p for p in paths[:-1]
                      if not source and not os.path.exists(os.path.join(TOP, p))]
        elif word == 'WORKDIR' and not rest.startswith('/'):
            found.append('WORKDIR is not absolute: ' + rest)
    if len(stages) < 2:
        found.append('fewer than two stages')
    return found


BREAKS = [
    ('FROM scratch AS extension', 'FROM scratch'), ('AS server', 'AS build'), ('--from=build /volume', '--from=built /volume'),
    ('--no-install-recommends', ''), ('apt-get update', 'true'), ('--yes', ''), ('rm -rf /var/lib/apt/lists', 'true'),
    ('WORKDIR /', 'WORKDIR '), ('COPY . .', 'COPY nowhere .'), ('COPY . .', 'COPY .'), ('COPY . .', 'ADD . .'),
    ('FROM postgres:${PG_MAJOR}-bookworm AS server', 'FROM postgres AS server'),
    ('FROM postgres:${PG_MAJOR}-bookworm AS server', 'FROM postgres:latest AS server'),
    ('ARG PG_MAJOR=18', 'ARG MAJOR=18'), ('AS build\nARG PG_MAJOR', 'AS build'), ('FROM scratch AS extension', 'FROM scratch AS extension\nRUN true'),
]

with open(sys.argv[-1], encoding='utf-8') as f:
    TEXT = f.read()
if sys.argv[1] == '--self':
    for old, new in BREAKS:
        if old not in TEXT or not problems(TEXT.replace(old, new)):
            print('not noticed: %s for %s' % (new, old))
else:
    print(*problems(TEXT), sep='\n', end='')
