"""Writes the C source of the module omcache._omcache, with cffi.

    build.py OUTPUT.c COMPILER [FLAG ...]

The declarations are those of omcache.h and gather.h, as the compiler's preprocessor
gives them: none is repeated here.
"""

import os
import re
import shlex
import subprocess
import sys

import cffi

HERE = os.path.dirname(os.path.abspath(__file__))
OURS = ("omcache.h", "omcache_cdef.h", "gather.h")
MARKER = re.compile(r'# \d+ "([^"]*)"')
NUMBER = re.compile(r"#define (OMCACHE_\w+) +(0x[0-9a-fA-F]+|\d+)u?$")

# What the declarations need from elsewhere, and what the library calls in Python.
BEFORE = "typedef int... time_t;\n"
AFTER = """
extern "Python" void omcache_on_log(void *, int, const char *);
extern "Python" void omcache_on_watch(omcache_t *, int, short, void *);
extern "Python" void omcache_on_timeout(omcache_t *, int, void *);
"""


def preprocess(command):
    """What the compiler makes of gather.h, with the constants that are macros."""
    source = os.path.join(HERE, "gather.h")
    run = [*command, "-E", "-dD", "-x", "c", "-I", HERE, source]
    return subprocess.run(run, check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout


def declarations(text):
    """Of preprocessed text, what stands in our own headers."""
    ours = False
    kept = []
    for line in text.splitlines():
        marker = MARKER.match(line)
        if marker:
            ours = os.path.basename(marker.group(1)) in OURS
        elif ours and not line.startswith("#"):
            kept.append(line)
        elif ours and NUMBER.match(line):
            kept.append(NUMBER.sub(r"#define \1 ...", line))
    return "\n".join(kept)


def make_ffi(command, **how):
    """The module; `how` is passed on to set_source."""
    ffi = cffi.FFI()
    ffi.cdef(BEFORE + declarations(preprocess(command)) + AFTER)
    ffi.set_source("omcache._omcache", '#include "gather.h"', **how)
    return ffi


def pkg_config(option):
    run = [*shlex.split(os.environ.get("PKG_CONFIG", "pkg-config")), option, "omcache"]
    output = subprocess.run(run, check=True, stdout=subprocess.PIPE, universal_newlines=True)
    return shlex.split(output.stdout)


def installed_compiler():
    """The command that finds the headers of the library as it is installed."""
    return [*shlex.split(os.environ.get("CC", "cc")), *pkg_config("--cflags")]


def installed_ffi():
    """For setup.py: the module for the installed library."""
    return make_ffi(
        installed_compiler(),
        sources=["gather.c"],
        include_dirs=["."],
        extra_compile_args=pkg_config("--cflags"),
        extra_link_args=pkg_config("--libs"),
        depends=["gather.h"],
    )


if __name__ == "__main__":
    make_ffi(sys.argv[2:]).emit_c_code(sys.argv[1])
