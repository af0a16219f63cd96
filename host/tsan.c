/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tsan.c - volatile accesses, for the thread sanitizer
 *
 * ACCESS_ONCE() and its like are deliberate races. The compiler calls these
 * functions at each volatile access, for the sake of a kernel's sanitizer;
 * the runtime for user space has none, and nothing is to be checked.
 */
#ifdef __SANITIZE_THREAD__

#define VOLATILE_ACCESS(n)                      \
    void __tsan_volatile_read##n(void *p);      \
    void __tsan_volatile_write##n(void *p);     \
    void __tsan_volatile_read##n(void *p) {}    \
    void __tsan_volatile_write##n(void *p) {}

VOLATILE_ACCESS(1)
VOLATILE_ACCESS(2)
VOLATILE_ACCESS(4)
VOLATILE_ACCESS(8)
VOLATILE_ACCESS(16)

#endif

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
