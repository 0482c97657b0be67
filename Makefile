# clglu - make help says what there is
# SPDX-License-Identifier: MIT

CC       ?= cc
CFLAGS   ?= -O2 -g
PKG      ?= pkg-config
PYTHON   ?= python3
OBJCOPY  ?= objcopy
comma    := ,
B        := build

# The version stands in the header alone.
version = $(shell awk '/define CLGLU_VERSION_$(1)/ { print $$3 }' include/clglu.h)
MAJOR   := $(call version,MAJOR)
VERSION := $(MAJOR).$(call version,MINOR).$(call version,PATCH)
# Programs made with one of them run with another: see src/clglu.map.
ABI     := $(if $(filter 0,$(MAJOR)),0.$(call version,MINOR),$(MAJOR))
SONAME  := libclglu.so.$(ABI)
SHARED  := libclglu.so.$(VERSION)

WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wvla
WERROR   ?=
STD      := -std=c11 -D_POSIX_C_SOURCE=200809L
# No contraction and no reassociation: the host's arithmetic is the device's, bit for bit.
EXACT    := -ffp-contract=off -fno-fast-math
ALL      := $(STD) $(WARN) $(WERROR) $(EXACT) -Iinclude $(CPPFLAGS) $(CFLAGS) -MMD -MP
# make CLBLAST=0 builds a library without the route CLBLAST.
CLBLAST  ?= 1
LIB_LDLIBS := $(if $(filter-out 0,$(CLBLAST)),-lclblast) -lOpenCL -lm -pthread
FLAGS_CLBLAST := $(if $(filter-out 0,$(CLBLAST)),-DCLGLU_CLBLAST)

# Floor 0 knows no OpenCL: it is compiled without its headers, so that it builds and tests anywhere.
FLOOR0   := status dtype ulp reference view place variant model job job_check emulate block backward emulate_ffn reference_ffn emulate_backward reference_backward judge compare compare_ffn
LIB_SRC  := $(wildcard src/*.c)
LIB_OBJ  := $(LIB_SRC:%.c=$(B)/%.o) $(B)/kernels.o
FLOOR0_OBJ := $(FLOOR0:%=$(B)/src/%.o)
TOOL_SRC := $(wildcard tools/*.c)
TOOL_OBJ := $(TOOL_SRC:%.c=$(B)/%.o)
CL_SRC   := $(wildcard cl/*.cl) $(wildcard cl/*.clh)

.PHONY: all help sweep bench deps deps-check deps-long check check-quick check-long runtimes check-runtimes deb check-deb install uninstall readme clean

all: $(B)/libclglu.a $(B)/$(SHARED) $(B)/clglu

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

sweep: deps ## install what is missing, build, examine every OpenCL device of this machine
	@$(MAKE) --no-print-directory all
	$(B)/clglu sweep $(SWEEP)

check: deps-check ## install what is missing, build, run the tests
	@$(MAKE) --no-print-directory all $(B)/test-host $(B)/test-device
	@tests/run.sh

check-quick: all $(B)/test-host $(B)/test-device ## the tests that need nothing but the build
	@tests/run.sh quick

check-long: deps-long ## the exhaustive runs too: hours
	@$(MAKE) --no-print-directory all $(B)/test-host $(B)/test-device $(B)/exhaust
	@tests/run.sh long

runtimes: deps-check ## fetch five OpenCL runtimes to build/runtimes, for make check-runtimes
	@RUNTIMES=$(B)/runtimes tools/runtimes.sh make

check-runtimes: runtimes ## the tests on each of them, and a table; QUICK=1: the important ones, in minutes
	@$(MAKE) --no-print-directory all $(B)/test-device
	@B=$(B) RUNTIMES=$(B)/runtimes tests/runtimes.sh $(if $(QUICK),quick)

.PHONY: check-compilers
check-compilers: deps-long ## gcc and clang, C99 and C11, -O0 to -O3: no warning and the same bits
	@tests/compilers.sh all

.PHONY: check-sanitize check-asan check-ubsan check-tsan check-valgrind
check-sanitize: deps-check ## the tests under AddressSanitizer and UndefinedBehaviorSanitizer together: minutes
	@$(MAKE) --no-print-directory $(B)/bits
	@tests/sanitize.sh both

check-asan: ## the same with AddressSanitizer and LeakSanitizer alone; QUICK=1, here and below: a part, within a minute
check-ubsan: ## ... with UndefinedBehaviorSanitizer alone
check-tsan: ## ... with ThreadSanitizer: 16 threads on one context
check-valgrind: ## ... under valgrind, with programs that were compiled before
check-asan check-ubsan check-tsan check-valgrind: deps-check
	@$(MAKE) --no-print-directory $(B)/bits
	@tests/sanitize.sh $(@:check-%=%) $(if $(QUICK),quick)

$(B)/planted: $(B)/tests/planted.o
	$(CC) $(LDFLAGS) -o $@ $^ -lOpenCL -pthread

.PHONY: fuzz
fuzz: ## hostile input, with libFuzzer: FUZZ_SECONDS=60 (or FUZZ_RUNS) for each target, FUZZ="npy cache": only these
	@FUZZ="$(FUZZ)" FUZZ_SECONDS="$(FUZZ_SECONDS)" FUZZ_RUNS="$(FUZZ_RUNS)" tests/fuzz.sh

FAULTY := malloc calloc realloc read write fsync renameat mkdirat flock fdopendir open openat
$(B)/faults: $(B)/tests/faults.o $(B)/libclglu.a
	$(CC) $(LDFLAGS) $(FAULTY:%=-Wl$(comma)--wrap=%) -o $@ $^ $(LIB_LDLIBS) -ldl

.PHONY: check-faults
check-faults: deps-check ## each call of OpenCL and of the C library fails once: minutes
	@$(MAKE) --no-print-directory $(B)/faults
	@B=$(B) tests/faults.sh

$(B)/soak: $(B)/tests/soak.o $(B)/libclglu.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIB_LDLIBS) -ldl

.PHONY: soak
soak: deps-check ## a million small calls, ten minutes of large ones, 16 threads: what is left over? SOAK="CALLS SECONDS CALLS_OF_A_THREAD"
	@$(MAKE) --no-print-directory $(B)/soak
	@B=$(B) tests/soak.sh $(SOAK)

.PHONY: lint
lint: ## gcc's analyser, cppcheck, clang-tidy and shellcheck over the sources: minutes
	@tools/deps.sh lint
	@tests/lint.sh

.PHONY: check-oclgrind
check-oclgrind: ## every form of every kernel in Oclgrind, an empty log, and planted bugs that are found: many minutes; QUICK=1: some, in one
	@tools/deps.sh oclgrind
	@$(MAKE) --no-print-directory all $(B)/test-device
	@B=$(B) tests/oclgrind.sh $(if $(QUICK),quick)

.PHONY: coverage mutate
coverage: ## how much of src/ the tests come by, in lines and branches: half an hour
	@tools/deps.sh coverage
	@tests/coverage.sh

mutate: deps-check ## small faults in src/ and cl/, one at a time: do the tests notice? hours; goes on where it was broken off
	@tests/mutate.py $(MUTATE)

.PHONY: docs
docs: deps-check ## the header as a reference in HTML: build/docs/html; a warning is an error
	@tools/docs/render.sh include/clglu.h $(B)/docs

.PHONY: deb check-deb
deb: ## Debian packages of library, development files and command, in build/deb
	@tools/deps.sh deb
	@DEB=$(B)/deb tools/deb.sh

check-deb: ## make deb, lint, install, use and take away; as root
	@tools/deps.sh check-deb
	@tests/deb.sh

bench: deps ## speed of the best device beside its own limits
	@$(MAKE) --no-print-directory all
	$(B)/clglu bench $(BENCH)

deps:
	@tools/deps.sh sweep

deps-check:
	@tools/deps.sh check

deps-long:
	@tools/deps.sh long

# ---------------------------------------------------------------- the library

$(B)/kernels.c: tools/embed.awk $(CL_SRC)
	@mkdir -p $(@D)
	awk -f tools/embed.awk $(CL_SRC) > $@.tmp && mv $@.tmp $@

$(B)/kernels.o: $(B)/kernels.c
	$(CC) $(ALL) -Isrc -fPIC -fvisibility=hidden -c -o $@ $<

$(FLOOR0_OBJ): FLOOR_FLAGS := -DCLGLU_NO_OPENCL
# Emulation and reference run whole arrays through one arithmetic: let the compiler vectorise it.
VECTORS  := emulate emulate_ffn reference_ffn emulate_backward reference_backward
VECTORISE ?= -O3
$(VECTORS:%=$(B)/src/%.o): FLOOR_FLAGS := -DCLGLU_NO_OPENCL $(VECTORISE) -fno-math-errno -fno-trapping-math

$(B)/src/clblast.o: FLOOR_FLAGS := $(FLAGS_CLBLAST)

$(B)/src/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL) $(FLOOR_FLAGS) -fPIC -fvisibility=hidden -c -o $@ $<

$(B)/libclglu.a: $(LIB_OBJ)
	rm -f $@ && $(AR) rcs $@ $^

$(B)/$(SHARED): $(LIB_OBJ) src/clglu.map
	$(CC) -shared $(LDFLAGS) -Wl,-soname,$(SONAME) -Wl,--version-script=src/clglu.map -o $@ $(LIB_OBJ) $(LIB_LDLIBS)
	ln -sf $(SHARED) $(B)/$(SONAME) && ln -sf $(SONAME) $(B)/libclglu.so

# ---------------------------------------------------------------- the command

TOOL_PKGS := jansson libxxhash
$(B)/tools/%.o: tools/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL) $(TOOL_FLAGS) $$($(PKG) --cflags $(TOOL_PKGS)) -c -o $@ $<

# The command carries the library in itself; SHARED_COMMAND=1 makes one that needs the shared library, as packages want it.
SHARED_COMMAND ?= 0
COMMAND_LIB := $(B)/$(if $(filter-out 0,$(SHARED_COMMAND)),$(SHARED),libclglu.a)
# It starts where the OpenCL loader is missing, too, so that its doctor can say so: what is called in the libraries of
# OpenCL is weak, and tools/late.c loads them before the first call. That needs glibc's lazy binding: LATE=0 (and
# SHARED_COMMAND=1, since the shared library needs the loader) links them as usual.
LATE     ?= 1
FLAGS_LATE := $(if $(filter $(B)/libclglu.a,$(COMMAND_LIB)),$(if $(filter-out 0,$(LATE)),-DCLGLU_LATE $(FLAGS_CLBLAST)))
$(B)/tools/late.o: TOOL_FLAGS := $(FLAGS_LATE)
$(B)/tools/command.o: $(TOOL_OBJ) $(B)/libclglu.a
	$(CC) -r -nostdlib -o $@.strong $^
	$(OBJCOPY) -w --weaken-symbol='cl[A-Z]*' --weaken-symbol='CLBlast*' $@.strong $@ && rm $@.strong

$(B)/clglu: $(if $(FLAGS_LATE),$(B)/tools/command.o,$(TOOL_OBJ) $(COMMAND_LIB))
	$(CC) $(LDFLAGS) -o $@ $^ $$($(PKG) --libs $(TOOL_PKGS)) $(if $(FLAGS_LATE),-Wl$(comma)-z$(comma)lazy \
	  -Wl$(comma)-z$(comma)dynamic-undefined-weak -ldl -lm -pthread,$(LIB_LDLIBS))

COMPLETIONS := $(B)/completion/bash $(B)/completion/zsh $(B)/completion/fish
$(COMPLETIONS): $(B)/completion/%: $(B)/clglu
	@mkdir -p $(@D)
	LD_LIBRARY_PATH="$(B)$${LD_LIBRARY_PATH:+:$$LD_LIBRARY_PATH}" $(B)/clglu completion $* >$@.tmp && mv $@.tmp $@

# ---------------------------------------------------------------- tests: the host's need no device, the device's need one

HOST_TESTS   := $(wildcard tests/host_*.c)
DEVICE_TESTS := $(wildcard tests/device_*.c)
TEST_OBJ      = $(patsubst %.c,$(B)/%.o,$(1))
TEST_FLAGS   := -Isrc -DTEST_DATA='"tests/golden"'

$(B)/tests/host_%.o: FLOOR_FLAGS := -DCLGLU_NO_OPENCL
$(B)/tests/device_%.o: FLOOR_FLAGS := $(FLAGS_CLBLAST)
$(B)/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL) $(FLOOR_FLAGS) $(TEST_FLAGS) $$($(PKG) --cflags check) -c -o $@ $<

$(B)/test-host: $(call TEST_OBJ,$(HOST_TESTS) tests/main_host.c) $(FLOOR0_OBJ)
	$(CC) $(LDFLAGS) -o $@ $^ $$($(PKG) --libs check) -lm

$(B)/test-device: $(call TEST_OBJ,$(DEVICE_TESTS) tests/main_device.c) $(B)/libclglu.a
	$(CC) $(LDFLAGS) -o $@ $^ $$($(PKG) --libs check) $(LIB_LDLIBS)

$(B)/tests/bits.o: FLOOR_FLAGS := -DCLGLU_NO_OPENCL
$(B)/bits: $(B)/tests/bits.o $(FLOOR0_OBJ)
	$(CC) $(LDFLAGS) -o $@ $^ $$($(PKG) --libs libxxhash) -lm

$(B)/exhaust: $(B)/tests/exhaust.o $(B)/libclglu.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIB_LDLIBS)

# Made by tests/fuzz.sh, with clang and flags of its own.
$(B)/tools.a: $(filter-out $(B)/tools/main.o,$(TOOL_OBJ))
	rm -f $@ && $(AR) rcs $@ $^

$(B)/fuzz-%: $(B)/tests/fuzz_%.o $(B)/tools.a $(B)/libclglu.a
	$(CC) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $$($(PKG) --libs $(TOOL_PKGS)) -lOpenCL -ldl -lm -pthread

# ---------------------------------------------------------------- install

PREFIX       ?= /usr/local
BINDIR       ?= $(PREFIX)/bin
INCLUDEDIR   ?= $(PREFIX)/include
LIBDIR       ?= $(PREFIX)/lib
DATADIR      ?= $(PREFIX)/share
MANDIR       ?= $(DATADIR)/man
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
CMAKEDIR     ?= $(LIBDIR)/cmake/clglu
BASHDIR      ?= $(DATADIR)/bash-completion/completions
ZSHDIR       ?= $(DATADIR)/zsh/site-functions
FISHDIR      ?= $(DATADIR)/fish/vendor_completions.d
DESTDIR      ?=

FILL = PREFIX="$(PREFIX)" INCLUDEDIR="$(INCLUDEDIR)" LIBDIR="$(LIBDIR)" CMAKEDIR="$(CMAKEDIR)" VERSION=$(VERSION) ABI=$(ABI) \
  SONAME=$(SONAME) SHARED=$(SHARED) CLBLAST=$(if $(FLAGS_CLBLAST),clblast) \
  POINTER=$$($(CC) $(CPPFLAGS) $(CFLAGS) -dM -E -x c /dev/null | awk '/__SIZEOF_POINTER__/ { print $$3 }') awk -f tools/fill.awk
# Each function's page is the one of all.
PAGES = $(shell awk -F ';' '/^ *clglu_/ { print $$1 ".3" }' src/clglu.map)

install: all $(COMPLETIONS) ## PREFIX (default /usr/local), LIBDIR and the like, and DESTDIR are honoured
	@for folder in "$(PREFIX)" "$(INCLUDEDIR)" "$(LIBDIR)" "$(CMAKEDIR)"; do case $$folder in /*) ;; \
	  *) echo "make install: $$folder must be an absolute path (for a staged copy there is DESTDIR)" >&2; exit 2;; esac; done
	install -d "$(DESTDIR)$(BINDIR)" "$(DESTDIR)$(INCLUDEDIR)" "$(DESTDIR)$(PKGCONFIGDIR)" "$(DESTDIR)$(CMAKEDIR)" \
	  "$(DESTDIR)$(MANDIR)/man1" "$(DESTDIR)$(MANDIR)/man3" "$(DESTDIR)$(BASHDIR)" "$(DESTDIR)$(ZSHDIR)" "$(DESTDIR)$(FISHDIR)" \
	  "$(DESTDIR)$(DATADIR)/clglu"
	install -m 755 $(B)/clglu "$(DESTDIR)$(BINDIR)"
	install -m 644 include/clglu.h include/clglu_acts.h "$(DESTDIR)$(INCLUDEDIR)"
	install -m 644 $(B)/libclglu.a "$(DESTDIR)$(LIBDIR)"
	install -m 755 $(B)/$(SHARED) "$(DESTDIR)$(LIBDIR)"
	ln -sf $(SHARED) "$(DESTDIR)$(LIBDIR)/$(SONAME)"
	ln -sf $(SONAME) "$(DESTDIR)$(LIBDIR)/libclglu.so"
	for file in clglu.pc clglu-config.cmake clglu-config-version.cmake; do $(FILL) src/$$file.in >$(B)/$$file || exit 1; done
	install -m 644 $(B)/clglu.pc "$(DESTDIR)$(PKGCONFIGDIR)"
	install -m 644 $(B)/clglu-config.cmake $(B)/clglu-config-version.cmake "$(DESTDIR)$(CMAKEDIR)"
	install -m 644 tools/sweep.schema.json "$(DESTDIR)$(DATADIR)/clglu"
	install -m 644 tools/clglu.1 "$(DESTDIR)$(MANDIR)/man1"
	install -m 644 include/clglu.3 "$(DESTDIR)$(MANDIR)/man3"
	cd "$(DESTDIR)$(MANDIR)/man3" && for page in $(PAGES); do ln -sf clglu.3 $$page; done
	install -m 644 $(B)/completion/bash "$(DESTDIR)$(BASHDIR)/clglu"
	install -m 644 $(B)/completion/zsh "$(DESTDIR)$(ZSHDIR)/_clglu"
	install -m 644 $(B)/completion/fish "$(DESTDIR)$(FISHDIR)/clglu.fish"

uninstall: ## takes away what install put there, if it is told the same folders
	rm -f "$(DESTDIR)$(BINDIR)/clglu" "$(DESTDIR)$(INCLUDEDIR)/clglu.h" "$(DESTDIR)$(INCLUDEDIR)/clglu_acts.h" \
	  "$(DESTDIR)$(LIBDIR)/libclglu.a" "$(DESTDIR)$(LIBDIR)"/libclglu.so* "$(DESTDIR)$(PKGCONFIGDIR)/clglu.pc" \
	  "$(DESTDIR)$(MANDIR)/man1/clglu.1" "$(DESTDIR)$(MANDIR)/man3/clglu.3" "$(DESTDIR)$(MANDIR)"/man3/clglu_*.3 \
	  "$(DESTDIR)$(BASHDIR)/clglu" "$(DESTDIR)$(ZSHDIR)/_clglu" "$(DESTDIR)$(FISHDIR)/clglu.fish"
	rm -f "$(DESTDIR)$(CMAKEDIR)/clglu-config.cmake" "$(DESTDIR)$(CMAKEDIR)/clglu-config-version.cmake" \
	  "$(DESTDIR)$(DATADIR)/clglu/sweep.schema.json"
	@for own in "$(DESTDIR)$(CMAKEDIR)" "$(DESTDIR)$(DATADIR)/clglu"; do \
	  [ ! -d "$$own" ] || rmdir --ignore-fail-on-non-empty "$$own"; done

readme: ## bring the README's table of activations up to date
	@awk -f tools/acts.awk include/clglu_acts.h > $(B)/acts.md
	@awk '/^<!-- acts -->$$/ { print; while ((getline line < "$(B)/acts.md") > 0) print line; on = 1 } \
	      /^<!-- \/acts -->$$/ { on = 0 } !on' README.md > $(B)/README.md && mv $(B)/README.md README.md

clean: ## remove build/
	rm -rf $(B)

-include $(wildcard $(B)/*.d $(B)/*/*.d)
