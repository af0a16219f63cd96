/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * savefile.h - the file that guests are saved to
 */
#ifndef RUN_SAVEFILE_H
#define RUN_SAVEFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum chunk {
    CHUNK_RUN = 1,      /* which guests there are, and how far they are */
    CHUNK_TMEM,         /* body of a TMEM record of a guest */
    CHUNK_GUEST,        /* a guest's memory, swap and disk */
    CHUNK_END,
};

struct savefile;

/* Can there be such a file? Else exits with a message and status 2. */
void savefile_try(const char *name);

/*
 * Write a file: NAME.part, which takes the place of what is there when it is
 * finished (a device, a link or a pipe is written at once). All exit with a
 * message and status 1 when it can't be written.
 */
struct savefile *savefile_create(const char *name);
void savefile_write(struct savefile *f, enum chunk what, unsigned int guest,
                    const void *body, size_t len);
/* Returns the bytes of the file. */
uint64_t savefile_finish(struct savefile *f);

/*
 * Read a file; all exit with a message and status 2 when it is not one, or is
 * damaged or cut short. The body is valid until the next call. Behind
 * CHUNK_END there is nothing.
 */
struct savefile *savefile_open(const char *name);
enum chunk savefile_read(struct savefile *f, unsigned int *guest,
                         const void **body, size_t *len);
void savefile_close(struct savefile *f);

/* The chunk that was read last cannot be what it is to be: exit likewise. */
void savefile_reject(const struct savefile *f, const char *why)
    __attribute__((__noreturn__));

/*
 * Data on its way into a body, or out of one: one function does both. Once
 * there is not as much as is wanted, or something else, it is `bad`, and then
 * nothing is passed any more.
 */
struct parcel {
    bool in;            /* into this process */
    bool bad;
    uint8_t *data;      /* allocated if it goes out */
    size_t len, at;
};

void parcel_pass(struct parcel *p, void *data, size_t len);
#define parcel_field(p, field) parcel_pass(p, &(field), sizeof(field))
/* A number that both sides must have. Are they the same? */
bool parcel_same(struct parcel *p, uint64_t value);
/* A number of at most `most`; where it is not, *value becomes 0. */
void parcel_number(struct parcel *p, uint32_t *value, uint32_t most);
/* A string, or NULL; what comes in is allocated. */
void parcel_text(struct parcel *p, char **text);
/* Everything has been passed: write it as a chunk, and free it. */
void parcel_send(struct parcel *p, struct savefile *f, enum chunk what,
                 unsigned int guest);

#endif /* RUN_SAVEFILE_H */
