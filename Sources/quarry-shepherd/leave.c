/* Leaves whoever started this process, for the modes that outlive them. */
#define _GNU_SOURCE
#include "shepherd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST_UNKNOWN = 4 };

int shepherd_leave_starter(void) {
  pid_t child = fork();
  if (child > 0) _exit(0);
  if (child < 0 || setsid() < 0 || chdir("/") != 0) return 0;
  umask(077);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return 0;
  dup2(null, 0);
  dup2(null, 2);
  return close_range(FIRST_UNKNOWN, ~0u, 0) == 0;
}
