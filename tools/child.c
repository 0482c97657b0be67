/* child.c - this program started afresh as a child, and its messages read. SPDX-License-Identifier: MIT */

#include "child.h"
#include "ending.h"
#include "json.h"
#include "progress.h"
#include "stop.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { LINE = 1 << 20, ARGS = 16, TAIL = 4096 };

/* A child that runs, and what has come from it. */
struct running {
    const struct child *child;
    pid_t pid;
    int messages, output; /* pipes; -1 when at their end */
    char *line;           /* LINE bytes */
    size_t have;
    char tail[TAIL];
    size_t tail_have;
    int ended, nonsense;
    double heard; /* when the last message came */
};

/* The parent's environment with one entry set; only the array is to be freed. */
static char **environment(const char *set)
{
    size_t n = 0, used = 0, name = set ? strcspn(set, "=") + 1 : 0;
    while (environ[n]) n++;
    char **all = malloc((n + 2) * sizeof *all);
    for (size_t i = 0; all && i < n; i++)
        if (!set || strncmp(environ[i], set, name) != 0) all[used++] = environ[i];
    if (!all) return NULL;
    if (set) all[used++] = (char *)set;
    all[used] = NULL;
    return all;
}

static int make_pipe(int ends[2])
{
    if (pipe(ends) != 0) return 0;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return 1;
}

/* Its own process group, default signals, messages on CHILD_FD, all other output to one pipe. */
static int spawn(const struct child *c, int messages, int output, pid_t *pid)
{
    char *argv[ARGS] = {"clglu"}, **env = environment(c->set);
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t all, none;
    if (!env) return ENOMEM;
    for (int i = 1; i < ARGS - 1 && c->args[i - 1]; i++) argv[i] = (char *)c->args[i - 1];
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);
    posix_spawn_file_actions_adddup2(&files, messages, CHILD_FD);
    int code = posix_spawn(pid, "/proc/self/exe", &files, &attributes, argv, env);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    free(env);
    return code;
}

static void one_line(struct running *r, size_t length)
{
    json_t *m = json_loadb(r->line, length, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(m) && !r->ended && json_is_true(json_object_get(m, "end")))
        r->ended = 1;
    else if (!json_is_object(m) || r->ended || (r->child->message && r->child->message(m, r->child->user) != 0))
        r->nonsense = 1;
    json_decref(m);
}

static void read_messages(struct running *r)
{
    ssize_t n = read(r->messages, r->line + r->have, LINE - r->have);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        if (r->have) r->nonsense = 1;
        close(r->messages);
        r->messages = -1;
        return;
    }
    r->have += (size_t)n;
    for (char *end; !r->nonsense && (end = memchr(r->line, '\n', r->have)) != NULL;) {
        size_t length = (size_t)(end - r->line);
        r->heard = progress_now();
        one_line(r, length);
        r->have -= length + 1;
        memmove(r->line, end + 1, r->have);
    }
    if (r->have == LINE) r->nonsense = 1;
}

static void read_output(struct running *r)
{
    char piece[1024];
    ssize_t n = read(r->output, piece, sizeof piece);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        close(r->output);
        r->output = -1;
        return;
    }
    size_t over = r->tail_have + (size_t)n > TAIL ? r->tail_have + (size_t)n - TAIL : 0;
    memmove(r->tail, r->tail + over, r->tail_have - over);
    r->tail_have -= over;
    memcpy(r->tail + r->tail_have, piece, (size_t)n);
    r->tail_have += (size_t)n;
}

/* Whether it has ended; it stays a zombie, so that its group's number is not given away yet. */
static int has_ended(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

/* Reads until it has ended or talks nonsense (CHILD_GOOD so far), is silent for too long or is no longer wanted. What it has
   started in its turn may hold the pipes open: its own end counts, and what was written before that is read. */
static enum child_how listen_to(struct running *r)
{
    while (!r->nonsense) {
        int over = has_ended(r->pid);
        struct pollfd fds[2] = {{r->messages, POLLIN, 0}, {r->output, POLLIN, 0}};
        int ready = poll(fds, 2, over ? 0 : 100);
        if (ready > 0 && fds[0].revents) read_messages(r);
        if (ready > 0 && fds[1].revents) read_output(r);
        if (over && ready <= 0) return CHILD_GOOD;
        if (r->messages < 0 && r->output < 0 && !over) nanosleep(&(struct timespec){0, 20000000}, NULL);
        if (!over && progress_now() > r->heard + r->child->seconds) return CHILD_TIMED_OUT;
        if (!over && stop_asked()) return CHILD_STOPPED;
        if (r->child->tick) r->child->tick(r->child->user);
    }
    return CHILD_GOOD;
}

static void judge(const struct running *r, enum child_how how, int status, struct child_end *end)
{
    end->how = how;
    if (how != CHILD_GOOD)
        end->silent = progress_now() - r->heard;
    else if (r->nonsense)
        end->how = CHILD_NONSENSE;
    else if (WIFSIGNALED(status))
        end->how = CHILD_CRASHED;
    else if (WEXITSTATUS(status) != 0 || !r->ended)
        end->how = CHILD_EXITED;
    end->number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    char tail[TAIL + 1];
    size_t skip = r->tail_have > sizeof end->said - 1 ? r->tail_have - (sizeof end->said - 1) : 0;
    memcpy(tail, r->tail + skip, r->tail_have - skip);
    tail[r->tail_have - skip] = 0;
    text_clean(end->said, sizeof end->said, tail, 0);
}

void child_run(const struct child *c, struct child_end *end)
{
    int messages[2] = {-1, -1}, output[2] = {-1, -1}, status = 0;
    struct running *r = calloc(1, sizeof *r);
    double start = progress_now();
    *end = (struct child_end){.how = CHILD_NOT_STARTED};
    if (r && (r->line = malloc(LINE)) && make_pipe(messages) && make_pipe(output)) {
        r->child = c;
        r->messages = messages[0];
        r->output = output[0];
        sigset_t all, old;
        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, &old);
        int code = spawn(c, messages[1], output[1], &r->pid);
        if (code == 0) ending_child(r->pid);
        sigprocmask(SIG_SETMASK, &old, NULL);
        close(messages[1]);
        close(output[1]);
        if (code == 0) {
            r->heard = start;
            enum child_how how = listen_to(r);
            kill(-r->pid, SIGKILL);
            ending_child(0);
            while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR) {}
            judge(r, how, status, end);
        }
        if (r->messages >= 0) close(r->messages);
        if (r->output >= 0) close(r->output);
    }
    end->seconds = progress_now() - start;
    if (r) free(r->line);
    free(r);
}

void child_words(const struct child_end *e, char *out, size_t size)
{
    const char *signal_name = e->how == CHILD_CRASHED ? strsignal(e->number) : "";
    switch (e->how) {
    case CHILD_GOOD:
        snprintf(out, size, "%s", "");
        break;
    case CHILD_NOT_STARTED:
        snprintf(out, size, "no process could be started");
        break;
    case CHILD_EXITED:
        snprintf(out, size, "ended early with exit status %d", e->number);
        break;
    case CHILD_CRASHED:
        snprintf(out, size, "crashed (%s)", signal_name ? signal_name : "a signal");
        break;
    case CHILD_TIMED_OUT:
        snprintf(out, size, "was killed after %.0f s without a word", e->silent);
        break;
    case CHILD_NONSENSE:
        snprintf(out, size, "answered nonsense");
        break;
    case CHILD_STOPPED:
        snprintf(out, size, "was stopped");
        break;
    }
}

void child_tell(json_t *message)
{
    char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
    int fd = fcntl(CHILD_FD, F_GETFD) >= 0 ? CHILD_FD : STDOUT_FILENO;
    json_decref(message);
    if (!text) _exit(5);
    size_t size = strlen(text), done = 0;
    text[size++] = '\n';
    while (done < size) {
        ssize_t n = write(fd, text + done, size - done);
        if (n < 0 && errno != EINTR) _exit(5);
        if (n > 0) done += (size_t)n;
    }
    free(text);
}

void child_step(const char *text) { child_tell(json_pack("{s:o}", "step", json_text(text))); }
void child_done(void) { child_tell(json_pack("{s:b}", "end", 1)); }
