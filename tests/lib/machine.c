/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * machine.c - start and stop of the host, and threads on its CPUs
 *
 * The host is a single instance; the main thread alone starts and stops it.
 * Each thread remembers the CPU that it is bound to.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "env.h"
#include "machine.h"
#include "page.h"

static _Thread_local unsigned int this_cpu;

int machine_bind(unsigned int cpu)
{
    int ret = xenhost_cpu_bind(cpu);

    if ( !ret )
        this_cpu = cpu;

    return ret;
}

unsigned int machine_cpu(void)
{
    return this_cpu;
}

unsigned long machine_available(void)
{
    return xenhost_free_pages() + xenhost_freeable_pages();
}

void machine_start(unsigned long pages, unsigned int cpus,
                   const char *cmdline)
{
    const struct xenhost_config cfg = {
        .host_pages = pages,
        .cpus = cpus,
        .cmdline = cmdline,
    };

    int ret = xenhost_start(&cfg);

    /* What a test that failed has left behind is of no interest. */
    if ( ret == -EBUSY )
    {
        xenhost_stop();
        ret = xenhost_start(&cfg);
    }
    assert_int_equal(ret, 0);
    assert_int_equal(machine_bind(0), 0);
}

void machine_guest(domid_t dom)
{
    assert_int_equal(xenhost_domain_create(dom, GUEST_PAGES,
                                           GUEST_PAGES + GUEST_ROOM,
                                           dom == 0), 0);
}

void machine_stop(void)
{
    unsigned long leaks = xenhost_leaks_seen();
    unsigned long errors = xenhost_lock_errors();

    /* Stop first: a test that fails must not take the next one with it. */
    assert_int_equal(xenhost_stop(), 0);
    assert_int_equal(leaks, 0);
    assert_int_equal(errors, 0);
}

static void setup(unsigned int nodes, const char *options)
{
    char cmdline[96];
    domid_t dom;

    snprintf(cmdline, sizeof(cmdline), TMEM_ON " numa=fake=%u%s", nodes,
             options);
    machine_start(MACHINE_PAGES, MACHINE_CPUS, cmdline);
    for ( dom = 0; dom <= 3; dom++ )
        machine_guest(dom);
}

int machine_setup(void **state)
{
    (void)state;
    setup(1, "");

    return 0;
}

int machine_setup_nodes(void **state)
{
    unsigned int nodes = env_number("CHECK_NODES", 1 << rng_entropy() % 3);
    static const char *const options[] = {
        " tmem_compress=lzo tmem_tze=1", " tmem_compress=lz4 tmem_dedup=1", "",
    };
    static unsigned int turn;
    unsigned int compress = env_number("CHECK_COMPRESS", turn++ % 3) % 3;

    (void)state;
    printf("nodes: CHECK_NODES=%u, options: CHECK_COMPRESS=%u\n", nodes,
           compress);
    page_mix(true);
    setup(nodes, options[compress]);

    return 0;
}

int machine_teardown(void **state)
{
    (void)state;
    machine_stop();

    return 0;
}

static void *worker_main(void *arg)
{
    struct worker *worker = arg;

    /* Others may wait for this one for ever: better to stop here. */
    if ( machine_bind(worker->cpu) )
        abort();
    worker->run(worker);

    return NULL;
}

void workers_run(struct worker *worker, unsigned int nr)
{
    pthread_t thread[16];
    unsigned int i;

    assert_in_range(nr, 1, 16);
    for ( i = 0; i < nr; i++ )
    {
        worker[i].cpu = i + 1;
        assert_int_equal(pthread_create(&thread[i], NULL, worker_main,
                                        &worker[i]), 0);
    }
    for ( i = 0; i < nr; i++ )
        pthread_join(thread[i], NULL);
}
