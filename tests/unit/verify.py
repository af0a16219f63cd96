#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# verify.py FILE: what the verifier of Xen's tools says of the streams in FILE
#
# A stream is the bodies of its TMEM records, each behind its length in four
# bytes, and ends with a length of 0. Prints a line for each: "ok", or the error.

import importlib.util
import struct
import sys
import types


class RecordError(Exception):
    pass


# All that the verifier wants of Xen's tree.
for name in ("xen", "xen.migration", "xen.migration.verify"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["xen.migration.verify"].RecordError = RecordError
sys.dont_write_bytecode = True
spec = importlib.util.spec_from_file_location(
    "tmem", "tools/python/xen/migration/tmem.py")
tmem = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tmem)


def verdict(bodies):
    verifier = tmem.VerifyTmem(lambda line: None)
    try:
        for body in bodies:
            verifier.verify(body)
        verifier.verify_complete()
    except RecordError as e:
        return str(e)
    return "ok"


with open(sys.argv[1], "rb") as f:
    bodies = []
    while True:
        head = f.read(4)
        if not head:
            break
        length, = struct.unpack("=I", head)
        if length:
            bodies.append(f.read(length))
        else:
            print(verdict(bodies))
            bodies = []
