#!/usr/bin/env python3
"""Makes docs/api.md from include/zuv.h: each declaration with its comment.

    docs/api.py            writes docs/api.md
    docs/api.py --check    fails if docs/api.md is not what would be written

The header has one form: a comment that starts in the first column belongs to
what follows it up to the next empty line or comment. One that begins with
"/* ---- Title" starts a section, and one followed by an empty line is prose.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADER = ROOT / 'include' / 'zuv.h'
PAGE = ROOT / 'docs' / 'api.md'

NAME = re.compile(r'(?<![`\w])((?:zuv|uv|ZUV|UV|zmq)_\w+(?:\(\d?\))?\*?)')
DECLARED = [
    re.compile(r'^ZUV_EXTERN [^(]*?\b(zuv_\w+)\(', re.M),
    re.compile(r'^typedef [^;{]*\(\*(zuv_\w+)\)', re.M),
    re.compile(r'^typedef struct \w+ (zuv_\w+);', re.M),
    re.compile(r'^struct (zuv_\w+?_)s \{', re.M),
    re.compile(r'^\} (zuv_\w+);', re.M),
    re.compile(r'^#define (ZUV_VERSION_\w+)', re.M),
]


def blocks(text):
    """The header as (comment, code) pairs; either may be empty."""
    comment, code = [], []
    in_comment = False
    for line in text.splitlines() + ['']:
        starts = line.startswith('/*')
        if not in_comment and (starts or not line) and (comment or code):
            yield '\n'.join(comment), '\n'.join(code)
            comment, code = [], []
        if starts or in_comment:
            comment.append(line)
            in_comment = not line.rstrip().endswith('*/')
        elif line:
            code.append(line)


def prose(comment):
    """A comment as markdown."""
    text = re.sub(r'^/\*|\*/$', '', comment)
    lines = [re.sub(r'^ \*? ?', '', line).rstrip()
             for line in text.splitlines()]
    text = '\n'.join(lines).strip()
    text = re.sub(r'(?<!`)\*(?=[a-z])', r'\\*', text)
    text = re.sub(r'^ (?=- |  )', '', text, flags=re.M)
    text = re.sub(r'(?<=:\n)(?=- )', '\n', text)
    return NAME.sub(r'`\1`', text)


def public(code):
    """A declaration without what is not for its readers."""
    code = re.sub(r'\n  /\* private \*/\n.*?(?=\n\})', '', code, flags=re.S)
    lines = []
    for line in code.splitlines():
        if line.startswith('ZUV_EXTERN '):
            line = line.removeprefix('ZUV_EXTERN ')
        elif line.startswith(' ' * 12):
            line = line.removeprefix(' ' * len('ZUV_EXTERN '))
        lines.append(re.sub(r' +\\$', r' \\', line))
    return '\n'.join(lines)


def declared_names(code):
    found = []
    for pattern in DECLARED:
        found += [(match.start(), match.group(1))
                  for match in pattern.finditer(code)]
    if code.startswith('enum'):
        found += [(match.start(), match.group(0))
                  for match in re.finditer(r'\bZUV_\w+', code)]
    return [re.sub('_$', '_t', name) for _, name in sorted(found)]


def title_of(code):
    names = [f'`{name}`' for name in declared_names(code)]
    if len(names) > 3:
        return f'{names[0]} to {names[-1]}'
    return ', '.join(names)


def is_plumbing(code):
    """Include guards, extern "C" and the like, which nobody looks up."""
    return not declared_names(code)


def paragraph(comment):
    text = prose(comment)
    return [text, ''] if text else []


def page(header):
    out = ['# The API', '',
           'This page is made from `include/zuv.h` by `docs/api.py`. '
           'See [options.md](options.md)',
           'for the options and [callbacks.md](callbacks.md) for the order '
           'of callbacks.', '']
    for comment, code in blocks(header):
        section = re.match(r'/\* ---- (.*?) -+( \*/)?', comment)
        if section:
            out += [f'## {section.group(1)}', '']
            out += paragraph(comment[section.end():])
            comment = ''
        if is_plumbing(code):
            out += paragraph(comment) if not code or 'ZUV_H' in code else []
        else:
            out += [f'### {title_of(code)}', '', '```c', public(code), '```',
                    ''] + paragraph(comment)
    return '\n'.join(out).rstrip() + '\n'


def main():
    text = page(HEADER.read_text())
    if '--check' not in sys.argv:
        PAGE.write_text(text)
    elif PAGE.read_text() != text:
        sys.exit('docs/api.md is out of date: run docs/api.py')


main()
