"""What README.md, doc/python.md and the docstrings show works as it is printed, and what the
modules repeat of omcache.h is what it says."""

import ast
import doctest
import glob
import inspect
import os
import re
import unittest

import omcache
import omcache.aio
import omcache.client
import omcache.gather
import omcache.handle
import omcache.pylibmc.client
import omcache.pylibmc.pools
import support
from omcache._omcache import ffi, lib

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

    def test_stampedes_md(self):
        for block in self.blocks("doc/stampedes.md"):
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


class Options(unittest.TestCase):
    """What there is of the meta protocol is in the tables of src/proto/meta_options.c; omcache.h
    says it, and the methods have it.  A test that fails here names what they lack, or have too
    much."""

    NO_OPTIONS = {"self", "key", "value", "delta", "flags", "timeout"}
    CLIENTS = (omcache.Client, omcache.aio.Client)

    def options_of(self, client, operation):
        method = getattr(client, "meta_" + operation)
        return set(inspect.signature(method).parameters) - self.NO_OPTIONS

    def options_of_header(self):
        """Those of the sentence above the declaration of each operation's function."""
        with open(os.path.join(ROOT, "include/omcache.h"), encoding="utf-8") as text:
            words = re.sub(r"\n \* ", " ", text.read())
        found = re.findall(
            r"options\s+that apply are\s+omcache_meta_set((?:_\w+|[, ]| and )+)\."
            r"[^/]*\*/\s*int omcache_async_meta_(\w+)\(",
            words,
        )
        return {operation: set(re.findall(r"\b_(\w+)", names)) for names, operation in found}

    def options_of_tables(self):
        """Those whose rows name the operation."""
        with open(os.path.join(ROOT, "src/proto/meta_options.c"), encoding="utf-8") as text:
            source = text.read()
        flags = re.findall(r'\{" \w", ([A-Z |]+), \w+, OPTION\((\w+)\)\}', source)
        modes = re.findall(r'\{" M\w", ([A-Z]+), OMCACHE_META_\w+\}', source)
        wants = re.findall(r'\{" \w", ([A-Z |]+), [^}]*\bOMCACHE_META_WANT_\w+,', source)
        self.assertEqual(source.count("OPTION(") - 1, len(flags))
        self.assertEqual(len(modes), len(omcache.handle.MODES) - 1)
        self.assertEqual(len(wants), len(omcache.handle.WANTS))
        rows = flags + [(row, "mode") for row in modes] + [(row, "want") for row in wants]
        return {
            operation: {name for row, name in rows if operation.upper() in row or row == "ALL"}
            for operation in ("get", "set", "delete", "arithmetic")
        }

    def test_the_header_says_what_the_tables_have(self):
        self.assertEqual(self.options_of_header(), self.options_of_tables())

    def test_protocols_md_has_a_row_for_each(self):
        with open(os.path.join(ROOT, "doc/protocols.md"), encoding="utf-8") as text:
            words = text.read()
        for name in omcache.handle.SETTERS:
            self.assertIn("`omcache_meta_set_%s`" % name, words)

    def test_each_method_has_the_options_that_apply(self):
        operations = self.options_of_header()
        functions = set(omcache.handle.functions("omcache_async_meta_"))
        self.assertEqual(set(operations), functions - {"debug"})  # which has no options
        self.assertEqual(set.union(*operations.values()), set(omcache.handle.SETTERS))
        operations["arithmetic"].remove("want")  # it returns a number and a cas, and no more;
        operations["set"].remove("want")  # and this one a cas
        for client in self.CLIENTS:
            for operation, options in operations.items():
                self.assertEqual(self.options_of(client, operation), options, operation)

    def test_both_clients_have_the_same(self):
        for operation in omcache.handle.functions("omcache_async_meta_"):
            parameters = [
                [(p.name, p.default) for p in inspect.signature(method).parameters.values()]
                for method in (getattr(client, "meta_" + operation) for client in self.CLIENTS)
            ]
            self.assertEqual(*parameters)

    def test_docstrings_name_wants_and_modes(self):
        for name in omcache.handle.WANTS:
            self.assertIn('"%s"' % name, omcache.Client.meta_get.__doc__)
        words = omcache.Client.meta_set.__doc__ + omcache.Client.meta_arithmetic.__doc__
        for name in omcache.handle.MODES:
            self.assertIn('"%s"' % name, words)

    def test_all_that_a_reply_tells_is_gathered(self):
        """By the functions that take a reply and nothing else."""
        tells = {
            name
            for name, function in omcache.handle.functions("omcache_reply_").items()
            if len(ffi.typeof(function).args) == 1
        }
        members = {name for name, _ in ffi.typeof("gather_outcome_t").fields}
        self.assertEqual(tells - members, {"server_index"})
        outcome = omcache.gather.make_outcome((0,) * len(members), b"", b"")
        item = outcome.meta_item()
        self.assertEqual(len(item), 3 + len(outcome.details) - 2)  # but for what only fetches need
        for name in omcache.handle.WANTS:
            self.assertIn(name, item._fields)

    def test_constants_have_no_other_names(self):
        self.assertEqual(lib.OMCACHE_META_WANT_TTL, omcache.handle.want_bits(["ttl"]))
        self.assertRaises(ValueError, omcache.handle.mode_number, "want_value")


if __name__ == "__main__":
    support.main()
