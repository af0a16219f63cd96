/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_LIST_H
#define XENHOST_XEN_LIST_H

/*
 * Doubly linked rings with a head, and chains with a one-pointer head
 * (hlist) for hash tables. The _rcu variants may be walked meanwhile by
 * readers under rcu_read_lock(); writers exclude one another.
 */
#include <xen/lib.h>
#include <xen/atomic.h>

#define LIST_POISON1 ((void *)0x00100100)
#define LIST_POISON2 ((void *)0x00200200)

struct list_head {
    struct list_head *next, *prev;
};

#define LIST_HEAD_INIT(name) { &(name), &(name) }
#define LIST_HEAD(name) struct list_head name = LIST_HEAD_INIT(name)
#define LIST_HEAD_READ_MOSTLY(name) LIST_HEAD(name)

/* Store a link that readers may follow at this moment. */
#define list_publish_(link, val) \
    __atomic_store_n(&(link), val, __ATOMIC_RELEASE)
#define list_fetch_(link) __atomic_load_n(&(link), __ATOMIC_ACQUIRE)

static inline void INIT_LIST_HEAD(struct list_head *list)
{
    list->next = list->prev = list;
}

static inline bool list_head_is_null(const struct list_head *list)
{
    return !list->next && !list->prev;
}

static inline void __list_add(struct list_head *new, struct list_head *prev,
                              struct list_head *next)
{
    new->prev = prev;
    new->next = next;
    prev->next = new;
    next->prev = new;
}

static inline void list_add(struct list_head *new, struct list_head *head)
{
    __list_add(new, head, head->next);
}

static inline void list_add_tail(struct list_head *new, struct list_head *head)
{
    __list_add(new, head->prev, head);
}

static inline void __list_add_rcu(struct list_head *new,
                                  struct list_head *prev,
                                  struct list_head *next)
{
    new->prev = prev;
    new->next = next;
    list_publish_(prev->next, new);
    next->prev = new;
}

static inline void list_add_rcu(struct list_head *new, struct list_head *head)
{
    __list_add_rcu(new, head, head->next);
}

static inline void list_add_tail_rcu(struct list_head *new,
                                     struct list_head *head)
{
    __list_add_rcu(new, head->prev, head);
}

static inline void __list_del(struct list_head *prev, struct list_head *next)
{
    prev->next = next;
    next->prev = prev;
}

static inline void list_del(struct list_head *entry)
{
    ASSERT(entry->next->prev == entry);
    ASSERT(entry->prev->next == entry);
    __list_del(entry->prev, entry->next);
    entry->next = LIST_POISON1;
    entry->prev = LIST_POISON2;
}

/* The forward link stays, for those who are at this entry now. */
static inline void list_del_rcu(struct list_head *entry)
{
    entry->next->prev = entry->prev;
    list_publish_(entry->prev->next, entry->next);
    entry->prev = LIST_POISON2;
}

static inline void list_del_init(struct list_head *entry)
{
    __list_del(entry->prev, entry->next);
    INIT_LIST_HEAD(entry);
}

static inline void list_replace(struct list_head *old, struct list_head *new)
{
    __list_add(new, old->prev, old->next);
}

static inline void list_replace_init(struct list_head *old,
                                     struct list_head *new)
{
    list_replace(old, new);
    INIT_LIST_HEAD(old);
}

static inline void list_replace_rcu(struct list_head *old,
                                    struct list_head *new)
{
    __list_add_rcu(new, old->prev, old->next);
    old->prev = LIST_POISON2;
}

static inline void list_move(struct list_head *entry, struct list_head *head)
{
    __list_del(entry->prev, entry->next);
    list_add(entry, head);
}

static inline void list_move_tail(struct list_head *entry,
                                  struct list_head *head)
{
    __list_del(entry->prev, entry->next);
    list_add_tail(entry, head);
}

static inline int list_is_last(const struct list_head *entry,
                               const struct list_head *head)
{
    return entry->next == head;
}

static inline int list_empty(const struct list_head *head)
{
    return head->next == head;
}

static inline int list_is_singular(const struct list_head *head)
{
    return !list_empty(head) && head->next == head->prev;
}

static inline int list_empty_careful(const struct list_head *head)
{
    struct list_head *next = list_fetch_(head->next);

    return next == head && next == head->prev;
}

/* Entries of list go to the front of head; list itself is left dangling. */
static inline void __list_splice(struct list_head *list,
                                 struct list_head *head)
{
    struct list_head *at = head->next;

    head->next = list->next;
    list->next->prev = head;
    list->prev->next = at;
    at->prev = list->prev;
}

static inline void list_splice(struct list_head *list, struct list_head *head)
{
    if ( !list_empty(list) )
        __list_splice(list, head);
}

static inline void list_splice_init(struct list_head *list,
                                    struct list_head *head)
{
    if ( !list_empty(list) )
    {
        __list_splice(list, head);
        INIT_LIST_HEAD(list);
    }
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)
#define list_first_entry(ptr, type, member) \
    list_entry((ptr)->next, type, member)
#define list_last_entry(ptr, type, member) \
    list_entry((ptr)->prev, type, member)
#define list_first_entry_or_null(ptr, type, member) \
    (list_empty(ptr) ? NULL : list_first_entry(ptr, type, member))
#define list_last_entry_or_null(ptr, type, member) \
    (list_empty(ptr) ? NULL : list_last_entry(ptr, type, member))
#define list_next_entry(pos, member) \
    list_entry((pos)->member.next, typeof(*(pos)), member)
#define list_prev_entry(pos, member) \
    list_entry((pos)->member.prev, typeof(*(pos)), member)

#define list_for_each(pos, head) \
    for ( (pos) = (head)->next; (pos) != (head); (pos) = (pos)->next )
#define list_for_each_prev(pos, head) \
    for ( (pos) = (head)->prev; (pos) != (head); (pos) = (pos)->prev )
#define list_for_each_safe(pos, n, head) \
    for ( (pos) = (head)->next, (n) = (pos)->next; (pos) != (head); \
          (pos) = (n), (n) = (pos)->next )
#define list_for_each_backwards_safe(pos, n, head) \
    for ( (pos) = (head)->prev, (n) = (pos)->prev; (pos) != (head); \
          (pos) = (n), (n) = (pos)->prev )

#define list_for_each_entry(pos, head, member)                              \
    for ( (pos) = list_first_entry(head, typeof(*(pos)), member);           \
          &(pos)->member != (head);                                         \
          (pos) = list_next_entry(pos, member) )
#define list_for_each_entry_reverse(pos, head, member)                      \
    for ( (pos) = list_last_entry(head, typeof(*(pos)), member);            \
          &(pos)->member != (head);                                         \
          (pos) = list_prev_entry(pos, member) )
#define list_prepare_entry(pos, head, member) \
    ((pos) ?: list_entry(head, typeof(*(pos)), member))
#define list_for_each_entry_continue(pos, head, member)                     \
    for ( (pos) = list_next_entry(pos, member);                             \
          &(pos)->member != (head);                                         \
          (pos) = list_next_entry(pos, member) )
#define list_for_each_entry_from(pos, head, member)                         \
    for ( ; &(pos)->member != (head); (pos) = list_next_entry(pos, member) )
#define list_for_each_entry_safe(pos, n, head, member)                      \
    for ( (pos) = list_first_entry(head, typeof(*(pos)), member),           \
          (n) = list_next_entry(pos, member);                               \
          &(pos)->member != (head);                                         \
          (pos) = (n), (n) = list_next_entry(n, member) )
#define list_for_each_entry_safe_continue(pos, n, head, member)             \
    for ( (pos) = list_next_entry(pos, member),                             \
          (n) = list_next_entry(pos, member);                               \
          &(pos)->member != (head);                                         \
          (pos) = (n), (n) = list_next_entry(n, member) )
#define list_for_each_entry_safe_from(pos, n, head, member)                 \
    for ( (n) = list_next_entry(pos, member);                               \
          &(pos)->member != (head);                                         \
          (pos) = (n), (n) = list_next_entry(n, member) )
#define list_for_each_entry_safe_reverse(pos, n, head, member)              \
    for ( (pos) = list_last_entry(head, typeof(*(pos)), member),            \
          (n) = list_prev_entry(pos, member);                               \
          &(pos)->member != (head);                                         \
          (pos) = (n), (n) = list_prev_entry(n, member) )

#define list_for_each_rcu(pos, head)                                        \
    for ( (pos) = list_fetch_((head)->next); (pos) != (head);               \
          (pos) = list_fetch_((pos)->next) )
#define list_for_each_safe_rcu(pos, n, head)                                \
    for ( (pos) = list_fetch_((head)->next), (n) = list_fetch_((pos)->next); \
          (pos) != (head);                                                  \
          (pos) = (n), (n) = list_fetch_((pos)->next) )
#define list_for_each_entry_rcu(pos, head, member)                          \
    for ( (pos) = list_entry(list_fetch_((head)->next), typeof(*(pos)),     \
                             member);                                       \
          &(pos)->member != (head);                                         \
          (pos) = list_entry(list_fetch_((pos)->member.next),               \
                             typeof(*(pos)), member) )
#define list_for_each_continue_rcu(pos, head)                               \
    for ( (pos) = list_fetch_((pos)->next); (pos) != (head);                \
          (pos) = list_fetch_((pos)->next) )

struct hlist_node {
    struct hlist_node *next, **pprev;
};

struct hlist_head {
    struct hlist_node *first;
};

#define HLIST_HEAD_INIT { .first = NULL }
#define HLIST_HEAD(name) struct hlist_head name = HLIST_HEAD_INIT
#define INIT_HLIST_HEAD(ptr) ((ptr)->first = NULL)

static inline void INIT_HLIST_NODE(struct hlist_node *n)
{
    n->next = NULL;
    n->pprev = NULL;
}

static inline int hlist_unhashed(const struct hlist_node *n)
{
    return !n->pprev;
}

static inline int hlist_empty(const struct hlist_head *h)
{
    return !h->first;
}

static inline void __hlist_del(struct hlist_node *n)
{
    list_publish_(*n->pprev, n->next);
    if ( n->next )
        n->next->pprev = n->pprev;
}

static inline void hlist_del(struct hlist_node *n)
{
    __hlist_del(n);
    n->next = LIST_POISON1;
    n->pprev = LIST_POISON2;
}

static inline void hlist_del_rcu(struct hlist_node *n)
{
    __hlist_del(n);
    n->pprev = LIST_POISON2;
}

static inline void hlist_del_init(struct hlist_node *n)
{
    if ( !hlist_unhashed(n) )
    {
        __hlist_del(n);
        INIT_HLIST_NODE(n);
    }
}

/* Publishes last: good for RCU as well. */
static inline void hlist_add_head(struct hlist_node *n, struct hlist_head *h)
{
    n->next = h->first;
    n->pprev = &h->first;
    if ( n->next )
        n->next->pprev = &n->next;
    list_publish_(h->first, n);
}

static inline void hlist_add_before(struct hlist_node *n,
                                    struct hlist_node *next)
{
    n->pprev = next->pprev;
    n->next = next;
    next->pprev = &n->next;
    list_publish_(*n->pprev, n);
}

static inline void hlist_add_after(struct hlist_node *prev,
                                   struct hlist_node *n)
{
    n->next = prev->next;
    n->pprev = &prev->next;
    if ( n->next )
        n->next->pprev = &n->next;
    list_publish_(prev->next, n);
}

static inline void hlist_replace_rcu(struct hlist_node *old,
                                     struct hlist_node *new)
{
    new->next = old->next;
    new->pprev = old->pprev;
    if ( new->next )
        new->next->pprev = &new->next;
    list_publish_(*new->pprev, new);
    old->pprev = LIST_POISON2;
}

#define hlist_add_head_rcu(n, h)         hlist_add_head(n, h)
#define hlist_add_before_rcu(n, next)    hlist_add_before(n, next)
#define hlist_add_after_rcu(prev, n)     hlist_add_after(prev, n)

#define hlist_entry(ptr, type, member) container_of(ptr, type, member)
#define hlist_for_each(pos, head) \
    for ( (pos) = (head)->first; (pos); (pos) = (pos)->next )
#define hlist_for_each_safe(pos, n, head) \
    for ( (pos) = (head)->first; (pos) && ({ (n) = (pos)->next; 1; }); \
          (pos) = (n) )
#define hlist_bind_(tpos, pos, member) \
    ({ (tpos) = hlist_entry(pos, typeof(*(tpos)), member); 1; })
#define hlist_for_each_entry(tpos, pos, head, member)                       \
    for ( (pos) = (head)->first; (pos) && hlist_bind_(tpos, pos, member);   \
          (pos) = (pos)->next )
#define hlist_for_each_entry_continue(tpos, pos, member)                    \
    for ( (pos) = (pos)->next; (pos) && hlist_bind_(tpos, pos, member);     \
          (pos) = (pos)->next )
#define hlist_for_each_entry_from(tpos, pos, member)                        \
    for ( ; (pos) && hlist_bind_(tpos, pos, member); (pos) = (pos)->next )
#define hlist_for_each_entry_safe(tpos, pos, n, head, member)               \
    for ( (pos) = (head)->first;                                            \
          (pos) && ({ (n) = (pos)->next; 1; }) &&                           \
          hlist_bind_(tpos, pos, member);                                   \
          (pos) = (n) )
#define hlist_for_each_entry_rcu(tpos, pos, head, member)                   \
    for ( (pos) = list_fetch_((head)->first);                               \
          (pos) && hlist_bind_(tpos, pos, member);                          \
          (pos) = list_fetch_((pos)->next) )

#endif /* XENHOST_XEN_LIST_H */
