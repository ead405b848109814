"""What README.md, doc/python.md and the docstrings show works as it is printed."""

import ast
import doctest
import glob
import os
import re
import unittest

import omcache
import omcache.aio
import omcache.client
import omcache.handle
import omcache.pylibmc.client
import omcache.pylibmc.pools
import support

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
ADDRESS = "127.0.0.1:11211"


class Documents(support.TestCase):
    def blocks(self, name):
        with open(os.path.join(ROOT, name), encoding="utf-8") as text:
            found = re.findall(r"^```python\n(.*?)^```", text.read(), re.MULTILINE | re.DOTALL)
        self.assertTrue(found, name)
        return [block.replace(ADDRESS, self.addresses[0]) for block in found]

    def test_readme(self):
        for block in self.blocks("README.md"):
            exec(block, {})

    def test_python_md(self):
        blocks = self.blocks("doc/python.md")
        self.assertEqual(len(blocks), 3)
        for block in blocks:
            self.assertIn(self.addresses[0], block)
            exec(block, {})

    def test_python_md_names_all_behaviors(self):
        with open(os.path.join(ROOT, "doc/python.md"), encoding="utf-8") as text:
            words = text.read()
        for name in omcache.pylibmc.behaviors.BEHAVIORS:
            name = re.sub(r"^_(io|socket)_.*", r"_\1_*", name)
            self.assertIn("`%s`" % name, words)


class Docstrings(support.TestCase):
    def test_examples(self):
        tried = 0
        for module in (
            omcache.client,
            omcache.handle,
            omcache.pylibmc.client,
            omcache.pylibmc.pools,
        ):
            real = module.Client if hasattr(module, "Client") else omcache.Client

            def client(*args, real=real, **kwargs):
                address = self.addresses[0]
                return real(address if real is omcache.Client else [address], **kwargs)

            result = doctest.testmod(module, extraglobs={"Client": client})
            self.assertEqual(result.failed, 0, module)
            tried += result.attempted
        self.assertGreaterEqual(tried, 6)


class Source(unittest.TestCase):
    def test_it_is_of_the_oldest_python_that_is_supported(self):
        """As far as the syntax goes."""
        sources = glob.glob(os.path.join(ROOT, "python", "**", "*.py"), recursive=True)
        self.assertGreater(len(sources), 10)
        for name in sources:
            with open(name, encoding="utf-8") as text:
                ast.parse(text.read(), name, feature_version=(3, 9))


class Docstring(unittest.TestCase):
    def test_everything_public_has_one(self):
        for kind in (omcache.Client, omcache.aio.Client, omcache.pylibmc.client.Client):
            for name, method in vars(kind).items():
                if callable(method) and not name.startswith("_") and name != "get_behaviors":
                    self.assertTrue(method.__doc__, (kind, name))
        for name in omcache.__all__:
            if name != "__version__":
                self.assertTrue(getattr(omcache, name).__doc__, name)


if __name__ == "__main__":
    support.main()
