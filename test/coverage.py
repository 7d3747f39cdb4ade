#!/usr/bin/env python3
"""Prints what the tests that ran in a build directory have covered of lib/, for
each room, and fails if that is too little.

    coverage.py GCOVR ROOT BUILD

The build directory is one with -Db_coverage=true. What counts as a line and a
branch is in gcovr.cfg.
"""
import collections
import json
import subprocess
import sys

# The least percentage of lines and branches. The rooms that read what strangers
# send, and decide who gets a message, have more.
LEAST = {'': (90, 75), 'zmtp': (95, 85), 'security': (95, 85),
         'routing': (95, 85)}
WORST_FILES = 15


class Figures:
    """Lines and branches: how many there are, how many were covered."""

    def __init__(self):
        self.total = [0, 0]
        self.covered = [0, 0]

    def add(self, file):
        for i, kind in enumerate(('line', 'branch')):
            self.total[i] += file[f'{kind}_total']
            self.covered[i] += file[f'{kind}_covered']

    def missing(self):
        return sum(self.total) - sum(self.covered)

    def percent(self):
        return [100.0 * covered / total if total else 100.0
                for covered, total in zip(self.covered, self.total)]

    def row(self, name):
        lines, branches = self.percent()
        return (f'{name:32} {self.covered[0]:6}/{self.total[0]:<6} {lines:5.1f} %'
                f' {self.covered[1]:6}/{self.total[1]:<6} {branches:5.1f} %')


def summary(gcovr, root, build):
    """The files of lib/ as gcovr sums them up."""
    result = subprocess.run([gcovr, '-r', root, build, '--json-summary', '-'],
                            stdout=subprocess.PIPE, check=True)
    return json.loads(result.stdout)['files']


def main(gcovr, root, build):
    rooms = collections.defaultdict(Figures)
    files = collections.defaultdict(Figures)
    for file in summary(gcovr, root, build):
        name = file['filename']
        for figures in (rooms[''], rooms[name.split('/')[1]], files[name]):
            figures.add(file)
    if not all(rooms[''].covered):
        sys.exit('no test has run in this build directory')

    print(f'{"room":32} {"lines":>13} {"":7} {"branches":>13}')
    failed = []
    for room in sorted(rooms, key=lambda room: (room == '', room)):
        print(rooms[room].row(f'lib/{room}'))
        for kind, got, least in zip(('lines', 'branches'), rooms[room].percent(),
                                    LEAST.get(room, (0, 0))):
            if got < least:
                failed.append(f'lib/{room}: {got:.1f} % of the {kind}, '
                              f'which is less than {least} %')

    print('\nfiles that most is missing of')
    worst = sorted(files.items(), key=lambda item: -item[1].missing())
    for name, figures in worst[:WORST_FILES]:
        print(figures.row(name))
    if failed:
        sys.exit('\n' + '\n'.join(failed))


if __name__ == '__main__':
    main(*sys.argv[1:])
