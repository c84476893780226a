"""Host and join from a game in Python 3.8 or newer, by the program `sallyport sidecar` beside it. No dependency. MIT licence.

    import sallyport
    with sallyport.Sidecar(master="sallyport://198.51.100.7:8430/#KEY") as net:    # or fake=True: no network, no server
        code = net.host("30000")                        # the game listens on UDP 30000; friends type the code
        address = net.join("K7TQ9-RBWXM")               # the game connects to address, like ("127.0.0.1", 30000)

Whatever goes wrong is a sallyport.Error with code, what, hint and retryable. Calls block: give them a thread, or use `begin`, which
answers a concurrent.futures.Future to look at once a frame. docs/interface.md has all commands and what they answer.
"""

import concurrent.futures
import http.client
import json
import os
import shutil
import subprocess
import tempfile
import time

START_SECONDS = 20  # a slow disk and a cold start


class Error(Exception):
    """`code` is one of docs/library.md and docs/interface.md, or NO_SIDECAR or SIDECAR_GONE; `hint` says what to do."""

    def __init__(self, code, what, hint, retryable=False):
        super().__init__("%s: %s %s" % (code, what, hint))
        self.code, self.what, self.hint, self.retryable = code, what, hint, retryable


class Sidecar:
    """One sidecar; it ends with this object, and with this process however that ends."""

    def __init__(self, master=None, fake=False, fake_nat=None, fake_port=None, state_dir=None, program=None, token_file=None):
        """Starts one, or with token_file uses the one that has written it. Raises Error NO_SIDECAR where none comes up."""
        self._process = None
        self._pool = concurrent.futures.ThreadPoolExecutor(max_workers=4, thread_name_prefix="sallyport")
        if token_file is not None:
            self._read(token_file)
            return
        words = [program or os.environ.get("SALLYPORT") or "sallyport", "sidecar", "--quiet", "--with-pid", str(os.getpid())]
        words += ["--fake"] if fake else []
        words += ["--fake-nat", fake_nat] if fake and fake_nat else []
        words += ["--fake-port", str(fake_port)] if fake and fake_port else []
        words += ["--master", master] if master and not fake else []
        words += ["--state-dir", state_dir] if state_dir else []
        # Nobody else can put a file in there before the sidecar does.
        folder = tempfile.mkdtemp(prefix="sallyport-")
        try:
            self._start(words, os.path.join(folder, "token.json"))
        except Error:
            self.close()
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _start(self, words, token_file):
        hint = 'Run "sallyport sidecar" in a terminal: it says why. Is the program named by SALLYPORT or program=?'
        try:
            self._process = subprocess.Popen(words + ["--token-file", token_file], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        except OSError as problem:
            raise Error("NO_SIDECAR", "The sidecar could not be started: %s." % problem, hint)
        until = time.monotonic() + START_SECONDS
        while not os.path.exists(token_file):
            if self._process.poll() is not None or time.monotonic() > until:
                raise Error("NO_SIDECAR", "The sidecar has not come up.", hint)
            time.sleep(0.01)
        self._read(token_file)

    def _read(self, token_file):
        with open(token_file, encoding="utf-8") as file:
            told = json.load(file)
        self._port, self._token = int(told["url"].rsplit(":", 1)[1]), told["token"]

    def call(self, command, **fields):
        """Any command of /v1; answers its JSON as a dictionary, raises Error."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port)
        headers = {"Authorization": "Bearer " + self._token, "Content-Type": "application/json"}
        try:
            connection.request("POST", "/v1/" + command, json.dumps(fields), headers)
            answer = json.loads(connection.getresponse().read())
        except (OSError, ValueError, http.client.HTTPException) as problem:
            raise Error("SIDECAR_GONE", "The sidecar does not answer: %s." % problem, "Start it anew; hosting and joins have ended with it.", True)
        finally:
            connection.close()
        if not answer["ok"]:
            error = answer["error"]
            raise Error(error["code"], error["what"], error["hint"], error["retryable"])
        return answer

    def begin(self, method, *words, **fields):
        """The same without waiting: `future = net.begin(net.join, code)`; look at future.done() once a frame, then future.result()."""
        return self._pool.submit(method, *words, **fields)

    def host(self, services, **fields):
        """services: "30000", "64738/udp+tcp", "2456-2457"; fields: name, password, public, ask, playersMax. Answers the join code."""
        return self.call("host", services=str(services), **fields)["code"]

    def join(self, code, wait_seconds=60.0, **fields):
        """fields: password, localPort, name. Answers where the game connects to: (address, port) of the host's first service."""
        answer = self.call("join", target=code, waitMs=int(wait_seconds * 1000), **fields)
        if not answer["local"]:
            raise Error("GAVE_UP", "There is no path yet.", "It goes on: look at it by stats(), or end it by leave().", True)
        address, port = answer["local"].rsplit(":", 1)
        return address, int(port)

    def list(self):
        return self.call("list")["servers"]

    def check(self):
        """The own network: type, verdict and more."""
        return self.call("check")["profile"]

    def stats(self):
        """`joins` and `friends`, each with its figures."""
        return self.call("stats")

    def paths(self):
        return self.call("paths")["connections"]

    def kick(self, friend):
        self.call("kick", friend=friend)

    def ban(self, friend, network=False):
        self.call("ban", friend=friend, network=network)

    def leave(self, join):
        self.call("abort", join=join)

    def unhost(self):
        self.call("unhost")

    def close(self):
        """Ends hosting, joins and the sidecar."""
        if self._process is not None:
            try:
                self.call("quit")
                self._process.wait(10)
            except (Error, AttributeError, subprocess.TimeoutExpired):
                self._process.kill()
                self._process.wait()
            self._process = None
        self._pool.shutdown(wait=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
