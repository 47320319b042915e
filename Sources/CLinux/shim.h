// Calls of the C library that its Swift module leaves out, since it is built without _GNU_SOURCE.
int sync_file_range(int file, long long offset, long long bytes, unsigned int flags);
int pipe2(int *ends, int flags);
int eventfd(unsigned int count, int flags);
int pidfd_open(int process, unsigned int flags);

// Variadic in C, which Swift cannot call.
static inline int become_subreaper(void) {
  int prctl(int option, ...);
  return prctl(36 /* PR_SET_CHILD_SUBREAPER */, 1L, 0L, 0L, 0L);
}
