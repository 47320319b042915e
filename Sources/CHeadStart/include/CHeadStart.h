#ifndef QUARRY_HEAD_START_H
#define QUARRY_HEAD_START_H

#include <sys/types.h>

/* The executor of a `quarry run`, started under its shepherd before anything else of the program ran. */
struct head_start {
  /* The shepherd's process, 0 when nothing was started. */
  pid_t shepherd;
  /* This process' ends of the pipes, closed on exec; see quarry-shepherd for what each carries. */
  int input, output, errors, control, status;
  const char *executor_path, *shepherd_path;
};

const struct head_start *head_start(void);

#endif
