/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: guests' sources get the toolstack's structures and names with the
 * header of the guest interface, and a 32-bit toolstack another structure than
 * the hypervisor's.
 * Mechanism: nothing in public/tmem.h said whom a part of it is for; and where
 * a type of Xen's public headers was missing, one of another size was used.
 * Expectation: what is the toolstack's is there for toolstacks only; sizes are
 * those that the hypervisor has, for both word sizes.
 */
#include <stdio.h>
#include <stdlib.h>
#include "regression.h"

#define GUEST_ONLY \
    "#ifdef TMEMC_LIST\n#error toolstack\n#endif\n"
#define SIZE(type, bytes) "_Static_assert(sizeof(" type ") == " #bytes ", \"\");"

/* Does a source that begins with the header compile? */
static bool compiles(const char *flags, const char *source)
{
    char command[512];
    FILE *cc;

    snprintf(command, sizeof(command),
             "${CC:-gcc} -std=gnu11 -ffreestanding -fsyntax-only -Werror %s "
             "-Ixen/include -iquote /usr/include/xen -x c - 2>/dev/null",
             flags);
    cc = popen(command, "w");
    assert_non_null(cc);
    fprintf(cc, "#include <public/tmem.h>\n%s\n", source);

    return !pclose(cc);
}

static void test_guest(void **state)
{
    (void)state;
    assert_true(compiles("-m64", SIZE("struct tmem_op", 56)));
    assert_true(compiles("-m32", SIZE("struct tmem_op", 52)));
    assert_true(compiles("-m64", SIZE("struct tmem_vec_entry", 48)));
    assert_true(compiles("-m32", SIZE("struct tmem_vec_entry", 48)));
    assert_true(compiles("", GUEST_ONLY));
    assert_true(compiles("", "struct tmem_handle { int own; };"));
    assert_false(compiles("", "struct xen_sysctl_tmem_op op;"));
}

static void test_toolstack(void **state)
{
    (void)state;
    assert_true(compiles("-m64 -D__XEN_TOOLS__",
                         SIZE("struct xen_sysctl_tmem_op", 56)));
    assert_true(compiles("-m32 -D__XEN_TOOLS__",
                         SIZE("struct xen_sysctl_tmem_op", 56)));
    /* All of what the hypervisor reads, with no padding in it. */
    assert_true(compiles("-m32 -D__XEN_TOOLS__",
                         SIZE("((struct xen_sysctl_tmem_op *)0)->buf", 8)));
    assert_true(compiles("-D__XEN_TOOLS__", "int list = TMEMC_LIST;"));
}

/* What is retired is a name in old interfaces only. */
static void test_interface_version(void **state)
{
    (void)state;
    assert_true(compiles("-D__XEN_INTERFACE_VERSION__=0x00040e00",
                         "int op = TMEM_NEW_PAGE;"));
    assert_true(compiles("-D__XEN_INTERFACE_VERSION__=0x00030205",
                         SIZE("struct tmem_op", 56)));
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guest),
        cmocka_unit_test(test_toolstack),
        cmocka_unit_test(test_interface_version),
    };

    return tests_main(argc, argv, tests);
}
