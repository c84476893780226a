"""A game of two players in the terminal: the friend guesses a thousand times over UDP, and the host answers.

    python3 example.py host                 prints the code
    python3 example.py join CODE
Behind it come the words of the options: --fake, --master LINK, --fake-port N, --fake-nat CLASS, --token-file FILE.
"""

import argparse
import select
import socket
import time

import sallyport

ROUNDS = 1000
VOLLEY = 32


def serve(game):
    """The server of the game: it answers each guess. Nothing in here knows of sallyport."""
    while True:
        guess, friend = game.recvfrom(64)
        if guess == b"bye":
            return
        game.sendto(guess, friend)


def play(game, host):
    """The client: guesses a volley at a time; UDP may lose one, so what has no answer is asked again."""
    missing = {b"guess %d" % number for number in range(ROUNDS)}
    for _ in range(1000):
        volley = sorted(missing)[:VOLLEY]
        for guess in volley:
            game.sendto(guess, host)
        left = len(volley)
        while left > 0 and select.select([game], [], [], 0.2)[0]:
            answer = game.recv(64)
            if answer in missing:
                missing.discard(answer)
                left -= 1
        if not missing:
            break
    for _ in range(10):
        game.sendto(b"bye", host)
    return ROUNDS - len(missing)


def say(error):
    print("error %s retryable=%d %s | %s" % (error.code, error.retryable, error.what, error.hint), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["host", "join", "errors"])
    parser.add_argument("codes", nargs="*")
    parser.add_argument("--fake", action="store_true")
    parser.add_argument("--master")
    parser.add_argument("--fake-port", type=int)
    parser.add_argument("--fake-nat")
    parser.add_argument("--token-file")
    options = parser.parse_args()
    try:
        net = sallyport.Sidecar(options.master, options.fake, options.fake_nat, options.fake_port, token_file=options.token_file)
    except sallyport.Error as error:
        say(error)
        return 1
    game = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    game.bind(("127.0.0.1", 0))
    with net, game:
        try:
            if options.what == "host":
                print("code", net.host(game.getsockname()[1]), flush=True)
                serve(game)
                return 0
            if options.what == "join":
                joining = net.begin(net.join, options.codes[0])
                frames = 0
                while not joining.done():
                    time.sleep(0.016)
                    frames += 1
                host = joining.result()
                print("local %s:%d after %d frames" % (*host, frames), flush=True)
                answered = play(game, host)
                print("answered %d of %d" % (answered, ROUNDS))
                return 0 if answered == ROUNDS else 1
        except sallyport.Error as error:
            say(error)
            return 1
        for code in options.codes:
            try:
                print("joined %s:%d" % net.join(code))
            except sallyport.Error as error:
                say(error)
        return 0


raise SystemExit(main())
