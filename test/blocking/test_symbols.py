#!/usr/bin/env python3
"""Checks what a program's loader sees of our libzmq.so.5: the soname, every
stable function, nothing else but drafts, and no symbol versions.

    test_symbols.py LIBRARY
"""
import pathlib
import re
import subprocess
import sys
import unittest

library = sys.argv.pop(1)
header_tests = pathlib.Path(__file__).parent / 'header'


def functions(name):
  text = (header_tests / name).read_text()
  return set(re.findall(r'^FUNCTION\([^,]*, (zmq_\w+),', text, re.MULTILINE))


def output(*command):
  return subprocess.run(command, check=True, capture_output=True,
                        text=True).stdout


class Symbols(unittest.TestCase):
  def setUp(self):
    lines = output('nm', '-D', '--defined-only', library).splitlines()
    self.kinds = {line.split()[-1]: line.split()[-2] for line in lines}

  def test_the_lists_are_whole(self):
    self.assertEqual((len(functions('stable.def')),
                      len(functions('draft.def'))), (70, 26))

  def test_all_stable_functions_are_there(self):
    self.assertEqual(functions('stable.def') - set(self.kinds), set())

  def test_nothing_else_is_there(self):
    known = functions('stable.def') | functions('draft.def')
    self.assertEqual(set(self.kinds) - known, set())

  def test_no_data(self):
    self.assertEqual(set(self.kinds.values()), {'T'})

  def test_soname(self):
    dynamic = output('readelf', '-d', '-W', library)
    self.assertEqual(re.findall(r'soname: \[(.*?)\]', dynamic), ['libzmq.so.5'])

  def test_no_symbol_versions(self):
    sections = output('readelf', '-S', '-W', library)
    self.assertNotIn('.gnu.version_d', sections)


if __name__ == '__main__':
  unittest.main()
