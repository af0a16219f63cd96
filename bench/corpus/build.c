/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * build.c - make a corpus of this machine's data: DIR/pages and DIR/recipe
 *
 * Design: the mix of the table of targets. Heap pages are what programs at
 * work have in memory (memory.c), the others are picked evenly from all pages
 * of the files of their kind, the last page of a file with the zeroes behind
 * it that it has in a page cache. Pages that repeat a word are a class of their
 * own, with the words that the programs' pages have, and in no other. All are
 * then in random order. Where a machine has too little of a kind, pages come
 * again, and random bits replace compressed files; the recipe tells.
 *
 * The seed decides which pages of files and in what order; the memory of
 * programs differs each time. Keep DIR/pages to use the same again.
 *
 * Locking: none.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "build.h"

#define NR_ROOTS 8

struct class {
    const char *name;
    unsigned int percent;
    const char *roots[NR_ROOTS];
    bool (*file)(struct corpus_file *f);    /* may use f->kind */
    bool (*page)(const unsigned char *page);
    unsigned long nr, again, made_up;
    unsigned long files;      /* with pages in it */
};

#define TAKEN 2               /* kind of a file that a page was taken from */

/* What is made: pages, written where their random places are. */
static struct {
    char *pages;
    uint32_t *place;
    unsigned long nr, max;
} out;

static uint64_t random_state;

void build_fail(const char *fmt, ...)
{
    va_list ap;

    fputs("corpus: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(1);
}

static char *out_page(unsigned long i)
{
    return out.pages + out.place[i] * CORPUS_PAGE;
}

/* ---- What belongs to a class ---- */

static bool is_elf(struct corpus_file *f)
{
    char page[CORPUS_PAGE];

    if ( !f->kind )
        f->kind = corpus_files_read(f, f->first, page) &&
                  !memcmp(page, "\177ELF", 4) ? 1 : -1;

    return f->kind > 0;
}

static bool is_packed(struct corpus_file *f)
{
    static const char *const ends[] = {
        ".gz", ".xz", ".zst", ".bz2", ".png", ".jpg", ".zip", ".whl", ".deb",
        ".woff", ".woff2", ".pack", ".webp",
    };
    const char *dot = strrchr(f->name, '.');
    unsigned int i;

    for ( i = 0; dot && i < sizeof(ends) / sizeof(ends[0]); i++ )
        if ( !strcmp(dot, ends[i]) )
            return true;

    return false;
}

static bool any_file(struct corpus_file *f)
{
    return true;
}

static bool any_page(const unsigned char *page)
{
    return true;
}

/* No control characters but white space, up to the zeroes at the end. */
static bool is_text(const unsigned char *page)
{
    unsigned int i, len = CORPUS_PAGE;

    while ( len && !page[len - 1] )
        len--;
    for ( i = 0; i < len; i++ )
        if ( page[i] < ' ' && !strchr("\t\n\r\f\b\033", page[i]) )
            return false;
        else if ( !page[i] )
            return false;

    return true;
}

/*
 * As many of each byte as chance gives: the sum of the squares of these numbers
 * is 69,616 on average then, and its deviation 361.
 */
static bool is_random(const unsigned char *page)
{
    unsigned int count[256] = { 0 }, i, sum = 0;

    for ( i = 0; i < CORPUS_PAGE; i++ )
        count[page[i]]++;
    for ( i = 0; i < 256; i++ )
        sum += count[i] * count[i];

    return sum < 71500;
}

static struct class heap = { .name = "heap", .percent = 35 };
static struct class same = { .name = "same-filled", .percent = 10 };
static struct class of_files[] = {
    { "ELF", 30, { "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/libexec" },
      is_elf, any_page },
    { "text", 20, { "/usr/share", "/usr/include", "/var/lib/dpkg", "docs",
                    "xen", "host", "tests" }, any_file, is_text },
    { "incompressible", 5, { "/usr/share", "/usr/lib", "/var/cache", "/boot" },
      is_packed, is_random },
};
#define NR_OF_FILES (sizeof(of_files) / sizeof(of_files[0]))

/* What is at work when its memory is copied. */
#define CC "d=$(mktemp) && gcc -E -D_GNU_SOURCE -Ihost/include -Ixen/include "
#define CC1 " >$d && exec 3<$d && rm $d && " \
            "exec $(gcc -print-prog-name=cc1) -fpreprocessed -quiet -g -O2 " \
            "/dev/fd/3 -o -"
#define HEADERS "$(find /usr/include -name '*.h' | sort | head -n 250)"

static struct job jobs[] = {
    { "gcc, migrate.c", CC "bench/migrate.c" CC1 },
    { "gcc, growth.c", CC "bench/growth.c" CC1 },
    { "gcc, spec_save.c", CC "tests/model/spec_save.c" CC1 },
    { "perl", "exec perl -ne 'push @{$at{$1}}, \"$ARGV:$.\" "
              "while /(\\w+)/g; END { print \"$_ @{$at{$_}}\\n\" "
              "for sort keys %at }' " HEADERS },
    { "mawk", "exec mawk '{ line[NR] = $0; for (i = 1; i <= NF; i++) n[$i]++ }"
              " END { for (i in line) print n[line[i]], line[i] }' " HEADERS },
    { "bash", "exec bash -c 'for f; do mapfile -t lines <$f; "
              "all+=(\"${lines[@]}\"); done; "
              "printf \"%s\\n\" \"${all[@]}\"' x " HEADERS },
    { "sort", "exec sort " HEADERS },
    { "gnuplot", "exec gnuplot -e 'set table; set samples 500; "
                 "set isosamples 200; splot sin(x) * cos(y), x * y; "
                 "plot sin(x) / x'" },
    { "python3", "exec python3 -c 'import ast, glob, os; "
                 "print([ast.dump(t) for t in [ast.parse(open(f).read()) "
                 "for f in sorted(glob.glob(os.path.dirname(os.__file__) + "
                 "\"/*.py\"))[:40]]])'" },
    { "git", "exec git log -p --find-copies-harder --raw -n 200" },
    { "sqlite3", "exec sqlite3 :memory: 'create table t (a integer primary key,"
                 " b text, c real); with recursive n(i) as (select 1 union all "
                 "select i + 1 from n where i < 60000) insert into t select i,"
                 " hex(i * i) || printf(\"name %d\", i), i / 7.0 from n; "
                 "create index x on t (b); select * from t order by b;'" },
};
#define NR_JOBS (sizeof(jobs) / sizeof(jobs[0]))

/* ---- Filling ---- */

/* Too few were found: those there are, again. */
static void repeat(struct class *c, unsigned long first, unsigned long end)
{
    if ( out.nr == first )
        build_fail("no page of class %s on this machine", c->name);

    for ( ; out.nr < end; out.nr++, c->again++ )
        memcpy(out_page(out.nr),
               out_page(first + corpus_random(&random_state, c->nr)),
               CORPUS_PAGE);
}

static void make_up(struct class *c, unsigned long end)
{
    unsigned int i;

    for ( ; out.nr < end; out.nr++, c->made_up++ )
        for ( i = 0; i < CORPUS_PAGE / 2; i++ )
            ((uint16_t *)out_page(out.nr))[i] =
                corpus_random(&random_state, 65536);
}

static void fill_heap(unsigned long end, struct words *words)
{
    unsigned long first = out.nr, wanted = end - first, i;
    struct stock stock = { .max = NR_JOBS * wanted / 6 };
    struct corpus all;
    uint32_t *pick;

    stock.pages = mmap(NULL, (stock.max + 1) * CORPUS_PAGE,
                       PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if ( stock.pages == MAP_FAILED )
        build_fail("out of memory");

    /* No program gives more than a sixth. */
    for ( i = 0; i < NR_JOBS; i++ )
        memory_copy(&jobs[i], &stock, words, wanted / 6, &random_state);
    if ( !stock.nr )
        build_fail("no program's memory can be read (/proc/PID/mem of a child "
                   "of this process)");

    all = (struct corpus){ stock.pages, stock.nr };
    pick = corpus_pick(&all, stock.nr, random_state);
    if ( !pick )
        build_fail("out of memory");
    for ( i = 0; i < stock.nr && out.nr < end; i++, heap.nr++ )
        memcpy(out_page(out.nr++), stock.pages + pick[i] * CORPUS_PAGE,
               CORPUS_PAGE);
    repeat(&heap, first, end);

    free(pick);
    munmap(stock.pages, (stock.max + 1) * CORPUS_PAGE);
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* Take what fits of these pages: sorted, since disks like that better. */
static void take(struct class *c, const struct corpus_files *f,
                 uint32_t *pages, unsigned long nr)
{
    unsigned long i;
    uint32_t word;

    qsort(pages, nr, sizeof(*pages), by_number);
    for ( i = 0; i < nr; i++ )
    {
        struct corpus_file *file = corpus_files_find(f, pages[i]);
        char *page = out_page(out.nr);

        if ( !c->file(file) || !corpus_files_read(file, pages[i], page) ||
             corpus_same(page, &word) || !c->page((unsigned char *)page) )
            continue;

        out.nr++;
        c->nr++;
        c->files += file->kind != TAKEN;
        file->kind = TAKEN;
    }
}

static void fill_from_files(struct class *c, unsigned long end)
{
    struct corpus_files f = { };
    unsigned long first = out.nr, i, nr;
    uint32_t *order;

    for ( i = 0; i < NR_ROOTS && c->roots[i]; i++ )
        corpus_files_add(&f, c->roots[i]);       /* those that are there */

    order = f.pages > UINT32_MAX ? NULL : calloc(f.pages + 1, sizeof(*order));
    if ( !order )
        build_fail("too many files, or out of memory");
    for ( i = 0; i < f.pages; i++ )
        order[i] = i;
    corpus_shuffle(order, f.pages, &random_state);

    for ( i = 0; i < f.pages && out.nr < end; i += nr )
    {
        nr = end - out.nr < f.pages - i ? end - out.nr : f.pages - i;
        take(c, &f, order + i, nr);
    }

    if ( c->page == is_random )
        make_up(c, end);
    else
        repeat(c, first, end);

    free(order);
    corpus_files_free(&f);
}

static void fill_same(unsigned long end, const struct words *words)
{
    unsigned int i;

    for ( ; out.nr < end; out.nr++, same.nr++ )
    {
        uint32_t *page = (uint32_t *)out_page(out.nr);
        uint32_t word = words->nr
            ? words->v[corpus_random(&random_state, words->nr)] : 0;

        for ( i = 0; i < CORPUS_PAGE / sizeof(word); i++ )
            page[i] = word;
        same.again += word != 0;
    }
}

/* ---- What is told ---- */

static void tell(FILE *f, const struct class *c)
{
    unsigned int i;

    fprintf(f, "%-15s %6lu pages", c->name, c->nr + c->again + c->made_up);
    for ( i = 0; i < NR_ROOTS && c->roots[i]; i++ )
        fprintf(f, "%s %s", i ? "" : " of files below", c->roots[i]);
    if ( c->files )
        fprintf(f, " (%lu files)", c->files);
    if ( c->again )
        fprintf(f, "; %lu of them a second time, for want of more", c->again);
    if ( c->made_up )
        fprintf(f, "; %lu of them random bits, for want of files", c->made_up);
    fputc('\n', f);
}

static void write_recipe(const char *name, unsigned long long seed)
{
    FILE *f = fopen(name, "w");
    unsigned int i;

    if ( !f )
        build_fail("cannot write %s: %m", name);

    fprintf(f, "%lu pages of %lu bytes in random order, seed %llu\n", out.nr,
            CORPUS_PAGE, seed);
    tell(f, &heap);
    fprintf(f, "  private memory without a file; no more than a sixth of "
            "each.\n  Programs, and the pages that the %lu were picked from:\n",
            heap.nr);
    for ( i = 0; i < NR_JOBS; i++ )
        fprintf(f, "  %-16s %5lu %s\n", jobs[i].name, jobs[i].got,
                jobs[i].why ?: "");
    for ( i = 0; i < NR_OF_FILES; i++ )
        tell(f, &of_files[i]);
    fprintf(f, "%-15s %6lu pages, %lu of them not zeroes; words as in the "
            "programs' memory\n", same.name, same.nr, same.again);

    if ( fclose(f) )
        build_fail("cannot write %s: %m", name);
}

static void open_out(const char *name, unsigned long pages)
{
    struct corpus all = { NULL, pages };
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int rc = fd < 0 ? errno : posix_fallocate(fd, 0, pages * CORPUS_PAGE);

    if ( rc )
        build_fail("cannot write %s: %s", name, strerror(rc));

    out.pages = mmap(NULL, pages * CORPUS_PAGE, PROT_READ | PROT_WRITE,
                     MAP_SHARED, fd, 0);
    out.place = corpus_pick(&all, pages, random_state);
    out.max = pages;
    if ( out.pages == MAP_FAILED || !out.place )
        build_fail("out of memory");
    close(fd);
}

static unsigned long share(unsigned int percent)
{
    return out.nr + out.max * percent / 100;
}

int main(int argc, char **argv)
{
    unsigned long pages = argc > 2 ? strtoul(argv[2], NULL, 0) : 50000;
    unsigned long long seed = argc > 3 ? strtoull(argv[3], NULL, 0) : 1;
    struct words words = { .max = 1 << 20 };
    char name[4096], done[4096];
    unsigned int i;

    if ( argc < 2 || argc > 4 || pages < 100 || pages > 1 << 20 )
        build_fail("usage: corpus DIR [PAGES [SEED]], 100 to 1048576 pages");

    if ( mkdir(argv[1], 0777) && errno != EEXIST )
        build_fail("cannot make %s: %m", argv[1]);
    random_state = corpus_seed(seed);
    snprintf(name, sizeof(name), "%s/pages.new", argv[1]);
    open_out(name, pages);
    words.v = calloc(words.max, sizeof(*words.v));
    if ( !words.v )
        build_fail("out of memory");

    fill_heap(share(heap.percent), &words);
    for ( i = 0; i < NR_OF_FILES; i++ )
    {
        random_state = corpus_seed(seed + i);   /* whatever the heaps were */
        fill_from_files(&of_files[i], share(of_files[i].percent));
    }
    fill_same(out.max, &words);

    snprintf(done, sizeof(done), "%s/recipe", argv[1]);
    write_recipe(done, seed);
    snprintf(done, sizeof(done), "%s/pages", argv[1]);
    if ( rename(name, done) )
        build_fail("cannot rename %s: %m", name);

    return 0;
}
