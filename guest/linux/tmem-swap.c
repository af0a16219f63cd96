// SPDX-License-Identifier: GPL-2.0-only
/*
 * tmem-swap.c - a swap disk whose pages are in the hypervisor
 *
 * /dev/tmemswapN stands for a swap partition, or any other block device, the disk
 * below. Each page that is written is put into a persistent tmem pool; one that is
 * refused goes to the disk below. So it is on every kernel, with and without
 * zswap's back ends (xen-tmem.c), which those from late 2025 on have no more.
 *
 *	request			here
 *	write			put; from the first page that is refused on, the
 *				disk below
 *	read			get what is in tmem; all else is read below
 *	discard, and Linux	flush, several in a call (tmem_gather.h)
 *	frees a slot
 *	flush, with data too	the disk below
 *
 * Requests are done as they come, by who makes them: there is no queue, and Linux is
 * told that, if root does not say otherwise (it reads no page ahead then, waits for
 * the disk below, and, until 6.2, needs no bio for a page). All pages of a bio that
 * are in tmem are done in as few calls as may be. tmem_slots.h knows where each is.
 *
 * The first page is never put: it has mkswap's signature, which has to be there when
 * the guest boots again. All else is gone by then: this is no disk for anything but
 * swap.
 *
 * A page that tmem has lost is an I/O error: Linux kills who needs it (SIGBUS). After
 * a suspend the pool may be another (tmem_pool.h). Without a pool, and when root says
 * so, all goes to the disk below.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/version.h>
#include <xen/xen.h>

#include "tmem_call.h"
#include "tmem_gather.h"
#include "tmem_pool.h"
#include "tmem_slots.h"

#define NEW_BLOCK_LAYER	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0))
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0) && !NEW_BLOCK_LAYER
#error "tmem-swap is for Linux 6.1, 6.2, and from 6.11 on"
#endif

#define MAX_DISKS	8
#define SLOT_SHIFT	(PAGE_SHIFT - SECTOR_SHIFT)
/* Slots that are looked at before somebody else may run. */
#define DISCARD_STEP	4096

struct swap_disk {
	struct gendisk *gd;
	struct block_device *below;
#if NEW_BLOCK_LAYER
	struct file *file;
#endif
	unsigned long first, slots;	/* of all disks' slots */
};

static char *devices[MAX_DISKS];
static unsigned int nr_devices;
module_param_array(devices, charp, &nr_devices, 0444);
MODULE_PARM_DESC(devices,
		 "disks below, separated by commas: the first becomes /dev/tmemswap0");

static bool enabled = true;
module_param(enabled, bool, 0644);
MODULE_PARM_DESC(enabled, "N: what is written goes to the disk below");

static bool synchronous = true;
module_param(synchronous, bool, 0444);
MODULE_PARM_DESC(synchronous,
		 "N: Linux reads ahead, and does not wait for the disk below");

static struct swap_disk disks[MAX_DISKS];
static struct bio_set bio_set;
static struct dentry *debugfs_dir;

static const char *how_to_stop(void)
{
	return "swapoff /dev/tmemswap*, swapon the disk below";
}

static unsigned long bio_slot(const struct bio *bio)
{
	return bio->bi_iter.bi_sector >> SLOT_SHIFT;
}

static unsigned int bio_slots(const struct bio *bio)
{
	return bio_sectors(bio) >> SLOT_SHIFT;
}

/* Pages of memory, in slots. (Linux makes no others for such a disk.) */
static bool whole_pages(struct bio *bio)
{
	struct bvec_iter iter;
	struct bio_vec bv;

	if ((bio->bi_iter.bi_sector | bio_sectors(bio)) &
	    ((1u << SLOT_SHIFT) - 1))
		return false;
	if (bio_has_data(bio))
		bio_for_each_segment(bv, bio, iter)
			if (bv.bv_len != PAGE_SIZE)
				return false;

	return true;
}

/* The next pages of a bio: how many there are, at most so many. */
static unsigned int next_pages(struct bio *bio, struct page **pages,
			       unsigned int max)
{
	struct bvec_iter iter;
	struct bio_vec bv;
	unsigned int nr = 0;

	bio_for_each_segment(bv, bio, iter) {
		pages[nr++] = bv.bv_page;
		if (nr == max)
			break;
	}

	return nr;
}

static void to_disk(struct swap_disk *disk, struct bio *bio)
{
	bio_set_dev(bio, disk->below);
	submit_bio_noacct(bio);
}

/* Of these slots none is in tmem. The rest of the bio comes here once more. */
static void read_below(struct swap_disk *disk, struct bio *bio,
		       unsigned int slots)
{
	struct bio *head;

	if (slots < bio_slots(bio)) {
		head = bio_split(bio, slots << SLOT_SHIFT, GFP_NOIO,
				 &bio_set);
		if (IS_ERR_OR_NULL(head)) {
			bio_io_error(bio);
			return;
		}
		bio_chain(head, bio);
		submit_bio_noacct(bio);
		bio = head;
	}
	to_disk(disk, bio);
}

static void swap_read(struct swap_disk *disk, struct bio *bio)
{
	struct page *pages[BATCH_MAX];

	while (bio_slots(bio)) {
		unsigned long first = disk->first + bio_slot(bio);
		unsigned int nr = bio_slots(bio);

		if (!slots_run(first, &nr)) {
			read_below(disk, bio, nr);
			return;
		}
		nr = next_pages(bio, pages, min_t(unsigned int, nr, BATCH_MAX));
		if (!slots_get(first, pages, nr)) {
			bio_io_error(bio);
			return;
		}
		bio_advance(bio, nr << PAGE_SHIFT);
	}
	bio_endio(bio);
}

static void swap_write(struct swap_disk *disk, struct bio *bio)
{
	bool put = READ_ONCE(enabled) && bio_slot(bio) &&
		   !op_is_flush(bio->bi_opf);
	struct page *pages[BATCH_MAX];
	unsigned int nr, done;

	while (put && bio_slots(bio)) {
		nr = next_pages(bio, pages, BATCH_MAX);
		done = slots_put(disk->first + bio_slot(bio), pages, nr);
		bio_advance(bio, done << PAGE_SHIFT);
		put = done == nr;
	}
	if (put) {
		bio_endio(bio);
		return;
	}
	count_pages(PUTS_REFUSED, bio_slots(bio));
	slots_drop(disk->first + bio_slot(bio), bio_slots(bio));
	to_disk(disk, bio);
}

static void swap_discard(struct swap_disk *disk, struct bio *bio)
{
	unsigned long first = disk->first + bio_slot(bio);
	unsigned int nr, left;

	for (left = bio_slots(bio); left; left -= nr, first += nr) {
		nr = min_t(unsigned int, left, DISCARD_STEP);
		slots_drop(first, nr);
		cond_resched();
	}
	gather_flush();
	if (bdev_max_discard_sectors(disk->below))
		to_disk(disk, bio);
	else
		bio_endio(bio);
}

static void swap_submit(struct bio *bio)
{
	struct swap_disk *disk = bio->bi_bdev->bd_disk->private_data;

	if (!whole_pages(bio)) {
		bio_io_error(bio);
		return;
	}
	switch (bio_op(bio)) {
	case REQ_OP_READ:
		swap_read(disk, bio);
		break;
	case REQ_OP_WRITE:
		swap_write(disk, bio);
		break;
	case REQ_OP_DISCARD:
		swap_discard(disk, bio);
		break;
	default:
		bio->bi_status = BLK_STS_NOTSUPP;
		bio_endio(bio);
	}
}

/* A slot is free. With locks of Linux held. */
static void swap_slot_free(struct block_device *bdev, unsigned long slot)
{
	struct swap_disk *disk = bdev->bd_disk->private_data;

	if (slot < disk->slots)
		slots_drop(disk->first + slot, 1);
}

#if !NEW_BLOCK_LAYER
static void page_written(struct bio *bio)
{
	struct page *page = bio_first_page_all(bio);

	if (bio->bi_status) {
		/* As Linux's own: no page is freed that could not be written. */
		pr_alert_ratelimited("%pg: write error\n", bio->bi_bdev);
		set_page_dirty(page);
		ClearPageReclaim(page);
	}
	end_page_writeback(page);
	bio_put(bio);
}

/*
 * A page, in most cases without a bio. A write must not fail here: Linux would do it
 * again in a bio, but has ended the writeback then, and with that forgotten that the
 * page is to be reclaimed. So a bio of our own does what is not put at once.
 */
static int swap_write_page(struct swap_disk *disk, sector_t sector,
			   struct page *page)
{
	unsigned long slot = disk->first + (sector >> SLOT_SHIFT);
	struct bio *bio;

	if (READ_ONCE(enabled) && !PageCompound(page) &&
	    slots_put(slot, &page, 1)) {
		end_page_writeback(page);
		return 0;
	}
	bio = bio_alloc_bioset(disk->below, 1, REQ_OP_WRITE | REQ_SWAP,
			       GFP_NOIO, &bio_set);
	bio->bi_iter.bi_sector = sector;
	bio->bi_end_io = page_written;
	__bio_add_page(bio, page, thp_size(page), 0);
	swap_write(disk, bio);

	return 0;
}

/* A read that ends with an error here comes once more, in a bio. */
static int swap_rw_page(struct block_device *bdev, sector_t sector,
			struct page *page, enum req_op op)
{
	struct swap_disk *disk = bdev->bd_disk->private_data;
	unsigned long slot = sector >> SLOT_SHIFT;
	unsigned int nr = 1;

	if (slot + (thp_size(page) >> PAGE_SHIFT) > disk->slots)
		return -EIO;
	if (op_is_write(op))
		return swap_write_page(disk, sector, page);
	slot += disk->first;
	if (PageCompound(page) || !slots_run(slot, &nr) ||
	    !slots_get(slot, &page, 1))
		return -EOPNOTSUPP;
	page_endio(page, false, 0);

	return 0;
}
#endif

static const struct block_device_operations swap_ops = {
	.owner			= THIS_MODULE,
	.submit_bio		= swap_submit,
	.swap_slot_free_notify	= swap_slot_free,
};

/* The last of these tells Linux that what it asks for is done at once. */
#if !NEW_BLOCK_LAYER
static const struct block_device_operations synchronous_ops = {
	.owner			= THIS_MODULE,
	.submit_bio		= swap_submit,
	.swap_slot_free_notify	= swap_slot_free,
	.rw_page		= swap_rw_page,
};
#endif

/*
 * Set up and taken down. What differs between kernels comes first.
 */
#if NEW_BLOCK_LAYER
/* Exclusive, as for what is mounted: it is neither that nor a disk below twice. */
static int open_below(struct swap_disk *disk, const char *path)
{
	disk->file = bdev_file_open_by_path(path, BLK_OPEN_READ | BLK_OPEN_WRITE,
					    disk, NULL);
	if (IS_ERR(disk->file))
		return PTR_ERR(disk->file);
	disk->below = file_bdev(disk->file);

	return 0;
}

static void close_below(struct swap_disk *disk)
{
	fput(disk->file);
}

static struct gendisk *alloc_gendisk(struct block_device *below)
{
	struct queue_limits lim = {
		.logical_block_size	= PAGE_SIZE,
		.physical_block_size	= PAGE_SIZE,
		.dma_alignment		= PAGE_SIZE - 1,
		.max_hw_discard_sectors	= UINT_MAX,
		.discard_granularity	= PAGE_SIZE,
	};
	struct gendisk *gd;

	if (synchronous)
		lim.features |= BLK_FEAT_SYNCHRONOUS;
	if (bdev_stable_writes(below))
		lim.features |= BLK_FEAT_STABLE_WRITES;
	if (bdev_write_cache(below))
		lim.features |= BLK_FEAT_WRITE_CACHE;
	if (bdev_fua(below))
		lim.features |= BLK_FEAT_FUA;

	gd = blk_alloc_disk(&lim, NUMA_NO_NODE);
	if (!IS_ERR(gd))
		gd->fops = &swap_ops;

	return gd;
}
#else
/* Exclusive, as for what is mounted: it is neither that nor a disk below twice. */
static int open_below(struct swap_disk *disk, const char *path)
{
	struct block_device *below = blkdev_get_by_path(path,
			FMODE_READ | FMODE_WRITE | FMODE_EXCL, disk);

	if (IS_ERR(below))
		return PTR_ERR(below);
	disk->below = below;

	return 0;
}

static void close_below(struct swap_disk *disk)
{
	blkdev_put(disk->below, FMODE_READ | FMODE_WRITE | FMODE_EXCL);
}

static struct gendisk *alloc_gendisk(struct block_device *below)
{
	struct gendisk *gd = blk_alloc_disk(NUMA_NO_NODE);
	struct request_queue *q;

	if (!gd)
		return ERR_PTR(-ENOMEM);
	gd->fops = synchronous ? &synchronous_ops : &swap_ops;
	q = gd->queue;
	blk_queue_logical_block_size(q, PAGE_SIZE);
	blk_queue_physical_block_size(q, PAGE_SIZE);
	blk_queue_dma_alignment(q, PAGE_SIZE - 1);
	blk_queue_max_discard_sectors(q, UINT_MAX);
	q->limits.discard_granularity = PAGE_SIZE;
	blk_queue_write_cache(q, bdev_write_cache(below), bdev_fua(below));
	blk_queue_flag_set(QUEUE_FLAG_NONROT, q);
	if (bdev_stable_writes(below))
		blk_queue_flag_set(QUEUE_FLAG_STABLE_WRITES, q);

	return gd;
}
#endif

/* Why a disk can't be the one below, if it can't. */
static const char *wrong_disk(struct block_device *bdev)
{
	if (bdev_is_zoned(bdev))
		return "it is zoned";
	if (bdev_nr_sectors(bdev) >> SLOT_SHIFT < 2)
		return "it is too small";
	if (bdev_logical_block_size(bdev) > PAGE_SIZE)
		return "its blocks are larger than a page";

	return NULL;
}

static const char *why_not_open(int error)
{
	switch (error) {
	case -EBUSY:
		return "it is mounted, in use as swap, or named twice";
	case -ENOENT:
	case -ENOTBLK:
		return "there is no such block device";
	case -EACCES:
	case -EPERM:
	case -EROFS:
		return "it is read-only";
	default:
		return "it can't be opened";
	}
}

/* Without its gendisk. */
static int __init add_below(struct swap_disk *disk, const char *path,
			    unsigned long first)
{
	int ret = open_below(disk, path);
	const char *wrong;

	if (ret) {
		pr_err("%s: %s (%d)\n", path, why_not_open(ret), ret);
		return ret;
	}
	wrong = wrong_disk(disk->below);
	if (wrong) {
		pr_err("%s: %s\n", path, wrong);
		close_below(disk);
		return -EINVAL;
	}
	disk->first = first;
	disk->slots = bdev_nr_sectors(disk->below) >> SLOT_SHIFT;

	return 0;
}

static int __init add_gendisk(struct swap_disk *disk)
{
	struct gendisk *gd = alloc_gendisk(disk->below);
	int ret;

	if (IS_ERR(gd))
		return PTR_ERR(gd);
	gd->private_data = disk;
	gd->flags |= GENHD_FL_NO_PART;
	snprintf(gd->disk_name, sizeof(gd->disk_name), "tmemswap%ld",
		 (long)(disk - disks));
	set_capacity(gd, (sector_t)disk->slots << SLOT_SHIFT);
	ret = add_disk(gd);
	if (ret) {
		put_disk(gd);
		return ret;
	}
	disk->gd = gd;
	pr_info("%s: %pg, %lu pages\n", gd->disk_name, disk->below,
		disk->slots);

	return 0;
}

static void remove_gendisks(void)
{
	struct swap_disk *disk;

	for (disk = disks; disk < disks + MAX_DISKS && disk->gd; disk++) {
		del_gendisk(disk->gd);
		put_disk(disk->gd);
	}
}

static void close_all(void)
{
	struct swap_disk *disk;

	for (disk = disks; disk < disks + MAX_DISKS && disk->slots; disk++)
		close_below(disk);
}

static int stats_show(struct seq_file *m, void *unused)
{
	int stat, cpu;

	gather_flush();
	for (stat = 0; stat < NR_TMEM_STATS; stat++) {
		unsigned long sum = 0;

		for_each_possible_cpu(cpu)
			sum += per_cpu(tmem_stats, cpu)[stat];
		seq_printf(m, "%s %lu\n", stat_names[stat], sum);
	}
	seq_printf(m, "pages %ld\n", atomic_long_read(&stored_pages));
	seq_printf(m, "pool %d\n", pool_id);
	seq_printf(m, "pools_lost %u\n", pools_lost);

	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

static int __init open_all(void)
{
	unsigned long slots = 0;
	unsigned int i;
	int ret;

	for (i = 0; i < nr_devices; i++) {
		ret = add_below(&disks[i], devices[i], slots);
		if (ret)
			return ret;
		slots += disks[i].slots;
	}

	return slots_init(slots);
}

static int __init tmem_swap_init(void)
{
	unsigned int i;
	int ret;

	if (!xen_domain()) {
		pr_err("this is not a Xen guest\n");
		return -ENODEV;
	}
	if (!nr_devices) {
		pr_err("which disks? Say devices=/dev/...\n");
		return -EINVAL;
	}

	ret = open_all();
	if (ret)
		goto no_slots;
	ret = bioset_init(&bio_set, BIO_POOL_SIZE, 0, BIOSET_NEED_BVECS);
	if (ret)
		goto no_bios;
	ret = pool_init(false);
	if (ret)
		goto no_pool;
	for (i = 0; i < nr_devices; i++) {
		ret = add_gendisk(&disks[i]);
		if (ret)
			goto no_disk;
	}

	debugfs_dir = debugfs_create_dir("tmem-swap", NULL);
	debugfs_create_file("stats", 0444, debugfs_dir, NULL, &stats_fops);

	return 0;

no_disk:
	remove_gendisks();
	gather_exit();
	pool_exit();
no_pool:
	bioset_exit(&bio_set);
no_bios:
	slots_exit();
no_slots:
	close_all();
	return ret;
}

/* Nobody has a disk open any more: what is in tmem now, nobody wants back. */
static void __exit tmem_swap_exit(void)
{
	debugfs_remove_recursive(debugfs_dir);
	remove_gendisks();
	gather_exit();
	pool_exit();
	bioset_exit(&bio_set);
	slots_exit();
	close_all();
}

module_init(tmem_swap_init);
module_exit(tmem_swap_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Swap disk: Xen transcendent memory, and a disk below");
MODULE_VERSION("1.0");
