/* quarry-shepherd: owns a tree of processes on behalf of a process that may die at any moment. */
#include "shepherd.h"

#include <stdio.h>
#include <string.h>

struct mode {
  const char *name;
  int (*start)(int argc, char **argv);
};

static const struct mode modes[] = {
  { "run", shepherd_run },
  { "keep", shepherd_keep },
  { "redis", shepherd_redis },
};

int main(int argc, char **argv) {
  for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof modes[0]; i++)
    if (strcmp(argv[1], modes[i].name) == 0) return modes[i].start(argc - 2, argv + 2);
  fprintf(stderr, "quarry-shepherd is started by quarry and is of no use by itself\n");
  return 64;
}
