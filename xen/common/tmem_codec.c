/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_codec.c - codecs, and what each CPU needs to use them
 *
 * The codecs themselves are in tmem-codec/: each of its files puts one, out of
 * Debian's sources, behind struct tmem_codec.
 *
 * Buffers of a CPU are there as soon as something is on: at boot if the command
 * line says so, else when the first client is switched on. A CPU that comes
 * gets its own when it is online; it may run without for a moment, or for good
 * if there was no memory. Pages that others compressed can be got there, too:
 * for that there are spare ones, which such CPUs share.
 *
 * Locking: spare_lock guards the spare buffers, for as long as they are in use:
 * above client->rwlock, since a get borrows them before it looks for its page.
 */
#include <xen/cpu.h>
#include <xen/errno.h>
#include <xen/init.h>
#include <xen/lib.h>
#include <xen/mm.h>
#include <xen/nospec.h>
#include <xen/param.h>
#include <xen/rcupdate.h>
#include <xen/smp.h>
#include <xen/spinlock.h>
#include <xen/string.h>
#include <xen/tmem_codec.h>
#include <xen/xmalloc.h>

/* A boolean, or the name of a codec. */
static char __initdata opt_tmem_compress[8] = "no";
string_param("tmem_compress", opt_tmem_compress);

bool __read_mostly opt_tmem_tze;
boolean_param("tmem_tze", opt_tmem_tze);

unsigned int __read_mostly tmem_codec_default;
bool __read_mostly tmem_compress_clients;

/* Is each CPU to have buffers? */
bool __read_mostly tmem_work_wanted;
static struct tmem_work *__read_mostly works[NR_CPUS];

static char spare_page[PAGE_SIZE] __aligned(PAGE_SIZE);
static char spare_bytes[TMEM_CODEC_ROOM] __aligned(SMP_CACHE_BYTES);
#ifdef CONFIG_TMEM_ZSTD
static char spare_state[TMEM_ZSTD_STATE] __aligned(SMP_CACHE_BYTES);
#else
#define spare_state NULL
#endif
static struct tmem_work spare = {
    .page = spare_page,
    .bytes = spare_bytes,
    .state = spare_state,
};
static DEFINE_SPINLOCK(spare_lock);

/* ---- the codec that is none ---------------------------------------------- */

static unsigned int cf_check cut_compress(const void *page, void *bytes,
                                          unsigned int limit, void *state)
{
    const uint64_t *word = page;
    unsigned int len = PAGE_SIZE;

    while ( len && !word[len / sizeof(*word) - 1] )
        len -= sizeof(*word);
    if ( len > limit )
        return 0;
    memcpy(bytes, page, len);

    return len;
}

static bool cf_check cut_decompress(const void *bytes, unsigned int len,
                                    void *page, void *state)
{
    if ( len > PAGE_SIZE )
        return false;
    memcpy(page, bytes, len);
    memset(page + len, 0, PAGE_SIZE - len);

    return true;
}

static const struct tmem_codec cut = {
    .name = "cut",
    .compress = cut_compress,
    .decompress = cut_decompress,
};

static const struct tmem_codec *const codecs[TMEM_NR_CODECS] = {
    [TMEM_CODEC_CUT] = &cut,
#ifdef CONFIG_TMEM_LZO
    [TMEM_CODEC_LZO] = &tmem_lzo,
#endif
#ifdef CONFIG_TMEM_LZ4
    [TMEM_CODEC_LZ4] = &tmem_lz4,
#endif
#ifdef CONFIG_TMEM_ZSTD
    [TMEM_CODEC_ZSTD] = &tmem_zstd,
#endif
};

const struct tmem_codec *tmem_codec(unsigned int nr)
{
    return nr < TMEM_NR_CODECS ? codecs[array_index_nospec(nr, TMEM_NR_CODECS)]
                               : NULL;
}

/* ---- buffers ------------------------------------------------------------- */

static struct tmem_work *work_alloc(void)
{
    struct tmem_work *w;
    unsigned int nr, state_size = 0;
    void *p;

    for ( nr = 0; nr < TMEM_NR_CODECS; nr++ )
        if ( codecs[nr] )
            state_size = max(state_size, codecs[nr]->state_size);

    /* More than a page, so they are pages of its own. */
    p = xmalloc_bytes(PAGE_SIZE + TMEM_CODEC_ROOM + ROUNDUP(state_size, 8) +
                      sizeof(*w));
    if ( !p )
        return NULL;

    w = p + PAGE_SIZE + TMEM_CODEC_ROOM + ROUNDUP(state_size, 8);
    w->page = p;
    w->bytes = p + PAGE_SIZE;
    w->state = w->bytes + TMEM_CODEC_ROOM;

    return w;
}

static void work_free(struct tmem_work *w)
{
    xfree(w ? w->page : NULL);
}

/* See to it that a CPU has buffers: 0 or -ENOMEM. */
static int work_provide(unsigned int cpu)
{
    struct tmem_work *w;

    if ( read_atomic(&works[cpu]) )
        return 0;
    w = work_alloc();
    if ( !w )
    {
        if ( printk_ratelimit() )
            printk(XENLOG_WARNING
                   "tmem: no memory to compress pages on CPU%u\n", cpu);
        return -ENOMEM;
    }
    /* Whoever sees the pointer sees what it points to. */
    if ( cmpxchgptr(&works[cpu], NULL, w) )
        work_free(w);

    return 0;
}

struct tmem_work *tmem_work(void)
{
    return rcu_dereference(works[smp_processor_id()]);
}

struct tmem_work *tmem_work_borrow(void)
{
    struct tmem_work *w = tmem_work();

    if ( likely(w) )
        return w;
    spin_lock(&spare_lock);

    return &spare;
}

void tmem_work_return(struct tmem_work *w)
{
    if ( unlikely(w == &spare) )
        spin_unlock(&spare_lock);
}

int tmem_work_start(void)
{
    unsigned int cpu;
    int rc = 0;

    write_atomic(&tmem_work_wanted, true);
    /* A CPU that is not online yet will see that it is wanted. */
    smp_mb();
    for_each_online_cpu ( cpu )
        rc = work_provide(cpu) ?: rc;

    return rc;
}

static int cf_check cpu_callback(struct notifier_block *nb,
                                 unsigned long action, void *arg)
{
    unsigned int cpu = (unsigned long)arg;

    switch ( action )
    {
    case CPU_ONLINE:
        smp_mb();
        if ( read_atomic(&tmem_work_wanted) )
            work_provide(cpu);
        break;

    case CPU_DEAD:
        work_free(xchg(&works[cpu], NULL));
        break;
    }

    return NOTIFY_DONE;
}

static struct notifier_block cpu_notifier = {
    .notifier_call = cpu_callback,
};

/* ---- boot ---------------------------------------------------------------- */

/* The codec that the command line says; without one, the first there is. */
static void __init choose_codec(void)
{
    int yes = parse_bool(opt_tmem_compress, NULL);
    unsigned int nr = TMEM_NR_CODECS;

    while ( --nr )
    {
        if ( !codecs[nr] )
            continue;
        tmem_codec_default = nr;
        if ( !strcmp(codecs[nr]->name, opt_tmem_compress) )
        {
            yes = 1;
            break;
        }
    }
    if ( yes < 0 || (yes && !tmem_codec_default) )
        printk(XENLOG_WARNING "tmem: compression is off: no codec \"%s\" is "
               "built in\n", opt_tmem_compress);
    tmem_compress_clients = yes == 1 && tmem_codec_default;
    if ( tmem_compress_clients )
        printk("tmem: compression is on, by %s\n",
               codecs[tmem_codec_default]->name);
}

void __init tmem_codec_init(void)
{
    tmem_codec_default = TMEM_CODEC_CUT;
    memset(works, 0, sizeof(works));
    tmem_work_wanted = false;
    choose_codec();
    register_cpu_notifier(&cpu_notifier);
    if ( tmem_compress_clients || opt_tmem_tze )
        tmem_work_start();
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
