#!/bin/sh
# Runs shellcheck over all shell scripts.

cd "$(dirname "$0")/../.." || exit
shellcheck .ci/run tests/*.sh tests/*/*.sh bench/*.sh
