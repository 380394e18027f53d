/* A host that misbehaves, for the one process that loads this with LD_PRELOAD.

   CHAOS_CONTROL names a file of two 64-bit integers, which may change while the process runs:
     clock_offset_seconds   added to the wall clock; the monotonic clock stays as it is
     free_bytes             what regular files may still be given before the disk is full; -1: no end
   CHAOS_DISK names the folder of that disk; without it all files are on it.
   CHAOS_SYNCED names a file that gets a line "inode size" for each sync that succeeded. After the
   process is killed, cutting each file to its last such size leaves what a power cut would leave.

   System calls are made directly: looking up libc's own functions may itself write or ask the time. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct control {
    int64_t clock_offset_seconds;
    int64_t free_bytes;
};

static struct control *control;
static int synced = -1;
static const char *disk;

__attribute__((constructor)) static void load(void) {
    const char *path = getenv("CHAOS_CONTROL");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd >= 0) {
        void *mapped = mmap(0, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (mapped != MAP_FAILED) control = mapped;
        close(fd);
    }
    disk = getenv("CHAOS_DISK");
    path = getenv("CHAOS_SYNCED");
    if (path) synced = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
}

/* --- the clock ------------------------------------------------------------------------------ */

static int64_t offset(void) {
    return control ? control->clock_offset_seconds : 0;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    int result = syscall(SYS_clock_gettime, clock, at);
    if (!result && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        at->tv_sec += offset();
    return result;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}

/* --- the disk ------------------------------------------------------------------------------- */

static int is_on_disk(int fd) {
    char link[32], path[4096];
    if (!disk) return 1;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path);
    return length >= (ssize_t)strlen(disk) && !strncmp(path, disk, strlen(disk));
}

static int is_file(int fd) {
    struct stat about;
    return !fstat(fd, &about) && S_ISREG(about.st_mode) && is_on_disk(fd);
}

/* How many of `bytes` the disk still takes; like a real one it takes a part of the last write. */
static size_t take(int fd, size_t bytes) {
    if (!control || control->free_bytes < 0 || !is_file(fd)) return bytes;
    int64_t free = __atomic_fetch_sub(&control->free_bytes, bytes, __ATOMIC_SEQ_CST);
    if (free >= (int64_t)bytes) return bytes;
    __atomic_store_n(&control->free_bytes, 0, __ATOMIC_SEQ_CST);
    return free > 0 ? free : 0;
}

static ssize_t no_space(void) {
    errno = ENOSPC;
    return -1;
}

ssize_t write(int fd, const void *data, size_t bytes) {
    size_t taken = take(fd, bytes);
    return bytes && !taken ? no_space() : syscall(SYS_write, fd, data, taken);
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t at) {
    size_t taken = take(fd, bytes);
    return bytes && !taken ? no_space() : syscall(SYS_pwrite64, fd, data, taken, at);
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t at) {
    return pwrite(fd, data, bytes, at);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    size_t bytes = 0;
    for (int i = 0; i < count; i++) bytes += parts[i].iov_len;
    return take(fd, bytes) < bytes ? no_space() : syscall(SYS_writev, fd, parts, count);
}

int fallocate(int fd, int mode, off_t at, off_t bytes) {
    return take(fd, bytes) < (size_t)bytes ? no_space() : syscall(SYS_fallocate, fd, mode, at, bytes);
}

/* --- the power ------------------------------------------------------------------------------ */

static int sync_and_note(long call, int fd) {
    struct stat before; /* what is written while the sync runs may not be part of it */
    int known = synced >= 0 && !fstat(fd, &before) && S_ISREG(before.st_mode);
    int result = syscall(call, fd);
    if (!result && known) {
        char line[64];
        int length = snprintf(line, sizeof line, "%llu %lld\n", (unsigned long long)before.st_ino,
                              (long long)before.st_size);
        syscall(SYS_write, synced, line, length);
    }
    return result;
}

int fsync(int fd) {
    return sync_and_note(SYS_fsync, fd);
}

int fdatasync(int fd) {
    return sync_and_note(SYS_fdatasync, fd);
}
