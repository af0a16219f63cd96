/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * numa.c - nodes: ranges of frames, and CPUs
 *
 * On the command line:
 *
 *   numa=fake=N           N nodes, at most 8. Each has two ranges of frames,
 *                         in turn, and every N-th CPU. (One node, and off: 1.)
 *   numa=fake=N,late=P    the last P frames are those of one more node, which
 *                         is not there until xenhost_memory_online()
 *
 * A range ends at any frame, in the middle of what could else be one chunk: so
 * it may on real machines, and who looks for a run of frames has to know.
 *
 * Locking: none. The tables change only at the start, and when late memory
 * comes, while nothing else runs.
 */
#include "host.h"
#include <xen/param.h>

#define RANGES_OF_A_NODE 2

/* Below that, memory is scarce; tests shrink it together with tmem's limit. */
#ifdef TMEM_SHRUNK
#define DMA_BITS 22
#else
#define DMA_BITS 32
#endif

nodemask_t node_online_map;
nodeid_t cpu_to_node[NR_CPUS];
unsigned int memnode_shift;
unsigned long memnodemapsize;
nodeid_t *memnodemap;
struct node_data node_data[MAX_NUMNODES];

static unsigned int fake_nodes;
static unsigned long late_pages;       /* those that are not there yet */

static int numa_setup(const char *s)
{
    unsigned long nr = 1, late = 0;
    const char *end = s;

    if ( !strncmp(s, "fake=", 5) )
    {
        nr = simple_strtoul(s + 5, &end, 0);
        if ( !strncmp(end, ",late=", 6) )
            late = simple_strtoul(end + 6, &end, 0);
        if ( *end || !nr || nr + !!late > MAX_NUMNODES )
            return -EINVAL;
    }
    else if ( parse_bool(s, NULL) < 0 )
        return -EINVAL;
    fake_nodes = nr;
    late_pages = late;

    return 0;
}
custom_param("numa", numa_setup);

void numa_reset(void)
{
    fake_nodes = 1;
    late_pages = 0;
}

void xenhost_no_such_node(paddr_t addr)
{
    fprintf(stderr, "frame %#lx belongs to no node\n", paddr_to_pfn(addr));
    BUG();
}

u8 __node_distance(nodeid_t a, nodeid_t b)
{
    return a == b ? 10 : 20;
}

/* The first frame of range i; that of range "ranges" is the end. */
static unsigned long range_start(unsigned int i, unsigned int ranges,
                                 unsigned long pages)
{
    return i ? 1 + pages * i / ranges : 0;
}

/* Which node has which frames: as coarse a table as their borders allow. */
static int make_map(unsigned int ranges, unsigned long boot_pages)
{
    unsigned long borders = 0, chunk;
    unsigned int i;

    for ( i = 1; i < ranges; i++ )
        borders |= range_start(i, ranges, boot_pages);
    if ( late_pages )
        borders |= boot_pages + 1;
    memnode_shift = borders ? find_first_set_bit(borders) : BITS_PER_LONG - 1;
    memnodemapsize = (total_pages >> memnode_shift) + 1;
    memnodemap = malloc(memnodemapsize);
    if ( !memnodemap )
        return -ENOMEM;

    for ( chunk = 0; chunk < memnodemapsize; chunk++ )
    {
        unsigned long mfn = chunk << memnode_shift;

        if ( mfn > boot_pages )
            memnodemap[chunk] = fake_nodes;
        else
        {
            for ( i = ranges - 1; mfn < range_start(i, ranges, boot_pages); )
                i--;
            memnodemap[chunk] = i % fake_nodes;
        }
    }

    return 0;
}

/* Frames for a node: to the heap, and into what it spans. */
static void node_add(unsigned int node, unsigned long mfn, unsigned long end)
{
    struct node_data *n = NODE_DATA(node);

    if ( !n->node_spanned_pages )
        n->node_start_pfn = mfn;
    n->node_spanned_pages = end - n->node_start_pfn;
    heap_add(mfn, end);
}

int numa_start(void)
{
    unsigned int ranges, cpu, i;
    unsigned long boot_pages;

    if ( late_pages >= total_pages / 2 )
    {
        printk(XENLOG_ERR "numa: no more than half of the memory is late\n");
        late_pages = 0;
    }
    boot_pages = total_pages - late_pages;
    ranges = fake_nodes > 1 ? fake_nodes * RANGES_OF_A_NODE : 1;
    if ( make_map(ranges, boot_pages) )
        return -ENOMEM;
    for ( cpu = 0; cpu < NR_CPUS; cpu++ )
        cpu_to_node[cpu] = cpu % fake_nodes;

    dma_bits = fake_nodes > 1 ? DMA_BITS : 0;
    node_online_map = NODE_MASK_NONE;
    memset(node_data, 0, sizeof(node_data));
    max_page = boot_pages + 1;
    total_pages = boot_pages;
    for ( i = 0; i < fake_nodes; i++ )
        node_set_online(i);
    for ( i = 0; i < ranges; i++ )
        node_add(i % fake_nodes, max(range_start(i, ranges, boot_pages), 1UL),
                 range_start(i + 1, ranges, boot_pages));

    return 0;
}

void numa_stop(void)
{
    free(memnodemap);
    memnodemap = NULL;
}

int xenhost_memory_online(void)
{
    unsigned long start = max_page;

    if ( !late_pages || !host_enter() )
        return -EINVAL;
    max_page += late_pages;
    total_pages += late_pages;
    late_pages = 0;
    node_set_online(fake_nodes);
    node_add(fake_nodes, start, max_page);
    host_leave();

    return fake_nodes;
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
