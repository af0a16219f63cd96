/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_CPUMASK_H
#define XENHOST_XEN_CPUMASK_H

#include <xen/bitops.h>
#include <xen/lib.h>

typedef struct cpumask { DECLARE_BITMAP(bits, NR_CPUS); } cpumask_t;

/* CPUs in use: those asked for, and one that serves unbound threads. */
extern unsigned int nr_cpu_ids;
extern cpumask_t cpu_online_map;
#define cpu_possible_map cpu_online_map
#define cpu_present_map  cpu_online_map

#define cpumask_bits(m)              ((m)->bits)
#define cpumask_set_cpu(cpu, m)      set_bit(cpu, (m)->bits)
#define __cpumask_set_cpu(cpu, m)    __set_bit(cpu, (m)->bits)
#define cpumask_clear_cpu(cpu, m)    clear_bit(cpu, (m)->bits)
#define __cpumask_clear_cpu(cpu, m)  __clear_bit(cpu, (m)->bits)
#define cpumask_test_cpu(cpu, m)     test_bit(cpu, (m)->bits)
#define cpumask_test_and_set_cpu(cpu, m)   test_and_set_bit(cpu, (m)->bits)
#define cpumask_test_and_clear_cpu(cpu, m) test_and_clear_bit(cpu, (m)->bits)
#define cpumask_clear(m)             ((void)memset(m, 0, sizeof(cpumask_t)))
#define cpumask_copy(d, s)           ((void)(*(d) = *(s)))
#define cpumask_first(m)             find_next_bit((m)->bits, nr_cpu_ids, 0)
#define cpumask_next(n, m)           find_next_bit((m)->bits, nr_cpu_ids, \
                                                   (n) + 1)
#define cpumask_empty(m)             (cpumask_first(m) >= nr_cpu_ids)

static inline unsigned int cpumask_weight(const cpumask_t *m)
{
    unsigned int i, n = 0;

    for ( i = 0; i < ARRAY_SIZE(m->bits); i++ )
        n += hweight_long(m->bits[i]);

    return n;
}

#define for_each_cpu(cpu, m) \
    for ( (cpu) = cpumask_first(m); (cpu) < nr_cpu_ids; \
          (cpu) = cpumask_next(cpu, m) )
#define for_each_online_cpu(cpu)   for_each_cpu(cpu, &cpu_online_map)
#define for_each_possible_cpu(cpu) for_each_cpu(cpu, &cpu_possible_map)
#define for_each_present_cpu(cpu)  for_each_cpu(cpu, &cpu_present_map)
#define num_online_cpus()   cpumask_weight(&cpu_online_map)
#define num_possible_cpus() num_online_cpus()
#define num_present_cpus()  num_online_cpus()
#define cpu_online(cpu)     cpumask_test_cpu(cpu, &cpu_online_map)
#define cpu_possible(cpu)   cpu_online(cpu)

#endif /* XENHOST_XEN_CPUMASK_H */
