/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_form.h - pages as the records of a saved client have them
 *
 * A page goes from host to host as it is stored: raw, as a codec's bytes, or as
 * the word that fills it. A record's `form` says which (public/tmem.h).
 */
#ifndef XEN_TMEM_FORM_H
#define XEN_TMEM_FORM_H

#include <xen/guest_access.h>
#include <xen/tmem_stored.h>
#include <xen/tmem_xen.h>

struct tmem_client;

/* A page's record: its form, and where what follows is. */
struct tmem_carried {
    uint32_t form;
    XEN_GUEST_HANDLE_PARAM(void) from;
    unsigned long offset;
};

/* Codecs that pages of the client's have, or may get: a bit for each. */
unsigned int tmem_form_codecs(struct tmem_client *c);

/*
 * Copy a page that is not broken to a page of the caller's: what was read.
 * Bucket locked.
 */
void tmem_form_emit(tmem_stored_t s, void *page, struct tmem_reading *r);
/*
 * Make of that what a record has, whose reader has these codecs: its form, and
 * (result) how many bytes, a multiple of 8; -EIO: they are no page. No lock.
 */
int tmem_form_finish(struct tmem_reading *r, void *page, unsigned int codecs,
                     uint32_t *form);

/*
 * How many bytes are behind a record of that form, of a client that uses these
 * codecs; -EOPNOTSUPP, -EINVAL: none may have it.
 */
int tmem_form_length(uint32_t form, unsigned int codecs);
/*
 * Read those of a form that is right and not RAW from the caller, once, to
 * work->bytes, and decode them: 0, and what they are; -EFAULT; -EINVAL: they
 * are no page, and `to` has anything.
 */
int tmem_form_read(const struct tmem_carried *page, struct tmem_work *w,
                   struct page_info *to, struct tmem_reading *r);
/* Bring a page of any form that is right to a frame: the same. No lock. */
int tmem_form_bring(const struct tmem_carried *page, struct page_info *to);

#endif /* XEN_TMEM_FORM_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
