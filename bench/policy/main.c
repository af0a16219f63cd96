#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim.h"

void *sim_alloc(size_t nr, size_t size)
{
    void *p = calloc(nr ? nr : 1, size);

    if ( !p )
        err(1, "no memory");

    return p;
}

/* Marsaglia's xorshift64*; Vigna's multiplier. */
uint32_t sim_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;

    return (*state * 0x2545f4914f6cdd1dULL) >> 32;
}

size_t sim_run(const struct stream *s, const struct sim_policy *p,
               uint32_t capacity)
{
    size_t i, hits = 0;

    p->start(s, capacity);
    for ( i = 0; i < s->nr_events; i++ )
    {
        const struct sim_event *e = &s->event[i];

        switch ( e->op )
        {
        case SIM_PUT:
            p->put(e->page, e->client);
            break;

        case SIM_GET:
            hits += p->get(e->page, e->client);
            break;

        case SIM_FLUSH:
            p->flush(e->page, e->client);
            break;
        }
    }
    p->end();

    return hits;
}

extern const struct sim_policy policy_proto;
int main(int argc, char **argv)
{
    static const struct sim_policy *const pol[] = { &policy_put_order, &policy_random, &policy_sieve, &policy_s3fifo, &policy_engine };
    static const unsigned sizes[] = { 10, 25, 50, 75 };
    unsigned w, k, i; 
    double sum[8][2] = {}, worst[8][2]; int n[2] = {};
    for (i=0;i<8;i++) worst[i][0]=worst[i][1]=9;
    { extern unsigned FLOOR,SPLIT,OP_NS,engine_table_percent, RATE, XP; if (getenv("OP")) OP_NS=atoi(getenv("OP")); if (getenv("SPLIT")) SPLIT=atoi(getenv("SPLIT")); if (getenv("FLOOR")) FLOOR=atoi(getenv("FLOOR")); if (getenv("RATE")) RATE=atoi(getenv("RATE")); if (getenv("XP")) XP=atoi(getenv("XP")); if (getenv("TAB")) engine_table_percent=atoi(getenv("TAB")); }
    workloads_traces("traces");
    printf("%-12s %7s %6s %5s", "", "gets", "pages", "best");
    for (i = 0; i < 5; i++) printf(" %9s", pol[i]->name);
    puts("");
    for ( w = 0; w < nr_workloads; w++ )
    {
        struct stream *s = workloads[w].make(&workloads[w]);
        for ( k = 0; k < 4; k++ )
        {
            uint32_t cap = (uint64_t)sim_useful(s) * sizes[k] / 100;
            double opt = sim_optimum(s, cap), base = 0;
            int rec = workloads[w].recorded;
            printf("%-12s %7zu %6u %5.1f", workloads[w].name, s->gets, cap, 100*opt/s->gets);
            n[rec]++;
            for ( i = 0; i < 5; i++ )
            {
                double h = sim_run(s, pol[i], cap);
                if (!i) base = h;
                printf(" %9.1f", 100 * h / opt);
                sum[i][rec] += h / opt;
                if ((h - base)/opt < worst[i][rec]) worst[i][rec] = (h-base)/opt;
            }
            puts("");
        }
        stream_free(s);
    }
    for (k = 0; k < 2; k++) {
        printf("%s mean  %*s", k ? "recorded " : "synthetic", 20, "");
        for (i=0;i<5;i++) printf(" %9.1f", 100*sum[i][k]/n[k]);
        printf("\n%s worst-lrp%*s", k ? "recorded " : "synthetic", 16, "");
        for (i=0;i<5;i++) printf(" %9.1f", 100*worst[i][k]);
        puts("");
    }
    return 0;
}
