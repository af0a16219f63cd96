/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_requests.h - what is done with the target's requests, and with evicted pages
 *
 * A part of dm-tmem.c, whose head says why it is right: it is included there, once.
 */
#ifndef TMEM_REQUESTS_H
#define TMEM_REQUESTS_H

#include <linux/blkdev.h>
#include <linux/device-mapper.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/slab.h>

#include "tmem_blocks.h"

/* Newer kernels have it by that name. */
#ifndef PAGE_MAPPING_FLAGS
#define PAGE_MAPPING_FLAGS	FOLIO_MAPPING_FLAGS
#endif

#define BLOCK_SECTORS	(PAGE_SIZE >> SECTOR_SHIFT)
#define BLOCK_SHIFT	(PAGE_SHIFT - SECTOR_SHIFT)

/* A longer write is not walked block by block. */
#define WALK_MAX	2048
/* Puts in one event. */
#define PUTS_MAX	16

enum tmem_io_kind { IO_PASS, IO_READ, IO_WRITE, IO_LONG_WRITE };

struct tmem_io {
	enum tmem_io_kind kind;
	unsigned int nr;	/* blocks that it touches */
	u64 first;
	u64 since;		/* submitted */
	struct bvec_iter iter;	/* what the disk does of it */
	/*
	 * NULL, or one for each block; 0: none. Of a write: the bytes when it
	 * was submitted. Of a read, to verify: what the pool had.
	 */
	u64 *hash;
};

/*
 * Pages
 */

static bool whole_block(const struct bio_vec *bv, sector_t sector)
{
	return !(sector & (BLOCK_SECTORS - 1)) && !bv->bv_offset &&
	       bv->bv_len == PAGE_SIZE;
}

/*
 * Is it in the page cache of what lies on the target itself? (Not all file
 * systems tell their device in s_bdev; all have its name in s_id.)
 */
static bool page_above(const struct tmem_target *t, struct folio *folio)
{
	struct address_space *mapping;
	struct inode *inode;
	bool above = false;

	rcu_read_lock();
	mapping = READ_ONCE(folio->mapping);
	if (!mapping || (unsigned long)mapping & PAGE_MAPPING_FLAGS)
		goto out;
	inode = mapping->host;
	if (!inode)
		goto out;
	if (inode->i_sb->s_magic == BDEVFS_MAGIC)
		above = I_BDEV(inode) == t->above;
	else
		above = inode->i_sb->s_type->fs_flags & FS_REQUIRES_DEV &&
			!strcmp(inode->i_sb->s_id,
				t->above->bd_disk->disk_name);
out:
	rcu_read_unlock();

	return above;
}

/*
 * A page that is being read in: locked and not up to date, so nobody has it
 * mapped, or may write to it, until who reads it says so.
 */
static bool read_page(const struct tmem_target *t, struct page *page)
{
	struct folio *folio = page_folio(page);

	return !folio_test_slab(folio) && folio_test_locked(folio) &&
	       !folio_test_uptodate(folio) && !folio_mapped(folio) &&
	       page_above(t, folio);
}

/*
 * A page that its file system writes back. Whoever changes it makes it dirty,
 * and it stays so until it is written again, which is after this.
 */
static bool written_page(const struct tmem_target *t, struct page *page)
{
	struct folio *folio = page_folio(page);

	return !folio_test_slab(folio) && folio_test_writeback(folio) &&
	       !folio_test_dirty(folio) && page_above(t, folio);
}

static void note_page(struct tmem_target *t, struct page *page, u64 block,
		      u64 since, u64 hash)
{
	struct tmem_note note = {
		.target = t,
		.block = block,
		.sequence = since,
		.hash = hash,
	};

	if (note_set(page, &note))
		count(t, NOTES);
}

/*
 * The probe
 */

/* It leaves the page cache. Will the frame be free, and are its bytes the disk's? */
static bool evicted(struct folio *folio)
{
	return !folio_ref_count(folio) && folio_test_uptodate(folio) &&
	       !folio_test_dirty(folio) && !folio_test_writeback(folio);
}

static void tmem_probe(void *unused, struct folio *folio)
{
	unsigned long i, nr = folio_nr_pages(folio), pfn = folio_pfn(folio);
	bool put = evicted(folio);
	unsigned int tried = 0;
	struct tmem_note note;

	for (i = 0; i < nr; i++) {
		struct page *page = folio_page(folio, i);

		if (!note_take(pfn + i, &note) || !put || PageHWPoison(page) ||
		    note.target->shared)
			continue;
		if (tried++ < PUTS_MAX)
			block_put(&note, page);
	}
}

/*
 * Reads
 */

/*
 * Get what can be had of a read at its head and its tail: what is between goes
 * to the disk, in one piece. Bytes of the head; *end is where the tail begins.
 */
static unsigned int get_ends(struct tmem_target *t, struct bio *bio,
			     struct tmem_io *io, unsigned int *end)
{
	unsigned int head = 0, pos = 0;
	u64 tail = io->first + io->nr;
	struct bvec_iter iter;
	struct bio_vec bv;

	while (tail > io->first && test_bit(tail - 1, t->may_hold))
		tail--;
	*end = 0;
	bio_for_each_segment(bv, bio, iter) {
		u64 block = iter.bi_sector >> BLOCK_SHIFT;

		if ((pos == head || block >= tail) &&
		    whole_block(&bv, iter.bi_sector) &&
		    block_get(t, block, bv.bv_page)) {
			if (pos == head)
				head += bv.bv_len;
			if (read_page(t, bv.bv_page))
				note_page(t, bv.bv_page, block, io->since,
					  page_hash(bv.bv_page));
		} else {
			*end = pos + bv.bv_len;
		}
		pos += bv.bv_len;
	}

	return head;
}

/* Keep the hashes of what the pool has: the disk shall say what is right. */
static void get_to_verify(struct tmem_target *t, struct bio *bio,
			  struct tmem_io *io)
{
	struct bvec_iter iter;
	struct bio_vec bv;

	io->hash = kvcalloc(io->nr, sizeof(*io->hash), GFP_NOIO);
	if (!io->hash)
		return;
	bio_for_each_segment(bv, bio, iter) {
		u64 block = iter.bi_sector >> BLOCK_SHIFT;

		if (whole_block(&bv, iter.bi_sector) &&
		    block_get(t, block, bv.bv_page))
			io->hash[block - io->first] = page_hash(bv.bv_page);
	}
}

/* False: nothing is left for the disk. */
static bool read_begin(struct tmem_target *t, struct bio *bio,
		       struct tmem_io *io)
{
	unsigned int head, end;

	io->since = clock_now();
	if (t->verify) {
		get_to_verify(t, bio, io);
		return true;
	}
	if (bio->bi_iter.bi_sector & (BLOCK_SECTORS - 1) ||
	    bio->bi_iter.bi_size & (PAGE_SIZE - 1))
		return true;
	head = get_ends(t, bio, io, &end);
	if (end <= head)
		return false;
	bio_advance(bio, head);
	bio->bi_iter.bi_size = end - head;

	return true;
}

static void verify_page(struct tmem_target *t, struct tmem_io *io, u64 block,
			u64 hash)
{
	u64 had = io->hash ? io->hash[block - io->first] : 0;

	/* What is written meanwhile may differ. */
	if (!had || !block_still(t, block, io->since))
		return;
	count(t, COMPARED);
	if (had == hash)
		return;
	count(t, DIFFER);
	pr_err_ratelimited("block %llu of %pg: the pool had other bytes than the disk\n",
			   block, t->dev->bdev);
}

static void read_end(struct tmem_target *t, struct bio *bio,
		     struct tmem_io *io, bool good)
{
	unsigned int puts = 0;
	struct bvec_iter iter;
	struct bio_vec bv;

	__bio_for_each_segment(bv, bio, iter, io->iter) {
		u64 block = iter.bi_sector >> BLOCK_SHIFT, hash;

		if (!good || !whole_block(&bv, iter.bi_sector) ||
		    (!io->hash && !read_page(t, bv.bv_page))) {
			note_drop(bv.bv_page);
			continue;
		}
		hash = page_hash(bv.bv_page);
		verify_page(t, io, block, hash);
		if (!read_page(t, bv.bv_page)) {
			note_drop(bv.bv_page);
		} else if (!t->shared) {
			note_page(t, bv.bv_page, block, io->since, hash);
		} else if (!test_bit(block, t->may_hold) &&
			   puts++ < PUTS_MAX) {
			struct tmem_note note = {
				.target = t,
				.block = block,
				.sequence = io->since,
				.hash = hash,
			};

			block_put(&note, bv.bv_page);
		}
	}
}

/*
 * Writes, and all else that changes blocks
 */

static void hash_written(struct tmem_target *t, struct bio *bio,
			 struct tmem_io *io)
{
	struct bvec_iter iter;
	struct bio_vec bv;

	io->hash = kcalloc(io->nr, sizeof(*io->hash),
			   GFP_NOWAIT | __GFP_NOWARN | __GFP_NOMEMALLOC);
	if (!io->hash)
		return;
	bio_for_each_segment(bv, bio, iter) {
		u64 block = iter.bi_sector >> BLOCK_SHIFT;

		if (whole_block(&bv, iter.bi_sector) &&
		    written_page(t, bv.bv_page))
			io->hash[block - io->first] = page_hash(bv.bv_page);
	}
}

static void write_begin(struct tmem_target *t, struct tmem_io *io)
{
	bool flushed = true;
	u64 block;

	io->since = clock_next();
	for (block = io->first; block < io->first + io->nr; block++) {
		struct tmem_bucket *b = bucket_of(t->salt, block);
		unsigned long flags;

		spin_lock_irqsave(&b->lock, flags);
		bucket_begin(b, io->since);
		flushed &= block_flush(t, block);
		spin_unlock_irqrestore(&b->lock, flags);
	}
	if (unlikely(!flushed))
		renew_pool_lock(t);
}

/*
 * The block has been written, or that failed. True: by nobody else beside, so
 * the disk has what this write gave it. Nothing can have been put meanwhile.
 */
static bool block_written(struct tmem_target *t, u64 block, u64 since, u64 now)
{
	struct tmem_bucket *b = bucket_of(t->salt, block);
	bool alone, flushed = true;
	unsigned long flags;

	spin_lock_irqsave(&b->lock, flags);
	if (unlikely(test_bit(block, t->may_hold))) {
		count(t, LATE);
		flushed = block_flush(t, block);
	}
	alone = bucket_end(b, since, now);
	spin_unlock_irqrestore(&b->lock, flags);
	if (unlikely(!flushed))
		renew_pool_lock(t);

	return alone;
}

static void write_end(struct tmem_target *t, struct bio *bio,
		      struct tmem_io *io, bool good)
{
	u64 block, now = clock_next();
	struct bvec_iter iter;
	struct bio_vec bv;

	for (block = io->first; block < io->first + io->nr; block++)
		if (!block_written(t, block, io->since, now) && io->hash)
			io->hash[block - io->first] = 0;
	if (bio_op(bio) != REQ_OP_WRITE)
		return;
	/* Another disk may have got it, before a suspend. */
	good &= io->since >= READ_ONCE(t->floor);

	__bio_for_each_segment(bv, bio, iter, io->iter) {
		u64 hash = 0;

		block = iter.bi_sector >> BLOCK_SHIFT;
		if (good && io->hash && whole_block(&bv, iter.bi_sector) &&
		    written_page(t, bv.bv_page))
			hash = io->hash[block - io->first];
		if (hash && page_hash(bv.bv_page) == hash)
			note_page(t, bv.bv_page, block, now, hash);
		else
			note_drop(bv.bv_page);
	}
}

#endif /* TMEM_REQUESTS_H */
