#ifndef QUARRY_SHEPHERD_H
#define QUARRY_SHEPHERD_H

/* Modes of the program. Each takes what follows the mode's name on the command line and answers the exit code. */
int shepherd_run(int argc, char **argv);
int shepherd_keep(int argc, char **argv);
int shepherd_redis(int argc, char **argv);

/* Goes on in a child with a session of its own, in the root folder, with nothing of the starter's but fd 1 and fd 3; the
 * caller's process ends. Answers 0 when that is not possible. */
int shepherd_leave_starter(void);

/* Kills and reaps all descendants of this process, also those that left its sessions and process groups; returns when
 * none is left. The caller must be a child subreaper. `note`, unless NULL, is told each reaped child's wait status. */
void shepherd_kill_descendants(void (*note)(int pid, int status, void *context), void *context);

#endif
