/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * entry.S - where a mini guest starts
 *
 * One binary for each word size. A PVH guest starts at pvh_start in 32-bit
 * mode without paging; the 64-bit one then maps the first 4 GiB one to one
 * and enters long mode. A PV guest (64-bit only) starts at pv_start, on page
 * tables that Xen made, which map this kernel at its physical addresses.
 */
#define __ASSEMBLY__
#include <public/elfnote.h>

#define STACK_BYTES 16384

#ifdef __x86_64__
#define PTR .quad
#else
#define PTR .long
#endif

.macro note type, kind, value:vararg
    .pushsection .note.xen, "a", @note
    .balign 4
    .long 4, 2f - 1f, \type
    .asciz "Xen"
1:  \kind \value
2:  .balign 4
    .popsection
.endm

    note XEN_ELFNOTE_PHYS32_ENTRY, .long, pvh_start
#ifdef __x86_64__
    note XEN_ELFNOTE_GUEST_OS,      .asciz, "mini"
    note XEN_ELFNOTE_XEN_VERSION,   .asciz, "xen-3.0"
    note XEN_ELFNOTE_LOADER,        .asciz, "generic"
    note XEN_ELFNOTE_VIRT_BASE,     PTR,    0
    note XEN_ELFNOTE_PADDR_OFFSET,  PTR,    0
    note XEN_ELFNOTE_ENTRY,         PTR,    pv_start
    note XEN_ELFNOTE_HYPERCALL_PAGE, PTR,   hypercall_page
#endif

    .text
    .code32
    .globl pvh_start
pvh_start:
    cld
    mov $stack_top, %esp
#ifndef __x86_64__
    push %ebx
    call start_pvh
    ud2
#else
    mov $boot_pml4, %edi
    movl $boot_pdpt + 3, (%edi)
    mov $boot_pdpt, %edi
    movl $boot_pd + 3, (%edi)
    movl $boot_pd + 0x1003, 8(%edi)
    movl $boot_pd + 0x2003, 16(%edi)
    movl $boot_pd + 0x3003, 24(%edi)
    mov $boot_pd, %edi
    mov $0x83, %eax                     /* present, writable, 2 MiB */
1:  mov %eax, (%edi)
    add $8, %edi
    add $0x200000, %eax
    jnc 1b

    mov %cr4, %eax
    or $0x20, %eax                      /* PAE */
    mov %eax, %cr4
    mov $boot_pml4, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx               /* EFER.LME */
    rdmsr
    or $0x100, %eax
    wrmsr
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
    lgdt gdt_pointer
    ljmp $8, $1f
    .code64
1:  mov $16, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov %ebx, %edi
    call start_pvh
    ud2

    .globl pv_start
pv_start:
    cld
    mov $stack_top, %rsp
    mov %rsi, %rdi
    call start_pv
    ud2

    .section .rodata
    .balign 8
gdt:
    .quad 0
    .quad 0x00af9b000000ffff            /* code, long */
    .quad 0x00cf93000000ffff            /* data */
gdt_pointer:
    .word . - gdt - 1
    .long gdt
#endif

    .text
    .balign 4096
    .globl hypercall_page
hypercall_page:
    .skip 4096, 0x90

    .bss
    .balign 4096
#ifdef __x86_64__
    .globl boot_pml4
boot_pml4:
    .skip 4096
boot_pdpt:
    .skip 4096
boot_pd:
    .skip 4 * 4096
#endif
    .skip STACK_BYTES
stack_top:

    .section .note.GNU-stack, "", @progbits
