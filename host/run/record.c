/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * record.c - tmem-record: write down which file pages a job uses
 *
 * Runs a command under ptrace, all its children included, and writes a trace
 * in the format of docs/trace-format.md. What is recorded:
 *
 *   read(), pread(), readv(), sendfile(), copy_file_range()   pages read
 *   write(), pwrite(), writev() and the target of the latter  pages written
 *   mmap()ed files     when the process unmaps them, executes another program
 *                      or ends: every page that is then in its page tables
 *   O_TRUNC, ftruncate(), unlink(), rename() over a file      contents gone
 *
 * Design: the tracer does not keep a table of descriptors. At the end of each
 * call it asks /proc for the file behind the descriptor, so dup(), fork() and
 * descriptors that are passed around need no care. Files are told apart by
 * device and inode, so a rename keeps the identity. Linux maps up to 16 pages
 * around a fault (fault-around); pages mapped that way count as used, which is
 * how the kernel that ran the job saw it.
 *
 * Locking: one thread.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <linux/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE  (1UL << PAGE_SHIFT)

struct file {
    dev_t dev;
    ino_t ino;
    bool gone;             /* deleted: its inode number may come back */
    bool used;
    uint64_t bytes;        /* largest size seen */
    unsigned int id;       /* in the trace; given at the end */
    char *path;
};

struct record {
    char what;             /* 'r', 'w' or 't' */
    unsigned int file;
    uint32_t page;
    uint32_t count;
};

struct tracee {
    pid_t pid;
    bool in_call;
    uint64_t nr;
    uint64_t arg[6];
    int doomed;            /* file that unlink or rename will drop, or -1 */
};

static struct file *files;
static unsigned int nr_files;
static struct record *recs;
static size_t nr_recs;
static struct tracee *tracees;
static unsigned int nr_tracees;
static bool started;

/* Grow an array by doubling; n is the number of elements in use. */
static void *grow(void *array, size_t n, size_t size)
{
    if ( n & (n - 1) )
        return array;
    array = realloc(array, (n ? 2 * n : 1) * size);
    if ( !array )
        err(1, "no memory");
    return array;
}

static int file_find(const struct stat *st)
{
    unsigned int i = nr_files;

    while ( i-- )
        if ( !files[i].gone && files[i].ino == st->st_ino &&
             files[i].dev == st->st_dev )
            return i;
    return -1;
}

/* The file at a path of /proc or of the file system; -1: not a plain file. */
static int file_of(const char *link, const char *name)
{
    struct stat st;
    char path[PATH_MAX];
    ssize_t len;
    int i;

    if ( stat(link, &st) || !S_ISREG(st.st_mode) )
        return -1;
    i = file_find(&st);
    if ( i < 0 )
    {
        if ( name )
            snprintf(path, sizeof(path), "%s", name);
        else
        {
            len = readlink(link, path, sizeof(path) - 1);
            if ( len < 0 )
                return -1;
            path[len] = '\0';
        }
        if ( !strncmp(path, "/proc/", 6) || !strncmp(path, "/sys/", 5) ||
             !strncmp(path, "/dev/", 5) )
            return -1;
        files = grow(files, nr_files, sizeof(*files));
        i = nr_files++;
        files[i] = (struct file){ .dev = st.st_dev, .ino = st.st_ino,
                                  .path = strdup(path) };
        if ( !files[i].path )
            err(1, "no memory");
    }
    if ( (uint64_t)st.st_size > files[i].bytes )
        files[i].bytes = st.st_size;
    return i;
}

static int file_of_fd(pid_t pid, int fd)
{
    char link[64];

    snprintf(link, sizeof(link), "/proc/%d/fd/%d", pid, fd);
    return file_of(link, NULL);
}

/* Note pages [page, page + count); joins a record with the one before. */
static void note(char what, unsigned int file, uint32_t page, uint32_t count)
{
    struct record *last = nr_recs ? &recs[nr_recs - 1] : NULL;
    uint32_t end = page + count;

    files[file].used = true;
    if ( last && last->what == what && last->file == file )
    {
        uint32_t last_end = last->page + last->count;

        if ( what == 't' || (page >= last->page && end <= last_end) )
            return;
        if ( page == last_end || page + 1 == last_end )
        {
            last->count = end - last->page;
            return;
        }
    }
    recs = grow(recs, nr_recs, sizeof(*recs));
    recs[nr_recs++] = (struct record){ what, file, page, count };
}

static void note_bytes(char what, int file, uint64_t pos, uint64_t len)
{
    if ( file < 0 || !len )
        return;
    if ( pos + len > files[file].bytes )
        files[file].bytes = pos + len;
    note(what, file, pos >> PAGE_SHIFT,
         ((pos + len - 1) >> PAGE_SHIFT) - (pos >> PAGE_SHIFT) + 1);
}

/* Where the file offset of a descriptor stands now. */
static uint64_t fd_pos(pid_t pid, int fd)
{
    char name[64];
    unsigned long long pos = 0;
    FILE *f;

    snprintf(name, sizeof(name), "/proc/%d/fdinfo/%d", pid, fd);
    f = fopen(name, "re");
    if ( !f )
        return 0;
    if ( fscanf(f, "pos: %llu", &pos) != 1 )
        pos = 0;
    fclose(f);
    return pos;
}

/* n bytes went through fd, which moved its offset. */
static void note_stream(char what, pid_t pid, int fd, uint64_t n)
{
    uint64_t pos = fd_pos(pid, fd);

    note_bytes(what, file_of_fd(pid, fd), pos >= n ? pos - n : 0, n);
}

/* The present pages of one mapping, clipped to [from, to). */
static void note_mapping(int pagemap, int file, uint64_t start, uint64_t end,
                         uint64_t off, uint64_t from, uint64_t to)
{
    uint64_t size, bits[512], addr, last;
    uint64_t run = 0, run_page = 0;

    if ( start < from )
    {
        off += from - start;
        start = from;
    }
    if ( end > to )
        end = to;
    last = (files[file].bytes + PAGE_SIZE - 1) >> PAGE_SHIFT;
    for ( addr = start; addr < end; )
    {
        unsigned int i, n = (end - addr) >> PAGE_SHIFT;

        if ( n > 512 )
            n = 512;
        size = n * sizeof(bits[0]);
        if ( pread(pagemap, bits, size, (addr >> PAGE_SHIFT) * 8) !=
             (ssize_t)size )
            break;
        for ( i = 0; i < n; i++, addr += PAGE_SIZE )
        {
            uint64_t page = (off + addr - start) >> PAGE_SHIFT;

            if ( !(bits[i] >> 63) || page >= last )
                continue;
            if ( run && page != run_page + run )
            {
                note('r', file, run_page, run);
                run = 0;
            }
            if ( !run++ )
                run_page = page;
        }
    }
    if ( run )
        note('r', file, run_page, run);
}

/* All mapped files of a process within [from, to). */
static void note_maps(pid_t pid, uint64_t from, uint64_t to)
{
    char name[64], line[PATH_MAX + 128], path[PATH_MAX];
    unsigned long long start, end, off, ino;
    FILE *maps;
    int pagemap;

    snprintf(name, sizeof(name), "/proc/%d/pagemap", pid);
    pagemap = open(name, O_RDONLY | O_CLOEXEC);
    if ( pagemap < 0 )
        return;
    snprintf(name, sizeof(name), "/proc/%d/maps", pid);
    maps = fopen(name, "re");
    while ( maps && fgets(line, sizeof(line), maps) )
    {
        int file;

        if ( sscanf(line, "%llx-%llx %*s %llx %*s %llu %4095[^\n]",
                    &start, &end, &off, &ino, path) != 5 || !ino ||
             end <= from || start >= to )
            continue;
        file = file_of(path, path);
        if ( file >= 0 )
            note_mapping(pagemap, file, start, end, off, from, to);
    }
    if ( maps )
        fclose(maps);
    close(pagemap);
}

/* The file that a path argument of a system call names. */
static int file_of_arg(pid_t pid, int dirfd, uint64_t addr)
{
    char arg[PATH_MAX], path[PATH_MAX + 64];
    struct iovec local = { arg, sizeof(arg) - 1 }, remote;
    struct stat st;
    ssize_t len;

    /* A string may end shortly before an unmapped page. */
    remote.iov_base = (void *)(uintptr_t)addr;
    remote.iov_len = PAGE_SIZE - (addr & (PAGE_SIZE - 1));
    len = process_vm_readv(pid, &local, 1, &remote, 1, 0);
    if ( len <= 0 )
        return -1;
    if ( !memchr(arg, '\0', len) && len < (ssize_t)local.iov_len )
    {
        local.iov_base = arg + len;
        local.iov_len -= len;
        remote.iov_base = (char *)remote.iov_base + len;
        remote.iov_len = PAGE_SIZE;
        if ( process_vm_readv(pid, &local, 1, &remote, 1, 0) > 0 )
            len = sizeof(arg) - 1;
    }
    arg[len] = '\0';
    if ( arg[0] == '/' )
        snprintf(path, sizeof(path), "%s", arg);
    else if ( dirfd == AT_FDCWD )
        snprintf(path, sizeof(path), "/proc/%d/cwd/%s", pid, arg);
    else
        snprintf(path, sizeof(path), "/proc/%d/fd/%d/%s", pid, dirfd, arg);
    if ( lstat(path, &st) || !S_ISREG(st.st_mode) || st.st_nlink > 1 )
        return -1;
    return file_find(&st);
}

static void call_enter(struct tracee *t)
{
    const uint64_t *a = t->arg;

    t->doomed = -1;
    switch ( t->nr )
    {
#ifdef SYS_unlink
    case SYS_unlink:
        t->doomed = file_of_arg(t->pid, AT_FDCWD, a[0]);
        break;
    case SYS_rename:
        t->doomed = file_of_arg(t->pid, AT_FDCWD, a[1]);
        break;
#endif
    case SYS_unlinkat:
        t->doomed = file_of_arg(t->pid, a[0], a[1]);
        break;
    case SYS_renameat2:
#ifdef SYS_renameat
    case SYS_renameat:
#endif
        t->doomed = file_of_arg(t->pid, a[2], a[3]);
        break;
    case SYS_execve:
        if ( started )
            note_maps(t->pid, 0, UINT64_MAX);
        started = true;    /* the first one leaves this very program */
        break;
    case SYS_munmap:
        note_maps(t->pid, a[0], (a[0] + a[1] + PAGE_SIZE - 1) & -PAGE_SIZE);
        break;
    }
}

static void note_truncate(pid_t pid, int fd)
{
    int file = file_of_fd(pid, fd);

    if ( file >= 0 && files[file].used )
        note('t', file, 0, 0);
}

static void call_exit(struct tracee *t, int64_t ret)
{
    const uint64_t *a = t->arg;
    pid_t pid = t->pid;

    if ( ret < 0 )
        return;
    switch ( t->nr )
    {
    case SYS_read:
    case SYS_readv:
        note_stream('r', pid, a[0], ret);
        break;
    case SYS_write:
    case SYS_writev:
        note_stream('w', pid, a[0], ret);
        break;
    case SYS_pread64:
    case SYS_preadv:
        note_bytes('r', file_of_fd(pid, a[0]), a[3], ret);
        break;
    case SYS_pwrite64:
    case SYS_pwritev:
        note_bytes('w', file_of_fd(pid, a[0]), a[3], ret);
        break;
    case SYS_sendfile:
    case SYS_copy_file_range:
        /* With an offset of its own the read side starts at 0 at worst. */
        note_stream('r', pid, t->nr == SYS_sendfile ? a[1] : a[0], ret);
        note_stream('w', pid, t->nr == SYS_sendfile ? a[0] : a[2], ret);
        break;
#ifdef SYS_open
    case SYS_open:
        if ( a[1] & O_TRUNC )
            note_truncate(pid, ret);
        break;
    case SYS_creat:
        note_truncate(pid, ret);
        break;
#endif
    case SYS_openat:
        if ( a[2] & O_TRUNC )
            note_truncate(pid, ret);
        break;
    case SYS_ftruncate:
        if ( !a[1] )
            note_truncate(pid, a[0]);
        break;
    }
    if ( t->doomed >= 0 )
    {
        if ( files[t->doomed].used )
            note('t', t->doomed, 0, 0);
        files[t->doomed].gone = true;
    }
}

static struct tracee *tracee_of(pid_t pid)
{
    unsigned int i;

    for ( i = 0; i < nr_tracees; i++ )
        if ( tracees[i].pid == pid )
            return &tracees[i];
    tracees = grow(tracees, nr_tracees, sizeof(*tracees));
    tracees[nr_tracees] = (struct tracee){ .pid = pid };
    return &tracees[nr_tracees++];
}

static void syscall_stop(pid_t pid)
{
    struct ptrace_syscall_info info;
    struct tracee *t = tracee_of(pid);

    if ( ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0 )
        return;
    if ( info.op == PTRACE_SYSCALL_INFO_ENTRY )
    {
        t->in_call = true;
        t->nr = info.entry.nr;
        memcpy(t->arg, info.entry.args, sizeof(t->arg));
        call_enter(t);
    }
    else if ( info.op == PTRACE_SYSCALL_INFO_EXIT && t->in_call )
    {
        t->in_call = false;
        call_exit(t, info.exit.rval);
    }
}

/* Runs until the last tracee is gone; returns the exit status of the first. */
static int trace_all(pid_t first)
{
    int status, result = 1;
    pid_t pid;

    while ( (pid = waitpid(-1, &status, __WALL)) > 0 )
    {
        int sig = 0;

        if ( !WIFSTOPPED(status) )
        {
            struct tracee *t = tracee_of(pid);

            *t = tracees[--nr_tracees];
            if ( pid == first )
                result = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
            continue;
        }
        if ( WSTOPSIG(status) == (SIGTRAP | 0x80) )
            syscall_stop(pid);
        else if ( status >> 16 == PTRACE_EVENT_EXIT )
            note_maps(pid, 0, UINT64_MAX);
        else if ( status >> 16 || WSTOPSIG(status) == SIGSTOP )
            tracee_of(pid);
        else
            sig = WSTOPSIG(status);
        ptrace(PTRACE_SYSCALL, pid, 0, sig);
    }
    return result;
}

static void write_trace(FILE *out, const char *job)
{
    char cwd[PATH_MAX] = "";
    size_t len, i;
    unsigned int id = 0;

    if ( !getcwd(cwd, sizeof(cwd)) )
        cwd[0] = '\0';
    len = strlen(cwd);
    fprintf(out, "tmem-trace 1\njob %s\n", job);
    for ( i = 0; i < nr_recs; i++ )
    {
        const struct record *r = &recs[i];
        struct file *f = &files[r->file];

        if ( !f->id )
        {
            const char *name = f->path;

            if ( !strncmp(name, cwd, len) && name[len] == '/' )
                name += len + 1;
            f->id = ++id;
            fprintf(out, "f %u %llu %s\n", id,
                    (unsigned long long)f->bytes, name);
        }
        fprintf(out, "%c %u", r->what, f->id);
        if ( r->what != 't' )
        {
            fprintf(out, " %u", r->page);
            if ( r->count > 1 )
                fprintf(out, " %u", r->count);
        }
        fputc('\n', out);
    }
    fputs("end\n", out);
}

static void usage(FILE *f)
{
    fputs("Usage: tmem-record TRACE-FILE 'SHELL COMMAND'\n"
          "Runs the command and records the file pages that it uses; the "
          "format is\ndescribed in docs/trace-format.md. To replay it: "
          "tmem-host --trace=TRACE-FILE\n", f);
}

int main(int argc, char **argv)
{
    int status, result;
    pid_t pid;
    FILE *out;

    if ( argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) )
    {
        usage(stdout);
        return 0;
    }
    if ( argc != 3 )
    {
        usage(stderr);
        return 2;
    }
    if ( strchr(argv[2], '\n') )
        errx(2, "the command must be a single line");
    out = fopen(argv[1], "we");
    if ( !out )
        err(1, "cannot write %s", argv[1]);
    pid = fork();
    if ( pid < 0 )
        err(1, "fork");
    if ( !pid )
    {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        execl("/bin/sh", "sh", "-c", argv[2], (char *)NULL);
        err(127, "/bin/sh");
    }
    if ( waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) )
        errx(1, "cannot trace: ptrace is not allowed here");
    if ( ptrace(PTRACE_SETOPTIONS, pid, 0,
                PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK |
                PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT |
                PTRACE_O_EXITKILL) )
        err(1, "ptrace");
    ptrace(PTRACE_SYSCALL, pid, 0, 0);
    result = trace_all(pid);
    write_trace(out, argv[2]);
    if ( fclose(out) )
        err(1, "cannot write %s", argv[1]);
    if ( result )
        warnx("the job ended with status %d", result);
    fprintf(stderr, "%s: %zu records\n", argv[1], nr_recs);
    return result;
}
