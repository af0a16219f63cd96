/* SPDX-License-Identifier: LGPL-2.1-only */
/*
 * xg_sr_tmem.h - TMEM records in a migration stream
 *
 * Only xg_sr_common.h includes this. Functions return 0, or -1 with errno set,
 * after a message.
 */
#ifndef XG_SR_TMEM_H
#define XG_SR_TMEM_H

#include "xg_tmem_stream.h"

struct xc_sr_tmem_save
{
    struct tmem_stream_save stream;
    xc_hypercall_buffer_t hbuf;
};

struct xc_sr_tmem_restore
{
    struct tmem_stream_restore stream;
    xc_hypercall_buffer_t hbuf;
};

/*
 * Write what the domain has in tmem and the receiver has not yet, if there is
 * anything. stage is TMEM_SAVE_*.
 */
int tmem_save(struct xc_sr_context *ctx, unsigned int stage);

/* End it, whatever has happened. */
void tmem_save_cleanup(struct xc_sr_context *ctx);

/* Handle a TMEM record. */
int handle_tmem(struct xc_sr_context *ctx, struct xc_sr_record *rec);

/* The stream has ended: has all come? */
int tmem_restore_complete(struct xc_sr_context *ctx);

void tmem_restore_cleanup(struct xc_sr_context *ctx);

/*
 * Memory for the data of a record that has just been found in the stream. It is
 * ctx->tmem_data, or to be freed.
 */
void *record_data_alloc(struct xc_sr_context *ctx, uint32_t type, size_t size);
void record_data_free(struct xc_sr_context *ctx, void *data);

#endif /* XG_SR_TMEM_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
