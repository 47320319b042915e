/* quarry-shepherd redis LOCK SOCKET SERVER [ARGUMENT…]
 *
 * Keeps a Redis server for as long as somebody uses it. Whoever uses it holds a shared flock on LOCK; this process
 * waits for the exclusive one, and when it has it, everybody is gone (the kernel releases the locks of the killed).
 *
 *   fd 1  report: one line, "ready" when the server answers on SOCKET, or "failed REASON"; then it is closed
 *   fd 3  kept open while this process lives: a lock of the starter's, by which others see that a shepherd is there
 *
 * It leaves the starter's session and process group. A server that dies is started again; one that dies too often is
 * given up. The server dies with this process, whatever kills it. */
#define _GNU_SOURCE
#include "shepherd.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
  REPORT = 1,
  PRESENCE = 3,
  PROBE_MS = 10,
  RESTART_MS = 200,
  STOP_MS = 5000,
  SETTLED_S = 5,      /* a server that lived this long was well */
  MOST_QUICK_DEATHS = 5
};

struct keeper {
  const char *lock, *socket;
  char **command;
  sigset_t signals;
  pid_t server;
  time_t started;
  int quick_deaths;
  int has_reported;
};

static time_t now_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec;
}

static void report(struct keeper *keeper, const char *line) {
  if (keeper->has_reported) return;
  keeper->has_reported = 1;
  ssize_t written = write(REPORT, line, strlen(line));
  (void)written; /* a starter that is gone needs no report */
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) close(REPORT);
  else dup2(null, REPORT);
}

/* In the child. */
static void become_server(struct keeper *keeper, pid_t shepherd) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != shepherd) _exit(127); /* it died before the line above */
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd <= 2; fd++) null >= 0 ? dup2(null, fd) : close(fd);
  close_range(PRESENCE, ~0u, 0);
  execv(keeper->command[0], keeper->command);
  _exit(127);
}

static int start_server(struct keeper *keeper) {
  pid_t shepherd = getpid();
  keeper->started = now_seconds();
  keeper->server = fork();
  if (keeper->server == 0) become_server(keeper, shepherd);
  return keeper->server > 0;
}

/* Whether the server answers a PING with a PONG; "-LOADING" is not yet an answer. */
static int server_answers(const char *path) {
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  char reply[16] = { 0 };
  if (strlen(path) >= sizeof address.sun_path) return 0;
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return 0;
  struct timeval limit = { .tv_sec = 1 };
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  int answers = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 && write(fd, "PING\r\n", 6) == 6 &&
                read(fd, reply, sizeof reply - 1) > 0 && strncmp(reply, "+PONG", 5) == 0;
  close(fd);
  return answers;
}

/* Waits for a signal of the set, at most `milliseconds` (-1: for ever); answers it, or 0. */
static int next_signal(const struct keeper *keeper, int milliseconds) {
  struct timespec limit = { milliseconds / 1000, milliseconds % 1000 * 1000000L };
  int signal = sigtimedwait(&keeper->signals, NULL, milliseconds < 0 ? NULL : &limit);
  return signal > 0 ? signal : 0;
}

static int server_has_died(struct keeper *keeper) {
  if (keeper->server <= 0 || waitpid(keeper->server, NULL, WNOHANG) != keeper->server) return 0;
  keeper->server = 0;
  return 1;
}

static void stop_server(struct keeper *keeper) {
  if (keeper->server > 0) {
    kill(keeper->server, SIGTERM);
    time_t end = now_seconds() + STOP_MS / 1000;
    while (!server_has_died(keeper) && now_seconds() < end) next_signal(keeper, 100);
  }
  if (keeper->server > 0) {
    kill(keeper->server, SIGKILL);
    waitpid(keeper->server, NULL, 0);
  }
  unlink(keeper->socket);
}

/* Answers 0 when the server is given up. */
static int restart_server(struct keeper *keeper) {
  keeper->quick_deaths = now_seconds() - keeper->started < SETTLED_S ? keeper->quick_deaths + 1 : 0;
  if (!keeper->has_reported || keeper->quick_deaths >= MOST_QUICK_DEATHS) return 0;
  struct timespec pause = { 0, RESTART_MS * 1000000L };
  nanosleep(&pause, NULL);
  return start_server(keeper);
}

static int keep(struct keeper *keeper) {
  if (!start_server(keeper)) return 0;
  for (;;) {
    int signal = next_signal(keeper, keeper->has_reported ? -1 : PROBE_MS);
    if (signal == SIGUSR1 || signal == SIGTERM || signal == SIGINT) return 1;
    if (server_has_died(keeper) && !restart_server(keeper)) return 0;
    if (!keeper->has_reported && server_answers(keeper->socket)) report(keeper, "ready\n");
  }
}

/* On a thread of its own: returns from flock when nobody uses the server any more. */
static void *wait_for_the_last(void *context) {
  struct keeper *keeper = context;
  int fd = open(keeper->lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0) {
    while (flock(fd, LOCK_EX) != 0 && errno == EINTR) continue;
  }
  /* The descriptor stays open: the lock is held until this process has stopped the server and ended. */
  kill(getpid(), SIGUSR1);
  return NULL;
}

int shepherd_redis(int argc, char **argv) {
  if (argc < 3 || !shepherd_leave_starter()) return 64;
  struct keeper keeper = { .lock = argv[0], .socket = argv[1], .command = argv + 2 };
  sigemptyset(&keeper.signals);
  const int watched[] = { SIGCHLD, SIGUSR1, SIGTERM, SIGINT, SIGHUP, SIGPIPE };
  for (size_t i = 0; i < sizeof watched / sizeof watched[0]; i++) sigaddset(&keeper.signals, watched[i]);
  sigprocmask(SIG_SETMASK, &keeper.signals, NULL); /* before the thread, which inherits it */
  pthread_t thread;
  if (pthread_create(&thread, NULL, wait_for_the_last, &keeper) != 0) return 71;
  int was_asked = keep(&keeper);
  stop_server(&keeper);
  report(&keeper, "failed the server did not start\n");
  return was_asked ? 0 : 1;
}
