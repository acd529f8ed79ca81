# hotlink-proxy: one plain Makefile.
#
#   make            the two programs, in build/release/
#   make help       every target
#
# VARIANT names the build directory: release (default), asan, clang, fuzz. CXX picks the compiler,
# JOBS how much runs at once, V=1 shows whole commands.

VARIANT ?= release
BUILD   := build/$(VARIANT)
PYTHON  ?= /usr/bin/python3
JOBS    ?= $(shell nproc)
SEEDS   ?= 2000
MINUTES ?= 10
PARTIES ?= 3
NAME    ?= smoke
ifeq ($(MAKELEVEL),0)
  MAKEFLAGS += --jobs=$(JOBS)
endif
Q       := $(if $(V),,@)

ifneq ($(filter clang fuzz,$(VARIANT)),)
  CXX := clang++-14
else ifeq ($(origin CXX),default)
  CXX := g++
endif

CPPFLAGS  += -I. -D_GNU_SOURCE -MMD -MP
CXXFLAGS  += -std=c++20 -g -Wall -Wextra -Werror -Wno-missing-field-initializers
ifeq ($(findstring clang,$(CXX)),)
  CXXFLAGS += -Wno-restrict  # gcc 12 warns of strings that are assigned a literal (its bug 105651)
endif
OPT       := -O2
ifeq ($(VARIANT),asan)
  OPT      := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
  LDFLAGS  += -fsanitize=address,undefined
else ifeq ($(VARIANT),fuzz)
  OPT      := -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
              -fno-sanitize-recover=all
  LDFLAGS  += -fsanitize=fuzzer,address,undefined
endif
CXXFLAGS  += $(OPT)

# The library's objects by layer: PURE_SRC compiles and tests without libuv, libcurl, OpenSSL.
PURE_SRC    := $(wildcard common/*.cc proxy/core/*.cc proxy/config/*.cc proxy/markers/*.cc proxy/tokens/*.cc \
                 proxy/admin/*.cc proxy/check/*.cc relay/core/*.cc)
NET_SRC     := $(wildcard net/*.cc)
PROXY_SRC   := $(wildcard proxy/adapters/*.cc proxy/commands/*.cc proxy/*.cc)
RELAY_SRC   := $(wildcard relay/*.cc)
UNIT_SRC    := $(wildcard tests/unit/*.cc)
SIM_SRC     := $(wildcard tests/sim/*.cc)
ADAPTER_TEST_SRC := $(wildcard tests/adapters/*.cc)
# Each file of tests/fuzz is a target; what they share is in its directory support.
FUZZ_SRC         := $(wildcard tests/fuzz/*.cc)
FUZZ_SUPPORT_SRC := $(wildcard tests/fuzz/support/*.cc) \
                    $(addprefix tests/unit/,core_world.cc fakes.cc message_fields.cc)
LOAD_SRC    := $(wildcard tests/bench/load/*.cc)
WAN_SRC     := tests/bench/wan_proxy.cc
INSTRUCTIONS_SRC := $(wildcard tests/bench/instructions/*.cc)
ALL_SRC     := $(PURE_SRC) $(NET_SRC) $(PROXY_SRC) $(RELAY_SRC) $(UNIT_SRC) $(SIM_SRC) $(ADAPTER_TEST_SRC) \
               $(FUZZ_SRC) $(FUZZ_SUPPORT_SRC) $(LOAD_SRC) $(WAN_SRC) $(INSTRUCTIONS_SRC)

obj = $(patsubst %.cc,$(BUILD)/obj/%.o,$(1))

BASE_LIBS   := -lcjson -lnettle -l:libmsgpuck.a -lyaml-cpp
PURE_LIBS   := $(BASE_LIBS) -lhttp_parser
PROXY_LIBS  := $(BASE_LIBS) -luv -lcurl -lmicrohttpd -lssl -lcrypto
RELAY_LIBS  := $(PURE_LIBS) -luv -lssl -lcrypto

PROGRAMS := $(BUILD)/hotlink-proxy $(BUILD)/hotlink-relay
FUZZERS  := $(patsubst tests/fuzz/%.cc,$(BUILD)/fuzzers/%,$(FUZZ_SRC))
BENCH    := $(BUILD)/bench/load $(BUILD)/bench/wan_proxy
TESTS    := $(BUILD)/unit_tests $(BUILD)/adapter_tests $(BUILD)/sim

## make               both programs
.PHONY: all
all: $(PROGRAMS)

# Every line of this file that begins with two # signs.
.PHONY: help
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

$(BUILD)/hotlink-proxy: $(call obj,$(PROXY_SRC) $(NET_SRC) $(filter-out relay/%,$(PURE_SRC)))
	@echo "  LINK $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(PROXY_LIBS)

$(BUILD)/hotlink-relay: $(call obj,$(RELAY_SRC) $(NET_SRC) $(filter-out proxy/%,$(PURE_SRC)))
	@echo "  LINK $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(RELAY_LIBS)

$(BUILD)/unit_tests: $(call obj,$(UNIT_SRC) $(PURE_SRC) tests/bench/load/pattern.cc)
	@echo "  LINK $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(PURE_LIBS)

$(BUILD)/sim: $(call obj,$(SIM_SRC) $(PURE_SRC))
	@echo "  LINK $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(PURE_LIBS)

$(BUILD)/adapter_tests: $(call obj,$(ADAPTER_TEST_SRC) $(wildcard proxy/adapters/*.cc) $(NET_SRC) \
    $(filter-out relay/%,$(PURE_SRC)))
	@echo "  LINK $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(PROXY_LIBS)

.PRECIOUS: $(BUILD)/obj/%.o
$(BUILD)/fuzzers/%: $(BUILD)/obj/tests/fuzz/%.o $(call obj,$(FUZZ_SUPPORT_SRC) $(PURE_SRC))
	@mkdir -p $(@D)
	@echo "  LINK $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(PURE_LIBS)

$(BUILD)/bench/load: $(call obj,$(LOAD_SRC))
$(BUILD)/bench/wan_proxy: $(call obj,$(WAN_SRC))
$(BENCH):
	@mkdir -p $(@D)
	@echo "  LINK $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^

$(BUILD)/bench/instructions: $(call obj,$(INSTRUCTIONS_SRC) $(PURE_SRC))
	@mkdir -p $(@D)
	@echo "  LINK $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(PURE_LIBS)

$(BUILD)/obj/%.o: %.cc
	@mkdir -p $(@D)
	@echo "  CXX  $<"
	$(Q)$(CXX) $(CPPFLAGS) $(CXXFLAGS) -c -o $@ $<

# The commit goes into one object only, rebuilt when the commit changes.
COMMIT := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
$(BUILD)/commit.txt: FORCE
	@mkdir -p $(@D)
	@echo '$(COMMIT)' | cmp -s - $@ || echo '$(COMMIT)' > $@
$(BUILD)/obj/common/version.o: CPPFLAGS += -DHOTLINK_COMMIT='"$(COMMIT)"'
$(BUILD)/obj/common/version.o: $(BUILD)/commit.txt
.PHONY: FORCE
FORCE:

# The tests. Each target builds what it needs; run-tests sums up in its last line.
RUN_TESTS := $(PYTHON) scripts/run-tests --build $(BUILD) --jobs $(JOBS)

## make deps          installs what building and testing need
.PHONY: deps
deps:
	@scripts/install-deps test

## make test          installs what is missing, then unit, simulation and whole-process tests
.PHONY: test
test:
	@scripts/install-deps test
	@$(MAKE) --no-print-directory $(PROGRAMS) $(TESTS)
	@$(RUN_TESTS) unit adapters sim docs e2e

## make unit          unit tests, and those of the adapters on real sockets and files
.PHONY: unit
unit: $(BUILD)/unit_tests $(BUILD)/adapter_tests
	@$(RUN_TESTS) unit adapters

## make sim           simulated runs; SEEDS=2000
.PHONY: sim
sim: $(BUILD)/sim
	@$(RUN_TESTS) --seeds $(SEEDS) sim

## make soak          simulated runs with fresh seeds; MINUTES=10
.PHONY: soak
soak: $(BUILD)/sim
	$(BUILD)/sim soak --minutes $(MINUTES) --jobs $(JOBS)

## make sim-mutants   breaks the core in many ways; the simulation has to find each
.PHONY: sim-mutants
sim-mutants:
	scripts/sim-mutants

## make e2e           whole processes: relays, sidecars and parties
.PHONY: e2e
e2e: $(PROGRAMS)
	@$(RUN_TESTS) e2e

## make smoke         the few of them that say whether it works at all
.PHONY: smoke
smoke: $(PROGRAMS)
	@$(RUN_TESTS) smoke

## make conformance   the relay against the protocol, plain and --as-syftbox
.PHONY: conformance
conformance: $(PROGRAMS)
	@$(RUN_TESTS) conformance

## make asan          unit, short simulation and smoke with address, leak and undefined checks
.PHONY: asan
asan:
	@$(MAKE) --no-print-directory VARIANT=asan BUILD=build/asan asan-run

.PHONY: asan-run
asan-run: $(PROGRAMS) $(TESTS)
	@ASAN_OPTIONS=detect_leaks=1 HOTLINK_E2E_SCALE=3 $(RUN_TESTS) --seeds 40 unit adapters sim smoke

## make clang         builds everything with clang
.PHONY: clang
clang:
	@scripts/install-deps test lint
	@$(MAKE) --no-print-directory VARIANT=clang BUILD=build/clang clang-all

.PHONY: clang-all
clang-all: $(PROGRAMS) $(TESTS) $(BENCH) $(BUILD)/bench/instructions

# Fuzzing (docs/fuzzing.md). What is found lies in build/fuzz/findings.
FUZZ_BUILD := $(MAKE) --no-print-directory VARIANT=fuzz BUILD=build/fuzz fuzzers
RUN_FUZZ   := $(PYTHON) scripts/fuzz --jobs $(JOBS)

## make fuzz-smoke    every fuzz target for 10 s
.PHONY: fuzz-smoke
fuzz-smoke:
	@scripts/install-deps fuzz
	+@$(FUZZ_BUILD)
	@$(RUN_FUZZ) --seconds 10

## make fuzz          every fuzz target for MINUTES=10, JOBS of them at a time
.PHONY: fuzz
fuzz:
	@scripts/install-deps fuzz
	+@$(FUZZ_BUILD)
	@$(RUN_FUZZ) --seconds $$(($(MINUTES) * 60)) --keep

.PHONY: fuzzers
fuzzers: $(FUZZERS)

RUN_BENCH := HOTLINK_PROXY_BIN=$(BUILD)/hotlink-proxy HOTLINK_RELAY_BIN=$(BUILD)/hotlink-relay \
  HOTLINK_BENCH_BIN=$(BUILD)/bench PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/bench/bench.py

## make bench         6 minutes of figures, beside plain TCP hops: build/bench/; BENCH_SERVER=URL
.PHONY: bench
bench:
	@scripts/install-deps bench
	@$(MAKE) --no-print-directory $(PROGRAMS) $(BENCH)
	@$(RUN_BENCH)

## make bench-quick   half a minute of the same, with less of everything
.PHONY: bench-quick
bench-quick:
	@scripts/install-deps bench
	@$(MAKE) --no-print-directory $(PROGRAMS) $(BENCH)
	@$(RUN_BENCH) --quick

## make instructions  instructions of codecs and core, counted by callgrind, beside the stored ones
.PHONY: instructions
instructions: $(BUILD)/bench/instructions
	@scripts/instructions $<

## make lint          clang-format, and clang-tidy over the product files that changed
FORMATTED := $(shell find common net proxy relay tests -name '*.cc' -o -name '*.h')
TIDY_SRC  := $(PURE_SRC) $(NET_SRC) $(PROXY_SRC) $(RELAY_SRC)
TIDIED    := $(patsubst %.cc,$(BUILD)/tidy/%.ok,$(TIDY_SRC))
.PHONY: lint
lint:
	@scripts/install-deps lint
	clang-format-14 --dry-run -Werror $(FORMATTED)
	@$(MAKE) --no-print-directory --keep-going $(TIDIED)

# Behind the object: that is newer than every header it depends on.
$(BUILD)/tidy/%.ok: %.cc $(BUILD)/obj/%.o .clang-tidy
	@mkdir -p $(@D)
	@echo "  TIDY $<"
	$(Q)clang-tidy-14 --quiet $< -- -I. -D_GNU_SOURCE -std=c++20 2>/dev/null
	@touch $@

## make demo          installs what is missing, then a computation over sidecars; PARTIES=3
.PHONY: demo
demo:
	@scripts/install-deps demo
	@$(MAKE) --no-print-directory $(PROGRAMS)
	@BUILD=$(BUILD) PARTIES=$(PARTIES) scripts/demo

## make image         hotlink-proxy and hotlink-demo-party, by podman or docker; IMAGE_OPTIONS=...
.PHONY: image
image:
	@scripts/image $(IMAGE_OPTIONS)

## make containers    builds the image as `make image` does, and tests it by podman
.PHONY: containers
containers: $(PROGRAMS)
	@scripts/install-deps test containers
	@scripts/image $(IMAGE_OPTIONS)
	@$(RUN_TESTS) containers

## make scenario      installs what is missing, then runs a scenario; NAME=smoke (docs/scenarios.md)
.PHONY: scenario
scenario:
	@scripts/install-deps scenario
	@$(MAKE) --no-print-directory $(PROGRAMS)
	@BUILD=$(BUILD) scripts/scenario $(NAME)

## make docs          writes the options into docs/options.md and README.md
.PHONY: docs
docs: $(BUILD)/hotlink-proxy
	@scripts/options-doc $<

## make check-docs    whether they are as the program says
.PHONY: check-docs
check-docs: $(BUILD)/hotlink-proxy
	@scripts/options-doc --check $<

## make clean         removes build/
.PHONY: clean
clean:
	rm -rf build

-include $(patsubst %.o,%.d,$(call obj,$(ALL_SRC)))
