/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hypercall.c - tmem's hypercalls from a program in a guest (hypercall.h)
 *
 * A request names its data by a frame number. That of a translated guest is
 * what /proc/self/pagemap tells. A PV guest has to give the machine frame, which
 * the kernel keeps to itself: its table xen_p2m_addr[] is read by way of
 * /proc/kallsyms and /proc/kcore.
 */
#include "hypercall.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE_BYTES 4096

/* Linux, include/uapi/xen/privcmd.h. */
struct privcmd_hypercall {
    uint64_t op;
    uint64_t arg[5];
};
#define IOCTL_PRIVCMD_HYPERCALL _IOC(_IOC_NONE, 'P', 0, \
                                     sizeof(struct privcmd_hypercall))

#define HYPERCALL_SYSCTL 35
#define HYPERCALL_TMEM   38

/* Xen 4.17, public/sysctl.h. */
#define SYSCTL_VERSION   0x15
#define SYSCTL_TMEM_OP   24
struct sysctl {
    uint32_t cmd;
    uint32_t version;
    union {
        struct xen_sysctl_tmem_op tmem_op;
        uint8_t pad[128];
    } u;
};

/* Linux, arch/x86/include/asm/xen/page.h: marks, not part of the number. */
#define P2M_MARKS  (3ULL << 62)
#define P2M_NONE   (~0ULL & ~P2M_MARKS)

static int privcmd = -1;
static uint64_t *page;
static xen_pfn_t frame;

static long hypercall(uint64_t nr, void *arg)
{
    struct privcmd_hypercall call = { .op = nr, .arg = { (uintptr_t)arg } };
    long ret = ioctl(privcmd, IOCTL_PRIVCMD_HYPERCALL, &call);

    return ret == -1 ? -errno : ret;
}

long hypercall_tmem_op(struct tmem_op *op)
{
    return hypercall(HYPERCALL_TMEM, op);
}

long hypercall_tmem_control(struct xen_sysctl_tmem_op *op)
{
    struct sysctl request = {
        .cmd = SYSCTL_TMEM_OP, .version = SYSCTL_VERSION, .u.tmem_op = *op,
    };
    long ret = hypercall(HYPERCALL_SYSCTL, &request);

    *op = request.u.tmem_op;

    return ret;
}

void *hypercall_page(void)
{
    return page;
}

xen_pfn_t hypercall_frame(void)
{
    return frame;
}

/* The kernel's number of the page's frame, or 0. */
static uint64_t guest_frame(void)
{
    uint64_t entry = 0;
    int fd = open("/proc/self/pagemap", O_RDONLY);

    if ( fd < 0 )
        return 0;
    if ( pread(fd, &entry, sizeof(entry),
               (uintptr_t)page / PAGE_BYTES * sizeof(entry)) != sizeof(entry) )
        entry = 0;
    close(fd);

    return entry & ((1ULL << 55) - 1);
}

/* The address of a symbol of the kernel, or 0. */
static uint64_t kernel_symbol(const char *name)
{
    char line[256], symbol[128];
    unsigned long addr = 0, found = 0;
    FILE *f = fopen("/proc/kallsyms", "r");

    while ( f && !found && fgets(line, sizeof(line), f) )
        if ( sscanf(line, "%lx %*c %127s", &addr, symbol) == 2 &&
             !strcmp(symbol, name) )
            found = addr;
    if ( f )
        fclose(f);

    return found;
}

/* The word at an address of the kernel, or 0. /proc/kcore is an ELF file. */
static uint64_t kernel_word(uint64_t addr)
{
    Elf64_Ehdr eh;
    Elf64_Phdr ph;
    uint64_t word = 0;
    unsigned int i;
    int fd = open("/proc/kcore", O_RDONLY);

    if ( fd < 0 )
        return 0;
    if ( pread(fd, &eh, sizeof(eh), 0) != sizeof(eh) )
        eh.e_phnum = 0;
    for ( i = 0; i < eh.e_phnum; i++ )
        if ( pread(fd, &ph, sizeof(ph), eh.e_phoff + i * sizeof(ph)) ==
             sizeof(ph) && ph.p_type == PT_LOAD && addr >= ph.p_vaddr &&
             addr - ph.p_vaddr < ph.p_memsz )
        {
            if ( pread(fd, &word, sizeof(word),
                       ph.p_offset + (addr - ph.p_vaddr)) != sizeof(word) )
                word = 0;
            break;
        }
    close(fd);

    return word;
}

/* The machine frame of a PV guest's frame, or 0. */
static xen_pfn_t machine_frame(uint64_t gfn)
{
    uint64_t symbol = kernel_symbol("xen_p2m_addr"), table, mfn;

    table = symbol ? kernel_word(symbol) : 0;
    mfn = table ? kernel_word(table + gfn * sizeof(mfn)) & ~P2M_MARKS : 0;

    return mfn == P2M_NONE ? 0 : mfn;
}

static int is_pv(void)
{
    char type[8] = "";
    FILE *f = fopen("/sys/hypervisor/guest_type", "r");

    if ( !f )
        return 1;
    if ( !fgets(type, sizeof(type), f) )
        type[0] = 0;
    fclose(f);

    return !strcmp(type, "PV\n");
}

const char *hypercall_init(void)
{
    uint64_t gfn;

    privcmd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
    if ( privcmd < 0 )
        return "cannot open /dev/xen/privcmd: load xen-privcmd, be root";

    page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if ( page == MAP_FAILED || mlock(page, PAGE_BYTES) )
        return "no memory";
    page[0] = 1;

    gfn = guest_frame();
    if ( !gfn )
        return "/proc/self/pagemap does not tell frames: be root";
    frame = is_pv() ? machine_frame(gfn) : gfn;

    return frame ? NULL : "cannot find the machine frame of a page";
}
