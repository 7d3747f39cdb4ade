#!/usr/bin/env python3
"""Runs a program and checks that what it prints matches a pattern.

    expect.py PATTERN PROGRAM [ARGUMENT...]
"""
import re
import subprocess
import sys

result = subprocess.run(sys.argv[2:], stdout=subprocess.PIPE, text=True,
                        timeout=60)
print(result.stdout, end='')
if result.returncode != 0:
    sys.exit(f'exit code {result.returncode}')
if not re.search(sys.argv[1], result.stdout):
    sys.exit(f'the output does not match {sys.argv[1]!r}')
