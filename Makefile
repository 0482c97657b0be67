# clglu - make help says what there is
# SPDX-License-Identifier: MIT

PREFIX   ?= /usr/local
DESTDIR  ?=
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
SONAME  := libclglu.so.$(MAJOR)
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
FLOOR0   := status dtype ulp reference view place variant model job job_check emulate block backward emulate_ffn reference_ffn emulate_backward reference_backward judge
LIB_SRC  := $(wildcard src/*.c)
LIB_OBJ  := $(LIB_SRC:%.c=$(B)/%.o) $(B)/kernels.o
FLOOR0_OBJ := $(FLOOR0:%=$(B)/src/%.o)
TOOL_SRC := $(wildcard tools/*.c)
TOOL_OBJ := $(TOOL_SRC:%.c=$(B)/%.o)
CL_SRC   := $(wildcard cl/*.cl) $(wildcard cl/*.clh)

.PHONY: all help sweep bench deps deps-check deps-long check check-quick check-long runtimes check-runtimes install uninstall readme clean

all: $(B)/libclglu.a $(B)/$(SHARED) $(B)/clglu $(B)/clglu.pc

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

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
$(VECTORS:%=$(B)/src/%.o): FLOOR_FLAGS := -DCLGLU_NO_OPENCL -O3 -fno-math-errno -fno-trapping-math

$(B)/src/clblast.o: FLOOR_FLAGS := $(FLAGS_CLBLAST)

$(B)/src/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL) $(FLOOR_FLAGS) -fPIC -fvisibility=hidden -c -o $@ $<

$(B)/libclglu.a: $(LIB_OBJ)
	rm -f $@ && $(AR) rcs $@ $^

$(B)/$(SHARED): $(LIB_OBJ)
	$(CC) -shared $(LDFLAGS) -Wl,-soname,$(SONAME) -o $@ $^ $(LIB_LDLIBS)
	ln -sf $(SHARED) $(B)/$(SONAME) && ln -sf $(SONAME) $(B)/libclglu.so

PC := sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' \
  -e 's|@CLBLAST@|$(if $(FLAGS_CLBLAST),-lclblast )|'
$(B)/clglu.pc: src/clglu.pc.in Makefile include/clglu.h
	@mkdir -p $(@D)
	$(PC) $< > $@

# ---------------------------------------------------------------- the command

TOOL_PKGS := jansson libxxhash
$(B)/tools/%.o: tools/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL) $(TOOL_FLAGS) $$($(PKG) --cflags $(TOOL_PKGS)) -c -o $@ $<

# The command starts where the OpenCL loader is missing, too, so that its doctor can say so: what is called in the libraries of
# OpenCL is weak, and tools/late.c loads them before the first call. That needs glibc's lazy binding: LATE=0 links them as usual.
LATE     ?= 1
FLAGS_LATE := $(if $(filter-out 0,$(LATE)),-DCLGLU_LATE $(FLAGS_CLBLAST))
$(B)/tools/late.o: TOOL_FLAGS := $(FLAGS_LATE)
$(B)/tools/command.o: $(TOOL_OBJ) $(B)/libclglu.a
	$(CC) -r -nostdlib -o $@.strong $^
	$(OBJCOPY) -w --weaken-symbol='cl[A-Z]*' --weaken-symbol='CLBlast*' $@.strong $@ && rm $@.strong

$(B)/clglu: $(if $(FLAGS_LATE),$(B)/tools/command.o,$(TOOL_OBJ) $(B)/libclglu.a)
	$(CC) $(LDFLAGS) -o $@ $^ $$($(PKG) --libs $(TOOL_PKGS)) $(if $(FLAGS_LATE),-Wl$(comma)-z$(comma)lazy \
	  -Wl$(comma)-z$(comma)dynamic-undefined-weak -ldl -lm -pthread,$(LIB_LDLIBS))

# ---------------------------------------------------------------- tests: the host's need no device, the device's need one

HOST_TESTS   := $(wildcard tests/host_*.c)
DEVICE_TESTS := $(wildcard tests/device_*.c)
TEST_OBJ      = $(patsubst %.c,$(B)/%.o,$(1))
TEST_FLAGS   := -Isrc -DTEST_DATA='"tests/golden"'

$(B)/tests/host_%.o: FLOOR_FLAGS := -DCLGLU_NO_OPENCL
$(B)/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL) $(FLOOR_FLAGS) $(TEST_FLAGS) $$($(PKG) --cflags check) -c -o $@ $<

$(B)/test-host: $(call TEST_OBJ,$(HOST_TESTS) tests/main_host.c) $(FLOOR0_OBJ)
	$(CC) $(LDFLAGS) -o $@ $^ $$($(PKG) --libs check) -lm

$(B)/test-device: $(call TEST_OBJ,$(DEVICE_TESTS) tests/main_device.c) $(B)/libclglu.a
	$(CC) $(LDFLAGS) -o $@ $^ $$($(PKG) --libs check) $(LIB_LDLIBS)

$(B)/exhaust: $(B)/tests/exhaust.o $(B)/libclglu.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIB_LDLIBS)

# ---------------------------------------------------------------- install

install: all ## PREFIX (default /usr/local) and DESTDIR are honoured
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 755 $(B)/clglu $(DESTDIR)$(PREFIX)/bin
	install -m 644 include/clglu.h include/clglu_acts.h $(DESTDIR)$(PREFIX)/include
	install -m 644 $(B)/libclglu.a $(DESTDIR)$(PREFIX)/lib
	install -m 755 $(B)/$(SHARED) $(DESTDIR)$(PREFIX)/lib
	ln -sf $(SHARED) $(DESTDIR)$(PREFIX)/lib/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(PREFIX)/lib/libclglu.so
	$(PC) src/clglu.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/clglu.pc
	install -m 644 tools/clglu.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -D -m 644 tools/sweep.schema.json $(DESTDIR)$(PREFIX)/share/clglu/sweep.schema.json

uninstall: ## takes away what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/clglu $(DESTDIR)$(PREFIX)/include/clglu.h $(DESTDIR)$(PREFIX)/include/clglu_acts.h \
	  $(DESTDIR)$(PREFIX)/lib/libclglu.a $(DESTDIR)$(PREFIX)/lib/libclglu.so* $(DESTDIR)$(PREFIX)/lib/pkgconfig/clglu.pc \
	  $(DESTDIR)$(PREFIX)/share/man/man1/clglu.1 $(DESTDIR)$(PREFIX)/share/clglu/sweep.schema.json

readme: ## bring the README's table of activations up to date
	@awk -f tools/acts.awk include/clglu_acts.h > $(B)/acts.md
	@awk '/^<!-- acts -->$$/ { print; while ((getline line < "$(B)/acts.md") > 0) print line; on = 1 } \
	      /^<!-- \/acts -->$$/ { on = 0 } !on' README.md > $(B)/README.md && mv $(B)/README.md README.md

clean: ## remove build/
	rm -rf $(B)

-include $(wildcard $(B)/*.d $(B)/*/*.d)
