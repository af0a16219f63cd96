// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-tmem.c - clean pages that are evicted go to the hypervisor: a target of the
 * device mapper
 *
 *	tmem DEVICE [verify] [shared UUID]
 *
 * It lies over DEVICE, block for block. A page that the page cache evicts is
 * put into an ephemeral pool of the hypervisor; a read of its block then gets
 * it from there. Nothing is ever only in the pool.
 *
 * Who does what
 *
 *	the disk has read		note: block, time, hash of the bytes
 *	the disk has written		the same
 *	the page cache evicts		is the note still true? put, set bit
 *	a read				bit is set: get
 *	a write				flush, if the bit is set; time moves on
 *
 * (tmem_notes.h, tmem_writes.h, tmem_blocks.h, tmem_requests.h.)
 *
 * A get gives only bytes that a read of the disk could give at that time
 *
 * Let a note be true if its block has had bytes with its hash, from its time on,
 * on the disk as reads see it, unless a write to the block was submitted since.
 *
 * 1. Notes are true when they are made. Of a read: its time was taken before
 *    the read was submitted. A write that was under way then moves the block's
 *    time beyond that when it ends; so does any that is submitted later. Unless
 *    there is one, the disk has had the same bytes all the time, and the
 *    read brought them; they are hashed before anybody is told, in a page that
 *    nobody else can write to (read_page()). Of a write: it was the only one
 *    from its submission to its end (bucket_end()). The page did not change
 *    between, so these bytes are what the disk was given (written_page()); the
 *    note's time is that of the end. (Nor was the guest suspended between:
 *    another disk would have got them.)
 * 2. A note stays true whatever becomes of its frame: it is about the block.
 * 3. What is put is what the disk has. With the bucket locked: no write to the
 *    block is under way, none was submitted since the time of the note, and the
 *    bytes in the frame, which nobody can change (evicted()), have its hash: so
 *    they are those of the block. Two pages with one hash of 64 bits, whose seed
 *    nobody knows, are taken for the same.
 * 4. So it stays until a write to the block. That takes the lock of the bucket
 *    before it goes to the disk: a put came before, and the page is flushed
 *    now, or it comes later and sees the write under way. None comes until the
 *    write has ended, and afterwards none by a note that is older.
 * 5. So a get finds bytes that the disk has, or had until a write that began
 *    after the get did: a read which runs beside a write may bring either.
 * 6. A clear bit means that the pool does not hold the block: it is set before
 *    the put, and cleared after a flush or a get, with the bucket locked. If a
 *    flush fails, the pool goes before the write is submitted; if that fails,
 *    the target never uses it again. (A shared pool has others' pages too, of
 *    blocks that nobody writes to: there a clear bit says that a get failed.)
 * 7. After a suspend the disk may be another: all notes are older than the floor
 *    then, and the pool is a new one, before anybody runs.
 *
 * What lies below must be written to through the target only, while it is there.
 *
 * Who evicts
 *
 * Only __remove_mapping() freezes the count of references to 0: so a folio with
 * that count which leaves the page cache is clean, and its frame will be free.
 * A truncated one has references. Interrupts are off then, and locks held: the
 * probe does not sleep, allocate, or change the folio.
 *
 * Whose pages
 *
 * A note is made only for pages of a file system that lies on the target itself,
 * or of its own block device. Others' frames are under rules that nobody knows
 * here: a user may have a page mapped, and write to it while the disk does. So may
 * those who write directly from pages of a file: such requests make no notes.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blk-crypto.h>
#include <linux/blkdev.h>
#include <linux/device-mapper.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/tracepoint.h>
#include <linux/uuid.h>
#include <linux/version.h>
#include <xen/xen.h>

#include "tmem_blocks.h"
#include "tmem_requests.h"

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#define TABLE_WRITE	BLK_OPEN_WRITE
#else
#define TABLE_WRITE	FMODE_WRITE
#endif

/* The disk's bytes are not the page's, or there are more than those. */
static bool passes_by(struct bio *bio)
{
	return bio->bi_opf & REQ_INTEGRITY || bio_has_crypt_ctx(bio);
}

static int tmem_map(struct dm_target *ti, struct bio *bio)
{
	struct tmem_io *io = dm_per_bio_data(bio, sizeof(*io));
	struct tmem_target *t = ti->private;
	bool notes = READ_ONCE(t->pool) >= 0 && !passes_by(bio);

	bio_set_dev(bio, t->dev->bdev);
	io->kind = IO_PASS;
	io->hash = NULL;
	if (!bio_sectors(bio))
		return DM_MAPIO_REMAPPED;

	io->first = bio->bi_iter.bi_sector >> BLOCK_SHIFT;
	io->nr = ((bio_end_sector(bio) - 1) >> BLOCK_SHIFT) - io->first + 1;
	if (!op_is_write(bio_op(bio))) {
		if (!notes)
			return DM_MAPIO_REMAPPED;
		if (!read_begin(t, bio, io)) {
			bio_endio(bio);
			return DM_MAPIO_SUBMITTED;
		}
		io->kind = IO_READ;
	} else if (io->nr > WALK_MAX) {
		io->kind = IO_LONG_WRITE;
		long_write_begin(t);
	} else {
		io->kind = IO_WRITE;
		write_begin(t, io);
		/*
		 * Who writes a user's own pages says so by this flag. The user
		 * may change them, and back, and the disk has anything then.
		 */
		if (notes && bio_op(bio) == REQ_OP_WRITE &&
		    !(bio->bi_opf & REQ_IDLE))
			hash_written(t, bio, io);
	}
	io->iter = bio->bi_iter;

	return DM_MAPIO_REMAPPED;
}

static int tmem_end_io(struct dm_target *ti, struct bio *bio,
		       blk_status_t *error)
{
	struct tmem_io *io = dm_per_bio_data(bio, sizeof(*io));
	struct tmem_target *t = ti->private;

	switch (io->kind) {
	case IO_PASS:
		break;
	case IO_READ:
		read_end(t, bio, io, !*error);
		break;
	case IO_WRITE:
		write_end(t, bio, io, !*error);
		break;
	case IO_LONG_WRITE:
		long_write_end(t);
		break;
	}
	kvfree(io->hash);
	io->hash = NULL;

	return DM_ENDIO_DONE;
}

static int parse_options(struct dm_target *ti, struct tmem_target *t,
			 unsigned int argc, char **argv)
{
	unsigned int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "verify")) {
			t->verify = true;
		} else if (!strcmp(argv[i], "shared") && i + 1 < argc &&
			   !uuid_parse(argv[i + 1], &t->uuid)) {
			t->shared = true;
			i++;
		} else {
			ti->error = "Usage: DEVICE [verify] [shared UUID]";
			return -EINVAL;
		}
	}

	return 0;
}

/* What is the matter with the device, or NULL. */
static const char *bad_device(const struct dm_target *ti,
			      const struct tmem_target *t)
{
	struct block_device *bdev = t->dev->bdev;

	if (bdev_is_zoned(bdev))
		return "Device is zoned";
	if (ti->len > bdev_nr_sectors(bdev))
		return "Device is smaller than the target";
	if (ti->len < BLOCK_SECTORS)
		return "Device is smaller than a page";
	/* A whole disk counts itself as its own user too. */
	if (bdev->bd_holders > 1 + (bdev == bdev_whole(bdev)))
		return "Device has another user";
	if (t->shared && (dm_table_get_mode(ti->table) & TABLE_WRITE ||
			  !bdev_read_only(bdev)))
		return "shared is for read-only devices and tables";

	return NULL;
}

static void tmem_free(struct dm_target *ti, struct tmem_target *t)
{
	if (t->dev)
		dm_put_device(ti, t->dev);
	free_percpu(t->counts);
	vfree(t->may_hold);
	kfree(t);
}

static int tmem_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	struct tmem_target *t = kzalloc(sizeof(*t), GFP_KERNEL);
	int ret = -ENOMEM;

	ti->error = "Out of memory";
	if (!t)
		return ret;
	t->blocks = DIV_ROUND_UP(ti->len, BLOCK_SECTORS);
	t->may_hold = vzalloc(BITS_TO_LONGS(t->blocks) * sizeof(long));
	t->counts = alloc_percpu(struct tmem_counts);
	if (!t->may_hold || !t->counts)
		goto fail;

	ret = -EINVAL;
	ti->error = "Usage: DEVICE [verify] [shared UUID]";
	if (!argc)
		goto fail;
	ret = parse_options(ti, t, argc, argv);
	if (ret)
		goto fail;
	ret = dm_get_device(ti, argv[0], dm_table_get_mode(ti->table),
			    &t->dev);
	if (ret) {
		t->dev = NULL;
		ti->error = ret == -EBUSY ? "Device is in use" :
					    "Device can't be opened";
		goto fail;
	}
	ret = -EINVAL;
	ti->error = (char *)bad_device(ti, t);
	if (ti->error)
		goto fail;

	/* What others have put is not known here: it is tried once. */
	if (t->shared)
		bitmap_fill(t->may_hold, t->blocks);
	t->above = dm_disk(dm_table_get_md(ti->table))->part0;
	rwlock_init(&t->pool_lock);
	t->pool = -1;
	t->salt = get_random_u32();
	spin_lock(&targets_lock);
	list_add(&t->node, &targets);
	spin_unlock(&targets_lock);

	ti->private = t;
	ti->num_flush_bios = 1;
	ti->num_discard_bios = 1;
	ti->num_secure_erase_bios = 1;
	ti->num_write_zeroes_bios = 1;
	ti->per_io_data_size = sizeof(struct tmem_io);

	return 0;

fail:
	tmem_free(ti, t);
	return ret;
}

/* No request is under way, nor comes while this runs. */
static void tmem_postsuspend(struct dm_target *ti)
{
	struct tmem_target *t = ti->private;

	write_lock_irq(&t->pool_lock);
	t->running = false;
	drop_pool(t);
	write_unlock_irq(&t->pool_lock);
}

/* Before the first request, and any that follows a suspend of the target. */
static int tmem_preresume(struct dm_target *ti)
{
	struct tmem_target *t = ti->private;

	t->running = true;
	renew_pool_lock(t);
	if (t->pool < 0)
		pr_warn("%pg: no pool: a plain way to the disk\n",
			t->dev->bdev);

	return 0;
}

static void tmem_dtr(struct dm_target *ti)
{
	struct tmem_target *t = ti->private;

	spin_lock(&targets_lock);
	list_del(&t->node);
	spin_unlock(&targets_lock);
	tmem_postsuspend(ti);
	/* The probe may have taken a note of it, and be about to look. */
	notes_forget(t);
	tracepoint_synchronize_unregister();
	tmem_free(ti, t);
}

static void tmem_status(struct dm_target *ti, status_type_t type,
			unsigned int flags, char *result, unsigned int maxlen)
{
	struct tmem_target *t = ti->private;
	unsigned int sz = 0;
	int what, cpu;

	switch (type) {
	case STATUSTYPE_INFO:
		for (what = 0; what < NR_COUNTS; what++) {
			unsigned long sum = 0;

			for_each_possible_cpu(cpu)
				sum += per_cpu_ptr(t->counts, cpu)->nr[what];
			DMEMIT("%s %lu ", count_names[what], sum);
		}
		DMEMIT("pool %d", READ_ONCE(t->pool));
		break;
	case STATUSTYPE_TABLE:
		DMEMIT("%s", t->dev->name);
		if (t->verify)
			DMEMIT(" verify");
		if (t->shared)
			DMEMIT(" shared %pUb", &t->uuid);
		break;
	default:
		*result = '\0';
	}
}

static int tmem_iterate_devices(struct dm_target *ti,
				iterate_devices_callout_fn fn, void *data)
{
	struct tmem_target *t = ti->private;

	return fn(ti, t->dev, 0, ti->len, data);
}

static struct target_type tmem_target_type = {
	.name		= "tmem",
	.version	= { 1, 0, 0 },
	.features	= DM_TARGET_SINGLETON | DM_TARGET_NOWAIT |
			  DM_TARGET_PASSES_INTEGRITY |
			  DM_TARGET_PASSES_CRYPTO,
	.module		= THIS_MODULE,
	.ctr		= tmem_ctr,
	.dtr		= tmem_dtr,
	.map		= tmem_map,
	.end_io		= tmem_end_io,
	.postsuspend	= tmem_postsuspend,
	.preresume	= tmem_preresume,
	.status		= tmem_status,
	.iterate_devices = tmem_iterate_devices,
};

/* The tracepoint is there; its name is not exported. */
static struct tracepoint *delete_point;

static void find_point(struct tracepoint *tp, void *unused)
{
	if (!strcmp(tp->name, "mm_filemap_delete_from_page_cache"))
		delete_point = tp;
}

static int __init tmem_init(void)
{
	int ret;

	if (!xen_domain()) {
		pr_err("this is not a Xen guest\n");
		return -ENODEV;
	}
	for_each_kernel_tracepoint(find_point, NULL);
	if (!delete_point) {
		pr_err("this kernel has no tracepoint for evictions\n");
		return -ENODEV;
	}

	ret = notes_init();
	if (ret)
		return ret;
	ret = writes_init();
	if (ret)
		goto no_writes;
	ret = blocks_init();
	if (ret)
		goto no_blocks;
	ret = tracepoint_probe_register(delete_point, tmem_probe, NULL);
	if (ret)
		goto no_probe;
	ret = dm_register_target(&tmem_target_type);
	if (!ret)
		return 0;

	tracepoint_probe_unregister(delete_point, tmem_probe, NULL);
	tracepoint_synchronize_unregister();
no_probe:
	blocks_exit();
no_blocks:
	writes_exit();
no_writes:
	notes_exit();
	return ret;
}

/* The device mapper holds the module as long as there is a target. */
static void __exit tmem_exit(void)
{
	dm_unregister_target(&tmem_target_type);
	tracepoint_probe_unregister(delete_point, tmem_probe, NULL);
	tracepoint_synchronize_unregister();
	blocks_exit();
	writes_exit();
	notes_exit();
}

module_init(tmem_init);
module_exit(tmem_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("device mapper target: evicted pages go to Xen's transcendent memory");
MODULE_VERSION("1.0");
