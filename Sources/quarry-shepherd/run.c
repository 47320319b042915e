/* quarry-shepherd run -- COMMAND [ARGUMENT…]
 *
 * Runs one command and answers for the whole tree of processes that it starts.
 *
 *   fd 0, 1, 2  the command's own; this process keeps none of them, so that their other ends see the end of file
 *   fd 3        control. Each 8 bytes, little endian: a new deadline in nanoseconds of CLOCK_BOOTTIME, 0 for none.
 *               End of file: whoever started this process is gone, or wants everything dead at once
 *   fd 4        status. One line, when the command has ended and every descendant is dead:
 *               "exit N", "signal N", "deadline", or "failed ERRNO" when the command could not be started
 *
 * SIGTERM, SIGINT or SIGHUP: SIGTERM to the command's process group, then SIGKILL to everything after GRACE_MS.
 *
 * The deadline is enforced here because the process that set it may be stopped, hung or cut off, and counts the time
 * that the machine slept. If this process itself is killed, the command is killed by the kernel (PDEATHSIG); what it
 * started comes to quarry, which is a subreaper too and kills it. Only when both are killed is it out of reach. */
#define _GNU_SOURCE
#include "shepherd.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CONTROL = 3, STATUS = 4, FIRST_UNKNOWN = 5, GRACE_MS = 2000 };

struct run {
  pid_t command;
  int has_ended;
  int status; /* as of waitpid */
  uint64_t deadline;
  uint64_t kill_at; /* end of the grace after a SIGTERM, 0 for none */
  unsigned char message[8];
  size_t message_length;
};

static uint64_t boot_time(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void note_child(int pid, int status, void *context) {
  struct run *run = context;
  if (pid != run->command) return;
  run->has_ended = 1;
  run->status = status;
}

static void report(const char *word, int number) {
  char line[32];
  int length = number < 0 ? snprintf(line, sizeof line, "%s\n", word) : snprintf(line, sizeof line, "%s %d\n", word, number);
  ssize_t written = write(STATUS, line, (size_t)length);
  (void)written; /* nobody is left to be told */
}

/* In the child. `failure` is closed by a successful exec and carries errno otherwise. */
static void become_command(char **argv, const sigset_t *mask, pid_t shepherd, int failure) {
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != shepherd) _exit(127); /* it died before the line above */
  signal(SIGPIPE, SIG_DFL);
  sigprocmask(SIG_SETMASK, mask, NULL);
  execvp(argv[0], argv);
  int reason = errno;
  ssize_t written = write(failure, &reason, sizeof reason);
  (void)written;
  _exit(127);
}

/* Answers 0, or the errno of what failed. */
static int start(struct run *run, char **argv, const sigset_t *mask) {
  int failure[2], reason = 0;
  if (pipe2(failure, O_CLOEXEC) != 0) return errno;
  pid_t shepherd = getpid();
  run->command = fork();
  if (run->command < 0) return errno;
  if (run->command == 0) become_command(argv, mask, shepherd, failure[1]);
  close(failure[1]);
  if (read(failure[0], &reason, sizeof reason) != (ssize_t)sizeof reason) reason = 0;
  close(failure[0]);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd <= 2; fd++) null >= 0 ? dup2(null, fd) : close(fd);
  return reason;
}

/* Reads what waits in the control pipe. Answers 0 at its end. */
static int read_control(struct run *run, int timer) {
  for (;;) {
    ssize_t got = read(CONTROL, run->message + run->message_length, sizeof run->message - run->message_length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return 0;
    run->message_length += (size_t)got;
    if (run->message_length < sizeof run->message) continue;
    run->message_length = 0;
    memcpy(&run->deadline, run->message, sizeof run->deadline);
    run->deadline = le64toh(run->deadline);
    struct itimerspec when = { 0 };
    when.it_value.tv_sec = (time_t)(run->deadline / 1000000000u);
    when.it_value.tv_nsec = (long)(run->deadline % 1000000000u);
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
  }
}

static void read_signals(struct run *run, int signals) {
  struct signalfd_siginfo info;
  while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
    if (info.ssi_signo == SIGCHLD || run->kill_at) continue;
    run->kill_at = boot_time() + (uint64_t)GRACE_MS * 1000000u;
    kill(-run->command, SIGTERM);
  }
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) note_child(pid, status, run);
}

static int grace_left(const struct run *run) {
  if (!run->kill_at) return -1;
  uint64_t now = boot_time();
  return now >= run->kill_at ? 0 : (int)((run->kill_at - now) / 1000000u) + 1;
}

/* Waits until the command has ended or must end. Answers whether its deadline was what ended it. */
static int supervise(struct run *run, int signals, int timer) {
  struct pollfd waits[] = { { CONTROL, POLLIN, 0 }, { signals, POLLIN, 0 }, { timer, POLLIN, 0 } };
  while (!run->has_ended) {
    int left = grace_left(run);
    if (left == 0) return 0;
    if (poll(waits, 3, left) < 0) continue;
    if (waits[0].revents && !read_control(run, timer)) return 0;
    /* After the control pipe: a deadline pushed forward in time counts, however late this process wakes up. */
    if (run->deadline && boot_time() >= run->deadline) return 1;
    if (waits[1].revents) read_signals(run, signals);
  }
  return 0;
}

static int end(struct run *run, int by_deadline) {
  shepherd_kill_descendants(note_child, run);
  if (by_deadline) {
    report("deadline", -1);
    return 124;
  }
  if (WIFSIGNALED(run->status)) {
    report("signal", WTERMSIG(run->status));
    return 128 + WTERMSIG(run->status);
  }
  report("exit", WEXITSTATUS(run->status));
  return WEXITSTATUS(run->status);
}

int shepherd_run(int argc, char **argv) {
  if (argc > 0 && strcmp(argv[0], "--") == 0) argc--, argv++;
  if (argc < 1 || fcntl(CONTROL, F_GETFD) < 0 || fcntl(STATUS, F_GETFD) < 0) {
    fprintf(stderr, "usage: quarry-shepherd run -- COMMAND [ARGUMENT...], with control on fd 3 and status on fd 4\n");
    return 64;
  }
  /* What a careless library of the starter left open must not reach the command. */
  syscall(SYS_close_range, FIRST_UNKNOWN, ~0U, 0);
  fcntl(CONTROL, F_SETFD, FD_CLOEXEC);
  fcntl(STATUS, F_SETFD, FD_CLOEXEC);
  fcntl(CONTROL, F_SETFL, fcntl(CONTROL, F_GETFL) | O_NONBLOCK);
  setsid(); /* a Ctrl-C on the terminal is the starter's to handle */
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  signal(SIGPIPE, SIG_IGN);

  sigset_t handled, before;
  sigemptyset(&handled);
  sigaddset(&handled, SIGCHLD);
  sigaddset(&handled, SIGTERM);
  sigaddset(&handled, SIGINT);
  sigaddset(&handled, SIGHUP);
  sigprocmask(SIG_BLOCK, &handled, &before);
  int signals = signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
  int timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);

  struct run run = { 0 };
  int reason = signals < 0 || timer < 0 ? errno : start(&run, argv, &before);
  if (reason) {
    report("failed", reason);
    return 127;
  }
  return end(&run, supervise(&run, signals, timer));
}
