# hotlink-proxy: one plain Makefile.
#
#   make            the two programs, release build, in build/release/
#   make test       installs what is missing, then unit, simulation and whole-process tests
#   make demo       installs what is missing, then three parties over three sidecars and a relay
#   make help       every target
#
# VARIANT names the build directory: release (default), asan, clang. CXX picks the compiler.

VARIANT ?= release
BUILD   := build/$(VARIANT)
PYTHON  ?= /usr/bin/python3
# How many tests run at once; the whole-process tests share the machine with what they start.
JOBS    ?= $(shell nproc)

ifeq ($(VARIANT),clang)
  CXX := clang++-14
else ifeq ($(origin CXX),default)
  CXX := g++
endif

PKGS      := libuv libwebsockets libcurl libcjson nettle yaml-cpp
CPPFLAGS  += -I. -D_GNU_SOURCE -MMD -MP
CXXFLAGS  += -std=c++20 -g -Wall -Wextra -Werror -Wno-missing-field-initializers
OPT       := -O2
ifeq ($(VARIANT),asan)
  OPT      := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
  LDFLAGS  += -fsanitize=address,undefined
endif
CXXFLAGS  += $(OPT)

# The library's objects by layer: PURE_SRC compiles and tests without libuv, libwebsockets, libcurl.
PURE_SRC    := $(wildcard common/*.cc proxy/core/*.cc proxy/config/*.cc proxy/markers/*.cc relay/core/*.cc)
PROXY_SRC   := $(wildcard proxy/adapters/*.cc proxy/*.cc)
RELAY_SRC   := $(wildcard relay/*.cc)
UNIT_SRC    := $(wildcard tests/unit/*.cc)
SIM_SRC     := $(wildcard tests/sim/*.cc)
ADAPTER_TEST_SRC := $(wildcard tests/adapters/*.cc)
ALL_SRC     := $(PURE_SRC) $(PROXY_SRC) $(RELAY_SRC) $(UNIT_SRC) $(SIM_SRC) $(ADAPTER_TEST_SRC)

obj = $(patsubst %.cc,$(BUILD)/obj/%.o,$(1))

PURE_LIBS   := -lcjson -lnettle -l:libmsgpuck.a -lyaml-cpp
PROXY_LIBS  := $(PURE_LIBS) -luv -lcurl
RELAY_LIBS  := $(PURE_LIBS) -lwebsockets -luv

.PHONY: all
all: $(BUILD)/hotlink-proxy $(BUILD)/hotlink-relay

.PHONY: help
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

$(BUILD)/hotlink-proxy: $(call obj,$(PROXY_SRC) $(PURE_SRC))
	$(CXX) $(LDFLAGS) -o $@ $^ $(PROXY_LIBS)

$(BUILD)/hotlink-relay: $(call obj,$(RELAY_SRC) $(PURE_SRC))
	$(CXX) $(LDFLAGS) -o $@ $^ $(RELAY_LIBS)

$(BUILD)/unit_tests: $(call obj,$(UNIT_SRC) $(PURE_SRC))
	$(CXX) $(LDFLAGS) -o $@ $^ $(PURE_LIBS)

$(BUILD)/sim: $(call obj,$(SIM_SRC) $(PURE_SRC))
	$(CXX) $(LDFLAGS) -o $@ $^ $(PURE_LIBS)

$(BUILD)/adapter_tests: $(call obj,$(ADAPTER_TEST_SRC) $(wildcard proxy/adapters/*.cc) $(PURE_SRC))
	$(CXX) $(LDFLAGS) -o $@ $^ $(PROXY_LIBS)

$(BUILD)/obj/%.o: %.cc
	@mkdir -p $(@D)
	$(CXX) $(CPPFLAGS) $(CXXFLAGS) -c -o $@ $<

# The commit goes into one object only, rebuilt when the commit changes.
COMMIT := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
$(BUILD)/commit.txt: FORCE
	@mkdir -p $(@D)
	@echo '$(COMMIT)' | cmp -s - $@ || echo '$(COMMIT)' > $@
$(BUILD)/obj/common/version.o: CPPFLAGS += -DHOTLINK_COMMIT='"$(COMMIT)"'
$(BUILD)/obj/common/version.o: $(BUILD)/commit.txt
.PHONY: FORCE
FORCE:

-include $(patsubst %.o,%.d,$(call obj,$(ALL_SRC)))
