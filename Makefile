# SPDX-License-Identifier: Apache-2.0
#
# valise. `make help` lists the targets. Everything is built under build/.

SHELL := /bin/bash
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# --- what is needed: package, and a file or command that shows it is there ---------------------
PACKAGES_BUILD := \
	gcc=gcc pkg-config=pkg-config make=make \
	libzmq3-dev=libzmq.pc libsodium-dev=libsodium.pc liblmdb-dev=lmdb.pc \
	libmsgpack-dev=msgpack.pc libjansson-dev=jansson.pc libini-config-dev=ini_config.pc \
	libicu-dev=icu-uc.pc libsmartcols-dev=smartcols.pc libqrencode-dev=libqrencode.pc \
	libbsd-dev=libbsd.pc uthash-dev=/usr/include/uthash.h libseccomp-dev=libseccomp.pc
PACKAGES_CHECK := \
	libcmocka-dev=cmocka.pc clang-14=clang-14 clang-format-14=clang-format-14 \
	libclang-rt-14-dev=/usr/lib/llvm-14/lib/clang/14*/lib/linux/libclang_rt.fuzzer-*.a \
	python3=/usr/bin/python3 python3-nacl=py:nacl python3-zmq=py:zmq \
	python3-jsonschema=py:jsonschema binutils=nm git=git

# --- variants ----------------------------------------------------------------------------------
CC := gcc
SAN :=
V := 0
Q := $(if $(filter 1,$(V)),,@)

comma := ,
BUILD := build/$(notdir $(CC))$(if $(SAN),-$(subst $(comma),-,$(SAN)))
BIN := $(BUILD)/bin

VERSION := 0.1.0
COMMIT := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)

WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wno-sign-conversion -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wcast-qual -Wundef -Wvla -Wformat=2 \
	-Wno-format-nonliteral -Wimplicit-fallthrough -Wnull-dereference -Werror
HARDENING := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE \
	-fno-strict-aliasing -fno-delete-null-pointer-checks
OPTIMISE := -O2 -g
ifeq ($(SAN),)
HARDENING += -D_FORTIFY_SOURCE=2
else
OPTIMISE := -O1 -g -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
CPPFLAGS := -D_GNU_SOURCE -Iproto -Istore -I$(BUILD)/gen
CFLAGS := -std=c17 $(OPTIMISE) $(WARNINGS) $(HARDENING) $(EXTRA_CFLAGS)
LDFLAGS := $(OPTIMISE) -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(EXTRA_LDFLAGS)

pc = $(shell pkg-config --libs $(1) 2>/dev/null)
# Asked for when linking, not when reading this file: the packages may be installed in between.
LIBS_PROTO = $(call pc,libsodium msgpack icu-uc jansson)
LIBS_STORE = $(call pc,lmdb)
LIBS_NODE = $(call pc,ini_config libseccomp)
LIBS_TRANSPORT = $(call pc,libzmq libsodium libseccomp)
LIBS_CLI = $(call pc,smartcols libqrencode libbsd)

# --- sources -----------------------------------------------------------------------------------
SRC_PROTO := $(wildcard proto/*.c)
SRC_STORE := $(wildcard store/*.c)
SRC_TRANSPORT := $(addprefix node/transport_,main.c zmq.c auth.c connections.c)
SRC_NODE := $(filter-out $(SRC_TRANSPORT) node/main.c,$(wildcard node/*.c))
SRC_CLI := $(filter-out cli/main.c,$(wildcard cli/*.c))
obj = $(patsubst %.c,$(BUILD)/%.o,$(1))

PROGRAMS := $(BIN)/valise $(BIN)/valised $(BIN)/valised-transport

.PHONY: all
all: $(PROGRAMS) ## build valise, valised and valised-transport (default)

# Written anew only when it would differ, so that a commit does not rebuild everything; under a
# name of its own first, since two demos may be begun at once.
$(BUILD)/gen/version.h: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)new=$@.$$$$; printf '#define VALISE_VERSION "%s"\n#define VALISE_COMMIT "%s"\n' \
	    '$(VERSION)' '$(COMMIT)' >$$new && { cmp -s $$new $@ && rm $$new || mv $$new $@; }
.PHONY: FORCE
FORCE:

$(BUILD)/%.o: %.c | $(BUILD)/gen/version.h
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/libproto.a: $(call obj,$(SRC_PROTO))
	$(Q)rm -f $@ && ar rcs $@ $^
$(BUILD)/libstore.a: $(call obj,$(SRC_STORE))
	$(Q)rm -f $@ && ar rcs $@ $^
$(BUILD)/libnode.a: $(call obj,$(SRC_NODE))
	$(Q)rm -f $@ && ar rcs $@ $^

$(BIN)/valised: $(BUILD)/node/main.o $(BUILD)/libnode.a $(BUILD)/libstore.a $(BUILD)/libproto.a
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_NODE) $(LIBS_STORE) $(LIBS_PROTO)
$(BIN)/valised-transport: $(call obj,$(SRC_TRANSPORT)) $(call obj,node/sandbox.c node/transport_link.c) $(BUILD)/libproto.a
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_TRANSPORT) $(LIBS_PROTO)
$(BIN)/valise: $(BUILD)/cli/main.o $(call obj,$(SRC_CLI)) $(BUILD)/libproto.a
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_CLI) $(LIBS_PROTO)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# --- tests -------------------------------------------------------------------------------------
ifneq ($(SAN),)
CPPFLAGS += -DVALISE_SANITIZED
# The confined processes cannot be traced at exit; the unit tests look for leaks.
export ASAN_OPTIONS := detect_leaks=0:abort_on_error=1
export UBSAN_OPTIONS := print_stacktrace=1
endif
TEST_BIN := $(BUILD)/test
UNIT := $(patsubst tests/unit/%.c,$(TEST_BIN)/%,$(wildcard tests/unit/test_*.c))
SIMULATION := $(TEST_BIN)/simulation
LIBS_TEST = $(LIBS_CLI) $(LIBS_NODE) $(LIBS_STORE) $(LIBS_PROTO) $(call pc,cmocka)
ARCHIVES := $(BUILD)/libnode.a $(BUILD)/libstore.a $(BUILD)/libproto.a
# Every allocation of ours can be made to fail (tests/unit/failing.h).
WRAP := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup,--wrap=sodium_malloc

$(BUILD)/tests/%.o: CPPFLAGS += -Inode -Icli -Itests/unit
.PRECIOUS: $(BUILD)/tests/%.o

# The daemon with named crash points, and the transport with a breakable handler, for tests only:
# release builds have none.
$(BUILD)/hooks/%.o: node/%.c | $(BUILD)/gen/version.h
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -DVALISE_TEST_HOOKS $(CFLAGS) -MMD -MP -c -o $@ $<
$(TEST_BIN)/valised: $(BUILD)/hooks/main.o $(ARCHIVES)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_NODE) $(LIBS_STORE) $(LIBS_PROTO)
$(TEST_BIN)/valised-transport: $(patsubst node/%.c,$(BUILD)/hooks/%.o,$(SRC_TRANSPORT)) $(call obj,node/sandbox.c node/transport_link.c) $(BUILD)/libproto.a
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_TRANSPORT) $(LIBS_PROTO)
$(TEST_BIN)/valise: $(BIN)/valise
	$(Q)mkdir -p $(@D) && cp $< $@
HOOKED := $(TEST_BIN)/valised $(TEST_BIN)/valised-transport $(TEST_BIN)/valise

RUN := /usr/bin/python3 tests/run.py --build $(BUILD)

.PHONY: check check-built unit packages packages-check
packages:
	$(Q)tests/lint/packages.sh $(PACKAGES_BUILD)
packages-check:
	$(Q)tests/lint/packages.sh $(PACKAGES_BUILD) $(PACKAGES_CHECK)
check: packages-check ## lint, unit tests, vectors, scenarios; ends with "N passed, N failed"
	$(Q)$(MAKE) --no-print-directory check-built
check-built: all $(UNIT) $(HOOKED)
	$(Q)$(RUN) lint unit vectors scenario hostile fault
unit: $(UNIT) ## unit tests only
	$(Q)$(RUN) unit

.PHONY: lint
lint: ## layers, purity, style, documents
	$(Q)/usr/bin/python3 tests/lint/lint.py --build $(BUILD)

# --- installing --------------------------------------------------------------------------------
PREFIX := /usr
INSTALL := install -D
.PHONY: install
install: all ## install under $(DESTDIR)$(PREFIX), with unit, configuration, manual, completion
	$(Q)$(INSTALL) -m 755 $(BIN)/valise $(DESTDIR)$(PREFIX)/bin/valise
	$(Q)$(INSTALL) -m 755 -t $(DESTDIR)$(PREFIX)/sbin $(BIN)/valised $(BIN)/valised-transport
	$(Q)test -e $(DESTDIR)/etc/valise/valised.conf || \
		$(INSTALL) -m 644 configs/valised.conf $(DESTDIR)/etc/valise/valised.conf
	$(Q)$(INSTALL) -m 644 configs/valised.service $(DESTDIR)$(PREFIX)/lib/systemd/system/valised.service
	$(Q)$(INSTALL) -m 644 configs/valise.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/valise.conf
	$(Q)$(BIN)/valise completion bash >$(BUILD)/gen/completion
	$(Q)$(INSTALL) -m 644 $(BUILD)/gen/completion $(DESTDIR)$(PREFIX)/share/bash-completion/completions/valise
	$(Q)$(INSTALL) -m 644 cli/valise.1 $(DESTDIR)$(PREFIX)/share/man/man1/valise.1
	$(Q)$(INSTALL) -m 644 -t $(DESTDIR)$(PREFIX)/share/valise/demo configs/demo/states.json
	$(Q)$(INSTALL) -m 644 -t $(DESTDIR)$(PREFIX)/share/valise/demo/records configs/demo/records/*.json

.PHONY: demo
demo: packages ## build, then three fictional States exchange records on this machine
	$(Q)$(MAKE) --no-print-directory all
	$(Q)$(BIN)/valise demo

.PHONY: deps help clean
deps: ## print the Debian packages that are needed
	@echo $(foreach p,$(PACKAGES_BUILD) $(PACKAGES_CHECK),$(firstword $(subst =, ,$(p))))
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | sort | expand -t 16
clean: ## remove everything that was built
	$(Q)rm -rf build

# --- fuzz
# Sample States and records, shared by the unit tests and the seeds of the fuzz targets.
SAMPLES := $(call obj,tests/unit/sample.c tests/unit/support.c tests/unit/stage.c)
$(UNIT): $(TEST_BIN)/test_%: $(BUILD)/tests/unit/test_%.o $(BUILD)/tests/unit/failing.o $(SAMPLES) $(call obj,$(SRC_CLI)) $(ARCHIVES)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $(WRAP) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS_TEST)

# The targets, linked into libFuzzer one by one, and all together into a unit test that replays
# their corpus. Every seed is made by tests/fuzz/seeds.c: make fuzz-seeds writes them anew.
SECONDS := 60
TARGETS :=
FUZZ_TARGETS := $(patsubst tests/fuzz/target_%.c,%,$(wildcard tests/fuzz/target_*.c)) must_crash
FUZZ_OBJECTS := $(call obj,tests/fuzz/fuzz.c $(wildcard tests/fuzz/target_*.c))
FUZZ_PARTS := $(FUZZ_OBJECTS) $(call obj,tests/fuzz/must_crash.c tests/unit/sample.c node/transport_link.c)
$(TEST_BIN)/test_corpus: $(FUZZ_OBJECTS)

.PHONY: fuzz fuzz-programs fuzz-seeds
fuzz: ## each parser for SECONDS=60 (TARGETS="pack lane"); ends with "N targets, N findings"
	$(Q)$(MAKE) --no-print-directory BUILD=build/fuzz CC=clang-14 SAN=address,undefined EXTRA_CFLAGS=-fsanitize=fuzzer-no-link fuzz-programs
	$(Q)/usr/bin/python3 tests/fuzz/run.py build/fuzz $(SECONDS) $(TARGETS)
fuzz-programs: $(addprefix $(BUILD)/fuzz_,$(FUZZ_TARGETS))
$(BUILD)/fuzz_%: tests/fuzz/driver.c tests/fuzz/fuzz.h $(FUZZ_PARTS) $(BUILD)/libproto.a
	$(Q)$(CC) $(CPPFLAGS) -Itests/unit $(CFLAGS) $(LDFLAGS) -fsanitize=fuzzer -DTARGET=target_$* -o $@ $< $(filter %.o,$^) $(filter %.a,$^) $(LIBS_PROTO)
fuzz-seeds: $(BUILD)/fuzz-seeds
	$(Q)$< tests/fuzz/corpus
$(BUILD)/fuzz-seeds: $(call obj,tests/fuzz/seeds.c) $(FUZZ_PARTS) $(BUILD)/libproto.a
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_PROTO)
# --- end fuzz

# --- vectors -----------------------------------------------------------------------------------
$(TEST_BIN)/mkstate: $(BUILD)/tests/lib/mkstate.o $(BUILD)/libproto.a
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_PROTO)

# Our frozen vectors: made by the code once, then held against it (tests/vectors/README.md).
FROZEN := $(call obj,tests/vectors/frozen.c tests/vectors/frozen_exchange.c tests/vectors/frozen_messages.c)
$(TEST_BIN)/make_frozen: $(BUILD)/tests/vectors/make_frozen.o $(FROZEN) $(BUILD)/libproto.a
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_PROTO)
$(TEST_BIN)/test_vectors_frozen: $(FROZEN)
# The archive again: those objects come after it.
$(TEST_BIN)/test_vectors_frozen: LIBS_TEST = $(BUILD)/libproto.a $(LIBS_CLI) $(LIBS_NODE) $(LIBS_STORE) $(LIBS_PROTO) $(call pc,cmocka)

# The tables of WIRE.md and LAYOUT.md, as the code has them; `make lint` compares.
$(TEST_BIN)/describe: $(call obj,tests/lint/describe.c tests/lint/describe_records.c tests/lint/describe_limits.c) $(BUILD)/libstore.a $(BUILD)/libproto.a
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_STORE) $(LIBS_PROTO)
lint check-built: $(TEST_BIN)/describe
documents: $(TEST_BIN)/describe ## put the code's tables into WIRE.md and LAYOUT.md
	$(Q)$(TEST_BIN)/describe --write proto/WIRE.md && $(TEST_BIN)/describe --write store/LAYOUT.md
.PHONY: documents

check-built: $(TEST_BIN)/mkstate
# --- end vectors -------------------------------------------------------------------------------

# --- bench -------------------------------------------------------------------------------------
# Ours against the limit and the peers; prints ratios, asserts nothing. JOB=name runs one job,
# RECORDS= and RUNS= change how much.
BENCH := $(TEST_BIN)/bench
BENCH_SOURCES := $(wildcard tests/bench/*.c) tests/unit/sample.c
BENCH_WRAP := -Wl,--wrap=mdb_put,--wrap=mdb_del,--wrap=mdb_txn_commit,--wrap=token
$(BENCH): $(call obj,$(BENCH_SOURCES)) $(ARCHIVES)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $(BENCH_WRAP) -o $@ $^ $(LIBS_TEST) $(LIBS_TRANSPORT)
bench: $(BENCH) $(TEST_BIN)/mkstate $(BIN)/valised $(BIN)/valised-transport ## speed: ours, limit, peers
	$(Q)VALISE_BUILD=$(abspath $(BUILD)) /usr/bin/python3 tests/bench/run.py \
		$(if $(JOB),--job $(JOB)) $(if $(RECORDS),--records $(RECORDS)) $(if $(RUNS),--runs $(RUNS))
.PHONY: bench
# --- end bench ---------------------------------------------------------------------------------

# --- fault -------------------------------------------------------------------------------------
# What spoils stores, and what fails system calls and turns clocks.
$(TEST_BIN)/store_tool: $(BUILD)/tests/fault/store_tool.o $(BUILD)/tests/fault/store_spoil.o $(BUILD)/libstore.a $(BUILD)/libproto.a
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_STORE) $(LIBS_PROTO)
# Not instrumented: it is loaded before everything else.
$(TEST_BIN)/shim.so: tests/fault/shim.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -D_GNU_SOURCE -std=c17 -O2 $(WARNINGS) -fPIC -shared -o $@ $< -ldl
FAULT_TOOLS := $(TEST_BIN)/mkstate $(TEST_BIN)/store_tool $(TEST_BIN)/shim.so

check-built: $(FAULT_TOOLS)
.PHONY: check-fault
check-fault: all $(HOOKED) $(FAULT_TOOLS) ## the long tests: flips, kills, fake time; says how many cases
	$(Q)$(RUN) --limit 3600 $(wildcard tests/fault/slow_*.py tests/hostile/slow_*.py)
# --- end fault ---------------------------------------------------------------------------------

# --- simulation --------------------------------------------------------------------------------
# Whole nodes under a clock and a network of our own. The small run is a unit test.
SIMULATION_OBJECTS := $(call obj,$(wildcard tests/simulation/*.c))
SIMULATION_WRAP := -Wl,--wrap=sodium_mprotect_noaccess,--wrap=sodium_mprotect_readonly,--wrap=sodium_mprotect_readwrite
$(SIMULATION): $(SIMULATION_OBJECTS) $(ARCHIVES)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $(SIMULATION_WRAP) -o $@ $^ $(LIBS_TEST)
$(TEST_BIN)/test_simulation: $(SIMULATION)
	$(Q)cp $< $@
unit check-built: $(TEST_BIN)/test_simulation

STEPS := 1000000
.PHONY: check-sim
check-sim: $(SIMULATION) ## STEPS=1000000 simulated steps, and planted bugs that must be found
	$(Q)/usr/bin/python3 tests/simulation/check_sim.py --build $(BUILD) --steps $(STEPS)
# --- end simulation ----------------------------------------------------------------------------

# --- mutation ----------------------------------------------------------------------------------
# Faults of one line, in a copy of the tree; see tests/mutation/README.md.
MUTANTS :=
.PHONY: check-mutation
check-mutation: ## one-line faults in the code, each of which must turn a test red
	$(Q)/usr/bin/python3 tests/mutation/run.py $(MUTANTS)
# --- end mutation ------------------------------------------------------------------------------
