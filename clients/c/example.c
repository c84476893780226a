/*
 * A game of two players in the terminal: the friend guesses a thousand times over UDP, and the host answers. It shows all that a game has to do: start, host or join, then its own sockets as ever.
 *
 *     cc -o example example.c && ./example host            prints the code
 *     ./example join CODE
 * Behind it come the words of the options: --fake, --master LINK, --fake-port N, --fake-nat CLASS, --token-file FILE.
 */
#define SALLYPORT_IMPLEMENTATION
#include "sallyport.h"

#define ROUNDS 1000
#define VOLLEY 32

static int say(const sallyport *s) {
  const sallyport_error *e = sallyport_last_error(s);
  printf("error %s retryable=%d %s | %s\n", e->code, e->retryable, e->what, e->hint);
  return 1;
}

static int open_udp(struct sockaddr_in *own) {
  socklen_t size = sizeof *own;
  int game = socket(AF_INET, SOCK_DGRAM, 0);
  memset(own, 0, sizeof *own);
  own->sin_family = AF_INET;
  own->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bind(game, (struct sockaddr *)own, sizeof *own);
  getsockname(game, (struct sockaddr *)own, &size);
  return game;
}

/* The server of the game: it answers each guess. Nothing in here knows of sallyport. */
static void serve(int game) {
  char guess[64];
  struct sockaddr_in from;
  for (;;) {
    socklen_t size = sizeof from;
    long n = (long)recvfrom(game, guess, sizeof guess - 1, 0, (struct sockaddr *)&from, &size);
    if (n <= 0) continue;
    guess[n] = 0;
    if (strcmp(guess, "bye") == 0) return;
    sendto(game, guess, (size_t)n, 0, (struct sockaddr *)&from, size);
  }
}

/*
 * The client of the game: guesses until each of its thousand has been answered, a volley at a time, as a game sends its moves without
 * waiting. UDP may lose one, so what has no answer is asked again.
 */
static int play(int game, const char *local) {
  static char answered[ROUNDS];
  struct sockaddr_in to;
  char text[64];
  int volley, round, count = 0;
  memset(&to, 0, sizeof to);
  to.sin_family = AF_INET;
  snprintf(text, sizeof text, "%s", local);
  to.sin_port = htons((unsigned short)atoi(strchr(text, ':') + 1));
  *strchr(text, ':') = 0;
  inet_pton(AF_INET, text, &to.sin_addr);
  for (volley = 0; volley < 1000 && count < ROUNDS; volley++) {
    int sent = 0, heard = 0;
    for (round = 0; round < ROUNDS && sent < VOLLEY; round++) {
      if (answered[round]) continue;
      sprintf(text, "guess %d", round);
      sendto(game, text, strlen(text), 0, (struct sockaddr *)&to, sizeof to);
      sent++;
    }
    while (heard < sent) {
      struct timeval wait = {0, 200000};
      fd_set set;
      long n;
      FD_ZERO(&set);
      FD_SET(game, &set);
      if (select(game + 1, &set, NULL, NULL, &wait) <= 0) break;
      n = (long)recv(game, text, sizeof text - 1, 0);
      text[n > 0 ? n : 0] = 0;
      if (sscanf(text, "guess %d", &round) != 1 || round < 0 || round >= ROUNDS || answered[round]) continue;
      answered[round] = 1;
      heard++;
      count++;
    }
  }
  for (round = 0; round < 10; round++) sendto(game, "bye", 3, 0, (struct sockaddr *)&to, sizeof to);
  printf("answered %d of %d\n", count, ROUNDS);
  return count == ROUNDS ? 0 : 1;
}

static int host(sallyport *s) {
  struct sockaddr_in own;
  int game = open_udp(&own);
  char services[16], code[32];
  sprintf(services, "%d", ntohs(own.sin_port));
  if (!sallyport_host(s, services, code, sizeof code)) return say(s);
  printf("code %s\n", code);
  fflush(stdout);
  serve(game);
  close(game);
  return 0;
}

/* By polling, as a game does that draws its frames meanwhile. */
static int join(sallyport *s, const char *code) {
  struct sockaddr_in own;
  char local[64];
  int game, result, frames = 0;
  if (!sallyport_begin_join(s, code, 60000)) return say(s);
  while ((result = sallyport_poll(s)) == SALLYPORT_BUSY) {
    struct timespec frame = {0, 16 * 1000 * 1000};
    nanosleep(&frame, NULL);
    frames++;
  }
  if (result != SALLYPORT_DONE || !sallyport_text(sallyport_answer(s), "local", local, sizeof local)) return say(s);
  printf("local %s after %d frames\n", local, frames);
  game = open_udp(&own);
  result = play(game, local);
  close(game);
  return result;
}

int main(int count, char **words) {
  sallyport_options options;
  sallyport *s;
  int n, result = 0;
  memset(&options, 0, sizeof options);
  for (n = 1; n < count; n++) {
    if (strcmp(words[n], "--fake") == 0) options.fake = 1;
    if (n + 1 == count) continue;
    if (strcmp(words[n], "--master") == 0) options.master = words[n + 1];
    if (strcmp(words[n], "--fake-port") == 0) options.fake_port = atoi(words[n + 1]);
    if (strcmp(words[n], "--fake-nat") == 0) options.fake_nat = words[n + 1];
    if (strcmp(words[n], "--token-file") == 0) options.token_file = words[n + 1];
  }
  s = sallyport_start(&options);
  if (!s) return 1;
  if (count > 1 && strcmp(words[1], "host") == 0) result = host(s);
  else if (count > 2 && strcmp(words[1], "join") == 0) result = join(s, words[2]);
  else if (count > 2 && strcmp(words[1], "errors") == 0) {
    /* Joins each of the words in turn and says what came of it. */
    char local[64];
    for (n = 2; n < count && words[n][0] != '-'; n++)
      if (sallyport_join(s, words[n], 60000, local, sizeof local)) printf("joined %s\n", local);
      else say(s);
  } else
    result = 2;
  sallyport_close(s);
  return result;
}
