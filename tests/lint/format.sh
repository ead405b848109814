#!/bin/sh
# Checks that all C looks as .clang-format says.  To make it so:
# clang-format -i FILE.

cd "$(dirname "$0")/../.." || exit
find include src tests bench examples python -name '*.[ch]' -exec clang-format --dry-run -Werror {} +
