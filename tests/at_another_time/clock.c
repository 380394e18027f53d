/* A clock that is ANOTHER_TIME seconds ahead of the machine's, for programs that load this first.
 *
 * Of the clock of days alone: what measures durations is left as it is. What is read of it is
 * ahead, also the times of files, and what is handed to the kernel by it is put back.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define LONG_AGO 1000000000 /* 2001: what measures durations has not come so far */

static time_t ahead(void)
{
    static time_t known;
    static int is_known;
    if (!is_known) {
        const char *text = getenv("ANOTHER_TIME");
        known = text ? atoll(text) : 0;
        is_known = 1;
    }
    return known;
}

static int is_of_days(clockid_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int failed = syscall(SYS_clock_gettime, clock, now);
    if (!failed && is_of_days(clock))
        now->tv_sec += ahead();
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec found;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &found);
    now->tv_sec = found.tv_sec;
    now->tv_usec = found.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *now)
{
    struct timespec found;
    clock_gettime(CLOCK_REALTIME, &found);
    if (now)
        *now = found.tv_sec;
    return found.tv_sec;
}

int timespec_get(struct timespec *now, int base)
{
    return clock_gettime(CLOCK_REALTIME, now) ? 0 : base;
}

/* Until when is waited. */

static struct timespec put_back(const struct timespec *until)
{
    struct timespec moment = *until;
    if (moment.tv_sec > LONG_AGO)
        moment.tv_sec -= ahead();
    return moment;
}

static void *find(const char *name)
{
    void *found = dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2"); /* of two kinds of conditions the new */
    return found ? found : dlsym(RTLD_NEXT, name);
}

#define WAITS(NAME, GIVEN, ...)                                \
    int NAME GIVEN                                             \
    {                                                          \
        static int(*original) GIVEN;                           \
        struct timespec moment = put_back(until);              \
        if (!original)                                         \
            original = (int(*) GIVEN)find(#NAME);              \
        return original(__VA_ARGS__, &moment);                 \
    }

WAITS(pthread_cond_timedwait,
      (pthread_cond_t *restrict one, pthread_mutex_t *restrict two,
       const struct timespec *restrict until), one, two)
WAITS(pthread_cond_clockwait,
      (pthread_cond_t *restrict one, pthread_mutex_t *restrict two, clockid_t clock,
       const struct timespec *restrict until), one, two, clock)
WAITS(pthread_mutex_timedlock,
      (pthread_mutex_t *restrict one, const struct timespec *restrict until), one)
WAITS(pthread_mutex_clocklock,
      (pthread_mutex_t *restrict one, clockid_t clock, const struct timespec *restrict until),
      one, clock)
WAITS(sem_timedwait, (sem_t *restrict one, const struct timespec *restrict until), one)
WAITS(sem_clockwait,
      (sem_t *restrict one, clockid_t clock, const struct timespec *restrict until), one, clock)

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *until, struct timespec *left)
{
    struct timespec moment = flags & TIMER_ABSTIME ? put_back(until) : *until;
    return syscall(SYS_clock_nanosleep, clock, flags, &moment, left) ? errno : 0;
}

int timerfd_settime(int file, int flags, const struct itimerspec *due, struct itimerspec *before)
{
    struct itimerspec moment = *due;
    if (flags & TFD_TIMER_ABSTIME)
        moment.it_value = put_back(&due->it_value);
    return syscall(SYS_timerfd_settime, file, flags, &moment, before);
}

/* Files. */

#define TELLS(NAME, KIND, GIVEN, ...)                          \
    int NAME GIVEN                                             \
    {                                                          \
        static int(*original) GIVEN;                           \
        if (!original)                                         \
            original = (int(*) GIVEN)dlsym(RTLD_NEXT, #NAME);  \
        int failed = original(__VA_ARGS__, found);             \
        if (!failed) {                                         \
            found->st_mtim.tv_sec += ahead();                  \
            found->st_ctim.tv_sec += ahead();                  \
            found->st_atim.tv_sec += ahead();                  \
        }                                                      \
        return failed;                                         \
    }

TELLS(stat, stat, (const char *restrict path, struct stat *restrict found), path)
TELLS(lstat, stat, (const char *restrict path, struct stat *restrict found), path)
TELLS(fstat, stat, (int file, struct stat *found), file)
TELLS(stat64, stat64, (const char *restrict path, struct stat64 *restrict found), path)
TELLS(lstat64, stat64, (const char *restrict path, struct stat64 *restrict found), path)
TELLS(fstat64, stat64, (int file, struct stat64 *found), file)

#define TELLS_BESIDE(NAME, KIND)                                                            \
    int NAME(int folder, const char *restrict path, struct KIND *restrict found, int flags) \
    {                                                                                       \
        int failed = syscall(SYS_newfstatat, folder, path, found, flags);                   \
        if (!failed) {                                                                      \
            found->st_mtim.tv_sec += ahead();                                               \
            found->st_ctim.tv_sec += ahead();                                               \
            found->st_atim.tv_sec += ahead();                                               \
        }                                                                                   \
        return failed;                                                                      \
    }

TELLS_BESIDE(fstatat, stat)
TELLS_BESIDE(fstatat64, stat64)

int statx(int folder, const char *restrict path, int flags, unsigned mask,
          struct statx *restrict found)
{
    int failed = syscall(SYS_statx, folder, path, flags, mask, found);
    if (!failed) {
        found->stx_mtime.tv_sec += ahead();
        found->stx_ctime.tv_sec += ahead();
        found->stx_atime.tv_sec += ahead();
    }
    return failed;
}

int utimensat(int folder, const char *path, const struct timespec times[2], int flags)
{
    struct timespec moments[2];
    if (times) {
        moments[0] = put_back(&times[0]);
        moments[1] = put_back(&times[1]);
    }
    return syscall(SYS_utimensat, folder, path, times ? moments : NULL, flags);
}
