/* SPDX-License-Identifier: LGPL-2.1-only */
/*
 * libxl_tmem.c
 *
 * Transcendent memory. A domid of INVALID_DOMID stands for all clients.
 *
 * Functions that return int return a negative ERROR_* on failure. All of them
 * leave errno set as well: libxl_tmem_list() has no other way to tell why
 * there is no list. Failures are logged for debugging only, since the caller
 * knows best how to put them.
 */

#include "libxl_osdeps.h"

#include "libxl_internal.h"

/* Larger than any list of a usual host, so that one call will do. */
#define LIST_SIZE_FIRST (64 << 10)
#define LIST_SIZE_MAX   (16 << 20)

/*
 * A domain id that no domain can have must not get as far as the hypervisor,
 * where one of them means all clients.
 */
static int client_of(uint32_t domid, uint32_t *cli_id)
{
    if (domid == INVALID_DOMID) {
        *cli_id = TMEM_CLI_ID_ALL;
        return 0;
    }
    *cli_id = domid;
    if (domid < DOMID_FIRST_RESERVED)
        return 0;
    errno = ENOENT;
    return -1;
}

/* What errno says, as libxl says it. */
static int tmem_error(libxl__gc *gc, uint32_t domid, const char *what)
{
    int saved = errno;

    LOGED(DEBUG, domid, "tmem: %s failed", what);
    errno = saved;

    switch (saved) {
    case ENOSYS:
    case EOPNOTSUPP:
        return ERROR_NI;
    case ENODEV:
        return ERROR_NOT_READY;
    case ENOENT:
    case ESRCH:
        return ERROR_DOMAIN_NOTFOUND;
    case EINVAL:
        return ERROR_INVAL;
    case ENOMEM:
        return ERROR_NOMEM;
    default:
        return ERROR_FAIL;
    }
}

/* Any operation that has no buffer. */
static int tmem_control(libxl_ctx *ctx, uint32_t domid, uint32_t subop,
                        uint32_t arg, const char *what)
{
    GC_INIT(ctx);
    uint32_t cli_id;
    int rc;

    rc = client_of(domid, &cli_id);
    if (!rc)
        rc = xc_tmem_control(ctx->xch, 0, subop, cli_id, 0, arg, NULL);
    if (rc < 0)
        rc = tmem_error(gc, domid, what);
    GC_FREE;
    return rc;
}

char *libxl_tmem_list(libxl_ctx *ctx, uint32_t domid, int use_long)
{
    GC_INIT(ctx);
    char *text = NULL;
    uint32_t cli_id, size;
    int rc;

    rc = client_of(domid, &cli_id);

    for (size = LIST_SIZE_FIRST; !rc; size *= 2) {
        free(text);
        text = malloc(size);
        if (!text || size > LIST_SIZE_MAX) {
            errno = ENOMEM;
            rc = -1;
            break;
        }
        rc = xc_tmem_control(ctx->xch, 0, TMEMC_LIST, cli_id, size,
                             !!use_long, text);
        if (rc < 0)
            break;
        /*
         * There are as many whole lines as fit, so it is complete if the
         * next line would have fitted. None comes near half of this.
         */
        if (rc < size / 2) {
            text[rc] = '\0';
            break;
        }
        rc = 0;
    }

    if (rc < 0) {
        tmem_error(gc, domid, "list");
        free(text);
        text = NULL;
    }
    GC_FREE;
    return text;
}

int libxl_tmem_freeze(libxl_ctx *ctx, uint32_t domid)
{
    return tmem_control(ctx, domid, TMEMC_FREEZE, 0, "freeze");
}

int libxl_tmem_thaw(libxl_ctx *ctx, uint32_t domid)
{
    return tmem_control(ctx, domid, TMEMC_THAW, 0, "thaw");
}

int libxl_tmem_set(libxl_ctx *ctx, uint32_t domid, char *name, uint32_t set)
{
    static const struct {
        const char *name;
        uint32_t subop, max;
    } values[] = {
        { "weight",   TMEMC_SET_WEIGHT,   65535 },
        { "cap",      TMEMC_SET_CAP,      UINT32_MAX },
        { "compress", TMEMC_SET_COMPRESS, 1 },
        { "group",    TMEMC_SET_GROUP,    TMEM_MAX_GROUP },
    };
    int i;

    for (i = 0; i < ARRAY_SIZE(values); i++)
        if (!strcmp(name, values[i].name) && set <= values[i].max)
            return tmem_control(ctx, domid, values[i].subop, set, name);

    errno = EINVAL;
    return ERROR_INVAL;
}

int libxl_tmem_shared_auth(libxl_ctx *ctx, uint32_t domid, char *uuid,
                           int auth)
{
    GC_INIT(ctx);
    uint32_t cli_id;
    int rc;

    rc = client_of(domid, &cli_id);
    if (!rc)
        rc = xc_tmem_auth(ctx->xch, cli_id, uuid, auth);
    if (rc < 0)
        rc = tmem_error(gc, domid, "shared auth");
    GC_FREE;
    return rc;
}

int libxl_tmem_freeable(libxl_ctx *ctx)
{
    return tmem_control(ctx, INVALID_DOMID, TMEMC_QUERY_FREEABLE_MB, 0,
                        "query of freeable memory");
}

/* Pages of the domain's persistent pools; 0 also where there is no tmem. */
static unsigned long persistent_pages(libxl_ctx *ctx, uint32_t domid)
{
    unsigned long sum = 0;
    int id, rc;

    for (id = 0; id < TMEM_MAX_POOLS; id++) {
        rc = xc_tmem_control(ctx->xch, id, TMEMC_SAVE_GET_POOL_FLAGS, domid,
                             0, 0, NULL);
        if (rc < 0 || !(rc & TMEM_POOL_PERSIST))
            continue;
        rc = xc_tmem_control(ctx->xch, id, TMEMC_SAVE_GET_POOL_NPAGES, domid,
                             0, 0, NULL);
        if (rc > 0)
            sum += rc;
    }
    return sum;
}

int libxl__tmem_colo_start(libxl__gc *gc, uint32_t domid, bool *frozen)
{
    unsigned long pages;
    int flags;

    *frozen = false;
    flags = xc_tmem_control(CTX->xch, 0, TMEMC_SAVE_GET_CLIENT_FLAGS, domid,
                            0, 0, NULL);
    if (flags < 0 && (errno == ENOSYS || errno == ENODEV))
        return 0;
    if (flags < 0)
        return tmem_error(gc, domid, "query of flags");

    if (!(flags & TMEM_CLIENT_FROZEN)) {
        if (xc_tmem_control(CTX->xch, 0, TMEMC_FREEZE, domid, 0, 0, NULL) < 0)
            return tmem_error(gc, domid, "freeze");
        *frozen = true;
    }

    pages = persistent_pages(CTX, domid);
    if (!pages)
        return 0;

    LOGD(ERROR, domid, "COLO cannot be used while the guest has pages in tmem, "
         "and it has %lu: have it stop using tmem (Linux: swapoff -a), then try "
         "again", pages);
    libxl__tmem_colo_end(gc, domid, *frozen);
    return ERROR_INVAL;
}

void libxl__tmem_colo_end(libxl__gc *gc, uint32_t domid, bool frozen)
{
    if (frozen)
        xc_tmem_control(CTX->xch, 0, TMEMC_THAW, domid, 0, 0, NULL);
}

void libxl__tmem_save_end(libxl__gc *gc, uint32_t domid)
{
    xc_tmem_control(CTX->xch, 0, TMEMC_SAVE_END, domid, 0, 0, NULL);
}

/*
 * Local variables:
 * mode: C
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
