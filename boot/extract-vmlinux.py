#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""extract-vmlinux.py BZIMAGE OUT: take the ELF kernel out of a bzImage.

Xen and libxl can unpack a bzImage themselves, but that costs 15 seconds when
the CPU is emulated. Offsets: Linux, Documentation/x86/boot.rst.
"""
import lzma
import struct
import sys
import zlib

SETUP_SECTS = 0x1f1
PAYLOAD_OFFSET = 0x248      # and the length behind it


def main(source, target):
    with open(source, 'rb') as f:
        image = f.read()
    setup = ((image[SETUP_SECTS] or 4) + 1) * 512
    offset, length = struct.unpack_from('<II', image, PAYLOAD_OFFSET)
    payload = image[setup + offset:][:length]

    # The decompressors stop at the end of their stream: its size follows.
    if payload.startswith(b'\xfd7zXZ\0'):
        elf = lzma.LZMADecompressor().decompress(payload)
    elif payload.startswith(b'\x1f\x8b'):
        elf = zlib.decompressobj(31).decompress(payload)
    else:
        sys.exit(f'{source}: compressed with neither xz nor gzip')
    if not elf.startswith(b'\x7fELF'):
        sys.exit(f'{source}: holds no ELF file')
    with open(target, 'wb') as f:
        f.write(elf)


if len(sys.argv) != 3:
    sys.exit(__doc__)
main(sys.argv[1], sys.argv[2])
