/* Starts the executor of a `quarry run` before the program's libraries and Swift's runtime come up: Node needs longer to
 * start than all that comes before the run together, and learns which script it is to run only when it is ready.
 *
 * The linker puts `hook` into .preinit_array, which the dynamic loader calls first of all in an executable, its
 * libraries being loaded (System V gABI, "Initialization and Termination Functions"). Only the C library may be used. */
#define _GNU_SOURCE
#include "CHeadStart.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OUTPUT_CAPACITY = 1 << 20 };

static char executor_path[PATH_MAX], shepherd_path[PATH_MAX];
static struct head_start started = { .executor_path = executor_path, .shepherd_path = shepherd_path };

const struct head_start *head_start(void) { return &started; }

/* Flags after which another executor may be needed, or none. */
static const char *const deciding_flags[] = {
  "--executor", "--config", "--resolve-from", "--depth", "--dry-run", "--help", "-h", "--version",
};

static int decides(const char *argument) {
  size_t length = strcspn(argument, "=");
  for (size_t i = 0; i < sizeof deciding_flags / sizeof deciding_flags[0]; i++)
    if (strlen(deciding_flags[i]) == length && strncmp(argument, deciding_flags[i], length) == 0) return 1;
  return 0;
}

static int is_wanted(int argc, char **argv) {
  if (argc < 2 || strcmp(argv[1], "run") != 0) return 0;
  for (int i = 2; i < argc; i++)
    if (decides(argv[i])) return 0;
  /* A pipe must not become one of the standard descriptors. */
  return fcntl(0, F_GETFD) >= 0 && fcntl(1, F_GETFD) >= 0 && fcntl(2, F_GETFD) >= 0;
}

/* Joins folder and name, or answers 0 when there is no such file or no room. */
static int join(char *out, const char *folder, const char *name, int mode) {
  size_t length = strlen(folder);
  if (length + strlen(name) + 2 > sizeof executor_path) return 0;
  memcpy(out, folder, length);
  out[length] = '/';
  strcpy(out + length + 1, name);
  return access(out, mode) == 0;
}

/* Leaves the folder of a path, nothing of a name alone. */
static void cut_last(char *path) {
  char *slash = strrchr(path, '/');
  *(slash ? slash : path) = 0;
}

/* As getenv, which knows no environment this early. */
static const char *value_of(const char *name, char **environment) {
  size_t length = strlen(name);
  for (; *environment; environment++)
    if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=') return *environment + length + 1;
  return NULL;
}

/* The shepherd beside the program, and the nearest executor upwards from it. */
static int find_programs(char **environment) {
  char folder[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
  if (length <= 0) return 0;
  folder[length] = 0;
  cut_last(folder);
  const char *named = value_of("QUARRY_SHEPHERD", environment);
  if (named && *named) {
    if (strlen(named) >= sizeof shepherd_path || access(named, X_OK) != 0) return 0;
    strcpy(shepherd_path, named);
  } else if (!join(shepherd_path, folder, "quarry-shepherd", X_OK)) {
    return 0;
  }
  while (folder[0]) {
    if (join(executor_path, folder, "executor-node/bin/quarry-executor", F_OK)) return 1;
    cut_last(folder);
  }
  return 0;
}

/* The ends of five pipes: [0] reads, [1] writes. */
struct pipes {
  int input[2], output[2], errors[2], control[2], status[2];
};

static int open_pipes(struct pipes *pipes) {
  memset(pipes, -1, sizeof *pipes);
  if (pipe2(pipes->input, O_CLOEXEC) || pipe2(pipes->output, O_CLOEXEC) || pipe2(pipes->errors, O_CLOEXEC)
      || pipe2(pipes->control, O_CLOEXEC) || pipe2(pipes->status, O_CLOEXEC))
    return 0;
  /* As ShepherdedProcess asks for; a wish that the kernel refuses beyond a user's share. */
  fcntl(pipes->output[1], F_SETPIPE_SZ, OUTPUT_CAPACITY);
  const char no_deadline[8] = { 0 };
  return write(pipes->control[1], no_deadline, sizeof no_deadline) == (ssize_t)sizeof no_deadline;
}

static void close_all(const int *ends, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (ends[i] >= 0) close(ends[i]);
}

static int spawn_shepherd(const struct pipes *pipes, char **environment) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t every, none;
  sigfillset(&every);
  sigemptyset(&none);
  if (posix_spawn_file_actions_init(&actions) || posix_spawnattr_init(&attributes)) return 0;
  /* The standard descriptors are taken, so each of these lies above all targets before its own. */
  const int ends[] = { pipes->input[0], pipes->output[1], pipes->errors[1], pipes->control[0], pipes->status[1] };
  int failure = 0;
  for (int i = 0; i < 5; i++) failure |= posix_spawn_file_actions_adddup2(&actions, ends[i], i);
  posix_spawnattr_setsigdefault(&attributes, &every);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  char *arguments[] = { shepherd_path, "run", "--", executor_path, "--serve=process", NULL };
  failure = failure
      || posix_spawn(&started.shepherd, shepherd_path, &actions, &attributes, arguments, environment) != 0;
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return !failure;
}

static void begin(int argc, char **argv, char **environment) {
  struct pipes pipes;
  if (!is_wanted(argc, argv) || !find_programs(environment)) return;
  /* Where anything fails, the run tries again and says why. */
  if (!open_pipes(&pipes) || !spawn_shepherd(&pipes, environment)) {
    started.shepherd = 0;
    close_all((const int *)&pipes, sizeof pipes / sizeof(int));
    return;
  }
  const int theirs[] = { pipes.input[0], pipes.output[1], pipes.errors[1], pipes.control[0], pipes.status[1] };
  close_all(theirs, sizeof theirs / sizeof theirs[0]);
  started.input = pipes.input[1];
  started.output = pipes.output[0];
  started.errors = pipes.errors[0];
  started.control = pipes.control[1];
  started.status = pipes.status[0];
}

__attribute__((section(".preinit_array"), used)) static void (*const hook)(int, char **, char **) = begin;
