#!/usr/bin/env python3
"""Prints the code blocks of a language in a markdown file, or one of them.

    extract.py FILE LANGUAGE [NUMBER]     the first is number 1
"""
import re
import sys

text = open(sys.argv[1], encoding='utf-8').read()
blocks = re.findall(rf'^```{sys.argv[2]}\n(.*?)^```$', text, re.M | re.S)
if len(sys.argv) > 3:
    blocks = [blocks[int(sys.argv[3]) - 1]]
print('\n'.join(blocks), end='')
