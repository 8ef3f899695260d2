/*
 * A library to be preloaded (LD_PRELOAD) that makes a program die, or its disk fail, at a step that is chosen beforehand:
 * the same step in every run, which no signal sent from outside can hit.
 *
 * A *step* is a write to a file whose path ends with $SABOTAGE_FILE; without that variable, everything that changes a file or
 * a directory below $SABOTAGE_DIR: write, rename, link, symlink, unlink, mkdir, fsync and the like.
 *
 *   SABOTAGE_AT    the step, from 1
 *   SABOTAGE_HOW   before   the program is killed (SIGKILL) in the place of the step
 *                  torn     ... after the first half of the bytes (of a write; else as before)
 *                  after    ... when the step is done
 *                  full     this step and every further one that needs room fails with $SABOTAGE_ERRNO, or ENOSPC, a write after half
 *                           of its bytes
 *                  error    this step alone fails with EIO
 *   SABOTAGE_COUNT file to which the number of steps is written at the end, to know how many there are
 *
 * Apart from steps, a call can be refused each time that it is made, for the files that are meant as above:
 *
 *   SABOTAGE_CALL  flock, link, read, futimens or fsync
 *   SABOTAGE_ERRNO the number of the error; 0: the call never returns
 *
 * Programs that it starts are left alone: the variables are taken out of the environment.
 *
 *   cc -shared -fPIC -O1 -o saboteur.so saboteur.c
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum how { NOTHING, BEFORE, TORN, AFTER, FULL, ERROR };

static char file_suffix[PATH_MAX], directory[PATH_MAX], count_file[PATH_MAX], refused_call[PATH_MAX];
static long at, refusal;
static enum how how;
static atomic_long steps;

static void take(char *to, const char *name)
{
	const char *value = getenv(name);
	if (value)
		snprintf(to, PATH_MAX, "%s", value);
	unsetenv(name);
}

__attribute__((constructor)) static void begin(void)
{
	char text[PATH_MAX] = "";
	take(file_suffix, "SABOTAGE_FILE");
	take(directory, "SABOTAGE_DIR");
	take(count_file, "SABOTAGE_COUNT");
	take(text, "SABOTAGE_AT");
	at = atol(text);
	text[0] = 0;
	take(text, "SABOTAGE_HOW");
	const char *words[] = { "", "before", "torn", "after", "full", "error" };
	for (int i = 1; i <= ERROR; i++)
		if (strcmp(text, words[i]) == 0)
			how = i;
	take(refused_call, "SABOTAGE_CALL");
	text[0] = 0;
	take(text, "SABOTAGE_ERRNO");
	refusal = atol(text);
	unsetenv("LD_PRELOAD");
}

__attribute__((destructor)) static void end(void)
{
	if (!count_file[0])
		return;
	FILE *file = fopen(count_file, "we");
	if (file) {
		fprintf(file, "%ld\n", atomic_load(&steps));
		fclose(file);
	}
}

static int is_meant_path(const char *path)
{
	size_t length = strlen(path);
	if (file_suffix[0]) {
		size_t suffix = strlen(file_suffix);
		return length >= suffix && strcmp(path + length - suffix, file_suffix) == 0;
	}
	size_t top = strlen(directory);
	return top && strncmp(path, directory, top) == 0 && (path[top] == '/' || path[top] == 0);
}

static int is_meant_fd(int fd)
{
	char link[64], path[PATH_MAX];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t length = readlink(link, path, sizeof path - 1);
	if (length <= 0)
		return 0;
	path[length] = 0;
	return is_meant_path(path);
}

static void die(void)
{
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

/* Counts a step. 0: nothing happens to it; 1: it must not be done, errno says why; 2: die after it. */
static int step(int needs_room)
{
	if (at == 0) {
		atomic_fetch_add(&steps, 1);
		return 0;
	}
	long number = atomic_fetch_add(&steps, 1) + 1;
	if (how == FULL ? number < at || !needs_room : number != at)
		return 0;
	switch (how) {
	case BEFORE:
	case TORN:
		die();
	case AFTER:
		return 2;
	case FULL:
		errno = refusal ? refusal : ENOSPC;
		return 1;
	case ERROR:
		errno = EIO;
		return 1;
	default:
		return 0;
	}
}

/* Whether a call is refused; errno says why. */
static int is_refused(const char *call, int is_meant)
{
	if (!is_meant || strcmp(call, refused_call) != 0)
		return 0;
	while (refusal == 0)
		pause();
	errno = refusal;
	return 1;
}

#define REAL(type, name, ...)                                                              \
	static type (*real_##name)(__VA_ARGS__);                                           \
	if (!real_##name)                                                                  \
		real_##name = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *bytes, size_t length)
{
	REAL(ssize_t, write, int, const void *, size_t);
	if (!is_meant_fd(fd))
		return real_write(fd, bytes, length);
	long number = atomic_load(&steps) + 1;
	if (how == TORN && number == at) {
		real_write(fd, bytes, length / 2);
		die();
	}
	if (how == FULL && number == at && length > 1) {
		/* The last bytes that find room; whoever goes on writing learns that there is none. */
		atomic_fetch_add(&steps, 1);
		return real_write(fd, bytes, length / 2);
	}
	int what = step(1);
	if (what == 1)
		return -1;
	ssize_t written = real_write(fd, bytes, length);
	if (what == 2)
		die();
	return written;
}

/* The rest are steps of a directory; their names are not those of a single file. */
#define STEP(is_meant, needs_room, call)                                                   \
	if (file_suffix[0] || !(is_meant))                                                 \
		return call;                                                               \
	int what = step(needs_room);                                                       \
	if (what == 1)                                                                     \
		return -1;                                                                 \
	int result = call;                                                                 \
	if (what == 2)                                                                     \
		die();                                                                     \
	return result

int rename(const char *from, const char *to)
{
	REAL(int, rename, const char *, const char *);
	STEP(is_meant_path(to), 0, real_rename(from, to));
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	REAL(int, renameat, int, const char *, int, const char *);
	STEP(is_meant_path(to), 0, real_renameat(from_dir, from, to_dir, to));
}

int flock(int fd, int operation)
{
	REAL(int, flock, int, int);
	return is_refused("flock", is_meant_fd(fd)) ? -1 : real_flock(fd, operation);
}

ssize_t read(int fd, void *bytes, size_t length)
{
	REAL(ssize_t, read, int, void *, size_t);
	return is_refused("read", refused_call[0] && is_meant_fd(fd)) ? -1 : real_read(fd, bytes, length);
}

int futimens(int fd, const struct timespec times[2])
{
	REAL(int, futimens, int, const struct timespec[2]);
	return is_refused("futimens", is_meant_fd(fd)) ? -1 : real_futimens(fd, times);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	if (is_refused("link", is_meant_path(to)))
		return -1;
	REAL(int, linkat, int, const char *, int, const char *, int);
	STEP(is_meant_path(to), 1, real_linkat(from_dir, from, to_dir, to, flags));
}

int link(const char *from, const char *to)
{
	if (is_refused("link", is_meant_path(to)))
		return -1;
	REAL(int, link, const char *, const char *);
	STEP(is_meant_path(to), 1, real_link(from, to));
}

int symlink(const char *target, const char *path)
{
	REAL(int, symlink, const char *, const char *);
	STEP(is_meant_path(path), 1, real_symlink(target, path));
}

int unlink(const char *path)
{
	REAL(int, unlink, const char *);
	STEP(is_meant_path(path), 0, real_unlink(path));
}

int mkdir(const char *path, mode_t mode)
{
	REAL(int, mkdir, const char *, mode_t);
	STEP(is_meant_path(path), 1, real_mkdir(path, mode));
}

int ftruncate64(int fd, off64_t length)
{
	REAL(int, ftruncate64, int, off64_t);
	STEP(is_meant_fd(fd), 0, real_ftruncate64(fd, length));
}

int fsync(int fd)
{
	if (is_refused("fsync", is_meant_fd(fd)))
		return -1;
	REAL(int, fsync, int);
	STEP(is_meant_fd(fd), 0, real_fsync(fd));
}

int fdatasync(int fd)
{
	REAL(int, fdatasync, int);
	STEP(is_meant_fd(fd), 0, real_fdatasync(fd));
}
