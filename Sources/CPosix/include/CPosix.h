/* The few calls of the kernel that Swift's Glibc module does not carry. */
#ifndef CPOSIX_H
#define CPOSIX_H

#include <stdint.h>

/* A pipe whose ends are closed on exec. The capacity, in bytes, is a wish. Answers 0, or errno. */
int cposix_pipe(int ends[2], int capacity);

/* A descriptor that polls readable once cposix_wake was called, until cposix_wake_clear. Negative: -errno. */
int cposix_wake_open(void);
void cposix_wake(int descriptor);
void cposix_wake_clear(int descriptor);

/* Nanoseconds since the machine started, the time that it slept included. */
uint64_t cposix_boot_time(void);

#endif
