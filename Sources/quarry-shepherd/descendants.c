/* Ends a whole tree of processes. */
#define _GNU_SOURCE
#include "shepherd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct process {
  pid_t pid, parent, group;
  char state;
  enum { UNKNOWN, BELOW, ELSEWHERE } place;
};

struct table {
  struct process *rows;
  size_t count, capacity;
};

/* Reads parent and group from /proc/PID/stat; the name in parentheses may hold anything, so the last one counts. */
static int read_process(const char *name, struct process *out) {
  char path[64], text[1024];
  snprintf(path, sizeof path, "/proc/%.20s/stat", name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length <= 0) return 0;
  text[length] = 0;
  char *rest = strrchr(text, ')');
  out->pid = atoi(name);
  out->place = UNKNOWN;
  return rest && sscanf(rest + 1, " %c %d %d", &out->state, &out->parent, &out->group) == 3;
}

static void read_table(struct table *table) {
  table->count = 0;
  DIR *directory = opendir("/proc");
  if (!directory) return;
  struct dirent *entry;
  while ((entry = readdir(directory))) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
    if (table->count == table->capacity) {
      size_t capacity = table->capacity ? table->capacity * 2 : 256;
      struct process *rows = realloc(table->rows, capacity * sizeof *rows);
      if (!rows) break; /* the rest is found in the next round */
      table->rows = rows;
      table->capacity = capacity;
    }
    if (read_process(entry->d_name, &table->rows[table->count])) table->count++;
  }
  closedir(directory);
}

static int by_pid(const void *left, const void *right) {
  pid_t a = ((const struct process *)left)->pid, b = ((const struct process *)right)->pid;
  return (a > b) - (a < b);
}

static struct process *find(struct table *table, pid_t pid) {
  struct process wanted = { .pid = pid };
  return bsearch(&wanted, table->rows, table->count, sizeof wanted, by_pid);
}

/* Climbs from each process to one whose place is known, then writes that place down along the way: each is passed
 * twice at most, so the cost is that of sorting. */
static void mark_descendants(struct table *table) {
  qsort(table->rows, table->count, sizeof *table->rows, by_pid);
  struct process *self = find(table, getpid());
  if (self) self->place = ELSEWHERE;
  for (size_t i = 0; i < table->count; i++) {
    struct process *top = &table->rows[i];
    while (top && top->place == UNKNOWN && top->parent != getpid() && top->parent > 0) top = find(table, top->parent);
    int below = top && (top->place == BELOW || (top->place == UNKNOWN && top->parent == getpid()));
    for (struct process *step = &table->rows[i]; step && step->place == UNKNOWN; step = find(table, step->parent))
      step->place = below ? BELOW : ELSEWHERE;
    if (self) self->place = ELSEWHERE;
  }
}

/* Sends to each descendant and to its group: a group takes a signal as one, which a process that forks all the time
 * can't outrun. Groups of descendants hold nobody else: each child begins in a session of its own, and a group lies
 * within one session. Answers how many of them were still able to fork. */
static size_t signal_descendants(struct table *table, int signal) {
  size_t running = 0;
  pid_t own_group = getpgrp();
  for (size_t i = 0; i < table->count; i++) {
    struct process *process = &table->rows[i];
    if (process->place != BELOW) continue;
    if (process->state == 'R' || process->state == 'S' || process->state == 'D') running++;
    if (process->group > 1 && process->group != own_group) kill(-process->group, signal);
    kill(process->pid, signal);
  }
  return running;
}

static size_t signal_all(struct table *table, int signal) {
  read_table(table);
  mark_descendants(table);
  return signal_descendants(table, signal);
}

/* Returns 0 when no child is left. */
static int reap(void (*note)(int pid, int status, void *context), void *context) {
  for (;;) {
    int status;
    pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid == 0) return 1;
    if (pid < 0) return errno != ECHILD;
    if (note) note(pid, status, context);
  }
}

/* Stops the tree before it is killed, so that no member can react to the death of another by forking. A pass that finds
 * all of them stopped ends it; so does a number of passes, since a process in the kernel may stop late. */
static void freeze(struct table *table) {
  for (int pass = 0; pass < 8 && signal_all(table, SIGSTOP) > 0; pass++) poll(NULL, 0, 1);
}

void shepherd_kill_descendants(void (*note)(int pid, int status, void *context), void *context) {
  struct table table = { 0 };
  /* Whoever loses its parent becomes a child of this process: no child left means no descendant left. */
  for (int pause = 1; reap(note, context); pause = pause < 16 ? pause * 2 : 16) {
    freeze(&table);
    signal_all(&table, SIGKILL);
    poll(NULL, 0, pause); /* milliseconds; a signalfd or a handler would wake no earlier for those not our children */
  }
  free(table.rows);
}
