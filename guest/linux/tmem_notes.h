/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_notes.h - what page frames held when I/O ended
 *
 * A part of dm-tmem.c: it is included there, once.
 *
 * A note says that a block of a target has bytes with this hash, unless
 * somebody has begun to write there since. That is about the block: the note
 * lies with the page frame because that is where the bytes are, and where they
 * are looked for when the frame is evicted. What has become of the frame
 * meanwhile makes no note wrong.
 *
 * Memory: 32 bytes a frame that ever had a note, in pages of them which come
 * with the first and stay until the module goes: less than 0.8 % of memory.
 *
 * Locking: note_lock() of the frame guards its note; a leaf.
 */
#ifndef TMEM_NOTES_H
#define TMEM_NOTES_H

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>

struct tmem_target;

struct tmem_note {
	struct tmem_target *target;	/* NULL: no note */
	u64 block;
	u64 sequence;
	u64 hash;
};

#define NOTES_PER_PAGE	(PAGE_SIZE / sizeof(struct tmem_note))
#define NOTE_LOCKS	256

static struct tmem_note **note_pages;
static unsigned long nr_note_pages;
static spinlock_t note_locks[NOTE_LOCKS];

static spinlock_t *note_lock(unsigned long pfn)
{
	return &note_locks[pfn % NOTE_LOCKS];
}

/* Where the note of a frame is, or NULL: there has been none near it. */
static struct tmem_note *note_find(unsigned long pfn)
{
	unsigned long i = pfn / NOTES_PER_PAGE;
	struct tmem_note *notes;

	if (i >= nr_note_pages)
		return NULL;
	notes = READ_ONCE(note_pages[i]);

	return notes ? notes + pfn % NOTES_PER_PAGE : NULL;
}

/* The same, but it is made. NULL: no memory, or of more than there was. */
static struct tmem_note *note_make(unsigned long pfn)
{
	unsigned long i = pfn / NOTES_PER_PAGE;
	void *page;

	if (i >= nr_note_pages || READ_ONCE(note_pages[i]))
		return note_find(pfn);

	page = (void *)get_zeroed_page(GFP_NOWAIT | __GFP_NOWARN |
				       __GFP_NOMEMALLOC);
	if (page && cmpxchg(&note_pages[i], NULL, page))
		free_page((unsigned long)page);

	return note_find(pfn);
}

/* A target of NULL takes the note away. Any context; false: no memory. */
static bool note_set(struct page *page, const struct tmem_note *new)
{
	unsigned long flags, pfn = page_to_pfn(page);
	struct tmem_note *note = new->target ? note_make(pfn) : note_find(pfn);

	if (!note)
		return !new->target;
	spin_lock_irqsave(note_lock(pfn), flags);
	*note = *new;
	spin_unlock_irqrestore(note_lock(pfn), flags);

	return true;
}

static void note_drop(struct page *page)
{
	static const struct tmem_note none;

	note_set(page, &none);
}

/* Take the note of a frame away. Was there one? */
static bool note_take(unsigned long pfn, struct tmem_note *taken)
{
	struct tmem_note *note = note_find(pfn);
	unsigned long flags;

	/* One that comes now is not about what the caller looks at. */
	if (!note || !READ_ONCE(note->target))
		return false;
	spin_lock_irqsave(note_lock(pfn), flags);
	*taken = *note;
	note->target = NULL;
	spin_unlock_irqrestore(note_lock(pfn), flags);

	return taken->target;
}

/* A target goes. It does no I/O any more, so no new notes of it come. */
static void notes_forget(const struct tmem_target *target)
{
	unsigned long pfn, end = nr_note_pages * NOTES_PER_PAGE;
	struct tmem_note *note;

	for (pfn = 0; pfn < end; pfn++) {
		note = note_find(pfn);
		if (!note) {
			pfn |= NOTES_PER_PAGE - 1;
			continue;
		}
		spin_lock_irq(note_lock(pfn));
		if (note->target == target)
			note->target = NULL;
		spin_unlock_irq(note_lock(pfn));
		if (pfn % NOTES_PER_PAGE == 0)
			cond_resched();
	}
}

static int __init notes_init(void)
{
	unsigned long end = 0;
	int nid, i;

	BUILD_BUG_ON(sizeof(struct tmem_note) != 32);
	for (i = 0; i < NOTE_LOCKS; i++)
		spin_lock_init(&note_locks[i]);
	for_each_online_node(nid)
		end = max(end, node_end_pfn(nid));
	nr_note_pages = DIV_ROUND_UP(end, NOTES_PER_PAGE);
	note_pages = vzalloc(array_size(nr_note_pages, sizeof(*note_pages)));

	return note_pages ? 0 : -ENOMEM;
}

static void notes_exit(void)
{
	unsigned long i;

	for (i = 0; i < nr_note_pages; i++)
		free_page((unsigned long)note_pages[i]);
	vfree(note_pages);
}

#endif /* TMEM_NOTES_H */
