#!/usr/bin/env python3
"""Checks that what the documents name is there: the targets of links, files and
rooms in backquotes, and zuv's functions.

    test_links.py ROOT
"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
source = '\n'.join(path.read_text() for pattern in ('include/*.h', 'lib/**/*.[ch]')
                   for path in sorted(root.glob(pattern)))
names = set(re.findall(r'\b(?:zuv|ZUV)_\w+', source))
missing = []

for page in [root / 'README.md', *sorted(root.glob('docs/*.md'))]:
    text = page.read_text()
    for target in re.findall(r'\]\(([^)#:]+)\)', text):
        if not (page.parent / target).exists():
            missing.append((page.name, target))
    for path in re.findall(r'`((?:\w+/)*\w+\.(?:[ch]|md|py))`', text):
        if not any(root.glob(f'**/{path}')) and path not in ('zmq.h', 'first.c'):
            missing.append((page.name, path))
    for name in re.findall(r'\b(?:zuv|ZUV)_\w+\b(?!\*)', text):
        if name not in names:
            missing.append((page.name, name))

for page, what in missing:
    print(f'{page}: no {what}')
sys.exit(1 if missing else 0)
