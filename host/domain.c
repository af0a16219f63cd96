/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * domain.c - life and death of domains
 *
 * As in Xen, struct domain is a frame of the Xen heap, and it lives as long
 * as its references: one for the list of domains, one while it has frames or
 * frames billed to it, and those that the engine takes. So a frame that is
 * never unbilled shows as a domain that does not go away.
 *
 * Teardown is preemptible: each step of domain_kill() that has more to do
 * returns -ERESTART and is called again. The domain's vCPUs are stopped
 * first, and cannot start again.
 *
 * The vCPUs of a domain run while nobody pauses it: its creation, until it is
 * complete; who waits until none of them is inside Xen; a suspension, which
 * does not wait; its teardown, for ever.
 *
 * Locking: domctl_lock serialises creation and teardown. domlist_update_lock
 * guards the list; it is read below rcu_read_lock(&domlist_read_lock). Below
 * pause_lock, `pauses` and is_shutting_down of all domains, and host_running[],
 * change.
 */
#include "host.h"

/* Guest frames freed by one step of the teardown. */
#define FREE_BATCH 1024

#define SUPERPAGE_ORDER 9
#define SUPERPAGE (1UL << SUPERPAGE_ORDER)

enum { STEP_STOP, STEP_TMEM, STEP_FRAMES, STEP_DONE, STEP_GONE };

struct domain idle_domain = { .domain_id = DOMID_IDLE };
struct domain *host_domains[1 << 16];
struct domain *host_running[1 << 16];
struct domain *domain_list;
DEFINE_SPINLOCK(domlist_update_lock);
DEFINE_RCU_READ_LOCK(domlist_read_lock);

static pthread_mutex_t domctl_lock = PTHREAD_MUTEX_INITIALIZER;
static struct host_lock pause_lock;
static unsigned long last_serial;
static unsigned long affinity;
static bool pv_guests;

void domains_start(void)
{
    memset(host_domains, 0, sizeof(host_domains));
    memset(host_running, 0, sizeof(host_running));
    domain_list = NULL;
    affinity = 0;
    pv_guests = false;
}

void xenhost_node_affinity(unsigned long nodes)
{
    affinity = nodes & node_online_map.bits[0];
}

void xenhost_pv_guests(bool pv)
{
    pv_guests = pv;
}

struct domain *domain_find(domid_t domid)
{
    return __atomic_load_n(&host_domains[domid], __ATOMIC_ACQUIRE);
}

struct domain *rcu_lock_domain_by_id(domid_t domid)
{
    struct domain *d;

    if ( domid == current->domain->domain_id )
        return current->domain;
    rcu_read_lock(&domlist_read_lock);
    d = domain_find(domid);
    if ( !d )
        rcu_read_unlock(&domlist_read_lock);

    return d;
}

struct domain *rcu_lock_domain_by_any_id(domid_t domid)
{
    return domid == DOMID_SELF ? current->domain
                               : rcu_lock_domain_by_id(domid);
}

int rcu_lock_remote_domain_by_id(domid_t domid, struct domain **d)
{
    *d = rcu_lock_domain_by_any_id(domid);
    if ( !*d )
        return -ESRCH;

    return *d == current->domain ? -EPERM : 0;
}

struct domain *get_domain_by_id(domid_t domid)
{
    struct domain *d;

    rcu_read_lock(&domlist_read_lock);
    d = domain_find(domid);
    if ( d && !get_domain(d) )
        d = NULL;
    rcu_read_unlock(&domlist_read_lock);

    return d;
}

static void p2m_free(struct domain *d)
{
    struct p2m_domain *p2m = d->arch.p2m;

    if ( p2m )
    {
        free(p2m->entries);
        free(p2m->dirty);
        free(p2m);
    }
}

static int p2m_alloc(struct domain *d, unsigned long nr)
{
    struct p2m_domain *p2m = calloc(1, sizeof(*p2m));

    d->arch.p2m = p2m;
    if ( !p2m )
        return -ENOMEM;
    p2m->nr = nr;
    p2m->entries = calloc(nr + 1, sizeof(*p2m->entries));
    p2m->dirty = calloc(nr + 1, sizeof(*p2m->dirty));

    return p2m->entries && p2m->dirty ? 0 : -ENOMEM;
}

static void complete_destroy(struct rcu_head *head)
{
    struct domain *d = container_of(head, struct domain, rcu);

    p2m_free(d);
    free_xenheap_page(d);
}

/* The last reference is gone. */
void domain_destroy(struct domain *d)
{
    struct domain **pd;

    BUG_ON(!d->is_dying);
    if ( atomic_cmpxchg(&d->refcnt, 0, DOMAIN_DESTROYED) != 0 )
        return;

    spin_lock(&domlist_update_lock);
    for ( pd = &domain_list; *pd != d; pd = &(*pd)->next_in_list )
        ;
    rcu_assign_pointer(*pd, d->next_in_list);
    rcu_assign_pointer(host_domains[d->domain_id], NULL);
    spin_unlock(&domlist_update_lock);
    call_rcu(&d->rcu, complete_destroy);
}

static void domain_insert(struct domain *d)
{
    spin_lock(&domlist_update_lock);
    d->next_in_list = domain_list;
    rcu_assign_pointer(domain_list, d);
    rcu_assign_pointer(host_domains[d->domain_id], d);
    spin_unlock(&domlist_update_lock);
}

/* As toolstacks do: superpages, where there are any; with nodes, frames. */
static int populate(struct domain *d)
{
    struct p2m_domain *p2m = d->arch.p2m;
    unsigned long gfn, i;

    for ( gfn = 0; gfn < p2m->nr; gfn += i )
    {
        unsigned int order = affinity || p2m->nr - gfn < SUPERPAGE
                             ? 0 : SUPERPAGE_ORDER;
        struct page_info *pg = alloc_domheap_pages(d, order, 0);

        if ( !pg && order )
        {
            order = 0;
            pg = alloc_domheap_page(d, 0);
        }
        if ( !pg )
            return -ENOMEM;
        for ( i = 0; i < 1UL << order; i++ )
            p2m->entries[gfn + i] = (unsigned long)page_to_pdx(pg + i) << 8 |
                                    p2m_ram_rw;
    }

    return 0;
}

/* Free up to n of the guest's frames. Are there more? */
static bool depopulate(struct domain *d, unsigned long n)
{
    struct page_info *pg;

    for ( ; n; n-- )
    {
        spin_lock(&d->page_alloc_lock);
        pg = page_list_first(&d->page_list);
        spin_unlock(&d->page_alloc_lock);
        if ( !pg )
            return false;
        /* Of those that a test made page tables. */
        write_atomic(&pg->u.inuse.type_info, 0UL);
        put_page_alloc_ref(pg);
    }

    return !page_list_empty(&d->page_list);
}

static struct domain *domain_alloc(domid_t domid, unsigned long guest_pages,
                                   unsigned long max_pages, bool privileged)
{
    struct domain *d = alloc_xenheap_page();

    BUILD_BUG_ON(sizeof(*d) > PAGE_SIZE);
    if ( !d )
        return NULL;
    clear_page(d);
    d->domain_id = domid;
    d->max_pages = max_pages;
    d->is_privileged = privileged;
    d->tmem_denied = domid_denied(domid);
    d->serial = ++last_serial;
    d->pauses = 1;
    d->arch.pv = pv_guests;
    d->last_alloc_node = MAX_NUMNODES - 1;
    d->node_affinity = affinity ? (nodemask_t){ { affinity } } : NODE_MASK_ALL;
    atomic_set(&d->refcnt, 1);
    spin_lock_init(&d->domain_lock);
    spin_lock_init(&d->page_alloc_lock);
    INIT_PAGE_LIST_HEAD(&d->page_list);
    if ( p2m_alloc(d, guest_pages) )
    {
        p2m_free(d);
        free_xenheap_page(d);
        return NULL;
    }

    return d;
}

int xenhost_domain_create(domid_t domid, unsigned long guest_pages,
                          unsigned long max_pages, bool privileged)
{
    struct domain *d;
    int rc = 0;

    if ( domid >= DOMID_FIRST_RESERVED || max_pages < guest_pages ||
         max_pages > UINT_MAX || !host_enter() )
        return -EINVAL;
    if ( guest_pages > total_pages )
    {
        host_leave();
        return -ENOMEM;
    }

    pthread_mutex_lock(&domctl_lock);
    if ( domain_find(domid) )
        rc = -EEXIST;
    else if ( !(d = domain_alloc(domid, guest_pages, max_pages, privileged)) )
        rc = -ENOMEM;
    else
    {
        domain_insert(d);
        rc = populate(d);
        if ( !rc )
        {
            write_atomic(&d->creation_finished, true);
            domain_unpause(d);
        }
        else
        {
            write_atomic(&d->is_dying, DOMDYING_dead);
            d->teardown = STEP_GONE;
            /* A control operation may have found it, and made its client. */
            while ( tmem_destroy(d) == -ERESTART )
                continue;
            depopulate(d, ~0UL);
            put_domain(d);
            rcu_barrier();
        }
    }
    pthread_mutex_unlock(&domctl_lock);
    host_leave();

    return rc;
}

/* One more who keeps the vCPUs out. They may still be inside. */
static void pause_nosync(struct domain *d)
{
    d->pauses++;
    __atomic_store_n(&host_running[d->domain_id], NULL, __ATOMIC_SEQ_CST);
}

static void unpause(struct domain *d)
{
    BUG_ON(!d->pauses);
    if ( !--d->pauses )
        __atomic_store_n(&host_running[d->domain_id], d, __ATOMIC_SEQ_CST);
}

void domain_pause(struct domain *d)
{
    ASSERT(d != current->domain);
    host_lock(&pause_lock);
    pause_nosync(d);
    host_unlock(&pause_lock);
    cpus_wait_domain(d->domain_id);
}

void domain_unpause(struct domain *d)
{
    host_lock(&pause_lock);
    unpause(d);
    host_unlock(&pause_lock);
}

int domain_wait_running(domid_t domid)
{
    const struct domain *d;
    unsigned int spins = 0;
    bool gone;

    do {
        rcu_read_lock(&domlist_read_lock);
        d = domain_find(domid);
        /* What is not complete yet is not there either. */
        gone = !d || read_atomic(&d->is_dying) ||
               !read_atomic(&d->creation_finished);
        rcu_read_unlock(&domlist_read_lock);
        if ( gone )
            return -ESRCH;
        relax(&spins);
    } while ( !__atomic_load_n(&host_running[domid], __ATOMIC_ACQUIRE) );

    return 0;
}

/* One step. 0 at the end, or -ERESTART. domctl_lock is held. */
static int domain_kill(struct domain *d, unsigned long batch)
{
    int rc;

    switch ( d->teardown )
    {
    case STEP_STOP:
        /* Below the lock: whoever bills from now on sees that it dies. */
        spin_lock(&d->page_alloc_lock);
        write_atomic(&d->is_dying, DOMDYING_dying);
        spin_unlock(&d->page_alloc_lock);
        domain_pause(d);
        (void)domain_set_outstanding_pages(d, 0);
        d->teardown = STEP_TMEM;
        fallthrough;
    case STEP_TMEM:
        rc = tmem_destroy(d);
        if ( rc )
        {
            BUG_ON(rc != -ERESTART);
            return rc;
        }
        d->teardown = STEP_FRAMES;
        fallthrough;
    case STEP_FRAMES:
        if ( depopulate(d, batch) )
            return -ERESTART;
        d->teardown = STEP_DONE;
        fallthrough;
    case STEP_DONE:
        write_atomic(&d->is_dying, DOMDYING_dead);
        d->teardown = STEP_GONE;
        put_domain(d);
        rcu_barrier();
        break;
    }

    return 0;
}

static int kill_by_id(domid_t domid, bool all)
{
    struct domain *d;
    int rc;

    if ( !host_enter() )
        return -ESRCH;
    do {
        pthread_mutex_lock(&domctl_lock);
        /* One that is only kept by its references counts as gone. */
        d = domain_find(domid);
        rc = d && d->teardown != STEP_GONE
             ? domain_kill(d, all ? ~0UL : FREE_BATCH) : -ESRCH;
        pthread_mutex_unlock(&domctl_lock);
    } while ( all && rc == -ERESTART );
    host_leave();

    return rc;
}

int xenhost_domain_kill(domid_t domid)
{
    return kill_by_id(domid, false);
}

int xenhost_domain_destroy(domid_t domid)
{
    return kill_by_id(domid, true);
}

void domains_stop(void)
{
    unsigned int id;

    for ( id = 0; id < ARRAY_SIZE(host_domains); id++ )
    {
        struct domain *d = host_domains[id];

        if ( !d )
            continue;
        (void)xenhost_domain_destroy(id);
        /* A zombie, whose frame is leaked: free what is libc's. */
        if ( host_domains[id] )
        {
            fprintf(stderr, "xenhost: domain %u is a zombie: %d references, "
                    "%u pages\n", id, atomic_read(&d->refcnt), d->tot_pages);
            p2m_free(d);
        }
    }
}

int xenhost_domain_soft_reset(domid_t domid)
{
    struct domain *d;
    int rc;

    if ( !host_enter() )
        return -ESRCH;
    pthread_mutex_lock(&domctl_lock);
    d = domain_find(domid);
    if ( !d || d->is_dying )
        rc = -ESRCH;
    else
    {
        domain_pause(d);
        do {
            rc = tmem_destroy(d);
        } while ( rc == -ERESTART );
        domain_unpause(d);
    }
    pthread_mutex_unlock(&domctl_lock);
    host_leave();

    return rc;
}

/* What domain_shutdown(d, SHUTDOWN_suspend) does: it waits for nobody. */
static void domain_suspend(struct domain *d)
{
    host_lock(&pause_lock);
    if ( !d->is_shutting_down )
    {
        pause_nosync(d);
        write_atomic(&d->is_shutting_down, true);
        write_atomic(&d->is_shut_down, true);
    }
    host_unlock(&pause_lock);
}

static void domain_resume(struct domain *d)
{
    /* Who sees that it has shut down may count on it while it is paused. */
    domain_pause(d);
    host_lock(&pause_lock);
    if ( d->is_shutting_down )
    {
        write_atomic(&d->is_shut_down, false);
        write_atomic(&d->is_shutting_down, false);
        unpause(d);
    }
    host_unlock(&pause_lock);
    domain_unpause(d);
}

static int with_domain(domid_t domid, void (*fn)(struct domain *d))
{
    struct domain *d;
    int rc = -ESRCH;

    if ( !host_enter() )
        return -ESRCH;
    d = get_domain_by_id(domid);
    if ( d )
    {
        if ( read_atomic(&d->creation_finished) && !read_atomic(&d->is_dying) )
        {
            fn(d);
            rc = 0;
        }
        put_domain(d);
    }
    host_leave();

    return rc;
}

int xenhost_domain_suspend(domid_t domid)
{
    return with_domain(domid, domain_suspend);
}

int xenhost_domain_resume(domid_t domid)
{
    return with_domain(domid, domain_resume);
}

int xenhost_domain_info(domid_t domid, struct xenhost_domain_info *info)
{
    const struct domain *d;

    if ( !host_enter() )
        return -ESRCH;
    rcu_read_lock(&domlist_read_lock);
    d = domain_find(domid);
    if ( d )
    {
        info->tot_pages = read_atomic(&d->tot_pages);
        info->max_pages = read_atomic(&d->max_pages);
        info->guest_pages = p2m_get_hostp2m(d)->nr;
    }
    rcu_read_unlock(&domlist_read_lock);
    host_leave();

    return d ? 0 : -ESRCH;
}

long xenhost_domain_grow(domid_t domid, unsigned long n)
{
    struct domain *d;
    long nr = 0;

    if ( !host_enter() )
        return -ESRCH;
    rcu_read_lock(&domlist_read_lock);
    d = domain_find(domid);
    while ( d && (unsigned long)nr < n && alloc_domheap_page(d, 0) )
        nr++;
    rcu_read_unlock(&domlist_read_lock);
    host_leave();

    return d ? nr : -ESRCH;
}

enum set { SET_MAX, SET_CLAIM, SET_POD };

static int domain_set(domid_t domid, enum set what, unsigned long value)
{
    struct domain *d;
    int rc = 0;

    if ( value > UINT_MAX || !host_enter() )
        return -EINVAL;
    rcu_read_lock(&domlist_read_lock);
    d = domain_find(domid);
    if ( !d )
        rc = -ESRCH;
    else if ( what == SET_MAX )
    {
        spin_lock(&d->page_alloc_lock);
        write_atomic(&d->max_pages, (unsigned int)value);
        spin_unlock(&d->page_alloc_lock);
    }
    else if ( what == SET_CLAIM )
        rc = domain_set_outstanding_pages(d, value);
    else
        write_atomic(&p2m_get_hostp2m(d)->pod.entry_count, (long)value);
    rcu_read_unlock(&domlist_read_lock);
    host_leave();

    return rc;
}

int xenhost_domain_set_max(domid_t domid, unsigned long max_pages)
{
    return domain_set(domid, SET_MAX, max_pages);
}

int xenhost_domain_set_claim(domid_t domid, unsigned long pages)
{
    return domain_set(domid, SET_CLAIM, pages);
}

int xenhost_domain_set_pod(domid_t domid, unsigned long entries)
{
    return domain_set(domid, SET_POD, entries);
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
