/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * start.c - the machine: configuration, start and stop, and what a toolstack
 * does with its memory
 *
 * A stopped machine leaves nothing behind; the next start sets all static
 * data of the host afresh, and the engine's initcalls do so for the engine.
 *
 * Locking: held_lock guards the lists of frames that programs hold.
 */
#include "host.h"
#include <time.h>

#define MIN_PAGES 64UL
#define MAX_PAGES (1UL << 30)

struct host host = { .generation = 1 };
enum system_state system_state;
uint64_t xenhost_tsc_base, xenhost_tsc_mul;

static pthread_mutex_t held_lock = PTHREAD_MUTEX_INITIALIZER;
static PAGE_LIST_HEAD(held);
static unsigned long boot_frames;      /* what Xen took for itself, constant */

typedef const initcall_t initcall_ref;
extern initcall_ref __start_xenhost_presmp[] __attribute__((weak));
extern initcall_ref __stop_xenhost_presmp[] __attribute__((weak));
extern initcall_ref __start_xenhost_init[] __attribute__((weak));
extern initcall_ref __stop_xenhost_init[] __attribute__((weak));

static int reject(const char *why)
{
    fprintf(stderr, "xenhost_start: %s\n", why);

    return -EINVAL;
}

static int no_memory(const struct xenhost_config *cfg)
{
    fprintf(stderr, "xenhost_start: no memory for %lu frames\n",
            cfg->host_pages);

    return -ENOMEM;
}

static uint64_t monotonic_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* How long a tick of the TSC is: once for each process, for 5 ms. */
static void calibrate(void)
{
    uint64_t ns, ticks, ns0, ticks0;

    if ( xenhost_tsc_mul )
        return;
    ns0 = monotonic_ns();
    ticks0 = rdtsc();
    do {
        ns = monotonic_ns() - ns0;
        ticks = rdtsc() - ticks0;
    } while ( ns < 5000000 );
    xenhost_tsc_mul = ((unsigned __int128)ns << 32) / (ticks ?: 1);
    xenhost_tsc_base = ticks0;
}

static void run_initcalls(initcall_ref *call, initcall_ref *end)
{
    for ( ; call < end; call++ )
        (void)(*call)();
}

int xenhost_start(const struct xenhost_config *cfg)
{
    if ( !cfg )
        return reject("no configuration");
    if ( host.running )
        return -EBUSY;
    if ( cfg->host_pages < MIN_PAGES )
        return reject("host_pages: at least 64 frames are needed");
    if ( cfg->host_pages > MAX_PAGES )
        return reject("host_pages: at most 2^30 frames are possible");
    if ( !cfg->cpus || cfg->cpus > XENHOST_MAX_CPUS )
        return reject("cpus: 1 to 64 are possible");

    if ( memory_start(cfg->host_pages) )
        return no_memory(cfg);
    host.cpus = cfg->cpus;
    calibrate();
    rcu_start();
    timers_start();
    cpus_start();
    heap_start();
    domains_start();
    faults_start();
    log_start();
    INIT_PAGE_LIST_HEAD(&held);
    params_reset();
    system_state = SYS_STATE_boot;
    numa_reset();
    cmdline_parse(cfg->cmdline);
    if ( numa_start() )
    {
        memory_stop();
        return no_memory(cfg);
    }

    host.running = true;
    host_enter();
    run_initcalls(__start_xenhost_presmp, __stop_xenhost_presmp);
    run_initcalls(__start_xenhost_init, __stop_xenhost_init);
    system_state = SYS_STATE_active;
    /* Without what CPUs have of their own. */
    cpus_go();
    boot_frames = heap_used_frames();
    cpus_come();
    host_leave();

    return 0;
}

int xenhost_stop(void)
{
    unsigned long leaked;

    if ( !host_enter() )
        return 0;
    xenhost_fault(XENHOST_FAULT_ALLOC, 0, false);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    xenhost_release_pages();
    domains_stop();
    rcu_barrier();
    /* What tmem keeps for later is no leak. */
    while ( tmem_relinquish_pages(0, NUMA_NO_NODE, 0, 0) )
        ;
    rcu_barrier();
    cpus_go();
    leaked = heap_used_frames() - boot_frames;
    system_state = SYS_STATE_early_boot;
    host_leave();

    host.running = false;
    /* 0 is the mark of a thread that is not bound. */
    if ( !++host.generation )
        host.generation = 1;
    cpus_stop();
    numa_stop();
    memory_stop();

    return leaked > INT_MAX ? INT_MAX : leaked;
}

unsigned long xenhost_free_pages(void)
{
    unsigned long n;

    if ( !host_enter() )
        return 0;
    n = heap_free_frames();
    host_leave();

    return n;
}

unsigned long xenhost_freeable_pages(void)
{
    unsigned long n;

    if ( !host_enter() )
        return 0;
    n = tmem_freeable_pages();
    host_leave();

    return n;
}

unsigned long xenhost_alloc_pages(unsigned long n)
{
    struct page_info *pg;
    unsigned long got;

    if ( !host_enter() )
        return 0;
    for ( got = 0; got < n; got++ )
    {
        pg = alloc_domheap_page(NULL, 0);
        if ( !pg )
            break;
        pthread_mutex_lock(&held_lock);
        page_list_add(pg, &held);
        pthread_mutex_unlock(&held_lock);
    }
    host_leave();

    return got;
}

void xenhost_release_pages(void)
{
    struct page_info *pg;

    if ( !host_enter() )
        return;
    for ( ; ; )
    {
        pthread_mutex_lock(&held_lock);
        pg = page_list_remove_head(&held);
        pthread_mutex_unlock(&held_lock);
        if ( !pg )
            break;
        free_domheap_page(pg);
    }
    host_leave();
}

static long alloc_order(unsigned int order, unsigned int memflags)
{
    struct page_info *pg;
    long mfn = -1;

    if ( !host_enter() )
        return -1;
    pg = alloc_domheap_pages(NULL, order, memflags);
    if ( pg )
        mfn = page_to_pdx(pg);
    host_leave();

    return mfn;
}

long xenhost_alloc_order(unsigned int order, unsigned int bits)
{
    return bits > 0xff ? -1 : alloc_order(order, MEMF_bits(bits));
}

long xenhost_alloc_node(unsigned int order, unsigned int bits,
                        unsigned int node, bool exact)
{
    if ( bits > 0xff || node >= MAX_NUMNODES )
        return -1;

    return alloc_order(order, MEMF_bits(bits) | MEMF_node(node) |
                              (exact ? MEMF_exact_node : 0));
}

unsigned long xenhost_node_free(unsigned int node)
{
    unsigned long n;

    if ( !host_enter() )
        return 0;
    n = avail_node_heap_pages(node);
    host_leave();

    return n;
}

int xenhost_node_of(unsigned long mfn)
{
    return host.running && mfn_valid(_mfn(mfn))
           ? phys_to_nid(pfn_to_paddr(mfn)) : -1;
}

void xenhost_free_order(unsigned long mfn, unsigned int order)
{
    unsigned long i;

    if ( !host_enter() )
        return;
    /* Frames of nobody are freed one by one, and merge. */
    for ( i = 0; i < 1UL << order && mfn_valid(_mfn(mfn + i)); i++ )
        free_domheap_page(frame_table + mfn + i);
    host_leave();
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
