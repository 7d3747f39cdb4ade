#!/usr/bin/env python3
"""Makes docs/options.md from docs/options.in.md and the tables of the options.

    docs/options.py PROGRAM            writes docs/options.md
    docs/options.py PROGRAM --check    fails if it is not what would be written

PROGRAM is docs/options.c, built: <build>/test/docs/option_tables.

In the template a paragraph "@options NAME NAME ..." becomes a table with the
rows of these options; so do "@unsupported" and "@context". Each option of the
library has to be in one table, and in one only.
"""
import pathlib
import re
import subprocess
import sys

DOCS = pathlib.Path(__file__).resolve().parent
TEMPLATE = DOCS / 'options.in.md'
PAGE = DOCS / 'options.md'

HEADS = {
    'options': ['option', 'number', 'access', 'type', 'range', 'default',
                'sockets', 'when', 'what'],
    'unsupported': ['option', 'number', 'what'],
    'context': ['option', 'number', 'access', 'range', 'default', 'when',
                'what'],
}


def read_rows(program):
    """{(kind, name): cells} of all options."""
    lines = subprocess.run([program], check=True, capture_output=True,
                           text=True).stdout.splitlines()
    rows = {}
    for line in lines:
        kind, name, *cells = line.split('\t')
        rows[kind, name] = [f'`{name}`'] + cells
    return rows


def line_of(cells):
    return '| ' + ' | '.join(cells) + ' |'


def table(kind, names, rows):
    for name in names:
        if (kind, name) not in rows:
            sys.exit(f'{TEMPLATE.name}: @{kind} {name}: no such option, '
                     'or a second time')
    head = HEADS[kind]
    lines = [line_of(head), line_of(['---'] * len(head))]
    return '\n'.join(lines + [line_of(rows.pop((kind, name)))
                              for name in names]) + '\n'


def page(template, rows):
    text = re.sub(r'^@(\w+)((?:\s+[A-Z0-9_]+)+)\n',
                  lambda match: table(match[1], match[2].split(), rows),
                  template, flags=re.M)
    if rows:
        left = ', '.join(name for _, name in rows)
        sys.exit(f'{TEMPLATE.name} does not show {left}')
    return text


def main():
    text = page(TEMPLATE.read_text(), read_rows(sys.argv[1]))
    if '--check' not in sys.argv:
        PAGE.write_text(text)
    elif PAGE.read_text() != text:
        sys.exit('docs/options.md is out of date: run docs/options.py')


main()
