"""What pyproject.toml cannot say: how the compiled module is made, for the installed library.

The version, too, is the library's: that of the header which the compiler finds.
"""

import os
import re
import sys

from setuptools import setup

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from build import installed_compiler, preprocess

number = int(re.search(r"#define OMCACHE_VERSION (\w+)", preprocess(installed_compiler()))[1], 0)
version = ".".join(str(number >> shift & 255) for shift in (16, 8, 0))

setup(version=version, cffi_modules=["build.py:installed_ffi"])
