/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lockcheck.c - the lock checker of debug builds
 *
 * Each lock belongs to a class: its definition, or the spin_lock_init() that
 * made it. Whenever a lock is taken while others are held, the order of the
 * two classes is noted in a graph; an order that closes a cycle could
 * deadlock, and is reported once, as is a second lock of a class that is
 * held. Attempts (spin_trylock() and the like) cannot deadlock: they are
 * noted as held, but make no order.
 *
 * A lock is the engine's unless a file of the host made it. While an engine's
 * lock is held, what takes other Xen locks or may fault is forbidden.
 *
 * Locking: graph_lock guards the graph and the numbering of classes; the hook
 * of xenhost_on_lock() is for programs with one thread. Reports go to standard
 * error, one line each, and count in xenhost_lock_errors().
 */
#include "host.h"

static unsigned long lock_errors;

unsigned long xenhost_lock_errors(void)
{
    return __atomic_load_n(&lock_errors, __ATOMIC_RELAXED);
}

/* What is called before the CPU's next locks. */
static struct {
    const struct xenhost_cpu *cpu;
    unsigned int left;              /* 1: before the next one */
    void (*fn)(void *arg);
    void *arg;
} hook;

bool xenhost_on_lock(unsigned int n, void (*fn)(void *arg), void *arg)
{
    bool armed = hook.cpu;

    hook.cpu = n ? xenhost_self : NULL;
    hook.left = n;
    hook.fn = fn;
    hook.arg = arg;

    return armed;
}

#ifdef CONFIG_DEBUG_LOCKS

#define MAX_CLASSES 256
/* Locks that are initialised statically: known by their address. */
#define MAX_STATIC 128

static pthread_mutex_t graph_lock = PTHREAD_MUTEX_INITIALIZER;
static const struct xenhost_lock_class *classes[MAX_CLASSES];
static unsigned int nr_classes = 1;
/* after[a] has bit b: b was taken while a was held. */
static DECLARE_BITMAP(after[MAX_CLASSES], MAX_CLASSES);
/* Orders that were reported, so that each is only once. */
static DECLARE_BITMAP(reported[MAX_CLASSES], MAX_CLASSES);

static struct {
    const void *lock;
    struct xenhost_lock_class class;
} static_classes[MAX_STATIC];
static unsigned int nr_static;

static void report(const char *what, const struct xenhost_lock_class *a,
                   const struct xenhost_lock_class *b)
{
    (void)__atomic_fetch_add(&lock_errors, 1, __ATOMIC_RELAXED);
    fprintf(stderr, "lock checker: %s", what);
    if ( a )
        fprintf(stderr, ": %s (%s:%u)", a->name, a->file, a->line);
    if ( b )
        fprintf(stderr, ", held: %s (%s:%u)", b->name, b->file, b->line);
    fprintf(stderr, "\n");
}

static void class_number(struct xenhost_lock_class *class)
{
    if ( __atomic_load_n(&class->index, __ATOMIC_ACQUIRE) )
        return;

    pthread_mutex_lock(&graph_lock);
    if ( !class->index )
    {
        BUG_ON(nr_classes == MAX_CLASSES);
        classes[nr_classes] = class;
        class->host = !strncmp(class->file, "host/", 5);
        __atomic_store_n(&class->index, nr_classes++, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&graph_lock);
}

static struct xenhost_lock_class *class_of_definition(const void *lock,
                                                      const char *definition)
{
    unsigned int i;

    pthread_mutex_lock(&graph_lock);
    for ( i = 0; i < nr_static && static_classes[i].lock != lock; i++ )
        ;
    if ( i == nr_static )
    {
        BUG_ON(nr_static == MAX_STATIC);
        static_classes[i].lock = lock;
        static_classes[i].class.name = "static lock";
        static_classes[i].class.file = definition ?: "?";
        nr_static++;
    }
    pthread_mutex_unlock(&graph_lock);

    return &static_classes[i].class;
}

/* Can b be reached from a? Called with the graph locked. */
static bool reaches(unsigned int a, unsigned int b)
{
    static unsigned int stack[MAX_CLASSES];
    DECLARE_BITMAP(seen, MAX_CLASSES) = { 0 };
    unsigned int n = 0, i;

    stack[n++] = a;
    __set_bit(a, seen);
    while ( n )
    {
        a = stack[--n];
        if ( a == b )
            return true;
        for ( i = 1; i < nr_classes; i++ )
            if ( test_bit(i, after[a]) && !__test_and_set_bit(i, seen) )
                stack[n++] = i;
    }

    return false;
}

static void note_order(const struct xenhost_lock_class *held,
                       const struct xenhost_lock_class *new)
{
    bool bad = false;

    if ( test_bit(new->index, after[held->index]) )
        return;

    pthread_mutex_lock(&graph_lock);
    if ( !test_bit(new->index, after[held->index]) )
    {
        if ( held == new || reaches(new->index, held->index) )
            bad = !__test_and_set_bit(new->index, reported[held->index]);
        else
            set_bit(new->index, after[held->index]);
    }
    pthread_mutex_unlock(&graph_lock);
    if ( bad )
        report(held == new ? "two locks of one class" : "wrong order",
               new, held);
}

void xenhost_lock_acquire(const void *lock, struct xenhost_lock_id *id,
                          bool try)
{
    struct xenhost_cpu *c = xenhost_self;
    struct xenhost_lock_class *class =
        __atomic_load_n(&id->class, __ATOMIC_RELAXED);
    unsigned int i;

    if ( unlikely(hook.cpu == c) && !c->nr_engine && !try && !--hook.left )
    {
        hook.cpu = NULL;
        hook.fn(hook.arg);
    }

    if ( unlikely(!class) )
    {
        class = class_of_definition(lock, id->definition);
        __atomic_store_n(&id->class, class, __ATOMIC_RELAXED);
    }
    class_number(class);

    for ( i = 0; i < c->nr_held; i++ )
    {
        if ( c->held[i].lock == lock )
        {
            report("recursion", class, c->held[i].class);
            if ( !try )
                abort();
        }
        if ( !try )
            note_order(c->held[i].class, class);
    }

    if ( c->nr_held == XENHOST_MAX_HELD )
        xenhost_bug("too many locks held", __FILE__, __LINE__);
    c->held[c->nr_held].lock = lock;
    c->held[c->nr_held++].class = class;
    c->nr_engine += !class->host;
}

void xenhost_lock_release(const void *lock)
{
    struct xenhost_cpu *c = xenhost_self;
    unsigned int i = c->nr_held;

    while ( i && c->held[i - 1].lock != lock )
        i--;
    if ( !i )
    {
        report("unlock of a lock that is not held", NULL, NULL);
        return;
    }
    c->nr_engine -= !c->held[i - 1].class->host;
    memmove(&c->held[i - 1], &c->held[i],
            (c->nr_held - i) * sizeof(c->held[0]));
    c->nr_held--;
}

bool xenhost_lock_held(const void *lock)
{
    const struct xenhost_cpu *c = xenhost_self;
    unsigned int i;

    for ( i = 0; i < c->nr_held; i++ )
        if ( c->held[i].lock == lock )
            return true;

    return false;
}

void xenhost_lock_forbidden(const char *what)
{
    const struct xenhost_cpu *c = xenhost_self;
    unsigned int i;

    for ( i = 0; i < c->nr_held && c->held[i].class->host; i++ )
        ;
    report(what, NULL, i < c->nr_held ? c->held[i].class : NULL);
}

#endif /* CONFIG_DEBUG_LOCKS */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
