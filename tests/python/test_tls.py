"""TLS and passwords, with memcached and certificates that are made by openssl."""

import asyncio
import logging
import os
import pathlib
import shutil
import ssl
import subprocess
import sys
import tempfile
import unittest

import omcache
import omcache.aio
import omcache_pylibmc
import support

if shutil.which("openssl") is None:
    print("openssl is missing")
    sys.exit(77)


try:
    omcache.Client(tls=True).close()
except omcache.InvalidError as error:
    print(error)
    sys.exit(77)


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, stderr=subprocess.DEVNULL)


class Certificates:
    """ca.pem, and server.pem with server.key, which is for 127.0.0.1; other.pem is nobody's."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="omcache-tls-")
        for name in ("ca", "other"):
            self.make(name, "-x509", "-addext", "basicConstraints=critical,CA:TRUE")
        self.make("server", "-addext", "subjectAltName=IP:127.0.0.1", to="server.csr")
        openssl(
            *("x509", "-req", "-in", self["server.csr"], "-out", self["server.pem"], "-days", "1"),
            *("-CA", self["ca.pem"], "-CAkey", self["ca.key"], "-CAcreateserial"),
            *("-copy_extensions", "copyall"),
        )

    def make(self, name, *more, to=None):
        openssl(
            *("req", "-newkey", "rsa:2048", "-nodes", "-keyout", self[name + ".key"]),
            *("-subj", "/CN=" + name, "-out", self[to or name + ".pem"], *more),
        )

    def __getitem__(self, name):
        return os.path.join(self.folder, name)

    def remove(self):
        shutil.rmtree(self.folder)


class Over(unittest.TestCase):
    """TLS."""

    @classmethod
    def setUpClass(cls):
        cls.files = Certificates()
        cls.addClassCleanup(cls.files.remove)
        pem, key = cls.files["server.pem"], cls.files["server.key"]
        options = "ssl_chain_cert=%s,ssl_key=%s" % (pem, key)
        cls.server = support.Memcached("-Z", "-o", options, port=True)
        cls.addClassCleanup(cls.server.stop)

    def client(self, **settings):
        client = omcache.Client(self.server.address, timeout=5, **settings)
        self.addCleanup(client.close)
        return client

    def good(self, **more):
        return omcache.TLS(ca=pathlib.Path(self.files["ca.pem"]), **more)

    def test_a_value_is_stored_and_found(self):
        mc = self.client(tls=self.good(min_version="1.3"))
        mc.set("key", b"value")
        self.assertEqual(mc.get("key"), b"value")
        counters = mc.server_counters(0)
        self.assertEqual(counters["tls_version"], 13)
        self.assertEqual(counters["handshakes"], 1)
        mc.disconnect()
        self.assertEqual(mc.get("key"), b"value")

    def test_other_settings_leave_it_as_it_is(self):
        mc = self.client(tls=self.good())
        mc.set("key", b"value")
        mc.configure(timeout=4)
        self.assertEqual(mc.get("key"), b"value")
        mc.configure(tls=self.good())
        self.assertEqual(mc.get("key"), b"value")
        self.assertEqual(mc.server_counters(0)["handshakes"], 1)

    def test_the_log_hears_of_it_and_stays(self):
        with self.assertLogs("tls", logging.WARNING) as heard:
            mc = self.client(tls=omcache.TLS(verify=False), log=logging.getLogger("tls"))
        self.assertIn("without verification", heard.output[0])
        with self.assertLogs("tls", logging.ERROR), self.assertRaises(omcache.InvalidError):
            mc.configure(tls=omcache.TLS(ca="/nowhere/ca.pem"))
        with self.assertLogs("tls", logging.INFO) as heard:
            mc.get("key")
        self.assertIn("connected", heard.output[0])

    def test_a_child_without_the_files_closes_that_client_only(self):
        files = Certificates()
        ca = files["ca.pem"]
        shutil.copy(self.files["ca.pem"], ca)
        lost, other = self.client(tls=omcache.TLS(ca=ca)), self.client(tls=self.good())
        lost.set("key", b"value")
        files.remove()
        child = os.fork()
        if child == 0:
            try:
                good = other.get("key") == b"value"
                self.assertRaises(ValueError, lost.get, "key")
                os._exit(0 if good else 1)
            finally:
                os._exit(2)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual(lost.get("key"), b"value")

    def test_a_list_can_name_it(self):
        mc = omcache.Client("tls://" + self.server.address, timeout=5, tls=self.good())
        self.addCleanup(mc.close)
        mc.set("key", b"value")
        plain = self.client(tls=None)
        self.assertRaises(ConnectionError, plain.get, "key")

    def test_asyncio(self):
        async def ask():
            async with omcache.aio.Client(self.server.address, timeout=5, tls=self.good()) as mc:
                await mc.set("key", b"value")
                return await mc.get("key")

        self.assertEqual(asyncio.run(ask()), b"value")

    def test_pylibmc(self):
        mc = omcache_pylibmc.Client([self.server.address], tls=self.good())
        mc.set("object", [1, 2])
        self.assertEqual(mc.get("object"), [1, 2])
        self.assertEqual(mc.clone().get("object"), [1, 2])

    def test_nobody_else_is_believed(self):
        with self.assertLogs("tls", logging.WARNING) as lines:
            other = omcache.TLS(ca=self.files["other.pem"])
            mc = self.client(tls=other, log=logging.getLogger("tls"))
            self.assertRaises(omcache.ServerFailureError, mc.get, "key")
        self.assertIn("certificate is not good", lines.output[0])
        mc = self.client(tls=omcache.TLS(ca=self.files["other.pem"], verify=False))
        mc.set("key", b"value")

    def test_what_makes_no_sense_is_refused(self):
        with self.assertRaises(TypeError) as caught:
            self.client(tls=ssl.create_default_context())
        self.assertIn("omcache.TLS", str(caught.exception))
        with self.assertRaises(omcache.InvalidError) as caught:
            self.client(tls=omcache.TLS(ca="/nowhere/ca.pem"))
        self.assertIn("/nowhere/ca.pem", str(caught.exception))
        self.assertRaises(TypeError, self.client, tls="ca.pem")
        self.assertRaises(ValueError, self.client, tls=omcache.TLS(min_version="1.1"))
        self.assertRaises(ValueError, self.client, tls=omcache.TLS(cert="only"))
        self.assertRaises(ValueError, self.client, tls=omcache.TLS(ca="a\0b"))


class Passwords(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp(prefix="omcache-password-")
        cls.addClassCleanup(shutil.rmtree, folder)
        passwords = os.path.join(folder, "passwords")
        with open(passwords, "w", encoding="ascii") as text:
            text.write("user:secret-word\n")
        cls.server = support.Memcached("-Y", passwords)
        cls.addClassCleanup(cls.server.stop)

    def client(self, **settings):
        client = omcache.Client(self.server.address, timeout=5, **settings)
        self.addCleanup(client.close)
        return client

    def test_who_knows_it_is_let_in(self):
        mc = self.client(username="user", password=b"secret-word")
        mc.set("key", b"value")
        self.assertEqual(mc.get("key"), b"value")
        who = {"username": "user", "password": "secret-word"}
        theirs = omcache_pylibmc.Client([self.server.address], **who)
        self.assertEqual(theirs.get("key"), b"value")

    def test_who_does_not_is_told_so(self):
        for settings in ({}, {"username": "user", "password": "wrong"}):
            mc = self.client(**settings)
            with self.assertRaises(omcache.AuthFailedError) as caught:
                mc.set("key", b"value")
            self.assertIsInstance(caught.exception, ConnectionError)
            self.assertNotIn("wrong", str(caught.exception))

    def test_one_needs_the_other(self):
        self.assertRaises(TypeError, self.client, username="user")
        self.assertRaises(TypeError, self.client, password="secret-word")
        self.assertRaises(TypeError, self.client, username="user", password=5)
        with self.assertRaises(omcache.InvalidError) as caught:
            self.client(username="user", password="line\nend-of-secret")
        self.assertNotIn("end-of-secret", str(caught.exception))


if __name__ == "__main__":
    support.main()
