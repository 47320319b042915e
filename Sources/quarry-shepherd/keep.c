/* quarry-shepherd keep -- COMMAND [ARGUMENT…]
 *
 * Runs one command that outlives whoever started it, and answers for the whole tree of processes that it starts: when
 * the command has ended, however it did, none of them is left.
 *
 *   fd 1  the command's own; this process lets go of it
 *   fd 3  kept open while this process lives: a lock of the starter's, by which others see that the command is there.
 *         The command does not get it
 *
 * It leaves the starter's session, process group and working directory, and the command has nothing of its terminal.
 * SIGTERM or SIGINT: SIGTERM to the command, then SIGKILL to everything after GRACE_S. A hang-up is nothing to it. If
 * this process itself is killed, the command is killed by the kernel. */
#define _GNU_SOURCE
#include "shepherd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PRESENCE = 3, GRACE_S = 3 };

struct kept {
  pid_t command;
  int has_ended;
};

static void note_child(int pid, int status, void *context) {
  struct kept *kept = context;
  (void)status;
  if (pid == kept->command) kept->has_ended = 1;
}

/* In the child. */
static void become_command(char **argv, pid_t shepherd) {
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != shepherd) _exit(127); /* it died before the line above */
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  close_range(PRESENCE, ~0u, 0);
  execv(argv[0], argv);
  _exit(127);
}

static void reap(struct kept *kept) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) note_child(pid, status, kept);
}

/* Returns when the command has ended, or had its time to. */
static void supervise(struct kept *kept, const sigset_t *signals) {
  int is_ending = 0;
  while (!kept->has_ended) {
    struct timespec grace = { GRACE_S, 0 };
    int signal = sigtimedwait(signals, NULL, is_ending ? &grace : NULL);
    if (signal < 0 && errno == EAGAIN) return;
    if (signal == SIGCHLD) reap(kept);
    if (signal != SIGTERM && signal != SIGINT) continue;
    is_ending = 1;
    kill(kept->command, SIGTERM);
  }
}

int shepherd_keep(int argc, char **argv) {
  if (argc > 0 && strcmp(argv[0], "--") == 0) argc--, argv++;
  if (argc < 1 || fcntl(PRESENCE, F_GETFD) < 0 || !shepherd_leave_starter()) return 64;
  sigset_t signals;
  sigemptyset(&signals);
  const int watched[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGPIPE };
  for (size_t i = 0; i < sizeof watched / sizeof watched[0]; i++) sigaddset(&signals, watched[i]);
  sigprocmask(SIG_SETMASK, &signals, NULL);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  pid_t shepherd = getpid();
  struct kept kept = { .command = fork() };
  if (kept.command < 0) return 71;
  if (kept.command == 0) become_command(argv, shepherd);
  dup2(0, 1); /* so that the starter sees when the command lets go of it */
  supervise(&kept, &signals);
  shepherd_kill_descendants(note_child, &kept);
  return 0;
}
