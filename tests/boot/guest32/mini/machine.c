/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * machine.c - a mini guest's start, frames, vCPUs and end (mini.h)
 *
 * Locking: none; all of it runs on vCPU 0, before others start.
 */
#include "mini.h"

#include <public/arch-x86/cpuid.h>
#include <public/arch-x86/hvm/start_info.h>
#include <public/event_channel.h>
#include <public/hvm/hvm_op.h>
#include <public/hvm/hvm_vcpu.h>
#include <public/hvm/params.h>
#include <public/sched.h>
#include <public/vcpu.h>

#include "console.h"

#define STACK_BYTES 16384

extern char hypercall_page[];
extern char boot_pml4[];

bool is_pv;
const char *command_line = "";
const struct start_info *pv_start_info;

static uint8_t stacks[MAX_VCPUS][STACK_BYTES] PAGE_ALIGNED;
static void (*vcpu_fn[MAX_VCPUS])(unsigned int nr);

static void run(void)
{
    test_main();
    verdicts_end();
    shutdown(SHUTDOWN_poweroff);
}

static void cpuid(uint32_t leaf, uint32_t r[4])
{
    asm volatile ( "cpuid"
                   : "=a" (r[0]), "=b" (r[1]), "=c" (r[2]), "=d" (r[3])
                   : "0" (leaf), "2" (0) );
}

/* Have the hypervisor write the hypercall page: CPUID names the MSR. */
static void hypercalls_init(void)
{
    uint32_t base, r[4];

    for ( base = 0x40000000; base < 0x40010000; base += 0x100 )
    {
        cpuid(base, r);
        if ( r[1] == XEN_CPUID_SIGNATURE_EBX &&
             r[2] == XEN_CPUID_SIGNATURE_ECX &&
             r[3] == XEN_CPUID_SIGNATURE_EDX )
            break;
    }
    cpuid(base + 2, r);
    asm volatile ( "wrmsr" :: "c" (r[1]), "a" ((uint32_t)(uintptr_t)
                   hypercall_page), "d" (0) : "memory" );
}

static unsigned long hvm_param(uint32_t index)
{
    struct xen_hvm_param p = { .domid = DOMID_SELF, .index = index };

    return hypercall(__HYPERVISOR_hvm_op, HVMOP_get_param, (unsigned long)&p,
                     0, 0, 0) ? 0 : p.value;
}

void start_pvh(const struct hvm_start_info *info);
void start_pvh(const struct hvm_start_info *info)
{
    if ( info->cmdline_paddr )
        command_line = (const char *)(uintptr_t)info->cmdline_paddr;
    hypercalls_init();
    console_init((void *)(hvm_param(HVM_PARAM_CONSOLE_PFN) * PAGE_BYTES),
                 hvm_param(HVM_PARAM_CONSOLE_EVTCHN));
    run();
}

#ifdef __x86_64__
void start_pv(const struct start_info *info);
void start_pv(const struct start_info *info)
{
    const unsigned long *m2p = (const void *)HYPERVISOR_VIRT_START;

    is_pv = true;
    pv_start_info = info;
    command_line = (const char *)info->cmd_line;
    console_init((void *)(m2p[info->console.domU.mfn] * PAGE_BYTES),
                 info->console.domU.evtchn);
    run();
}
#endif

xen_pfn_t frame_of(const void *p)
{
    unsigned long pfn = (uintptr_t)p / PAGE_BYTES;

    return is_pv ? ((const unsigned long *)pv_start_info->mfn_list)[pfn] : pfn;
}

unsigned long option(const char *name, unsigned long otherwise)
{
    size_t n = strlen(name);
    const char *s;

    for ( s = command_line; *s; s++ )
        if ( (s == command_line || s[-1] == ' ') && !memcmp(s, name, n) &&
             s[n] == '=' )
        {
            unsigned long v = 0;

            for ( s += n + 1; *s >= '0' && *s <= '9'; s++ )
                v = v * 10 + *s - '0';
            return v;
        }

    return otherwise;
}

/* ---- other vCPUs --------------------------------------------------------- */

static void vcpu_entry(unsigned int nr)
{
    vcpu_fn[nr](nr);
    sleep_for_ever();
}

static long vcpu_up(unsigned int nr, void *context)
{
    long rc = hypercall(__HYPERVISOR_vcpu_op, VCPUOP_initialise, nr,
                        (unsigned long)context, 0, 0);

    return rc ?: hypercall(__HYPERVISOR_vcpu_op, VCPUOP_up, nr, 0, 0, 0);
}

#ifdef __x86_64__
static long vcpu_start_pv(unsigned int nr, uintptr_t sp)
{
    static struct vcpu_guest_context c;
    unsigned long cs, ss;

    asm volatile ( "mov %%cs, %0; mov %%ss, %1" : "=r" (cs), "=r" (ss) );
    memset(&c, 0, sizeof(c));
    c.flags = VGCF_in_kernel;
    c.user_regs.rip = (uintptr_t)vcpu_entry;
    c.user_regs.rsp = sp - 8;
    c.user_regs.rdi = nr;
    c.user_regs.rflags = 2;
    c.user_regs.cs = cs;
    c.user_regs.ss = ss;
    c.kernel_ss = ss;
    c.kernel_sp = sp;
    c.ctrlreg[3] = frame_of((const void *)pv_start_info->pt_base) * PAGE_BYTES;

    return vcpu_up(nr, &c);
}

static long vcpu_start_pvh(unsigned int nr, uintptr_t sp)
{
    static struct vcpu_hvm_context c;

    memset(&c, 0, sizeof(c));
    c.mode = VCPU_HVM_MODE_64B;
    c.cpu_regs.x86_64.rip = (uintptr_t)vcpu_entry;
    c.cpu_regs.x86_64.rsp = sp - 8;
    c.cpu_regs.x86_64.rdi = nr;
    c.cpu_regs.x86_64.rflags = 2;
    c.cpu_regs.x86_64.cr0 = 0x80000011;
    c.cpu_regs.x86_64.cr3 = (uintptr_t)boot_pml4;
    c.cpu_regs.x86_64.cr4 = 0x20;
    c.cpu_regs.x86_64.efer = 0x500;

    return vcpu_up(nr, &c);
}
#else
static long vcpu_start_pvh(unsigned int nr, uintptr_t sp)
{
    static struct vcpu_hvm_context c;
    uint32_t *stack = (uint32_t *)sp;

    stack[-1] = nr;
    stack[-2] = 0;
    memset(&c, 0, sizeof(c));
    c.mode = VCPU_HVM_MODE_32B;
    c.cpu_regs.x86_32.eip = (uintptr_t)vcpu_entry;
    c.cpu_regs.x86_32.esp = sp - 8;
    c.cpu_regs.x86_32.eflags = 2;
    c.cpu_regs.x86_32.cr0 = 0x11;
    c.cpu_regs.x86_32.cs_limit = c.cpu_regs.x86_32.ds_limit =
        c.cpu_regs.x86_32.ss_limit = c.cpu_regs.x86_32.es_limit = ~0U;
    c.cpu_regs.x86_32.tr_limit = 0x67;
    c.cpu_regs.x86_32.cs_ar = 0xc9b;
    c.cpu_regs.x86_32.ds_ar = c.cpu_regs.x86_32.ss_ar =
        c.cpu_regs.x86_32.es_ar = 0xc93;
    c.cpu_regs.x86_32.tr_ar = 0x8b;

    return vcpu_up(nr, &c);
}
#endif

long vcpu_start(unsigned int nr, void (*fn)(unsigned int nr))
{
    uintptr_t sp = (uintptr_t)stacks[nr] + STACK_BYTES;

    vcpu_fn[nr] = fn;
#ifdef __x86_64__
    if ( is_pv )
        return vcpu_start_pv(nr, sp);
#endif

    return vcpu_start_pvh(nr, sp);
}

/* ---- the end ------------------------------------------------------------- */

void shutdown(unsigned int reason)
{
    struct sched_shutdown s = { .reason = reason };

    console_flush();
    for ( ; ; )
        hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, (unsigned long)&s,
                  0, 0, 0);
}

void yield(void)
{
    hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0, 0);
}

void sleep_for_ever(void)
{
    struct sched_poll poll = { .nr_ports = 0, .timeout = 0 };

    console_flush();
    for ( ; ; )
        hypercall(__HYPERVISOR_sched_op, SCHEDOP_poll, (unsigned long)&poll,
                  0, 0, 0);
}
