#!/usr/bin/env python
# -*- coding: utf-8 -*-
# SPDX-License-Identifier: LGPL-2.1-only

"""
TMEM records of libxc migration streams

As per docs/specs/libxc-migration-stream.pandoc.  What a receiver would have
after each is kept, as far as it is needed to tell whether a record may come.
"""

from struct import calcsize, unpack_from

from xen.migration.verify import RecordError

# Body: a header, then records of the hypervisor
TMEM_FORMAT           = "=IIQ"
TMEM_VERSION          = 1
TMEM_MAX              = 1 << 20

TMEM_REC_FORMAT       = "=HHI"

TMEM_REC_client       = 1
TMEM_REC_pool         = 2
TMEM_REC_pool_gone    = 3
TMEM_REC_object_gone  = 4
TMEM_REC_page_gone    = 5
TMEM_REC_page         = 6
TMEM_REC_end          = 7

TMEM_CLIENT_FORMAT    = "=IIIIQII"
TMEM_AUTH_FORMAT      = "=QQ"
TMEM_POOL_FORMAT      = "=IIQQ"
TMEM_OBJECT_FORMAT    = "=QQQ"
TMEM_PAGE_FORMAT      = "=QQQII"
TMEM_END_FORMAT       = "=16Q"

TMEM_REC_VERSION      = 1
TMEM_REC_VERSION_CODED = 2
TMEM_CLIENT_FLAGS     = 3
TMEM_CODECS_SHIFT     = 8
TMEM_CODECS           = 0xf         # Those that there are
TMEM_MAX_AUTH         = 16
TMEM_MAX_POOLS        = 16
TMEM_MAX_WEIGHT       = 65535
TMEM_PAGE_SIZE        = 4096

TMEM_FORM_RAW         = 0
TMEM_FORM_CODED       = 1
TMEM_FORM_SAME        = 2
TMEM_FORM_MAX_BYTES   = 3584
TMEM_SAME_FORMAT      = "=II"

# Of a new pool: persistent, shared, and the version
TMEM_POOL_PERSIST     = 1
TMEM_POOL_SHARED      = 2
TMEM_POOL_VERSION     = 1 << 24
# One that is ignored
TMEM_POOL_ANY         = 8


class VerifyTmem(object):
    """ Verify the TMEM records of a stream """

    def __init__(self, info):
        self.info = info
        self.client = False     # A client record has come
        self.codecs = 0         # That its pages may have, a bit for each
        self.complete = True    # Nothing is missing since an end record
        self.final = False      # In a pass that may be the last
        self.pools = {}         # id -> { object id -> set of indices }, or None


    def verify(self, content):
        """ Verify the body of a TMEM record """

        minsz = calcsize(TMEM_FORMAT)

        if not minsz <= len(content) <= TMEM_MAX:
            raise RecordError("TMEM record must be %d to %d bytes long, not %d"
                              % (minsz, TMEM_MAX, len(content)))

        version, flags, max_memkb = unpack_from(TMEM_FORMAT, content)

        if version != TMEM_VERSION:
            raise RecordError("Unknown version %d of a TMEM record" %
                              (version, ))

        if flags != 0:
            raise RecordError("Reserved bits set in TMEM record: 0x%08x" %
                              (flags, ))

        at = minsz
        count = 0
        while at < len(content):
            at = self.verify_one(content, at)
            count += 1

        self.info("  At most %d KiB, %d tmem records" % (max_memkb, count))


    def verify_complete(self):
        """ Verify that nothing is missing, at the end of a checkpoint """

        if not self.complete:
            raise RecordError("No end after the last tmem record")


    def verify_one(self, content, at):
        """ Verify the record at an offset, and return that of the next """

        hdrsz = calcsize(TMEM_REC_FORMAT)

        if len(content) - at < hdrsz:
            raise RecordError("tmem record at %d is truncated" % (at, ))

        kind, pool, length = unpack_from(TMEM_REC_FORMAT, content, at)

        if length > len(content) - at - hdrsz:
            raise RecordError("tmem record at %d has %d bytes, of %d" %
                              (at, len(content) - at - hdrsz, length))

        if kind not in tmem_verifiers:
            raise RecordError("Unknown kind %d of the tmem record at %d" %
                              (kind, at))

        fmt, rest, verifier = tmem_verifiers[kind]
        size = calcsize(fmt)
        if length < size or (rest is not None and length != size + rest):
            raise RecordError("Length %d of the tmem record of kind %d at %d" %
                              (length, kind, at))

        if pool >= TMEM_MAX_POOLS or (pool != 0 and
                                      kind in (TMEM_REC_client, TMEM_REC_end)):
            raise RecordError("Pool %d in the tmem record of kind %d at %d" %
                              (pool, kind, at))

        if not self.client and kind != TMEM_REC_client:
            raise RecordError("tmem record of kind %d before the client's" %
                              (kind, ))

        self.complete = False
        at += hdrsz
        verifier(self, pool, content[at:at + length], *unpack_from(fmt, content,
                                                                   at))

        return at + length


    def verify_client(self, _, content, version, flags, weight, cap, nr_pages,
                      nr_auth, nr_frames):
        """ Client: first of the head and of the final pass """

        known = TMEM_CLIENT_FLAGS

        if version == TMEM_REC_VERSION_CODED:
            known |= TMEM_CODECS << TMEM_CODECS_SHIFT
        elif version != TMEM_REC_VERSION:
            raise RecordError("Unknown version %d of tmem records" %
                              (version, ))

        if (flags & ~known) or (version == TMEM_REC_VERSION and nr_frames != 0):
            raise RecordError("Reserved bits set in a tmem client: 0x%08x "
                              "0x%08x" % (flags, nr_frames))

        if weight > TMEM_MAX_WEIGHT:
            raise RecordError("Weight %d of a tmem client" % (weight, ))

        uuids = content[calcsize(TMEM_CLIENT_FORMAT):]
        uuidsz = calcsize(TMEM_AUTH_FORMAT)

        if nr_auth > TMEM_MAX_AUTH or len(uuids) != nr_auth * uuidsz:
            raise RecordError("tmem client with %d uuids, in %d bytes" %
                              (nr_auth, len(uuids)))

        for at in range(0, len(uuids), uuidsz):
            if uuids[at:at + uuidsz] == b"\xff" * uuidsz:
                raise RecordError("tmem client with a uuid of all ones")

        self.client = True
        self.codecs = flags >> TMEM_CODECS_SHIFT
        self.final = True
        self.info("  tmem client: weight %d, cap %d, flags 0x%x, %d pages, %d "
                  "frames" % (weight, cap, flags, nr_pages, nr_frames))


    def verify_pool(self, pool, _, flags, res1, low, high):
        """ A new pool """

        known = (TMEM_POOL_PERSIST | TMEM_POOL_SHARED | TMEM_POOL_ANY |
                 TMEM_POOL_VERSION)
        both = TMEM_POOL_PERSIST | TMEM_POOL_SHARED

        if ((flags & ~known) or not flags & TMEM_POOL_VERSION or
            (flags & both) == both or res1 != 0):
            raise RecordError("Flags 0x%08x 0x%08x of tmem pool %d" %
                              (flags, res1, pool))

        if not flags & TMEM_POOL_SHARED and (low != 0 or high != 0):
            raise RecordError("tmem pool %d is private, and has a uuid" %
                              (pool, ))

        if pool in self.pools:
            raise RecordError("tmem pool %d twice" % (pool, ))

        self.pools[pool] = {} if flags & TMEM_POOL_PERSIST else None
        self.info("  tmem pool %d: flags 0x%08x, uuid %x %x" %
                  (pool, flags, low, high))


    def verify_pool_gone(self, pool, _):
        """ A pool that is gone """

        self.pools.pop(pool, None)


    def verify_object_gone(self, pool, _, *oid):
        """ All pages of an object """

        (self.pools.get(pool) or {}).pop(oid, None)


    def verify_page_gone(self, pool, _, oid1, oid2, oid3, index, res1):
        """ A page that is gone """

        if res1 != 0:
            raise RecordError("Reserved bits set in a tmem page: 0x%08x" %
                              (res1, ))

        pages = (self.pools.get(pool) or {}).get((oid1, oid2, oid3), set())
        pages.discard(index)


    def verify_form(self, form, page):
        """ What follows a page's record, as far as it needs no codec """

        kind, codec, size = form & 0xff, form >> 8 & 0xff, form >> 16

        if kind == TMEM_FORM_RAW:
            good = form == kind and len(page) == TMEM_PAGE_SIZE
        elif kind == TMEM_FORM_SAME:
            good = (form == kind and self.codecs != 0 and
                    len(page) == calcsize(TMEM_SAME_FORMAT) and
                    unpack_from(TMEM_SAME_FORMAT, page)[1] == 0)
        elif kind == TMEM_FORM_CODED:
            good = (1 <= size <= TMEM_FORM_MAX_BYTES and
                    self.codecs & (1 << codec) != 0 and
                    len(page) == (size + 7) // 8 * 8 and
                    not any(bytearray(page[size:])))
        else:
            raise RecordError("Unknown form 0x%08x of a tmem page" % (form, ))

        if not good:
            raise RecordError("tmem page of form 0x%08x in %d bytes, of a "
                              "client with codecs 0x%x" %
                              (form, len(page), self.codecs))


    def verify_page(self, pool, content, oid1, oid2, oid3, index, form):
        """ A page """

        if self.pools.get(pool) is None:
            raise RecordError("Page of tmem pool %d, which is not there, or "
                              "ephemeral" % (pool, ))

        self.verify_form(form, content[calcsize(TMEM_PAGE_FORMAT):])
        self.pools[pool].setdefault((oid1, oid2, oid3), set()).add(index)


    def verify_end(self, _pool, _content, *counts):
        """ End of the final pass """

        for pool, count in enumerate(counts):
            have = sum(len(x) for x in (self.pools.get(pool) or {}).values())
            if have != count:
                raise RecordError("tmem pool %d has %d pages, and not %d" %
                                  (pool, have, count))

        if not self.final:
            raise RecordError("End of a tmem pass that began without a client")

        self.final = False
        self.complete = True
        self.info("  tmem end: %d pages" % (sum(counts), ))


# The format of each kind, and the bytes that follow; None: verified there
tmem_verifiers = {
    TMEM_REC_client:
        (TMEM_CLIENT_FORMAT, None, VerifyTmem.verify_client),
    TMEM_REC_pool:
        (TMEM_POOL_FORMAT, 0, VerifyTmem.verify_pool),
    TMEM_REC_pool_gone:
        ("", 0, VerifyTmem.verify_pool_gone),
    TMEM_REC_object_gone:
        (TMEM_OBJECT_FORMAT, 0, VerifyTmem.verify_object_gone),
    TMEM_REC_page_gone:
        (TMEM_PAGE_FORMAT, 0, VerifyTmem.verify_page_gone),
    TMEM_REC_page:
        (TMEM_PAGE_FORMAT, None, VerifyTmem.verify_page),
    TMEM_REC_end:
        (TMEM_END_FORMAT, 0, VerifyTmem.verify_end),
    }
