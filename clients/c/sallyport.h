/*
 * sallyport.h: host and join from a game in C99 or C++, by the program `sallyport sidecar` beside it. MIT licence.
 *
 * In ONE source file, before anything else is included:
 *     #define SALLYPORT_IMPLEMENTATION
 *     #include "sallyport.h"
 * Elsewhere only include it. On Windows link with ws2_32.
 *
 * Blocking, as from a thread or a menu:
 *     sallyport_options options = {0};
 *     options.master = "sallyport://198.51.100.7:8430/#KEY";      (or options.fake = 1: no network, no server)
 *     sallyport *s = sallyport_start(&options);
 *     char code[32], local[64];
 *     if (sallyport_host(s, "30000", code, sizeof code)) ...                       the game listens on UDP 30000; friends type the code
 *     if (sallyport_join(s, "K7TQ9-RBWXM", 60000, local, sizeof local)) ...        the game connects to local, like "127.0.0.1:30000"
 *     sallyport_close(s);
 * Polling, once a frame: sallyport_begin_host or sallyport_begin_join, then sallyport_poll until it is not SALLYPORT_BUSY.
 * Every call that has failed left its reason in sallyport_last_error. One command at a time; one thread at a time.
 */
#ifndef SALLYPORT_H
#define SALLYPORT_H

#if defined(SALLYPORT_IMPLEMENTATION) && !defined(_WIN32) && !defined(_POSIX_C_SOURCE) && !defined(_GNU_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sallyport sallyport;

/* All may be left zero but one of master, fake and token_file. */
typedef struct {
  const char *program;    /* default: $SALLYPORT, or "sallyport" of the path */
  const char *master;     /* link of the masterserver; default: $SALLYPORT_MASTER */
  const char *state_dir;  /* keep the key there: the same code each time; default: nothing is written */
  int fake;               /* 1: an internet in memory that all fake sidecars of this computer share */
  const char *fake_nat;   /* the NAT to be behind there, such as "P3" or "S4" */
  int fake_port;          /* another world than that of 8439 */
  const char *token_file; /* do not start a sidecar, use the one that has written this */
} sallyport_options;

typedef struct {
  char code[40];  /* such as "CODE_UNKNOWN"; of this file: NO_SIDECAR, SIDECAR_GONE, TOO_LONG, BUSY; "" = none */
  char what[256]; /* what happened */
  char hint[256]; /* what to do */
  int retryable;  /* trying again may help without anything changed */
} sallyport_error;

enum { SALLYPORT_FAILED = -1, SALLYPORT_BUSY = 0, SALLYPORT_DONE = 1, SALLYPORT_IDLE = 2 };

/* Starts the sidecar and returns at once; NULL only without memory. It ends with this process, however that ends. */
sallyport *sallyport_start(const sallyport_options *options);
/* Ends hosting, joins and the sidecar, and frees the handle. */
void sallyport_close(sallyport *s);
const sallyport_error *sallyport_last_error(const sallyport *s);

/* Polling. begin: 1, or 0 where a command is under way or the body does not fit. poll: one of SALLYPORT_*, never waits. */
int sallyport_begin(sallyport *s, const char *command, const char *json_body);
int sallyport_begin_host(sallyport *s, const char *services);
int sallyport_begin_join(sallyport *s, const char *code, int wait_ms);
int sallyport_poll(sallyport *s);
/* The JSON that the last command was answered by; valid until the next one. */
const char *sallyport_answer(const sallyport *s);

/* Blocking: 1 done, 0 failed. `docs/interface.md` has all commands and what they answer. */
int sallyport_call(sallyport *s, const char *command, const char *json_body);
/* services: "30000", "64738/udp+tcp", "2456-2457" */
int sallyport_host(sallyport *s, const char *services, char *code, size_t code_size);
int sallyport_join(sallyport *s, const char *code, int wait_ms, char *local, size_t local_size);
int sallyport_list(sallyport *s);  /* answer: servers[] */
int sallyport_check(sallyport *s); /* answer: profile */
int sallyport_stats(sallyport *s); /* answer: joins[], friends[] */
int sallyport_paths(sallyport *s); /* answer: connections[] */
int sallyport_kick(sallyport *s, const char *friend_id);
int sallyport_ban(sallyport *s, const char *friend_id);
int sallyport_leave(sallyport *s, int join);
int sallyport_unhost(sallyport *s);

/* A value of a JSON text by its place, like "joins.0.figures.rttMs": 1, or 0 where it is not there or does not fit. */
int sallyport_text(const char *json, const char *place, char *to, size_t size);
int sallyport_number(const char *json, const char *place, double *to);
/* "text" with everything escaped that JSON wants escaped; 0 where it does not fit. */
int sallyport_quote(const char *text, char *to, size_t size);

#ifdef __cplusplus
}
#endif
#endif /* SALLYPORT_H */

#ifdef SALLYPORT_IMPLEMENTATION
#ifndef SALLYPORT_IMPLEMENTED
#define SALLYPORT_IMPLEMENTED

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef _WIN32
#include <winsock2.h>
#include <windows.h>
typedef SOCKET sp__socket;
#define SP__NO_SOCKET INVALID_SOCKET
#define sp__close_socket closesocket
#else
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
typedef int sp__socket;
#define SP__NO_SOCKET (-1)
#define sp__close_socket close
#endif
#ifdef MSG_NOSIGNAL
#define SP__SEND_FLAGS MSG_NOSIGNAL
#else
#define SP__SEND_FLAGS 0
#endif

enum {
  SP__BODY_MAX = 8192,
  SP__REQUEST_MAX = SP__BODY_MAX + 1024,
  SP__ANSWER_MAX = 4 * 1024 * 1024, /* a list of some thousand servers */
  SP__START_SECONDS = 20            /* a slow disk and a cold start */
};

enum { SP__NEW, SP__STARTING, SP__IDLE, SP__CONNECTING, SP__SENDING, SP__READING, SP__BROKEN };

struct sallyport {
  int state;
  int pending; /* a command waits for the sidecar to be there */
  int owns;    /* the sidecar is ours */
  int port;
  char token[160];
  char folder[512];
  char file[544];
  char request[SP__REQUEST_MAX];
  char command[32];
  char body[SP__BODY_MAX];
  size_t request_size, request_sent;
  char *answer;
  size_t answer_size, answer_room;
  const char *json;
  sp__socket socket;
  time_t began;
  sallyport_error error;
#ifdef _WIN32
  HANDLE process;
#else
  pid_t process;
#endif
};

static void sp__copy(char *to, size_t size, const char *from) {
  size_t n = strlen(from);
  if (n >= size) n = size - 1;
  memcpy(to, from, n);
  to[n] = 0;
}

static int sp__fail(sallyport *s, const char *code, const char *what, const char *hint, int retryable) {
  sp__copy(s->error.code, sizeof s->error.code, code);
  sp__copy(s->error.what, sizeof s->error.what, what);
  sp__copy(s->error.hint, sizeof s->error.hint, hint);
  s->error.retryable = retryable;
  return SALLYPORT_FAILED;
}

/* ---- JSON: only what is needed to pick a value out of an answer ---- */

static const char *sp__space(const char *p) {
  while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r') p++;
  return p;
}

static const char *sp__string_end(const char *p) {
  for (p++; *p && *p != '"'; p++)
    if (*p == '\\' && p[1]) p++;
  return *p ? p + 1 : p;
}

/* Behind the value that begins at p. */
static const char *sp__value_end(const char *p) {
  int depth = 0;
  for (;;) {
    if (*p == 0) return p;
    if (*p == '"') {
      p = sp__string_end(p);
      if (depth == 0) return p;
      continue;
    }
    if (*p == '{' || *p == '[') depth++;
    if (*p == '}' || *p == ']') {
      if (depth == 0) return p;
      if (--depth == 0) return p + 1;
    }
    if (depth == 0 && (*p == ',' || *p == ' ' || *p == '\n')) return p;
    p++;
  }
}

static const char *sp__member(const char *p, const char *name, size_t length) {
  p = sp__space(p);
  if (*p == '[') {
    long index = 0, n;
    char *end;
    n = strtol(name, &end, 10);
    if (end != name + length) return NULL;
    p = sp__space(p + 1);
    for (; *p && *p != ']'; index++) {
      if (index == n) return p;
      p = sp__space(sp__value_end(p));
      if (*p == ',') p = sp__space(p + 1);
    }
    return NULL;
  }
  if (*p != '{') return NULL;
  p = sp__space(p + 1);
  while (*p == '"') {
    const char *key = p + 1;
    p = sp__string_end(p);
    {
      int same = (size_t)(p - key - 1) == length && strncmp(key, name, length) == 0;
      p = sp__space(p);
      if (*p != ':') return NULL;
      p = sp__space(p + 1);
      if (same) return p;
    }
    p = sp__space(sp__value_end(p));
    if (*p == ',') p = sp__space(p + 1);
  }
  return NULL;
}

static const char *sp__find(const char *json, const char *place) {
  const char *p = json;
  while (p && *place) {
    const char *dot = strchr(place, '.');
    size_t length = dot ? (size_t)(dot - place) : strlen(place);
    p = sp__member(p, place, length);
    place += length;
    if (*place == '.') place++;
  }
  return p;
}

static size_t sp__utf8(unsigned long c, char *to) {
  if (c < 0x80) return to[0] = (char)c, 1;
  if (c < 0x800) return to[0] = (char)(0xc0 | (c >> 6)), to[1] = (char)(0x80 | (c & 63)), 2;
  if (c < 0x10000)
    return to[0] = (char)(0xe0 | (c >> 12)), to[1] = (char)(0x80 | ((c >> 6) & 63)), to[2] = (char)(0x80 | (c & 63)), 3;
  to[0] = (char)(0xf0 | (c >> 18));
  to[1] = (char)(0x80 | ((c >> 12) & 63));
  to[2] = (char)(0x80 | ((c >> 6) & 63));
  to[3] = (char)(0x80 | (c & 63));
  return 4;
}

static unsigned long sp__hex4(const char *p) {
  unsigned long c = 0;
  int n;
  for (n = 0; n < 4; n++) {
    char d = p[n];
    c <<= 4;
    if (d >= '0' && d <= '9') c |= (unsigned long)(d - '0');
    else if (d >= 'a' && d <= 'f') c |= (unsigned long)(d - 'a' + 10);
    else if (d >= 'A' && d <= 'F') c |= (unsigned long)(d - 'A' + 10);
    else return 0xfffd;
  }
  return c;
}

int sallyport_text(const char *json, const char *place, char *to, size_t size) {
  const char *p = json ? sp__find(json, place) : NULL;
  size_t n = 0;
  if (!p || *p != '"' || size == 0) return 0;
  for (p++; *p && *p != '"'; p++) {
    char piece[4];
    size_t length = 1;
    piece[0] = *p;
    if (*p == '\\') {
      static const char from[] = "bfnrt", into[] = "\b\f\n\r\t";
      const char *known = p[1] ? strchr(from, p[1]) : NULL;
      p++;
      if (!*p) break;
      if (*p == 'u' && strlen(p) >= 5) {
        unsigned long c = sp__hex4(p + 1);
        p += 4;
        if (c >= 0xd800 && c < 0xdc00 && p[1] == '\\' && p[2] == 'u' && strlen(p) >= 7) {
          c = 0x10000 + ((c - 0xd800) << 10) + (sp__hex4(p + 3) & 0x3ff);
          p += 6;
        }
        length = sp__utf8(c, piece);
      } else
        piece[0] = known ? into[known - from] : *p;
    }
    if (n + length >= size) return 0;
    memcpy(to + n, piece, length);
    n += length;
  }
  to[n] = 0;
  return 1;
}

int sallyport_number(const char *json, const char *place, double *to) {
  const char *p = json ? sp__find(json, place) : NULL;
  char *end;
  if (!p || (*p != '-' && (*p < '0' || *p > '9'))) return 0;
  *to = strtod(p, &end);
  return 1;
}

int sallyport_quote(const char *text, char *to, size_t size) {
  size_t n = 0;
  if (size < 3) return 0;
  to[n++] = '"';
  for (; *text; text++) {
    unsigned char c = (unsigned char)*text;
    if (n + 8 > size) return 0;
    if (c == '"' || c == '\\') to[n++] = '\\', to[n++] = (char)c;
    else if (c < 0x20) n += (size_t)sprintf(to + n, "\\u%04x", c);
    else to[n++] = (char)c;
  }
  if (n + 2 > size) return 0;
  to[n++] = '"';
  to[n] = 0;
  return 1;
}

/* ---- the sidecar's process ---- */

static int sp__words(const sallyport *s, const sallyport_options *o, const char **words, char *pid, char *fake_port) {
  const char *program = o->program ? o->program : getenv("SALLYPORT");
  int n = 0;
  words[n++] = program && *program ? program : "sallyport";
  words[n++] = "sidecar";
  words[n++] = "--token-file";
  words[n++] = s->file;
  words[n++] = "--with-pid";
  words[n++] = pid;
  words[n++] = "--quiet";
  if (o->fake) words[n++] = "--fake";
  if (o->fake && o->fake_nat) words[n++] = "--fake-nat", words[n++] = o->fake_nat;
  if (o->fake && o->fake_port) {
    sprintf(fake_port, "%d", o->fake_port);
    words[n++] = "--fake-port";
    words[n++] = fake_port;
  }
  if (!o->fake && o->master) words[n++] = "--master", words[n++] = o->master;
  if (o->state_dir) words[n++] = "--state-dir", words[n++] = o->state_dir;
  words[n] = NULL;
  return n;
}

#ifdef _WIN32

static int sp__folder(sallyport *s) {
  char temp[MAX_PATH + 1], file[MAX_PATH + 1];
  if (!GetTempPathA(sizeof temp, temp) || !GetTempFileNameA(temp, "spt", 0, file)) return 0;
  DeleteFileA(file);
  if (!CreateDirectoryA(file, NULL)) return 0;
  sp__copy(s->folder, sizeof s->folder, file);
  sprintf(s->file, "%s\\token.json", s->folder);
  return 1;
}

static void sp__tidy(sallyport *s) {
  if (!s->folder[0]) return;
  DeleteFileA(s->file);
  RemoveDirectoryA(s->folder);
  s->folder[0] = 0;
}

/* Quoted as CommandLineToArgvW reads it; no word of ours ends with a backslash or holds a quotation mark but paths of the user. */
static int sp__spawn(sallyport *s, const sallyport_options *o) {
  const char *words[20];
  char pid[24], fake_port[16], line[4096] = "";
  STARTUPINFOA startup;
  PROCESS_INFORMATION made;
  int n, count;
  sprintf(pid, "%lu", GetCurrentProcessId());
  count = sp__words(s, o, words, pid, fake_port);
  for (n = 0; n < count; n++) {
    if (strlen(line) + strlen(words[n]) + 4 > sizeof line || strchr(words[n], '"')) return 0;
    strcat(line, n ? " \"" : "\"");
    strcat(line, words[n]);
    strcat(line, "\"");
  }
  memset(&startup, 0, sizeof startup);
  startup.cb = sizeof startup;
  if (!CreateProcessA(NULL, line, NULL, NULL, FALSE, CREATE_NO_WINDOW, NULL, NULL, &startup, &made)) return 0;
  CloseHandle(made.hThread);
  s->process = made.hProcess;
  return 1;
}

static int sp__ended(sallyport *s) {
  if (!s->process || WaitForSingleObject(s->process, 0) != WAIT_OBJECT_0) return !s->process;
  CloseHandle(s->process);
  s->process = NULL;
  return 1;
}

static void sp__pause(void) { Sleep(5); }
static int sp__would_block(void) { return WSAGetLastError() == WSAEWOULDBLOCK; }
static int sp__connecting(void) { return WSAGetLastError() == WSAEWOULDBLOCK; }
static void sp__no_blocking(sp__socket socket) {
  u_long on = 1;
  ioctlsocket(socket, FIONBIO, &on);
}
static void sp__network(void) {
  WSADATA data;
  WSAStartup(MAKEWORD(2, 2), &data);
}

#else

static int sp__folder(sallyport *s) {
  const char *temp = getenv("TMPDIR");
  if (!temp || !*temp || strlen(temp) > 400) temp = "/tmp";
  /* Nobody else can put a file in there before the sidecar does. */
  sprintf(s->folder, "%s/sallyport-XXXXXX", temp);
  if (!mkdtemp(s->folder)) {
    s->folder[0] = 0;
    return 0;
  }
  sprintf(s->file, "%s/token.json", s->folder);
  return 1;
}

static void sp__tidy(sallyport *s) {
  if (!s->folder[0]) return;
  unlink(s->file);
  rmdir(s->folder);
  s->folder[0] = 0;
}

static int sp__spawn(sallyport *s, const sallyport_options *o) {
  const char *words[20];
  char pid[24], fake_port[16];
  sprintf(pid, "%ld", (long)getpid());
  sp__words(s, o, words, pid, fake_port);
  s->process = fork();
  if (s->process == 0) {
    int nothing = open("/dev/null", O_RDWR);
    if (nothing >= 0) {
      dup2(nothing, 0);
      dup2(nothing, 1);
    }
    execvp(words[0], (char *const *)words);
    _exit(127);
  }
  return s->process > 0;
}

static int sp__ended(sallyport *s) {
  if (s->process > 0 && waitpid(s->process, NULL, WNOHANG) == 0) return 0;
  s->process = 0;
  return 1;
}

static void sp__pause(void) {
  struct timespec rest;
  rest.tv_sec = 0;
  rest.tv_nsec = 5 * 1000 * 1000;
  nanosleep(&rest, NULL);
}
static int sp__would_block(void) { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }
static int sp__connecting(void) { return errno == EINPROGRESS; }
static void sp__no_blocking(sp__socket socket) {
  fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK);
  fcntl(socket, F_SETFD, FD_CLOEXEC);
}
static void sp__network(void) {}

#endif

sallyport *sallyport_start(const sallyport_options *options) {
  sallyport *s = (sallyport *)calloc(1, sizeof *s);
  if (!s) return NULL;
  sp__network();
  s->socket = SP__NO_SOCKET;
  s->state = SP__STARTING;
  s->began = time(NULL);
  if (options->token_file) {
    if (strlen(options->token_file) < sizeof s->file) sp__copy(s->file, sizeof s->file, options->token_file);
    return s;
  }
  s->owns = 1;
  if (!sp__folder(s) || !sp__spawn(s, options)) {
    sp__tidy(s);
    s->state = SP__BROKEN;
    sp__fail(s, "NO_SIDECAR", "The program sallyport could not be started.", "Install it, or name it by SALLYPORT or options.program.", 0);
  }
  return s;
}

/* The token file is whole from the first moment that it is there. */
static int sp__starting(sallyport *s) {
  char text[2048], url[128];
  FILE *file = fopen(s->file, "rb");
  size_t size = 0;
  if (file) {
    size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
  }
  text[size] = 0;
  if (size && sallyport_text(text, "url", url, sizeof url) && sallyport_text(text, "token", s->token, sizeof s->token) &&
      strncmp(url, "http://127.0.0.1:", 17) == 0) {
    s->port = atoi(url + 17);
    s->state = SP__IDLE;
    sp__tidy(s);
    return SALLYPORT_DONE;
  }
  if ((s->owns && sp__ended(s)) || time(NULL) - s->began > SP__START_SECONDS) {
    sp__tidy(s);
    s->state = SP__BROKEN;
    return sp__fail(s, "NO_SIDECAR", "The sidecar has not come up.", "Run \"sallyport sidecar\" in a terminal: it says why.", 0);
  }
  return SALLYPORT_BUSY;
}

/* ---- one request at a time ---- */

int sallyport_begin(sallyport *s, const char *command, const char *json_body) {
  if (s->pending || s->state == SP__CONNECTING || s->state == SP__SENDING || s->state == SP__READING) {
    sp__fail(s, "BUSY", "Another command is under way.", "Poll until it is done.", 1);
    return 0;
  }
  if (strlen(json_body) >= sizeof s->body || strlen(command) >= sizeof s->command) {
    sp__fail(s, "TOO_LONG", "The command does not fit.", "Send less.", 0);
    return 0;
  }
  if (s->state != SP__BROKEN) memset(&s->error, 0, sizeof s->error);
  sp__copy(s->command, sizeof s->command, command);
  sp__copy(s->body, sizeof s->body, json_body);
  s->pending = 1;
  return 1;
}

static int sp__over(sallyport *s, int result) {
  if (s->socket != SP__NO_SOCKET) sp__close_socket(s->socket);
  s->socket = SP__NO_SOCKET;
  s->state = SP__IDLE;
  s->pending = 0;
  return result;
}

static int sp__gone(sallyport *s) {
  sp__fail(s, "SIDECAR_GONE", "The sidecar does not answer.", "Start it anew; hosting and joins have ended with it.", 1);
  return sp__over(s, SALLYPORT_FAILED);
}

static int sp__connect(sallyport *s) {
  struct sockaddr_in to;
  s->request_size = (size_t)sprintf(s->request,
      "POST /v1/%s HTTP/1.0\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %lu\r\n\r\n%s",
      s->command, s->port, s->token, (unsigned long)strlen(s->body), s->body);
  s->request_sent = 0;
  s->answer_size = 0;
  s->json = NULL;
  s->socket = socket(AF_INET, SOCK_STREAM, 0);
  if (s->socket == SP__NO_SOCKET) return sp__gone(s);
  sp__no_blocking(s->socket);
  memset(&to, 0, sizeof to);
  to.sin_family = AF_INET;
  to.sin_port = htons((unsigned short)s->port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(s->socket, (struct sockaddr *)&to, sizeof to) != 0 && !sp__connecting()) return sp__gone(s);
  s->state = SP__CONNECTING;
  return SALLYPORT_BUSY;
}

static int sp__ready(sallyport *s, int to_write, int wait_ms) {
  fd_set set;
  struct timeval wait;
  wait.tv_sec = 0;
  wait.tv_usec = wait_ms * 1000;
  FD_ZERO(&set);
  FD_SET(s->socket, &set);
  return select((int)s->socket + 1, to_write ? NULL : &set, to_write ? &set : NULL, NULL, &wait) > 0;
}

static int sp__send(sallyport *s) {
  while (s->request_sent < s->request_size) {
    long n = (long)send(s->socket, s->request + s->request_sent, s->request_size - s->request_sent, SP__SEND_FLAGS);
    if (n < 0 && sp__would_block()) return SALLYPORT_BUSY;
    if (n <= 0) return sp__gone(s);
    s->request_sent += (size_t)n;
  }
  s->state = SP__READING;
  return SALLYPORT_BUSY;
}

static int sp__answered(sallyport *s) {
  const char *body;
  const char *ok;
  if (!s->answer) return sp__gone(s);
  s->answer[s->answer_size] = 0;
  body = strstr(s->answer, "\r\n\r\n");
  ok = body ? sp__find(body + 4, "ok") : NULL;
  if (!ok) return sp__gone(s);
  s->json = body + 4;
  if (strncmp(ok, "true", 4) == 0) return sp__over(s, SALLYPORT_DONE);
  {
    const char *retryable = sp__find(s->json, "error.retryable");
    sp__fail(s, "INTERNAL", "", "", retryable && *retryable == 't');
    sallyport_text(s->json, "error.code", s->error.code, sizeof s->error.code);
    if (!sallyport_text(s->json, "error.what", s->error.what, sizeof s->error.what)) s->error.what[0] = 0;
    if (!sallyport_text(s->json, "error.hint", s->error.hint, sizeof s->error.hint)) s->error.hint[0] = 0;
  }
  return sp__over(s, SALLYPORT_FAILED);
}

static int sp__read(sallyport *s) {
  for (;;) {
    long n;
    if (s->answer_room - s->answer_size < 4096) {
      char *more;
      if (s->answer_room >= SP__ANSWER_MAX) return sp__gone(s);
      more = (char *)realloc(s->answer, s->answer_room * 2 + 16384);
      if (!more) return sp__gone(s);
      s->answer = more;
      s->answer_room = s->answer_room * 2 + 16384;
    }
    n = (long)recv(s->socket, s->answer + s->answer_size, s->answer_room - s->answer_size - 1, 0);
    if (n < 0 && sp__would_block()) return SALLYPORT_BUSY;
    if (n < 0) return sp__gone(s);
    if (n == 0) return sp__answered(s);
    s->answer_size += (size_t)n;
  }
}

int sallyport_poll(sallyport *s) {
  int pass;
  for (pass = 0; pass < 4; pass++) {
    int result = SALLYPORT_BUSY, before = s->state;
    if (s->state == SP__BROKEN) {
      s->pending = 0;
      return SALLYPORT_FAILED;
    }
    if (s->state == SP__STARTING) {
      result = sp__starting(s);
      if (result == SALLYPORT_DONE) result = SALLYPORT_BUSY;
      if (result == SALLYPORT_BUSY && s->state == SP__STARTING) return s->pending ? SALLYPORT_BUSY : SALLYPORT_IDLE;
    } else if (s->state == SP__IDLE) {
      if (!s->pending) return SALLYPORT_IDLE;
      result = sp__connect(s);
    } else if (s->state == SP__READING)
      result = sp__read(s);
    else if (sp__ready(s, 1, 0))
      result = sp__send(s);
    if (result != SALLYPORT_BUSY) return result;
    if (s->state == before) return SALLYPORT_BUSY;
  }
  return SALLYPORT_BUSY;
}

int sallyport_call(sallyport *s, const char *command, const char *json_body) {
  if (!sallyport_begin(s, command, json_body)) return 0;
  for (;;) {
    int result = sallyport_poll(s);
    if (result != SALLYPORT_BUSY) return result == SALLYPORT_DONE;
    if (s->socket == SP__NO_SOCKET) sp__pause();
    else sp__ready(s, s->state != SP__READING, 50);
  }
}

const char *sallyport_answer(const sallyport *s) { return s->json ? s->json : "{}"; }
const sallyport_error *sallyport_last_error(const sallyport *s) { return &s->error; }

/* ---- commands ---- */

static int sp__with(sallyport *s, char *body, const char *format, const char *text) {
  char quoted[4096];
  if (!sallyport_quote(text, quoted, sizeof quoted)) {
    sp__fail(s, "TOO_LONG", "The command does not fit.", "Send less.", 0);
    return 0;
  }
  sprintf(body, format, quoted);
  return 1;
}

int sallyport_begin_host(sallyport *s, const char *services) {
  char body[SP__BODY_MAX];
  return sp__with(s, body, "{\"services\":%s}", services) && sallyport_begin(s, "host", body);
}

int sallyport_begin_join(sallyport *s, const char *code, int wait_ms) {
  char body[SP__BODY_MAX];
  if (!sp__with(s, body, "{\"target\":%s", code)) return 0;
  sprintf(body + strlen(body), ",\"waitMs\":%d}", wait_ms);
  return sallyport_begin(s, "join", body);
}

static int sp__finish(sallyport *s) {
  int result;
  while ((result = sallyport_poll(s)) == SALLYPORT_BUSY) {
    if (s->socket == SP__NO_SOCKET) sp__pause();
    else sp__ready(s, s->state != SP__READING, 50);
  }
  return result == SALLYPORT_DONE;
}

int sallyport_host(sallyport *s, const char *services, char *code, size_t code_size) {
  return sallyport_begin_host(s, services) && sp__finish(s) && sallyport_text(s->json, "code", code, code_size);
}

int sallyport_join(sallyport *s, const char *code, int wait_ms, char *local, size_t local_size) {
  if (!sallyport_begin_join(s, code, wait_ms) || !sp__finish(s)) return 0;
  if (sallyport_text(s->json, "local", local, local_size) && *local) return 1;
  sp__fail(s, "GAVE_UP", "There is no path yet.", "It goes on: look at it by sallyport_stats, or end it by sallyport_leave.", 1);
  return 0;
}

int sallyport_list(sallyport *s) { return sallyport_call(s, "list", "{}"); }
int sallyport_check(sallyport *s) { return sallyport_call(s, "check", "{}"); }
int sallyport_stats(sallyport *s) { return sallyport_call(s, "stats", "{}"); }
int sallyport_paths(sallyport *s) { return sallyport_call(s, "paths", "{}"); }
int sallyport_unhost(sallyport *s) { return sallyport_call(s, "unhost", "{}"); }

int sallyport_kick(sallyport *s, const char *friend_id) {
  char body[SP__BODY_MAX];
  return sp__with(s, body, "{\"friend\":%s}", friend_id) && sallyport_call(s, "kick", body);
}

int sallyport_ban(sallyport *s, const char *friend_id) {
  char body[SP__BODY_MAX];
  return sp__with(s, body, "{\"friend\":%s,\"network\":false}", friend_id) && sallyport_call(s, "ban", body);
}

int sallyport_leave(sallyport *s, int join) {
  char body[64];
  sprintf(body, "{\"join\":%d}", join);
  return sallyport_call(s, "abort", body);
}

void sallyport_close(sallyport *s) {
  if (!s) return;
  if (s->socket != SP__NO_SOCKET) sp__over(s, SALLYPORT_IDLE);
  s->pending = 0;
  if (s->owns && s->state == SP__IDLE) sallyport_call(s, "quit", "{}");
#ifdef _WIN32
  if (s->process) {
    /* Asked to end, it says goodbye first. */
    if (WaitForSingleObject(s->process, s->state == SP__IDLE ? 5000 : 0) != WAIT_OBJECT_0) TerminateProcess(s->process, 1);
    CloseHandle(s->process);
  }
#else
  if (s->process > 0) {
    int n;
    if (s->state != SP__IDLE) kill(s->process, SIGTERM);
    /* Asked to end, it says goodbye first. */
    for (n = 0; n < 1000 && !sp__ended(s); n++) sp__pause();
    if (s->process > 0) {
      kill(s->process, SIGKILL);
      waitpid(s->process, NULL, 0);
    }
  }
#endif
  sp__tidy(s);
  free(s->answer);
  free(s);
}

#endif /* SALLYPORT_IMPLEMENTED */
#endif /* SALLYPORT_IMPLEMENTATION */
