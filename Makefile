# OMcache: build, test, install.  `make help` lists what there is to make.
#
# Everything made lies in $(B), nothing else in the tree is written.  The library
# needs a C compiler, pkg-config, libmd and c-ares; what the tests need besides,
# `make deps` installs.

# --- To set on the command line -----------------------------------------------

B           ?= build
# The library gets -O3 and -flto besides, unless this says -O0, -Og, -Os or -fno-lto.
CFLAGS      ?= -O2 -g
PREFIX      ?= /usr/local
exec_prefix  = $(PREFIX)
libdir       = $(exec_prefix)/lib
includedir   = $(PREFIX)/include
# 0: a library without c-ares, which looks up no names.
CARES       ?= 1
# 0: a library without OpenSSL, which has no TLS.
TLS         ?= 1
# The Python that the module is for: Debian's cffi and pylibmc belong to Debian's.
PYTHON      ?= /usr/bin/python3
# Also: V=1 shows the commands, WERROR=1 turns warnings into errors, TESTS="unit
# live/test_get" runs only these, JOBS=8 that many at a time, TIMEOUT=60 seconds each.

# --- The one list of what all of this needs, by its names in Debian -----------

PACKAGES = gcc g++ clang libc6-dev libclang-rt-dev binutils make pkg-config git \
	libmd-dev libc-ares-dev libssl-dev \
	check memcached nutcracker libmemcached-dev dnsmasq-base strace valgrind libc6-dbg \
	libevent-dev libev-dev libuv1-dev libglib2.0-dev stunnel4 \
	python3 python3-dev python3-cffi python3-setuptools python3-pylibmc \
	abigail-tools clang-format clang-tidy shellcheck \
	musl-tools openssl sasl2-bin libsasl2-modules libsasl2-modules-db $(MULTILIB)

# For gcc -m32, which other machines do not have.
MULTILIB := $(if $(filter x86_64,$(shell uname -m)),gcc-multilib)

# --- Compiling and linking ----------------------------------------------------

# The version has one owner, the public header: 0x00010203 is 1.2.3.
VERSION := $(shell v=$$(sed -n 's/^.define OMCACHE_VERSION *//p' include/omcache.h); \
	echo $$((v >> 16)).$$((v >> 8 & 255)).$$((v & 255)))

LIBS := $(strip $(shell pkg-config --libs libmd 2>/dev/null || echo -lmd))

# Looked for again before compiling: `make deps` may have installed it by then.
ifneq ($(CARES),0)
LIBS := $(strip $(shell pkg-config --libs libcares 2>/dev/null || echo -lcares)) $(LIBS)
endif

ifneq ($(TLS),0)
LIBS := $(strip $(shell pkg-config --libs openssl 2>/dev/null || echo -lssl -lcrypto)) $(LIBS)
endif

# What the sources rely on, whatever CFLAGS says.  Fused multiply-add rounds
# differently and would send keys to other servers than libmemcached does.
FLAGS = -std=c11 -D_GNU_SOURCE -Iinclude -Isrc -fPIC -fvisibility=hidden \
	-ffp-contract=off -Wall -Wextra -Wpedantic -Wshadow -Wconversion

# Builds with sanitizers look after each call at what could be derived (client/audit.h).
SAN     = $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer -DOMC_AUDIT)
COMPILE = $(CC) $(FLAGS) $(if $(WERROR),-Werror) $(SAN) $(CPPFLAGS) $(CFLAGS)
LINK    = $(CC) $(SAN) $(CFLAGS) $(LDFLAGS)

# With clang the sanitizers' functions come from the program, not from a library.
DEFS = $(if $(SANITIZE),,-Wl,-z,defs)

# Found when needed: `make all` works without Check and libmemcached.
CHECK_CFLAGS = -Itests $(shell pkg-config --cflags check)
CHECK_LIBS   = $(shell pkg-config --libs check openssl)
COMPAT_LIBS  = $(shell pkg-config --libs libmemcached)

# The event loops that have an adapter; an example and a test of this name take the
# loop's library, by what pkg-config calls it.  It does not know libev.
LOOPS       = libevent libev libuv glib
LOOP        = $(patsubst test_%,%,$(notdir $*))
LOOP_CFLAGS = $(call loop_cflags,$(filter-out libev,$(LOOP:glib=glib-2.0)))
LOOP_LIBS   = $(if $(filter libev,$(LOOP)),-lev,$(shell pkg-config --libs $(LOOP:glib=glib-2.0)))
loop_cflags = $(if $1,$(patsubst -I%,-isystem %,$(shell pkg-config --cflags $1)))

# The tests compile a C++ program, too.
ifeq ($(origin CXX),default)
CXX := $(if $(findstring clang,$(CC)),clang++,g++)
endif

# What a request needs is spread over many small functions and files: they are put
# together when the shared library is linked.  How a program is linked with the archive
# is not for us to say: it has the objects as they were compiled.  The CFLAGS of packages
# say -O2, without thinking of that; who wants less says -O0, -O1, -Og, -Os or -fno-lto.
# `make deps` may install the compiler: so it is asked when something is compiled, once.
OBJCOPY ?= objcopy
LTO      = $(eval LTO := $(if $(filter -fno-lto,$(CFLAGS)),,$(if $(findstring Free Software, \
	$(shell $(CC) --version)),-flto=auto -ffat-lto-objects)))$(LTO)
LEVEL    = $(if $(filter -O -O0 -O1 -Og -Os -Oz,$(CFLAGS)),,-O3)
FASTER   = $(if $(SANITIZE),,$(LEVEL) $(LTO))

# --- What there is in the tree ------------------------------------------------

HEADERS  := $(patsubst include/%,%,$(wildcard include/*.h include/omcache/*.h include/omcache/*/*.h))
SRC      := $(filter-out $(if $(filter 0,$(CARES)),src/net/cares.c src/net/dns_servers.c,src/net/nonames.c) \
	$(if $(filter 0,$(TLS)),src/net/openssl%,src/net/notls.c), $(sort $(wildcard src/*/*.c)))
EXAMPLES := $(patsubst %.c,$(B)/%,$(wildcard examples/*.c))
COMPAT   := $(notdir $(wildcard tests/compat/programs/*.c tests/compat/programs/*.cc))
BENCHES  := $(patsubst %.c,$(B)/%,$(sort $(wildcard bench/*.c)))

# A test is named by its path below tests/: unit/test_ring, abi/symbols.sh.
# Programs use Check; scripts tell by their exit code: 0 passed, 77 skipped.
PROGRAMS := $(patsubst tests/%.c,%,$(sort $(wildcard tests/*/test_*.c)))
# Some are about names, and one is about a library that knows none.
PROGRAMS := $(filter-out $(if $(filter 0,$(CARES)),unit/test_resolver unit/test_endpoint unit/test_names_errors \
	live/test_names live/test_names_%,live/test_nonames),$(PROGRAMS))
PROGRAMS := $(filter-out $(if $(filter 0,$(TLS)),live/test_tls% unit/test_tls%),$(PROGRAMS))
# Each of these is linked with what libFuzzer's main program is replaced by.
FUZZ     := $(patsubst tests/%.c,%,$(filter-out $(if $(filter 0,$(TLS)),%fuzz_tls.c),$(sort $(wildcard tests/fuzz/fuzz_*.c))))
PROGRAMS += $(FUZZ)
LINTS    := $(patsubst tests/%,%,$(sort $(wildcard tests/lint/*.sh)))
SLOW     := lint/format.sh lint/shell.sh lint/tidy.sh
PYTESTS  := $(patsubst tests/%,%,$(sort $(wildcard tests/python/test_*.py)))
SCRIPTS  := $(patsubst tests/%,%,$(sort $(wildcard tests/abi/*.sh))) \
	$(filter-out $(SLOW),$(LINTS)) install/flags.sh install/readme.sh live/syscalls.sh \
	$(PYTESTS)

# The live programs are run over the binary protocol, and again over the others:
# live/test_get@meta.  Not these: they have scripted peers only, who speak binary, or
# choose protocols themselves.
ONCE      := $(addprefix live/test_,broken_binary call_timeouts protocol_binary protocol_choice input_injection broken_lines input_bytes failing_dead_timeout failing_after_handshake failing_lost_connection failing_proxy fetch meta_waiting stream_peers tls tls_peers login)
VARIED    := $(filter-out $(ONCE),$(filter live/%,$(PROGRAMS)))
OVER_auto := $(VARIED:%=%@auto)
OVER_meta := $(VARIED:%=%@meta)
OVER_text := $(VARIED:%=%@text)
OVER_tls  := $(if $(filter 0,$(TLS)),,$(VARIED:%=%@tls) live/test_fetch@tls live/test_meta_waiting@tls flow/test_faults@tls \
	soak/test_checker@tls unit/test_memory_flows@tls unit/test_socket_errors@tls)
VARIANTS  := $(OVER_tls) $(OVER_auto) $(OVER_meta) $(OVER_text)

# TESTS holds names of tests, of whole folders, and live@meta for all over meta.
TESTS    ?= $(PROGRAMS) $(VARIANTS) $(SCRIPTS)
CHOSEN   := $(foreach t,$(TESTS),$(or $(filter $t/%,$(PROGRAMS) $(SCRIPTS)), \
	$(if $(filter live@%,$t),$(OVER_$(t:live@%=%))),$t))
# This one takes long, and each protocol's part of it has a run of its own.
LIFE_TEST := unit/test_lives
CHOSEN   := $(foreach t,$(CHOSEN),$(if $(filter $(LIFE_TEST),$t),$(addprefix $t@,auto binary meta text),$t))
CHOSEN_PROGRAMS := $(filter-out %.sh %.py,$(CHOSEN))
BUILT    := $(sort $(foreach t,$(CHOSEN_PROGRAMS),$(B)/tests/$(firstword $(subst @, ,$t))))
# The slow ways to run them do without the other protocols, and without comparing
# results with libmemcached's, unless told otherwise.  What fails below TLS is tried with the audit
# of builds with sanitizers, too.
FEWER    := $(filter-out $(if $(filter file,$(origin TESTS)),$(VARIANTS) \
	compat/test_distribution compat/test_programs),$(CHOSEN_PROGRAMS))
AUDITED  := $(if $(filter file,$(origin TESTS)),$(filter unit/%@tls,$(VARIANTS)))

# What a script runs.
NEEDED_PROGRAMS := $(if $(filter live/syscalls.sh,$(CHOSEN)),live/test_call_nonblocking)
NEEDED_MODULE   := $(if $(filter python/%,$(CHOSEN)),python)

# --- What is made of it -------------------------------------------------------

SONAME  := libomcache.so.0
SHARED  := $(B)/libomcache.so
STATIC  := $(B)/libomcache.a
OBJ     := $(SRC:%.c=$(B)/obj/%.o)
SUPPORT := $(patsubst %.c,$(B)/obj/%.o,$(sort $(wildcard tests/support/*.c)))
BENCH_SUPPORT := $(patsubst %.c,$(B)/obj/%.o,$(sort $(wildcard bench/support/*.c)))
RPATH   := -Wl,-rpath,$(abspath $(B))

# It has a network and memory of its own in place of the library's.
LIVES_SUPPORT := $(patsubst %.c,$(B)/obj/%.o,$(sort $(wildcard tests/lives/*.c)))

# Unit tests look inside and take the archive, all others the shared library.
UNIT  := $(addprefix $(B)/tests/,$(filter-out $(LIFE_TEST),$(filter unit/%,$(PROGRAMS))))
OTHER := $(addprefix $(B)/tests/,$(filter-out unit/% fuzz/%,$(PROGRAMS)))
FUZZ_SUPPORT := $(patsubst %.c,$(B)/obj/%.o,$(filter-out tests/fuzz/fuzz_%.c tests/fuzz/replay.c, \
	$(sort $(wildcard tests/fuzz/*.c))))
FUZZ_MAIN    = $(B)/obj/tests/fuzz/replay.o

# --- make's own behaviour -----------------------------------------------------

MAKEFLAGS += --no-builtin-rules --no-print-directory
.DELETE_ON_ERROR:
.PHONY: all python examples demo check check-compat check-python check-asan check-tsan check-valgrind \
	check-distribution check-lint check-install check-examples check-portable \
	coverage soak abi-baseline objects \
	bench bench-instructions bench-syscalls bench-profile bench-tls bench-header bench-report bench-python bench-smoke \
	deps install install-python uninstall uninstall-python clean help FORCE

# `make -j deps check` must not compile while the compiler is being installed.
ifneq ($(filter deps,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif

Q   := $(if $(V),,@)
SAY := @$(if $(V),:,printf '  %-8s%s\n')

# The tests' scripts read these.
export B CC CXX PYTHON

# --- Build --------------------------------------------------------------------

all: $(SHARED) $(STATIC)                    ## build the shared and the static library

objects: $(OBJ)                             ## compile the library, and link nothing

$(SHARED): $(B)/$(SONAME)
	$(Q)ln -sf $(SONAME) $@

$(B)/$(SONAME): $(OBJ) omcache.map $(B)/sources
	$(SAY) LINK $@
	$(Q)$(LINK) $(FASTER) -shared -o $@ $(OBJ) -Wl,-soname,$(SONAME) $(DEFS) \
		-Wl,--version-script=omcache.map $(LIBS)

$(STATIC): $(OBJ) $(B)/sources
	$(SAY) AR $@
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $(OBJ)
	$(if $(findstring -flto,$(FASTER)),$(Q)$(OBJCOPY) -R '.gnu.lto_*' -R '.gnu.debuglto_*' $@)

$(B)/obj/%.o: %.c $(B)/flags
	$(SAY) CC $<
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(MORE_CFLAGS) -MMD -MP -c -o $@ $<

$(OBJ): MORE_CFLAGS = $(FASTER)
$(B)/obj/src/net/cares.o: MORE_CFLAGS = $(FASTER) $(shell pkg-config --cflags libcares)

-include $(wildcard $(B)/obj/*/*.d $(B)/obj/*/*/*.d)

# These change when the compiler or a flag does, or the list of sources; and what
# is made with them is made again.
$(B)/flags: export STAMP = $(COMPILE) $(FASTER) $(LDFLAGS) $(LIBS)
$(B)/sources: export STAMP = $(SRC)
$(B)/flags $(B)/sources: FORCE
	@[ '$(CARES)' = 0 ] || pkg-config --exists libcares || { \
		echo 'pkg-config does not find libcares (c-ares): install it, `make deps` does;'; \
		echo 'or build a library that looks up no names, with `make CARES=0`.'; exit 1; }
	@mkdir -p $(@D)
	@echo "$$STAMP" | cmp -s - $@ || echo "$$STAMP" > $@

examples: $(EXAMPLES)                       ## build the examples

$(EXAMPLES): $(B)/%: $(B)/obj/%.o $(SHARED)
	$(SAY) LINK $@
	@mkdir -p $(@D)
	$(Q)$(LINK) -o $@ $^ $(RPATH) $(MORE_LIBS)

$(LOOPS:%=$(B)/obj/examples/%.o): MORE_CFLAGS = $(LOOP_CFLAGS)
$(LOOPS:%=$(B)/examples/%): MORE_LIBS = $(LOOP_LIBS)

demo: $(B)/examples/tour                    ## see the library at work with three servers
	@$<

# --- The Python module --------------------------------------------------------

# $(B)/python is what the tests put on Python's path.  The compiled part of the package is
# for every Python 3 of this machine, which cffi and the stable ABI see to.
PYSOURCES := $(patsubst python/%,%,$(wildcard python/omcache/*.py python/omcache/*/*.py python/omcache_*.py)) \
	omcache/py.typed
PYMODULE  := omcache/_omcache.abi3.so
PYOBJ     := $(B)/obj/python/_omcache.o $(B)/obj/python/gather.o
PYINCLUDE  = -Ipython $(shell $(PYTHON) -c 'import sysconfig as s; print("-isystem", s.get_path("include"))')

python: $(PYSOURCES:%=$(B)/python/%) $(B)/python/$(PYMODULE) ## build the Python module

$(B)/python/%: python/%
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(B)/python/$(PYMODULE): $(PYOBJ) $(SHARED)
	$(SAY) LINK $@
	@mkdir -p $(@D)
	$(Q)$(LINK) -shared -o $@ $^ $(RPATH)

$(B)/obj/python/_omcache.c: python/build.py python/gather.h $(HEADERS:%=include/%) $(B)/flags
	$(SAY) CFFI $@
	@mkdir -p $(@D)
	$(Q)$(PYTHON) $< $@ $(CC) -Iinclude >/dev/null
	@touch $@

# What cffi writes is not up to our warnings.
$(B)/obj/python/_omcache.o: $(B)/obj/python/_omcache.c
	$(SAY) CC $<
	$(Q)$(COMPILE) -w $(PYINCLUDE) -c -o $@ $<

$(B)/obj/python/gather.o: MORE_CFLAGS = -Ipython

# --- Tests --------------------------------------------------------------------

check: all $(BUILT) $(NEEDED_PROGRAMS:%=$(B)/tests/%) $(NEEDED_MODULE) ## run the tests, or only TESTS="unit live/test_get"
	@tests/run.sh $(CHOSEN)

check-python: all python                    ## run the tests of the Python module
	@tests/run.sh $(PYTESTS)

check-asan:                                 ## run the test programs with the address and undefined sanitizers
	@ASAN_OPTIONS=allocator_may_return_null=1:$(ASAN_OPTIONS) \
		$(MAKE) check B=$(B)/asan SANITIZE=address,undefined TESTS="$(FEWER) $(AUDITED)"

THREADED := live/test_threads
check-tsan:                                 ## run the test of many threads with the thread sanitizer
	@$(MAKE) check B=$(B)/tsan SANITIZE=thread TESTS="$(THREADED) $(filter $(THREADED)@%,$(VARIANTS))"

# A build of its own, as it is.  What earlier tests of it have counted is forgotten.
coverage:                                   ## run the test programs, over all protocols, and say which lines of src never were
	@mkdir -p $(B)/coverage && find $(B)/coverage -name '*.gcda' -delete
	@$(MAKE) check B=$(B)/coverage CC=gcc LTO= CFLAGS='-O0 -g --coverage -fprofile-update=atomic -DOMC_COVERAGE' \
		TESTS="$(CHOSEN_PROGRAMS)" || echo 'Some tests failed: what they would have run is missing below.'
	@B=$(B)/coverage tests/coverage.sh

VALGRIND = valgrind -q --leak-check=full --error-exitcode=99 \
	--errors-for-leak-kinds=definite,indirect,possible
check-valgrind: all $(BUILT) ## run the test programs under valgrind
	@TAG=valgrind WRAP="$(VALGRIND)" CK_FORK=no CK_TIMEOUT_MULTIPLIER=10 \
		TIMEOUT=$(or $(TIMEOUT),600) tests/run.sh $(FEWER)

DISTRIBUTION := $(B)/tests/unit/test_vectors $(B)/tests/compat/test_distribution
check-distribution: $(DISTRIBUTION)         ## compare key distribution with libmemcached's vectors and the library itself
	@for program in $^; do $$program || exit; done

check-compat:                               ## compare with libmemcached: distribution, and programs built with its names
	@$(MAKE) check TESTS=compat

.PHONY: fuzz fuzz-keep
fuzz: $(FUZZ:%=$(B)/tests/%) fuzz-programs  ## look for inputs that break the library, SECONDS=60 for each target of TESTS
	@printf '%s\n' $(notdir $(filter $(FUZZ),$(CHOSEN))) | \
		xargs -P $$(nproc) -I '{}' tests/fuzz/explore.sh run '{}' $(or $(SECONDS),60)

fuzz-keep: fuzz-programs                    ## make the inputs that `make check` tries anew from those found
	@for t in $(notdir $(FUZZ)); do tests/fuzz/explore.sh keep $$t || exit; done

# libFuzzer has a main program of its own, and is there with clang only.
.PHONY: fuzz-programs
fuzz-programs:
	@$(MAKE) $(FUZZ:%=$(B)/fuzz/tests/%) B=$(B)/fuzz CC=clang SANITIZE=fuzzer-no-link,address,undefined \
		FUZZ_MAIN= LDFLAGS='$(LDFLAGS) -fsanitize=fuzzer'

check-lint: all                             ## check includes, comments, sizes, format; run clang-tidy
	@TAG=lint FLAGS="$(FLAGS) -Ibench -Ipython $(CHECK_CFLAGS) $(call loop_cflags,glib-2.0)" TIMEOUT=$(or $(TIMEOUT),600) tests/run.sh $(LINTS)

SOAK := $(B)/tests/soak/test_checker
soak: all $(SOAK) $(LIFE_TEST:%=$(B)/tests/%)   ## check that no answer is wrong or lost under faults, for SECONDS=60, and longer lives of links
	@GLIBC_TUNABLES=glibc.malloc.tcache_count=0 SOAK_SECONDS=$(or $(SECONDS),60) $(SOAK)
	$(if $(WORLD),,@LIVES=6 $(LIFE_TEST:%=$(B)/tests/%))

check-install: all python                   ## install, use and uninstall all, in scratch folders
	@tests/run.sh install/install.sh install/python.sh

check-examples: examples                    ## build the examples and see each work
	@tests/run.sh install/examples.sh

check-portable:                             ## compile the library for musl and for 32 bits, and use it on musl
	@tests/run.sh portable/musl.sh $(if $(MULTILIB),portable/bits32.sh)

abi-baseline: all                           ## make the ABI of this build the one to keep
	tests/abi/abidiff.sh --write

$(UNIT): $(B)/%: $(B)/obj/%.o $(SUPPORT) $(STATIC)
	$(SAY) LINK $@
	@mkdir -p $(@D)
	$(Q)$(LINK) -o $@ $^ $(LIBS) $(CHECK_LIBS)

$(LIFE_TEST:%=$(B)/tests/%): $(B)/%: $(B)/obj/%.o $(LIVES_SUPPORT) $(SUPPORT) $(STATIC)
	$(SAY) LINK $@
	@mkdir -p $(@D)
	$(Q)$(LINK) -o $@ $^ $(LIBS) $(CHECK_LIBS)

# They see what is exported only.
$(OTHER): $(B)/%: $(B)/obj/%.o $(filter-out %/codec.o,$(SUPPORT)) $(SHARED)
	$(SAY) LINK $@
	@mkdir -p $(@D)
	$(Q)$(LINK) -o $@ $^ $(RPATH) $(LIBS) $(CHECK_LIBS) $(MORE_LIBS)

$(B)/tests/fuzz/fuzz_tls: $(B)/obj/tests/support/tls_end.o

# They see a clock of their own.
$(FUZZ:%=$(B)/tests/%): $(B)/%: $(B)/obj/%.o $(FUZZ_SUPPORT) $(FUZZ_MAIN) $(STATIC)
	$(SAY) LINK $@
	@mkdir -p $(@D)
	$(Q)$(LINK) -Wl,--wrap=omc_clock_usec -o $@ $^ $(LIBS)

$(B)/tests/live/test_example_stampede: | $(B)/examples/stampede
$(B)/tests/live/test_tls: | $(B)/examples/tls

# Small programs that use libmemcached, built with that, and with us in its place.
$(B)/tests/compat/test_programs: | $(foreach p,$(COMPAT),$(B)/compat/theirs/$p $(B)/compat/ours/$p)

C_OR_CXX = $(if $(filter %.cc,$<),$(CXX) -std=$1,$(CC) -std=gnu99) $(if $(WERROR),-Werror) $(CFLAGS) \
	-Wall -Wextra $< -o $@

$(B)/compat/theirs/%: tests/compat/programs/% tests/compat/programs/program.h $(B)/flags
	$(SAY) CC $@
	@mkdir -p $(@D)
	$(Q)$(call C_OR_CXX,gnu++11) $(CPPFLAGS) $(LDFLAGS) $(COMPAT_LIBS)

$(B)/compat/ours/%: tests/compat/programs/% tests/compat/programs/program.h $(B)/flags \
		$(wildcard include/*.h include/omcache/*/*.h) $(SHARED)
	$(SAY) CC $@
	@mkdir -p $(@D)
	$(Q)$(call C_OR_CXX,gnu++98) $(SAN) -Wunused -Wshadow -Wconversion -Itests/compat/include -Iinclude \
		$(CPPFLAGS) $(LDFLAGS) -L$(B) -lomcache $(RPATH)

$(B)/obj/tests/%: MORE_CFLAGS = $(CHECK_CFLAGS)
$(B)/tests/compat/%: MORE_LIBS = $(COMPAT_LIBS)
$(LOOPS:%=$(B)/obj/tests/live/test_%.o): MORE_CFLAGS = $(CHECK_CFLAGS) $(LOOP_CFLAGS)
$(LOOPS:%=$(B)/tests/live/test_%): MORE_LIBS = $(LOOP_LIBS)

deps:                                       ## install the packages that are missing (Debian, Ubuntu)
	@if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then \
		echo 'Not Debian: install yourself what Debian calls'; echo $(PACKAGES); exit; \
	fi; \
	missing=; \
	for p in $(PACKAGES); do \
		case $$(dpkg-query -W -f='$${Status}' $$p 2>/dev/null) in \
		*' installed') ;; \
		*) missing="$$missing $$p" ;; \
		esac; \
	done; \
	if [ -z "$$missing" ]; then echo 'No package is missing.'; exit; fi; \
	echo "Installing$$missing"; \
	if [ $$(id -u) = 0 ]; then sudo=; else sudo=sudo; fi; \
	$$sudo apt-get -q update && \
	$$sudo env DEBIAN_FRONTEND=noninteractive \
		apt-get -q install -y --no-install-recommends $$missing

# --- Measuring ----------------------------------------------------------------

bench: $(BENCHES)                           ## measure speed by the clock, and memory; PARTS="get/*" only those
	@for b in $(BENCHES); do $$b $(ROUNDS) || exit; done

bench-instructions: $(BENCHES)              ## count instructions, with valgrind; PARTS likewise
	@for b in $(BENCHES); do bench/count.sh instructions $$b || exit; done

bench-syscalls: $(BENCHES)                  ## count system calls, with strace; PARTS likewise
	@for b in $(BENCHES); do bench/count.sh 'system calls' $$b || exit; done

bench-profile: $(B)/bench/clients           ## see where the instructions of PART=get/ours-binary go
	@valgrind -q --tool=callgrind --toggle-collect=do_part \
		--callgrind-out-file=$(B)/bench/profile $< run $(PART) 50
	@callgrind_annotate --auto=no $(B)/bench/profile

# Entering one of these functions turns the counting off or on, and leaving it back again: ours
# that OpenSSL calls are counted.
NOT_OURS := SSL_read_ex SSL_write_ex SSL_get_error SSL_has_pending ERR_peek_error
CALLED_BACK := bio_read* bio_write*
bench-tls: $(B)/bench/tls                   ## count those of gets over TLS that are not OpenSSL's
	@CALLGRIND='$(patsubst %,--toggle-collect=%,$(NOT_OURS) $(CALLED_BACK)) --collect-atstart=yes' \
		OUTSIDE=1 PARTS="$(or $(PARTS),[gm]*-[pt]l*)" \
		bench/count.sh instructions $<

bench-header: $(B)/bench/clients $(B)/bench/header.so ## count those of a program that was made for libmemcached
	@BENCH_CLIENT=$(B)/bench/header.so PARTS="$(or $(PARTS),*/header)" \
		bench/count.sh instructions $<

bench-report: $(BENCHES)                    ## do all of these and write doc/performance.md anew
	@bench/report.sh doc/performance.md $(BENCHES)

bench-smoke: $(BENCHES)                     ## see that all of it can be measured, whatever comes out
	@BENCH_OUT=$(B)/bench $(MAKE) bench ROUNDS=1
	@for p in 'get/*' 'async-*' '*-plain'; do \
		FEW=1 MANY=2 $(MAKE) bench-instructions bench-syscalls PARTS="$$p" || exit; \
	done
	@FEW=1 MANY=2 $(MAKE) bench-header PARTS='multi-1/header'
	@FEW=1 MANY=2 $(MAKE) bench-tls PARTS='get-tls'
	@$(MAKE) bench-python ROUNDS=1

bench-python: python                        ## measure the Python modules against pylibmc
	@PYTHONPATH=$(B)/python PYTHONDONTWRITEBYTECODE=1 $(PYTHON) bench/python.py $(ROUNDS)

# They look inside, as unit tests do, and measure what the shared library has.  A client that they
# load ($$BENCH_CLIENT) finds what it needs in them.
$(BENCHES): $(B)/%: $(B)/obj/%.o $(BENCH_SUPPORT) $(OBJ) $(B)/sources
	$(SAY) LINK $@
	@mkdir -p $(@D)
	$(Q)$(LINK) $(FASTER) -Wl,--export-dynamic-symbol='bench_*' -o $@ $(filter %.o,$^) $(LIBS) \
		$(COMPAT_LIBS) -lm

$(B)/obj/bench/%: MORE_CFLAGS = -Ibench -fvisibility=default

# The client that uses libmemcached, with our header in the place of its own.
$(B)/bench/header.so: bench/support/client_libmemcached.c $(HEADERS:%=include/%) $(SHARED) $(B)/sources
	$(SAY) LINK $@
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 $(CFLAGS) -fPIC -shared -DBENCH_HEADER -Iinclude -Ibench \
		-Itests/compat/include -o $@ $< -L$(B) $(RPATH) -lomcache

# --- Installation -------------------------------------------------------------

lib := $(DESTDIR)$(libdir)
inc := $(DESTDIR)$(includedir)
pc  := $(lib)/pkgconfig/omcache.pc

install: all                                ## install to PREFIX; DESTDIR, libdir, includedir as usual
	$(SAY) INSTALL "$(lib) $(inc)"
	$(Q)install -d $(lib)/pkgconfig
	$(Q)install -m 755 $(B)/$(SONAME) $(lib)
	$(Q)install -m 644 $(STATIC) $(lib)
	$(Q)ln -sf $(SONAME) $(lib)/libomcache.so
	$(Q)for h in $(HEADERS); do install -D -m 644 include/$$h $(inc)/$$h || exit; done
	$(Q)sed -e 's|@prefix@|$(PREFIX)|' -e 's|@exec_prefix@|$(exec_prefix)|' \
		-e 's|@libdir@|$(libdir)|' -e 's|@includedir@|$(includedir)|' \
		-e 's|@version@|$(VERSION)|' -e 's|@libs@|$(LIBS)|' omcache.pc.in > $(pc)
	$(Q)chmod 644 $(pc)

uninstall:                                  ## remove what install installed
	$(Q)rm -f $(lib)/$(SONAME) $(lib)/libomcache.so $(lib)/libomcache.a $(pc) $(HEADERS:%=$(inc)/%)
	$(Q)for d in omcache/libmemcached omcache; do [ ! -d $(inc)/$$d ] || rmdir $(inc)/$$d || exit; done

# Where this Python looks for modules below PREFIX; and what they find the library by, for
# PREFIX may be one that the system does not know: pyrpath= for none.
pythondir = $(PREFIX)/lib/$(shell $(PYTHON) -c 'import os.path as p, sys, sysconfig as s; \
	print("python%d.%d" % sys.version_info[:2], p.basename(s.get_path("platlib")), sep="/")')
pyrpath   = $(libdir)
pylib     = $(DESTDIR)$(pythondir)

install-python: python                      ## install the Python module; pythondir, pyrpath
	$(SAY) INSTALL "$(pylib)"
	$(Q)for f in $(PYSOURCES); do install -D -m 644 python/$$f $(pylib)/$$f || exit; done
	$(Q)$(LINK) -shared -o $(pylib)/$(PYMODULE) $(PYOBJ) $(SHARED) $(if $(pyrpath),-Wl$(comma)-rpath$(comma)$(pyrpath))

uninstall-python:                           ## remove what install-python installed
	$(Q)rm -f $(PYSOURCES:%=$(pylib)/%) $(pylib)/$(PYMODULE)
	$(Q)rm -f $(pylib)/__pycache__/omcache_*.pyc
	$(Q)for d in omcache/pylibmc omcache; do rm -rf $(pylib)/$$d/__pycache__; \
		[ ! -d $(pylib)/$$d ] || rmdir $(pylib)/$$d || exit; done

comma := ,

# --- And ----------------------------------------------------------------------

clean:                                      ## remove everything made
	$(Q)rm -rf $(B)

help:                                       ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-20s%s\n", $$1, $$2 }' Makefile
