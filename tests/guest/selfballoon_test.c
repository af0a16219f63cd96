/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * selfballoon_test.c - the daemon of guest/linux/selfballoon, all of it
 *
 * It runs on a tree of files in the place of /proc, /sys and /run, with calls
 * of swapon() and swapoff() that fake_swap.c takes, and 50 times as fast as it
 * would. What the law does in time is for balloon_law_test: here nothing
 * depends on how long anything takes, if it comes within half a minute.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BALLOON "sys/devices/system/xen_memory/xen_memory0/"
#define TARGET  BALLOON "target_kb"
#define OOM     "sys/module/balloon_oom/parameters/"
#define MIB     1024UL
#define MEMORY  (1024 * MIB)
#define SPARE   (142 * MIB)

static char program[512];      /* of the daemon, beside this one */
static char tree[64];
static pid_t daemon_pid, first_pid;

/* ---- the tree ------------------------------------------------------------ */

static const char *in_tree(const char *name)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s/%s", tree, name);

    return path;
}

/* In place, as the daemon holds it open. */
static void put(const char *name, const char *text)
{
    int fd = open(in_tree(name), O_WRONLY | O_CREAT, 0644);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, text, strlen(text), 0), strlen(text));
    assert_int_equal(ftruncate(fd, strlen(text)), 0);
    close(fd);
}

static void put_number(const char *name, unsigned long n)
{
    char text[32];

    snprintf(text, sizeof(text), "%lu\n", n);
    put(name, text);
}

static const char *get(const char *name)
{
    static char text[4096];
    int fd = open(in_tree(name), O_RDONLY);
    ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

    text[len < 0 ? 0 : len] = 0;
    if ( fd >= 0 )
        close(fd);

    return text;
}

static unsigned long target(void)
{
    return strtoul(get(TARGET), NULL, 10);
}

static void put_meminfo(unsigned long available, unsigned long swap_cached)
{
    char text[256];

    snprintf(text, sizeof(text), "MemTotal: %12lu kB\nMemAvailable: %8lu kB\n"
             "SwapCached: %10lu kB\nDirty:              0 kB\n", MEMORY,
             available, swap_cached);
    put("proc/meminfo", text);
}

static void put_stall(unsigned long us)
{
    char text[256];

    snprintf(text, sizeof(text),
             "some avg10=0.00 avg60=0.00 avg300=0.00 total=%lu\n"
             "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n", us);
    put("proc/pressure/memory", text);
}

static void put_swaps(unsigned long used_a, unsigned long used_b)
{
    char text[512];

    snprintf(text, sizeof(text),
             "Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n"
             "/dev/a                         partition\t65532\t%lu\t7\n"
             "/dev/b\\040b                      file\t65532\t%lu\t-2\n",
             used_a, used_b);
    put("proc/swaps", text);
}

/* A guest of 1 GiB with little to spare, so that it is soon given; no module. */
static int make_tree(void **state)
{
    static const char *const folders[] = {
        "proc", "proc/pressure", "proc/self", "run", "sys", "sys/hypervisor",
        "sys/hypervisor/properties", "sys/devices", "sys/devices/system",
        "sys/devices/system/xen_memory", BALLOON, BALLOON "info",
        "sys/module", "sys/module/balloon_oom", OOM,
    };
    unsigned int i;

    (void)state;
    daemon_pid = first_pid = 0;
    strcpy(tree, "/tmp/selfballoon.XXXXXX");
    assert_non_null(mkdtemp(tree));
    for ( i = 0; i < sizeof(folders) / sizeof(folders[0]); i++ )
        assert_int_equal(mkdir(in_tree(folders[i]), 0755), 0);
    put("sys/hypervisor/properties/features", "00002705\n");
    put_number(TARGET, MEMORY);
    put_number(BALLOON "info/current_kb", MEMORY);
    put_meminfo(SPARE, 0);
    put_number(BALLOON "max_retry_count", 4);
    put_number(BALLOON "max_schedule_delay", 32);
    put_number("proc/self/oom_score_adj", 0);
    put_meminfo(SPARE, 0);
    put_stall(1000);
    put("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n");

    return 0;
}

static void end_daemon(pid_t pid)
{
    if ( pid )
    {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

static int remove_tree(void **state)
{
    char command[128];

    (void)state;
    end_daemon(daemon_pid);
    end_daemon(first_pid);
    snprintf(command, sizeof(command), "rm -r %s", tree);

    return system(command);
}

/* ---- the daemon ---------------------------------------------------------- */

static void start(const char *option)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if ( !pid )
    {
        char root[80];
        int fd = open(in_tree("err"), O_WRONLY | O_CREAT | O_TRUNC, 0644);

        snprintf(root, sizeof(root), "--root=%s", tree);
        setenv("FAKE_SWAP_TREE", tree, 1);
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        /* It outlives no test that fails, and keeps nothing of those open. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close_range(3, ~0U, 0);
        /* So that a limit for files is an error, see test_writes_fail(). */
        signal(SIGXFSZ, SIG_IGN);
        execl(program, program, root, "--speed=50", option, NULL);
        _exit(127);
    }
    daemon_pid = pid;
}

static bool ended(int *status)
{
    if ( !daemon_pid || waitpid(daemon_pid, status, WNOHANG) != daemon_pid )
        return false;
    daemon_pid = 0;

    return true;
}

/* Wait for something to be so, while the daemon lives. */
#define wait_for(what) \
    do { \
        unsigned int tries_; \
        int status_; \
        for ( tries_ = 0; !(what); tries_++ ) \
        { \
            if ( tries_ == 6000 || ended(&status_) ) \
                fail_msg("%s: it says '%s'", #what, get("err")); \
            usleep(5000); \
        } \
    } while ( 0 )

static int exit_status(void)
{
    unsigned int i;
    int status;

    for ( i = 0; i < 6000; i++, usleep(5000) )
        if ( ended(&status) )
            return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    fail_msg("it does not end");

    return -1;
}

static int stop(int signal)
{
    kill(daemon_pid, signal);

    return exit_status();
}

/*
 * The surplus is that less a tenth of memory, as the balloon takes nothing here;
 * targets are multiples of 4 KiB. There it stays.
 */
#define SMALL ((MEMORY - (SPARE - MEMORY / 10) + 3) / 4 * 4)

static void start_and_give(const char *option)
{
    put("proc/self/oom_score_adj", "0\n");
    start(option);
    wait_for(!strcmp(get("proc/self/oom_score_adj"), "-1000\n"));
    wait_for(target() == SMALL);
}

/* Let it stand still, so that several files change at once. */
static void pause_daemon(void)
{
    int status;

    kill(daemon_pid, SIGSTOP);
    assert_int_equal(waitpid(daemon_pid, &status, WUNTRACED), daemon_pid);
    assert_true(WIFSTOPPED(status));
}

static void resume_daemon(void)
{
    kill(daemon_pid, SIGCONT);
}

static unsigned int lines(const char *text)
{
    unsigned int n = 0;

    for ( ; *text; text++ )
        n += *text == '\n';

    return n;
}

/* ---- tests --------------------------------------------------------------- */

static void test_gives(void **state)
{
    (void)state;
    start_and_give(NULL);
    assert_string_equal(get("proc/self/oom_score_adj"), "-1000\n");
    assert_int_equal(strtoul(get(BALLOON "max_retry_count"), NULL, 10), 0);
    assert_int_equal(strtoul(get(BALLOON "max_schedule_delay"), NULL, 10), 1);
    assert_non_null(strstr(get("proc/pressure/memory"), "some 50000 1000000"));

    /* It takes it again, and gives it back when it ends. */
    put_number(BALLOON "info/current_kb", target());
    put_meminfo(5 * MIB, 0);
    wait_for(target() == MEMORY);
    put_number(BALLOON "info/current_kb", target());
    put_meminfo(SPARE, 0);
    wait_for(target() == SMALL);
    assert_int_equal(stop(SIGTERM), 0);
    assert_int_equal(target(), MEMORY);
    assert_int_equal(access(in_tree("run/selfballoon"), F_OK), -1);
    assert_string_equal(get("err"), "");
}

static void test_stall(void **state)
{
    (void)state;
    start_and_give(NULL);
    put_stall(500000);
    wait_for(target() > SMALL + 20 * MIB);
    assert_int_equal(stop(SIGINT), 0);
    assert_int_equal(target(), MEMORY);
}

static void test_floor(void **state)
{
    (void)state;
    put_meminfo(800 * MIB, 0);
    start("--floor-mib=500");
    wait_for(target() == 500 * MIB);
    usleep(100000);
    assert_int_equal(target(), 500 * MIB);
    assert_int_equal(stop(SIGHUP), 0);
}

static void test_host_sets(void **state)
{
    (void)state;
    start_and_give(NULL);
    pause_daemon();
    put_number(TARGET, 900 * MIB);
    put_number(BALLOON "info/current_kb", 900 * MIB);
    put_meminfo(10 * MIB, 0);
    resume_daemon();
    usleep(200000);
    assert_int_equal(target(), 900 * MIB);
    put_meminfo(800 * MIB, 0);
    wait_for(target() < 300 * MIB);
    assert_int_equal(stop(SIGTERM), 0);
    assert_int_equal(target(), 900 * MIB);

    /* What it says when the daemon is not there counts as well. */
    put_number(TARGET, MEMORY);
    put_number(BALLOON "info/current_kb", MEMORY);
    put_meminfo(SPARE, 0);
    start_and_give(NULL);
    assert_int_equal(stop(SIGKILL), -SIGKILL);
    put_number(TARGET, 700 * MIB);
    start("--restore");
    assert_int_equal(exit_status(), 0);
    assert_int_equal(target(), 700 * MIB);
}

static void test_killed(void **state)
{
    (void)state;
    start_and_give(NULL);
    assert_int_equal(stop(SIGKILL), -SIGKILL);
    assert_int_equal(target(), SMALL);
    start("--restore");
    assert_int_equal(exit_status(), 0);
    assert_int_equal(target(), MEMORY);
    /* Once more: there is nothing to restore. */
    put_number(TARGET, 400 * MIB);
    start("--restore");
    assert_int_equal(exit_status(), 0);
    assert_int_equal(target(), 400 * MIB);

    /* The next one knows the ceiling. */
    put_number(TARGET, MEMORY);
    start_and_give(NULL);
    assert_int_equal(stop(SIGKILL), -SIGKILL);
    start_and_give(NULL);
    assert_int_equal(stop(SIGTERM), 0);
    assert_int_equal(target(), MEMORY);
}

static void test_module(void **state)
{
    char text[64];

    (void)state;
    put(OOM "raised", "0 0\n");
    put(OOM "limit_kb", "");
    start_and_give(NULL);
    assert_int_equal(strtoul(get(OOM "limit_kb"), NULL, 10), MEMORY);
    pause_daemon();
    snprintf(text, sizeof(text), "1 %lu\n", SMALL + 16 * MIB);
    put(OOM "raised", text);
    put_number(TARGET, SMALL + 16 * MIB);
    resume_daemon();
    wait_for(target() == MEMORY);
    assert_int_equal(stop(SIGTERM), 0);
    assert_int_equal(target(), MEMORY);

    /* And after a daemon that was killed: the target is not the host's. */
    start_and_give(NULL);
    assert_int_equal(stop(SIGKILL), -SIGKILL);
    put_number(TARGET, SMALL + 16 * MIB);
    snprintf(text, sizeof(text), "2 %lu\n", SMALL + 16 * MIB);
    put(OOM "raised", text);
    start("--restore");
    assert_int_equal(exit_status(), 0);
    assert_int_equal(target(), MEMORY);
}

/* Each of them is an end, with the ceiling, status 1 and a line. */
static void test_reads_fail(void **state)
{
    static const struct {
        const char *file, *text;
    } bad[] = {
        { "proc/meminfo", "" },
        { "proc/meminfo", "MemTotal: 5 kB\nMemFree: 12 kB\n" },
        { "proc/meminfo", "M: 5 kB\nMemAvailable: x kB\nSwapCached: 0 kB\n" },
        { "proc/pressure/memory", "full avg10=0.00 total=7\n" },
        { "proc/pressure/memory", "" },
        { BALLOON "info/current_kb", "-5\n" },
        { BALLOON "info/current_kb", "99999999999999999999999\n" },
    };
    unsigned int i;

    for ( i = 0; i < sizeof(bad) / sizeof(bad[0]); i++ )
    {
        start_and_give(NULL);
        put(bad[i].file, bad[i].text);
        if ( exit_status() != 1 || target() != MEMORY )
            fail_msg("%s: '%s': target %lu", bad[i].file, bad[i].text,
                     target());
        /* (It looks once more, for what the host says.) */
        assert_true(lines(get("err")) >= 1 && lines(get("err")) <= 2);
        remove_tree(state);
        make_tree(state);
    }
}

static void test_writes_fail(void **state)
{
    struct rlimit none = { 0, 0 };

    (void)state;
    start_and_give(NULL);
    assert_int_equal(prlimit(daemon_pid, RLIMIT_FSIZE, &none, NULL), 0);
    put_meminfo(20 * MIB, 0);
    assert_int_equal(exit_status(), 1);
    /* What it knew is still there, for the next one. */
    start("--restore");
    assert_int_equal(exit_status(), 0);
    assert_int_equal(target(), MEMORY);
}

static void refused(const char *option, const char *why)
{
    char before[64];

    strcpy(before, get(TARGET));
    start(option);
    if ( exit_status() != 2 || lines(get("err")) != 1 ||
         !strstr(get("err"), why) )
        fail_msg("%s: it says: %s", why, get("err"));
    assert_string_equal(get(TARGET), before);
}

static void without(const char *file, const char *why)
{
    char aside[256];

    snprintf(aside, sizeof(aside), "%s/aside", tree);
    assert_int_equal(rename(in_tree(file), aside), 0);
    refused(NULL, why);
    assert_int_equal(rename(aside, in_tree(file)), 0);
}

static void test_refused(void **state)
{
    (void)state;
    without("proc/pressure/memory", "no pressure information");
    without(TARGET, "no balloon");
    without("sys/hypervisor/properties/features", "no Xen");
    without("proc/meminfo", "no /proc");
    without("run", "/run/selfballoon");
    without("proc/self/oom_score_adj", "oom_score_adj");
    put("sys/hypervisor/properties/features", "00002f05\n");
    refused(NULL, "dom0");
    put("sys/hypervisor/properties/features", "00002705\n");
    refused("--floor-mib=2000", "floor is above the ceiling");
    refused("--floor-mib=0", "--floor-mib must be a number");
    refused("--floor-mib=12x", "not '12x'");
    refused("--floor-percent=101", "--floor-percent must be");
    refused("--floor-percent=", "--floor-percent must be");
    refused("--swap-share=-1", "--swap-share must be");
    refused("--nonsense", "unknown option");
    refused("--floor-mib", "without its value");
    refused("-x", "unknown option");
    refused("word", "unexpected argument 'word'");
    put_number(TARGET, 64 * MIB);
    refused(NULL, "floor is above the ceiling");
    put(TARGET, "many\n");
    refused(NULL, "is no number");
}

static void test_two(void **state)
{
    (void)state;
    start_and_give(NULL);
    first_pid = daemon_pid;
    refused(NULL, "another daemon");
    refused("--restore", "another daemon");
    daemon_pid = first_pid;
    first_pid = 0;
    assert_int_equal(stop(SIGTERM), 0);
    assert_int_equal(target(), MEMORY);
}

/* ---- swap areas ---------------------------------------------------------- */

static bool said(const char *line)
{
    return strstr(get("log"), line);
}

static void test_areas(void **state)
{
    (void)state;
    put_swaps(40 * MIB, 50 * MIB);
    put_meminfo(800 * MIB, 60 * MIB);
    start(NULL);
    /* The fuller one first, both with their priorities, never two at a time. */
    wait_for(said("on /dev/a"));
    assert_string_equal(get("log"), "off /dev/b b 0\non /dev/b b 0\n"
                                    "off /dev/a 0\non /dev/a 32775\n");
    assert_int_equal(stop(SIGTERM), 0);
}

static void test_areas_stay(void **state)
{
    (void)state;
    put_swaps(40 * MIB, 50 * MIB);
    put_meminfo(800 * MIB, 60 * MIB);
    start("--swap-share=0");
    wait_for(target() < 400 * MIB);
    usleep(1500000);
    assert_string_equal(get("log"), "");
    assert_int_equal(stop(SIGTERM), 0);
}

/* Pressure ends swapoff in the middle; then the area is there as before. */
static void test_pressure_ends_it(void **state)
{
    (void)state;
    put("swapoff", "slow");
    put_swaps(40 * MIB, 0);
    put_meminfo(800 * MIB, 60 * MIB);
    start(NULL);
    wait_for(said("off /dev/a"));
    put_stall(900000);
    put_meminfo(30 * MIB, 60 * MIB);
    wait_for(said("ended /dev/a"));
    assert_false(said("on /dev/a"));
    put("swapoff", "late");
    assert_int_equal(stop(SIGTERM), 0);
}

/* As does the end of the daemon. */
static void test_end_ends_it(void **state)
{
    (void)state;
    put("swapoff", "slow");
    put_swaps(40 * MIB, 0);
    put_meminfo(800 * MIB, 60 * MIB);
    start(NULL);
    wait_for(said("off /dev/a"));
    assert_int_equal(stop(SIGTERM), 0);
    assert_true(said("ended /dev/a"));
    assert_non_null(strstr(get("proc/swaps"), "/dev/a"));
}

/* Whoever is killed, the area is in use in the end. */
static void test_killed_in_swapoff(void **state)
{
    unsigned int i;

    (void)state;
    put("swapoff", "die");
    put_swaps(40 * MIB, 0);
    put_meminfo(800 * MIB, 60 * MIB);
    start(NULL);
    wait_for(said("on /dev/a"));
    assert_int_equal(stop(SIGTERM), 0);
    assert_non_null(strstr(get("proc/swaps"), "/dev/a"));

    put_swaps(40 * MIB, 0);
    put("log", "");
    put("swapoff", "late");
    start(NULL);
    wait_for(said("off /dev/a"));
    assert_int_equal(stop(SIGKILL), -SIGKILL);
    for ( i = 0; i < 6000 && !said("on /dev/a"); i++ )
        usleep(5000);
    assert_true(said("on /dev/a"));

    /* Both of them, and the next one helps. */
    put("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n");
    start("--restore");
    assert_int_equal(exit_status(), 0);
    assert_non_null(strstr(get("proc/swaps"), "/dev/a"));
    assert_int_equal(target(), MEMORY);
}

int main(int argc, char *argv[])
{
#define tree_test(fn) \
    cmocka_unit_test_setup_teardown(fn, make_tree, remove_tree)
    const struct CMUnitTest tests[] = {
        tree_test(test_gives),
        tree_test(test_stall),
        tree_test(test_floor),
        tree_test(test_host_sets),
        tree_test(test_killed),
        tree_test(test_module),
        tree_test(test_reads_fail),
        tree_test(test_writes_fail),
        tree_test(test_refused),
        tree_test(test_two),
        tree_test(test_areas),
        tree_test(test_areas_stay),
        tree_test(test_pressure_ends_it),
        tree_test(test_end_ends_it),
        tree_test(test_killed_in_swapoff),
    };
    char self[400];

    snprintf(self, sizeof(self), "%s", argv[0]);
    snprintf(program, sizeof(program), "%s/selfballoon", dirname(self));
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
