/* Loaded before the C library: kills the process right after its n-th rename or fsync, so
   that a test can stand at every point where something became durable.
   KILL_AFTER=n, KILL_CALL=rename or fsync. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_long seen;

static void count(const char *call) {
    const char *wanted = getenv("KILL_CALL");
    const char *after = getenv("KILL_AFTER");
    if (wanted && after && strcmp(wanted, call) == 0 && atomic_fetch_add(&seen, 1) + 1 == atol(after))
        kill(getpid(), SIGKILL);
}

int rename(const char *from, const char *to) {
    int (*real)(const char *, const char *) = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
    int result = real(from, to);
    count("rename");
    return result;
}

int fsync(int file) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    int result = real(file);
    count("fsync");
    return result;
}
