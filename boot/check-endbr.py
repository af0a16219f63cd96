#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""check-endbr.py BUILD OBJECT...: can what is called by pointer be called so?

With CET-IBT a call through a pointer has to meet an endbr64, or it stops the
hypervisor. Functions that are called so are marked cf_check; gcc 12 does not
say where that is missing. So look: whatever function of the OBJECTs (paths
below the folder BUILD, which holds the hypervisor's objects), or one with
tmem in its name, has its address taken anywhere in BUILD, must begin with
endbr64. Prints those that do not, and ends with 1 if there are some.

An address is taken by a relocation in data, and by one in code whose
instruction is no call or jump. Within one section there is no relocation:
objdump says what such an instruction means.
"""
import os
import re
import subprocess
import sys

# What describes code, and calls nothing.
NO_DATA = re.compile(r'\.(text|debug|eh_frame|bug_frames|ex_table|fixup'
                     r'|altinstr|discard|init\.text|exit\.text|comment|note)')


def objdump(*args):
    return subprocess.run(['objdump', *args], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.splitlines()


class Object:
    """The functions of an object file, and whose addresses it takes."""

    def __init__(self, path):
        self.place = {}         # (section, offset) of a function: its name
        self.functions = set()
        self.endbr = set()      # functions that begin with endbr64
        self.taken = {}         # symbol or name: who takes its address
        for line in objdump('-t', path):
            m = re.match(r'([0-9a-f]{16}) .{6}F (\S+)\s+[0-9a-f]+ (.*)', line)
            if m:
                name = m[3].split()[-1]
                self.functions.add(name)
                self.place[m[2], int(m[1], 16)] = name
        self.read_code(path)
        self.read_data(path)

    def take(self, value, bias, who):
        """A relocation's value: section or symbol, and an addend."""
        m = re.match(r'(.+?)([+-]0x[0-9a-f]+)?$', value)
        offset = int(m[2] or '0', 16) + bias
        name = self.place.get((m[1], offset))
        if not name and offset == 0:
            name = m[1]
        if name:
            self.taken.setdefault(name, who)

    def read_code(self, path):
        where = insn = ''
        first = False
        for line in objdump('-dr', '--no-show-raw-insn', path):
            m = re.match(r'[0-9a-f]+ <(.*)>:', line)
            if m:
                where, first = m[1], True
                continue
            m = re.match(r'\s*[0-9a-f]+:\s+R_X86_64_(\S+)\s+(\S+)', line)
            if m:
                if not re.match(r'(bnd )?(call|j)', insn) or '*' in insn:
                    self.take(m[2], 4 if m[1] in ('PC32', 'PLT32') else 0,
                              where)
                continue
            m = re.match(r'\s*[0-9a-f]+:\t(.*)', line)
            if not m:
                continue
            insn = m[1]
            if first and insn.startswith('endbr64'):
                self.endbr.add(where)
            first = False
            m = re.match(r'lea .*# [0-9a-f]+ <([^+>]+)>', insn)
            if m:
                self.taken.setdefault(m[1], where)

    def read_data(self, path):
        section = ''
        for line in objdump('-r', path):
            m = re.match(r'RELOCATION RECORDS FOR \[(.*)\]', line)
            if m:
                section = m[1]
            m = re.match(r'[0-9a-f]{16} R_X86_64_\S+\s+(\S+)', line)
            if m and not NO_DATA.match(section):
                self.take(m[1], 0, section)


def main(build, ours):
    objects = {}
    for folder, _, names in os.walk(build):
        for name in names:
            path = os.path.join(folder, name)
            if not name.endswith('.o') or name in ('built_in.o', 'prelink.o'):
                continue
            short = os.path.relpath(path, build)
            with open(path, 'rb') as f:
                if short in ours or b'tmem' in f.read():
                    objects[short] = Object(path)

    seen, wrong = set(), set()
    for path, o in objects.items():
        if path not in ours and not any('tmem' in f for f in o.functions):
            continue
        for name in o.functions:
            if path not in ours and 'tmem' not in name:
                continue
            for user, u in objects.items():
                # What is static is known in its own file only.
                if name in u.taken and (u is o or name not in u.functions):
                    seen.add((path, name))
                    if name not in o.endbr:
                        wrong.add(f'{path}: {name}() has no cf_check: its '
                                  f'address is taken in {u.taken[name]}')
    missing = [path for path in ours if path not in objects]
    if missing or not seen:
        sys.exit(f'check-endbr.py: nothing to look at: {missing}')
    print('\n'.join(sorted(wrong) or [f'{len(seen)} functions are called by '
                                      'pointer; all have cf_check']))
    return bool(wrong)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1], sys.argv[2:]))
