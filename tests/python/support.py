"""memcached servers, and others, for the tests; each test program has its own."""

import copy
import ctypes
import glob
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

PR_SET_PDEATHSIG = 1


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Memcached:
    """A server on a socket path, or with port=True on a port of 127.0.0.1."""

    def __init__(self, *options, port=False):
        if shutil.which("memcached") is None:
            print("memcached is missing")
            sys.exit(77)
        self.options = options
        self.folder = tempfile.mkdtemp(prefix="omcache-python-")
        if port:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.where = ["-l", "127.0.0.1", "-p", str(probe.getsockname()[1])]
            self.address = "127.0.0.1:" + self.where[-1]
        else:
            self.address = os.path.join(self.folder, "m")
            self.where = ["-s", self.address]
        self.start()

    def start(self):
        user = ["-u", "root"] if os.getuid() == 0 else []
        command = ["memcached", *user, *self.where, "-t", "1", *self.options]
        self.process = subprocess.Popen(command, preexec_fn=_die_with_parent)
        for _ in range(1000):
            try:
                self.connect().close()
                return
            except OSError:
                time.sleep(0.01)
        raise AssertionError("memcached does not listen")

    def connect(self):
        """A raw connection."""
        if self.address.startswith("/"):
            raw = socket.socket(socket.AF_UNIX)
            try:
                raw.connect(self.address)
            except OSError:
                raw.close()
                raise
            return raw
        host, port = self.address.split(":")
        return socket.create_connection((host, int(port)))

    def ask(self, words):
        """The first answer to a command of the text protocol."""
        with self.connect() as raw:
            raw.sendall(words)
            return raw.recv(65536)

    def pause(self):
        """Stops all of it; that takes a moment."""
        self.process.send_signal(signal.SIGSTOP)
        for task in glob.glob("/proc/%d/task/*/stat" % self.process.pid):
            while True:
                with open(task) as stat:
                    if stat.read().rsplit(")", 1)[1].split()[0] == "T":
                        break
                time.sleep(0.001)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Listener:
    """Accepts connections and keeps what is sent there, answering nothing."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        kept = []
        while True:
            try:
                kept.append(self.socket.accept()[0])
            except OSError:
                return
            self.connections += 1

    def stop(self):
        self.socket.close()


class Sparing:
    """Speaks meta as memcached 1.6.40 does, as far as fetches need it: a value that the client has
    is not sent to it.  `sent` counts the bytes of those that are."""

    def __init__(self, was_hit=1, has_cas=True):
        self.was_hit = was_hit
        self.has_cas = has_cas
        self.sent = 0
        self.items = {}
        self.connections = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                raw = self.socket.accept()[0]
            except OSError:
                return
            self.connections.append(raw)
            threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw):
        with raw, raw.makefile("rwb") as file:
            for line in file:
                command, *words = line.decode("latin-1").split()
                if command in ("mn", "version"):
                    file.write(b"MN\r\n" if command == "mn" else b"VERSION 1.6.40\r\n")
                elif command == "ms":
                    value = file.read(int(words[1]) + 2)[:-2]
                    self.items[words[0]] = (value, len(self.items) + 100)
                    file.write(self._line("HD", words[2:], words[0], self.items[words[0]]))
                elif command == "md":
                    self.items.pop(words[0], None)
                    file.write(self._line("HD", words[1:], words[0], (b"", 0)))
                else:
                    file.write(self._get(words[0], words[1:]))
                file.flush()

    def _get(self, key, flags):
        item = self.items.get(key)
        if item is None and not any(flag[0] == "N" for flag in flags):
            return b"EN\r\n"
        if item is None:
            self.items[key] = (b"", 1)
            return b"VA 0" + self._line("", flags, key, (b"", 1))[:-2] + b" W\r\n\r\n"
        if "C%d" % item[1] in flags:
            return self._line("HD", flags, key, item)
        self.sent += len(item[0])
        return b"VA %d" % len(item[0]) + self._line("", flags, key, item) + item[0] + b"\r\n"

    def _line(self, status, flags, key, item):
        cas = item[1] if self.has_cas else 0
        told = {"k": key, "c": cas, "f": 0, "t": 50, "h": self.was_hit}
        words = [flag + str(told.get(flag, "")) for flag in flags if flag[0] in "Okcfth"]
        return " ".join([status, *words]).encode("latin-1") + b"\r\n"

    def hang_up(self):
        for raw in self.connections:
            raw.shutdown(socket.SHUT_RDWR)
        self.connections = []

    def stop(self):
        self.socket.close()


class OddVersions:
    """Speaks text, has no keys, and after its first answer a version that is not UTF-8."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        connection = self.socket.accept()[0]
        version = b"1.6.18"
        for line in connection.makefile("rb"):
            if line.startswith(b"version"):
                connection.sendall(b"VERSION " + version + b"\r\n")
                version = b"\xff\xfe"
            else:
                connection.sendall(b"END\r\n")

    def stop(self):
        self.socket.close()


class TestCase(unittest.TestCase):
    """One with a server, or several, for all of its tests."""

    SERVERS = 1
    OPTIONS = ()
    PORT = False

    @classmethod
    def setUpClass(cls):
        cls.memcached = [
            Memcached(*cls.OPTIONS, port=cls.PORT) for _ in range(cls.SERVERS)
        ]
        cls.addresses = [server.address for server in cls.memcached]

    @classmethod
    def tearDownClass(cls):
        for server in cls.memcached:
            server.stop()

    def setUp(self):
        for server in self.memcached:
            server.ask(b"flush_all\r\n")

    def assert_is_not_copied(self, owner, words):
        """Whatever wants to have a second one is told so, in these words."""
        ways = [copy.copy, copy.deepcopy, lambda one: copy.deepcopy([one])]
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            ways.append(lambda one, protocol=protocol: pickle.dumps(one, protocol))
        for way in ways:
            with self.assertRaisesRegex(TypeError, words):
                way(owner)


def main():
    unittest.main(verbosity=2)
