/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/**
 * Shared by the fuzzers. Each is one function of bytes, called by libFuzzer or,
 * without it, by standalone.c. A fuzzer returns normally, or aborts if a
 * property does not hold. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** An oracle: unlike assert, it is checked in every build. */
#define FUZZ_CHECK(condition)                                                  \
    do {                                                                       \
        if (!(condition)) {                                                    \
            (void)fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__,      \
                          __LINE__, #condition);                               \
            abort();                                                           \
        }                                                                      \
    } while (0)

/** The input, read from its beginning; after its end all bytes are 0. */
struct fuzz_bytes {
    const uint8_t *at;
    size_t left;
};

static inline uint8_t fuzz_byte(struct fuzz_bytes *bytes)
{
    if (bytes->left == 0) {
        return 0;
    }
    bytes->left--;
    return *bytes->at++;
}

/** A number below n, which is 1 to 256. */
static inline unsigned fuzz_below(struct fuzz_bytes *bytes, unsigned n)
{
    return fuzz_byte(bytes) % n;
}

static inline uint64_t fuzz_number(struct fuzz_bytes *bytes)
{
    uint64_t number = 0;

    for (int i = 0; i < 8; i++) {
        number = number << 8 | fuzz_byte(bytes);
    }
    return number;
}

/** Up to `wanted` bytes, in memory of exactly their size, so that a read past
 * their end is detected. The caller frees it. */
static inline char *
fuzz_take(struct fuzz_bytes *bytes, size_t wanted, size_t *ret_size)
{
    size_t size = wanted < bytes->left ? wanted : bytes->left;
    char *copy = malloc(size > 0 ? size : 1);

    FUZZ_CHECK(copy != NULL);
    for (size_t i = 0; i < size; i++) {
        copy[i] = (char)bytes->at[i];
    }
    bytes->at += size;
    bytes->left -= size;
    *ret_size = size;
    return copy;
}

/** The rest, as a string without a NUL inside. */
static inline char *fuzz_string(struct fuzz_bytes *bytes)
{
    char *string = malloc(bytes->left + 1);
    size_t size = 0;

    FUZZ_CHECK(string != NULL);
    while (bytes->left > 0) {
        uint8_t byte = fuzz_byte(bytes);

        if (byte != 0) {
            string[size++] = (char)byte;
        }
    }
    string[size] = '\0';
    return string;
}

#endif
