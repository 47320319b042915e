// Calls of the C library that its Swift module leaves out, since it is built without _GNU_SOURCE.
int syncfs(int file);
int pipe2(int *ends, int flags);
int eventfd(unsigned int count, int flags);
