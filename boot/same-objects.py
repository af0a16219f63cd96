#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""same-objects.py BUILD BUILD [EXCEPT...]: are the objects of two builds equal?

Compares the sections of each object file, and their relocations. Not compared
is what tells source lines: debug information, and the places of BUG, WARN and
ASSERT (.bug_frames), of which there must be as many. Objects whose source has
a line number in a message differ when lines are added above it: name those in
EXCEPT. Prints what differs, and ends with 1 if there is something.
"""
import os
import re
import struct
import sys

IGNORED = re.compile(r'(\.rela)?\.(debug|bug_frames|comment|symtab|strtab'
                     r'|shstrtab)')
RELA, NOBITS = 4, 8


def sections(path):
    """All that counts: (name, contents or size, relocations) in order."""
    with open(path, 'rb') as f:
        data = f.read()
    if data[4] != 2:            # not of 64 bits: what runs before Xen proper
        return [('all of it', data)]
    at, = struct.unpack_from('<Q', data, 40)
    size, nr, names = struct.unpack_from('<HHH', data, 58)
    head = [struct.unpack_from('<IIQQQQIIQQ', data, at + i * size)
            for i in range(nr)]

    def text(table, offset):
        start = head[table][4] + offset
        return data[start:data.index(b'\0', start)].decode()

    def body(h):
        return h[5] if h[1] == NOBITS else data[h[4]:h[4] + h[5]]

    def symbol(table, i):
        name, info, _, where, value, _ = struct.unpack_from(
            '<IBBHQQ', data, head[table][4] + 24 * i)
        if info & 15 == 3:
            return text(names, head[where][0])
        # Labels of lines differ in their names, and not in what they are.
        return text(head[table][6], name), where and value

    found, bugs = [], 0
    for h in head:
        name = text(names, h[0])
        if name.startswith('.bug_frames'):
            bugs += h[5]
        if IGNORED.match(name) or h[1] in (0, 2, 3, 17):
            continue
        if h[1] == RELA:
            found.append((name, [
                (offset, info & 0xffffffff, symbol(h[6], info >> 32), addend)
                for offset, info, addend in struct.iter_unpack('<QQq', body(h))
            ]))
        else:
            found.append((name, body(h)))
    return found + [('.bug_frames', bugs)]


def objects(build):
    for folder, _, files in os.walk(build):
        for name in files:
            if name.endswith('.o') and name not in ('built_in.o', 'prelink.o'):
                yield os.path.relpath(os.path.join(folder, name), build)


def main(one, other, but):
    left, right = set(objects(one)), set(objects(other))
    wrong = [f'only in one of them: {path}' for path in left ^ right]
    for path in left & right:
        if path in but or path.startswith('tools/'):
            continue
        a, b = (sections(os.path.join(build, path)) for build in (one, other))
        if a != b:
            differs = {s[0] for s in a + b if s not in a or s not in b}
            wrong.append(f'{path}: {" ".join(sorted(differs)) or "order"}')
    print('\n'.join(sorted(wrong) or [f'{len(left)} objects: equal']))
    return bool(wrong)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
