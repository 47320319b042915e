#define _GNU_SOURCE
#include "CPosix.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

int cposix_pipe(int ends[2], int capacity) {
  if (pipe2(ends, O_CLOEXEC) != 0) return errno;
  if (capacity > 0) fcntl(ends[1], F_SETPIPE_SZ, capacity); /* refused beyond the user's share: the default serves */
  return 0;
}

int cposix_wake_open(void) {
  int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return descriptor < 0 ? -errno : descriptor;
}

void cposix_wake(int descriptor) { eventfd_write(descriptor, 1); }

void cposix_wake_clear(int descriptor) {
  eventfd_t value;
  eventfd_read(descriptor, &value);
}

uint64_t cposix_boot_time(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
