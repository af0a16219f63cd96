/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_codec.h - codecs, and what each CPU needs to use them
 *
 * A codec makes a page of 4,096 bytes into fewer, and back. The numbers are
 * also those of the records of a saved client. CUT is no real codec: the bytes
 * as they are, without the zeros at the end.
 */
#ifndef XEN_TMEM_CODEC_H
#define XEN_TMEM_CODEC_H

#include <xen/compiler.h>
#include <xen/types.h>

enum tmem_codec_nr {
    TMEM_CODEC_CUT,
    TMEM_CODEC_LZO,
    TMEM_CODEC_LZ4,
    TMEM_CODEC_ZSTD,
    TMEM_NR_CODECS
};

/* A page that takes more bytes is stored raw. */
#define TMEM_STORED_MAX      3584

/*
 * What `bytes` of a compressor needs room for, whatever its limit: LZO and zstd
 * write on, and a page that LZO can't compress gets longer by a sixteenth and 67.
 */
#define TMEM_CODEC_ROOM      4480

/*
 * All of this is without locks, and takes less than 200 bytes of stack (zstd:
 * 1.5 KiB). A state is for one call at a time; what is in it before and after
 * does not matter, for the result neither.
 */
struct tmem_codec {
    const char *name;
    unsigned int state_size;
    /* How many bytes the page became; 0: more than limit, or it failed. */
    unsigned int (*compress)(const void *page, void *bytes, unsigned int limit,
                             void *state);
    /*
     * True if len bytes are exactly one page. It reads no others, and writes
     * nowhere but to the page, whose contents are anything if it says no.
     */
    bool (*decompress)(const void *bytes, unsigned int len, void *page,
                       void *state);
};

/* That codec; NULL: there is none of that number, or it is not built in. */
const struct tmem_codec *tmem_codec(unsigned int nr);

/* The state of zstd. The decoders of the others have none. */
#define TMEM_ZSTD_STATE      (96U << 10)

/* Those that are built in. */
extern const struct tmem_codec tmem_lzo, tmem_lz4, tmem_zstd;

#ifdef CONFIG_TMEM_LZ4
/* A hash of bytes. It comes with that codec. */
uint64_t tmem_xxh64(const void *bytes, unsigned int len, uint64_t seed);
#endif

/* Constant after boot. The codec of new puts; CUT: none is built in. */
extern unsigned int tmem_codec_default;
/* What a client's `compress` begins as. */
extern bool tmem_compress_clients;
/* Are zeros at the end of a page cut off? */
extern bool opt_tmem_tze;

/* A CPU's own; in use from no lookup of a guest's frame to the next. */
struct tmem_work {
    void *page;                /* a page, aligned to its size */
    void *bytes;               /* TMEM_CODEC_ROOM */
    void *state;               /* enough for each codec that is built in */
};

/* Has any CPU ever been to get its own? Else nothing is compressed or cut. */
extern bool tmem_work_wanted;
/*
 * This CPU's. NULL: nothing is on, or there was no memory for it, and pages
 * that are put here are stored raw.
 */
struct tmem_work *tmem_work(void);
/*
 * For a get, which can't do without: this CPU's, or else the one that such
 * CPUs share, with a state for decoders, and its lock is held until it is given
 * back. No lock of tmem is held but tmem_clients_lock.
 */
struct tmem_work *tmem_work_borrow(void);
void tmem_work_return(struct tmem_work *w);
/*
 * Have each CPU get its own from now on, those that come later as well. 0, or
 * -ENOMEM: some CPU got none. No lock; not for a guest's operation.
 */
int tmem_work_start(void);

/* Read the boot parameters; called once, before there are clients. */
void tmem_codec_init(void);

#endif /* XEN_TMEM_CODEC_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
