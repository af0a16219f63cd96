/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_place.h - where a handle leads to
 *
 * Put, get and flush begin with it: pool, bucket, object. The client's rwlock
 * is held for reading from finding the pool to the end of its use; below it the
 * lock of one bucket.
 */
#ifndef XEN_TMEM_PLACE_H
#define XEN_TMEM_PLACE_H

#include <xen/tmem_client.h>
#include <xen/tmem_data.h>
#include <xen/tmem_object.h>
#include <xen/tmem_pool.h>

/* Where a handle leads to: pool, bucket (locked), object. */
struct tmem_place {
    struct tmem_pool *pool;
    struct tmem_bucket *bucket;
    struct tmem_object *obj;       /* NULL: there is none */
};

/* Find a handle, and lock what leads to it. False, unlocked: no pool. */
static inline bool tmem_place_lock(struct tmem_client *c,
                                   const struct tmem_request *req,
                                   struct tmem_place *place)
{
    tmem_client_read_lock(c);
    place->pool = tmem_pool_find(c, req->pool_id);
    if ( !place->pool )
    {
        tmem_client_read_unlock(c);
        return false;
    }

    ASSERT(req->hash == tmem_oid_hash(&req->oid));
    place->bucket = tmem_bucket_at(place->pool, req->hash);
    spin_lock(&place->bucket->lock);
    place->obj = tmem_object_find(place->bucket, &req->oid, req->hash);

    return true;
}

static inline void tmem_place_unlock(struct tmem_client *c,
                                     struct tmem_place *place)
{
    spin_unlock(&place->bucket->lock);
    tmem_client_read_unlock(c);
}

/* The page's slot, or NULL. */
static inline void *tmem_place_slot(const struct tmem_place *place,
                                    const struct tmem_request *req)
{
    return place->obj ? radix_tree_lookup(&place->obj->pages, req->index)
                      : NULL;
}

/* What is stored there, or none. */
static inline tmem_stored_t tmem_place_find(const struct tmem_place *place,
                                            const struct tmem_request *req)
{
    void *slot = tmem_place_slot(place, req);

    return slot ? tmem_slot_stored(slot) : tmem_stored_none();
}

/* Take the page out, for a get (hit) or not; false: there is none. */
static inline bool tmem_place_remove(struct tmem_place *place,
                                     const struct tmem_request *req, bool hit,
                                     struct tmem_freed *freed)
{
    bool found = false;

    if ( place->obj )
    {
        found = tmem_object_remove(place->obj, req->index, hit, freed);
        if ( tmem_object_is_empty(place->obj) )
        {
            tmem_object_free(place->obj);
            place->obj = NULL;
        }
    }

    return found;
}

#endif /* XEN_TMEM_PLACE_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
