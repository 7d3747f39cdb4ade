#!/usr/bin/env python3
"""Tells which behaviours of behaviours.txt no test names, and fails if one of
them has to be shown by a test, or if a test names a number that is not there.

    behaviours.py
"""
import collections
import pathlib
import re
import sys

TESTS = pathlib.Path(__file__).resolve().parent
REQUIRED = 'CN'
CLASSES = 'CABIN'

NUMBERS = r'\d+(?:-\d+)?'
NAMED = re.compile(
    rf'\bbehaviours?[\s*#]+({NUMBERS}(?:(?:,|,?\s+and)[\s*#]+{NUMBERS})*)', re.I)


def listed():
    """The class and the text of each number."""
    entries = {}
    number = None
    for line in (TESTS / 'behaviours.txt').read_text().splitlines():
        if not line or line.startswith('#'):
            continue
        if line.startswith(' '):
            entries[number][1] += ' ' + line.strip()
            continue
        number, kind, text = line.split(' ', 2)
        number = int(number)
        if kind not in CLASSES or number in entries:
            sys.exit(f'behaviours.txt: {line}')
        entries[number] = [kind, text]
    return entries


def numbers(text):
    """Those of a text like "Behaviours 3, 17-19 and 40"."""
    for part in re.findall(NUMBERS, text):
        first, _, last = part.partition('-')
        yield from range(int(first), int(last or first) + 1)


def named():
    """Where each number is named."""
    places = collections.defaultdict(set)
    for path in sorted([*TESTS.glob('*/**/*.c'), *TESTS.glob('*/**/*.py')]):
        for match in NAMED.finditer(path.read_text()):
            for number in numbers(match.group(1)):
                places[number].add(path.relative_to(TESTS))
    return places


def main():
    entries, places = listed(), named()
    failed = False
    for number in sorted(entries.keys() - places.keys()):
        kind, text = entries[number]
        failed |= kind in REQUIRED
        print(f'no test of {number} {kind} {text}')
    for number in sorted(places.keys() - entries.keys()):
        failed = True
        print(f'no behaviour {number}: {", ".join(map(str, places[number]))}')
    print(f'{len(places.keys() & entries.keys())} of {len(entries)} are named '
          'by tests')
    return failed


if __name__ == '__main__':
    sys.exit(main())
