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
  int is_descendant;
};

struct table {
  struct process *rows;
  size_t count, capacity;
};

/* Reads parent and group from /proc/PID/stat; the name in parentheses may hold anything, so the last one counts. */
static int read_process(const char *name, struct process *out) {
  char path[64], text[1024], state;
  snprintf(path, sizeof path, "/proc/%.20s/stat", name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length <= 0) return 0;
  text[length] = 0;
  char *rest = strrchr(text, ')');
  out->pid = atoi(name);
  out->is_descendant = 0;
  return rest && sscanf(rest + 1, " %c %d %d", &state, &out->parent, &out->group) == 3;
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

/* /proc is not in the order of ancestry (ids wrap), so the marking is repeated until it finds nothing new. */
static void mark_descendants(struct table *table) {
  pid_t self = getpid();
  int changed = 1;
  while (changed) {
    changed = 0;
    for (size_t i = 0; i < table->count; i++) {
      struct process *process = &table->rows[i];
      if (process->is_descendant) continue;
      int below = process->parent == self;
      for (size_t j = 0; !below && j < table->count; j++)
        below = table->rows[j].is_descendant && table->rows[j].pid == process->parent;
      if (below) changed = process->is_descendant = 1;
    }
  }
}

/* A group is killed as one, which a process that forks all the time can't outrun. Groups of descendants hold nobody
 * else: each child begins in a session of its own, and a group lies within one session. */
static void kill_marked(struct table *table) {
  pid_t own_group = getpgrp();
  for (size_t i = 0; i < table->count; i++) {
    struct process *process = &table->rows[i];
    if (!process->is_descendant) continue;
    if (process->group > 1 && process->group != own_group) kill(-process->group, SIGKILL);
    kill(process->pid, SIGKILL);
  }
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

void shepherd_kill_descendants(void (*note)(int pid, int status, void *context), void *context) {
  struct table table = { 0 };
  /* Whoever loses its parent becomes a child of this process: no child left means no descendant left. */
  for (int pause = 1; reap(note, context); pause = pause < 16 ? pause * 2 : 16) {
    read_table(&table);
    mark_descendants(&table);
    kill_marked(&table);
    poll(NULL, 0, pause); /* milliseconds; a signalfd or a handler would wake no earlier for those not our children */
  }
  free(table.rows);
}
