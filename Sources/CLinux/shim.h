// Calls of the C library that its Swift module leaves out, since it is built without _GNU_SOURCE.
int pipe2(int *ends, int flags);
int eventfd(unsigned int count, int flags);
int malloc_trim(unsigned long kept);
int accept4(int listener, void *address, unsigned int *size, int flags);
int pidfd_open(int process, unsigned int flags);
int wcwidth(int character);

// Variadic in C, which Swift cannot call.
static inline int become_subreaper(void) {
  int prctl(int option, ...);
  return prctl(36 /* PR_SET_CHILD_SUBREAPER */, 1L, 0L, 0L, 0L);
}

// SCHED_BATCH, for the calling thread and those that it starts, unless it has been given another policy than the usual.
static inline int become_batch(void) {
  struct { int priority; } none = { 0 };
  int sched_getscheduler(int process);
  int sched_setscheduler(int process, int policy, const void *parameters);
  return sched_getscheduler(0) == 0 /* SCHED_OTHER */ ? sched_setscheduler(0, 3 /* SCHED_BATCH */, &none) : -1;
}

// Opens what lies below an open folder, by a way on which there is no symbolic link: openat2 of Linux 5.6, for which the C
// library has no name.
static inline int open_beneath(int folder, const char *path, int flags) {
  long syscall(long number, ...);
  struct { unsigned long long flags, mode, resolve; } how = { (unsigned)flags, 0, 0x0C /* RESOLVE_NO_SYMLINKS, _BENEATH */ };
  return (int)syscall(437 /* SYS_openat2 */, folder, path, &how, sizeof how);
}

// When a folder was changed last and when it was made, in nanoseconds since 1970: statx, which the C library's header shows to
// _GNU_SOURCE alone. `made` is 0 where the file system does not keep it.
static inline int folder_times(const char *path, long long *changed, long long *made) {
  int statx(int folder, const char *path, int flags, unsigned mask, void *status);
  struct time { long long seconds; unsigned nanoseconds, unused; };
  struct { unsigned mask, others[15]; struct time accessed, made, changed, modified; char more[128]; } status;
  if (statx(-100 /* AT_FDCWD */, path, 0, 0x880 /* STATX_CTIME | STATX_BTIME */, &status) != 0) return -1;
  *changed = status.changed.seconds * 1000000000LL + status.changed.nanoseconds;
  *made = status.mask & 0x800 /* STATX_BTIME */ ? status.made.seconds * 1000000000LL + status.made.nanoseconds : 0;
  return 0;
}
