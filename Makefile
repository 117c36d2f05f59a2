# Builds, tests and installs pinfod: `make help` lists what there is to make.
# The compiler's settings CC, CPPFLAGS, CFLAGS and LDFLAGS are the caller's; what
# pinfod itself needs stands in front of them. V=1 shows every command.

VERSION := 0.1.0
CFLAGS  ?= -O2 -g

# Where `make install` puts things, below DESTDIR if that is set.
PREFIX         ?= /usr/local
bindir         ?= $(PREFIX)/bin
sbindir        ?= $(PREFIX)/sbin
mandir         ?= $(PREFIX)/share/man
docdir         ?= $(PREFIX)/share/doc/pinfod
completionsdir ?= $(PREFIX)/share/bash-completion/completions
unitdir        ?= $(PREFIX)/lib/systemd/system
sysusersdir    ?= $(PREFIX)/lib/sysusers.d
CONF           := $(DESTDIR)/etc/pinfod/pinfod.conf

# The packages, by what they are for. Nothing else in the tree names them.
# redis-tools holds the server too (as redis-check-rdb), and starts no service.
PKGS_build := gcc libc6-dev pkg-config libevent-dev libhiredis-dev libconfig-dev libjansson-dev \
              libssl-dev
PKGS_demo  := redis-tools
PKGS_test  := redis-tools libcmocka-dev python3 python3-pytest python3-pytest-timeout \
              python3-pytest-xdist python3-redis netcat-openbsd iproute2 openssl procps mandoc
PKGS_bench := redis-tools python3 strace valgrind libc6-dbg
PKGS_fuzz  := clang libclang-rt-dev
PKGS_lint  := clang-format clang-tidy cppcheck shellcheck mandoc
PKGS_deb   := build-essential debhelper lintian libcmocka-dev
PKGS_boot  := systemd-container debootstrap debian-archive-keyring python3-pytest \
              python3-pytest-timeout python3-pytest-xdist
PKGS_servers := debian-archive-keyring
# What stands in the systems that check-boot boots: it builds the package there, too.
PKGS_root  := $(PKGS_build) $(PKGS_deb) systemd-sysv dbus redis-server

# Only root boots a system; BOOT=no leaves it out.
BOOT ?= $(if $(filter 0,$(shell id -u)),yes,no: only root may)

# The goals that install what they need, and the groups that they need.
NEED_demo         := build demo
NEED_check        := build test
NEED_check-unit   := build test
NEED_check-system := build test
NEED_check-versions := build test servers
NEED_check-boot   := $(if $(filter yes,$(BOOT)),boot)
NEED_san          := build test
NEED_mutate       := build test
NEED_bench        := build bench
NEED_fuzz         := build fuzz
NEED_fuzz-run     := build fuzz
NEED_lint         := build lint
NEED_format       := lint
NEED_deb          := build deb
NEED_deps         := build demo test bench fuzz lint deb boot servers
NEEDS := $(foreach goal,$(MAKECMDGOALS),$(NEED_$(goal)))

# SAN=yes is the same build under gcc's sanitizers, in a folder of its own.
ifeq ($(SAN),yes)
B      := build/san
HARDEN := -fsanitize=address,undefined -fno-sanitize-recover -fno-omit-frame-pointer
export ASAN_OPTIONS  := detect_leaks=1:detect_stack_use_after_return=1
export LSAN_OPTIONS  := suppressions=$(abspath tests/lsan.supp):print_suppressions=0
export UBSAN_OPTIONS := print_stacktrace=1
export TEST_SLOW     := 3
else
B      := build
# What not every compiler and processor has is tried, once, when it is first needed:
# there may be no compiler yet.
has      = $(foreach f,$(1),$(shell $(CC) -O2 -Werror $(f) -include stdlib.h \
             -x c -S -o /dev/null /dev/null 2>/dev/null && echo '$(f)'))
HARDEN   = $(eval HARDEN := -fstack-protector-strong $(call has,$(OPTIONAL)) $(FORTIFY))$(HARDEN)
OPTIONAL := -fstack-clash-protection -ftrivial-auto-var-init=zero \
            -fcf-protection=full -mbranch-protection=standard
# Fortifying needs an optimising compiler, and a package build brings its own level.
ifeq ($(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),)
FORTIFY  = $(if $(findstring -O,$(CFLAGS:-O0=)),-U_FORTIFY_SOURCE \
             $(firstword $(call has,-D_FORTIFY_SOURCE=3) -D_FORTIFY_SOURCE=2))
endif
endif

PKG_CONFIG ?= pkg-config
LIBS       := libevent_core libevent_openssl hiredis libconfig jansson libssl libcrypto
# Asked for in the recipes and not here: pkg-config may not be installed yet.
# hiredis' own answer is for <hiredis.h>; we say <hiredis/hiredis.h>.
lib_cflags = $(patsubst -I%/hiredis,-I%,$(shell $(PKG_CONFIG) --cflags $(1)))
lib_libs   = $(shell $(PKG_CONFIG) --libs $(1)) -lm

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef \
        -Wold-style-definition -Wpointer-arith -Wwrite-strings -Wcast-qual -Wvla \
        -Wformat=2 $(if $(filter yes,$(WERROR)),-Werror)
DEFS := -D_GNU_SOURCE -DPINFOD_VERSION='"$(VERSION)"'
COMPILE = $(CC) -std=gnu11 -fPIE $(WARN) $(HARDEN) $(DEFS) $(call lib_cflags,$(LIBS)) \
          $(CPPFLAGS) $(CFLAGS)
LINK    = -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)

# pinfoctl is its own files and what it may use of the daemon's: tests/layers.sh.
CTL_SRC  := $(wildcard src/pinfoctl*.c)
CTL_OBJ  := $(CTL_SRC:src/%.c=$(B)/%.o) $(addprefix $(B)/,acl.o catalogue.o clock.o duration.o \
            glob.o json.o log.o recording.o recording_lines.o xalloc.o)
CTL_LIBS := hiredis jansson

SRC   := $(filter-out $(CTL_SRC),$(wildcard src/*.c))
OBJ   := $(SRC:src/%.c=$(B)/%.o)
TESTS := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))
C_ALL := $(wildcard src/*.[ch] tests/*.[ch] tests/*/*.[ch])
MANUAL := $(wildcard docs/*.[1-8])
SH     = $(wildcard .ci/* etc/*.bash etc/debian/pinfod.p*) $(shell grep -ls '^\#!.*sh$$' tests/* tests/*/*)

Q   := $(if $(V),,@)
say  = $(if $(V),,@echo "  $(1)")

.PHONY: all demo check check-unit check-system san mutate bench fuzz fuzz-run lint layers headers \
        format manual check-boot check-versions deb deps install uninstall clean help ready
.DELETE_ON_ERROR:

all: $(B)/pinfod $(B)/pinfoctl  ## build build/pinfod, build/pinfoctl (the default)

$(B)/pinfod: $(OBJ)
	$(call say,LD    $@)
	$(Q)$(COMPILE) $(LINK) -o $@ $^ $(call lib_libs,$(LIBS)) $(LDLIBS)

$(B)/pinfoctl: $(CTL_OBJ)
	$(call say,LD    $@)
	$(Q)$(COMPILE) $(LINK) -o $@ $^ $(call lib_libs,$(CTL_LIBS)) $(LDLIBS)

$(B)/%.o: src/%.c Makefile | ready
	$(call say,CC    $@)
	$(Q)mkdir -p $(@D) && $(COMPILE) -MMD -MP -c -o $@ $<

# A test that includes a .c file (to reach what is static there) replaces its object;
# so does one that has a line beginning with /* replaces "../../src/NAME.c".
$(B)/unit/%: tests/unit/%.c $(filter-out $(B)/main.o,$(OBJ)) | ready
	$(call say,TEST  $@)
	$(Q)mkdir -p $(@D) && $(COMPILE) -MMD -MP -MF $@.d -Isrc $(LINK) -o $@ $< \
	  $(filter-out $(patsubst %.c,$(B)/%.o,$(notdir $(shell \
	    grep -oE '^(#include|/\* replaces) "../../src/.*\.c"' $< | \
	    tr -d '*"'))),$(filter %.o,$^)) \
	  $(call lib_libs,$(LIBS) cmocka) $(LDLIBS)

-include $(OBJ:.o=.d) $(CTL_OBJ:.o=.d) $(TESTS:=.d)

# Goals named in NEEDS install packages; the others only say what is missing.
ready:
ifneq ($(NEEDS),)
	@tests/deps.sh $(sort $(foreach group,$(NEEDS),$(PKGS_$(group))))
else
	@{ $(PKG_CONFIG) --exists $(LIBS) && echo '#include <stdlib.h>' | $(CC) -E -; } \
	  >/dev/null 2>&1 || DEPS=no tests/deps.sh $(PKGS_build)
endif

demo: all | ready               ## see it work, half a minute, on a private Redis
	@PINFOD=$(B)/pinfod tests/demo.sh
check: check-unit check-system  ## all tests; installs what they need
ifneq ($(filter check,$(MAKECMDGOALS)),)
check-system: | check-unit      # system tests measure time: nothing else runs then
endif
check-unit: $(TESTS) | ready    ## the unit tests (cmocka)
	@tests/unit.sh $(TESTS)

# System tests mostly wait: ten at a time keep two processors busy for a half.
# What a sanitizer says in any daemon fails the run, whether its test looks or not.
PYTEST_FLAGS ?= -q -n 10
SYSTEM_TESTS ?= tests/system
check-system: $(B)/pinfod $(B)/pinfoctl | ready ## the system tests (pytest), against real servers
	@rm -rf $(B)/reports && mkdir -p -m 1777 $(B)/reports
	@export PINFOD=$(abspath $<); \
	ASAN_OPTIONS="$$ASAN_OPTIONS:log_path=$(abspath $(B))/reports/report" \
	  /usr/bin/python3 -m pytest $(PYTEST_FLAGS) $(SYSTEM_TESTS) || failed=1; \
	! cat $(B)/reports/* 2>/dev/null && test -z "$$failed"

# What speaks with servers, against those of other Debians: tests/servers SUITE/SERVER.
SERVERS ?= bullseye/redis bookworm-backports/valkey trixie/redis trixie/valkey \
           forky/valkey forky/redict experimental/redis
VERSIONS_TESTS := $(wildcard $(patsubst %,tests/system/test_%.py,feed* link auth publish \
                  incidents_* notices recording sampling status tls moves sentinel cluster managed))
check-versions: all | ready     ## what speaks with servers, against SERVERS='bullseye/redis ...'
	@for server in $(SERVERS); do \
	  path=$$(tests/servers $$server) && \
	  REDIS_SERVER=$$path $(MAKE) --no-print-directory check-system \
	    SYSTEM_TESTS='$(VERSIONS_TESTS)' || failed=1; \
	done; test -z "$$failed"

# The system is bootstrapped once, into $BOOT_ROOTS (/var/tmp/pinfod-boot).
BOOT_SUITES ?= bookworm
check-boot:                     ## the package under a booted systemd, BOOT_SUITES=bookworm; as root
ifneq ($(filter yes,$(BOOT)),)
check-boot: | ready
	@for suite in $(BOOT_SUITES); do \
	  tests/boot/run $$suite $(B)/boot $(PKGS_root) || failed=1; \
	done; test -z "$$failed"
else
	@echo "boot: left out, BOOT=$(BOOT)"
endif

san: | ready                    ## all tests again, under ASan, LeakSanitizer and UBSan
	@$(MAKE) --no-print-directory SAN=yes check

mutate: | ready                 ## change what judges, one thing at a time: tests must fail
	@tests/mutate $(MUTATE)

bench: $(B)/pinfod | ready      ## measure cost and punctuality
	@PINFOD=$(abspath $<) tests/bench/run $(BENCH_FLAGS)

# Built apart, by clang, whose objects do not mix with gcc's.
FUZZ := $(patsubst tests/fuzz/%.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))
fuzz: | ready                   ## try what a fuzzer invents, FUZZ_SECONDS=20 for each parser
	@$(MAKE) --no-print-directory B=build/fuzz CC=clang fuzz-run \
	  HARDEN='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all'
fuzz-run: $(FUZZ)
	@tests/fuzz/run $^
$(B)/fuzz_%: tests/fuzz/fuzz_%.c $(filter-out $(B)/main.o,$(OBJ))
	$(call say,FUZZ  $@)
	$(Q)$(COMPILE) -fsanitize=fuzzer -Isrc $(LINK) -o $@ $^ $(call lib_libs,$(LIBS)) $(LDLIBS)

# cppcheck does not understand TAILQ_FOREACH; gcc and clang-tidy find uninitialised use.
lint: layers headers | ready    ## formatting, static analysis, the manual, layers, headers
	clang-format --dry-run -Werror $(C_ALL)
	cppcheck --quiet --error-exitcode=1 --std=c11 --inline-suppr $(DEFS) src \
	  --enable=warning,performance,portability --suppress=uninitvar
	printf '%s\n' $(SRC) $(CTL_SRC) | xargs -P 2 -I{} clang-tidy --quiet {} -- -std=gnu11 $(DEFS)
	shellcheck $(SH)
	mandoc -T lint -W warning $(MANUAL)

layers:                         ## includes in src/ point down only
	@tests/layers.sh
headers: | ready                ## every header compiles alone
	@for h in src/*.h; do \
	  $(COMPILE) -Werror -fsyntax-only -include $$h -x c /dev/null || bad=1; \
	done; test -z "$$bad"

format: | ready                 ## let clang-format rewrite the C files
	clang-format -i $(C_ALL)
manual: all                     ## write what docs/*.[1-8] have of the tables anew
	@tests/manual.sh $(abspath $(B)) $(filter-out %/pinfod-incidents.7,$(MANUAL))
	@$(B)/pinfod --manual-incidents >docs/pinfod-incidents.7
deps: | ready                   ## install all packages that a goal here may need

# What is installed, FROM=TO; uninstall reads the same list.
into = $(foreach file,$(1),$(file)=$(2)/$(notdir $(file)))
INSTALLED = $(call into,$(B)/pinfod,$(sbindir)) $(call into,$(B)/pinfoctl,$(bindir)) \
  $(call into,$(wildcard systemd/*.service systemd/*.socket),$(unitdir)) \
  systemd/pinfod.sysusers=$(sysusersdir)/pinfod.conf \
  etc/pinfoctl.bash=$(completionsdir)/pinfoctl \
  $(foreach n,1 5 7 8,$(call into,$(wildcard docs/*.$(n)),$(mandir)/man$(n))) \
  $(call into,README.md CHANGELOG.md docs/PROTOCOL.md,$(docdir)) \
  $(call into,etc/pinfod.conf $(wildcard systemd/*.conf),$(docdir)/examples)

# The units say /usr, whatever PREFIX is. A pinfod.conf that is there is the operator's.
install: all                    ## into $(DESTDIR)$(PREFIX); /etc/pinfod/pinfod.conf if there is none
	@set -e; for pair in $(INSTALLED); do \
	  from=$${pair%%=*} to=$(DESTDIR)$${pair#*=}; \
	  test -x $$from && mode=755 || mode=644; \
	  echo "  INSTALL $$to"; install -D -m $$mode $$from $$to; \
	done
	@sed -i 's|/usr/sbin/|$(sbindir)/|; s|/usr/bin/|$(bindir)/|; s|/usr/share/doc/pinfod|$(docdir)|' \
	  $(addprefix $(DESTDIR)$(unitdir)/,pinfod.service pinfod@.service)
	@test -e $(CONF) || install -D -m 644 etc/pinfod.conf $(CONF)
	@test -n "$(DESTDIR)" || echo "next: systemd-sysusers && systemctl daemon-reload &&" \
	  "systemctl enable --now pinfod"
uninstall:                      ## remove what install put there, but no changed pinfod.conf
	rm -f $(foreach pair,$(INSTALLED),$(DESTDIR)$(lastword $(subst =, ,$(pair))))
	! cmp -s etc/pinfod.conf $(CONF) || rm $(CONF)
	@rmdir $(DESTDIR)$(docdir)/examples $(DESTDIR)$(docdir) $(dir $(CONF)) 2>/dev/null || :

# dpkg wants debian/ at the top of a tree, and writes beside it.
DEB := $(B)/deb/pinfod-$(VERSION)
comma := ,
DEB_NEEDS = $(filter-out gcc libc6-dev build-essential debhelper lintian,$(PKGS_build) $(PKGS_deb))
deb: | ready                    ## build and check the Debian package, in build/deb
	rm -rf $(B)/deb && mkdir -p $(DEB)
	cp -a src etc systemd tests docs Makefile README.md CHANGELOG.md LICENSE $(DEB)
	mv $(DEB)/etc/debian $(DEB)/debian
	sed -i 's/@BUILD_DEPENDS@/$(subst $() ,$(comma) ,$(DEB_NEEDS:pkg-config=pkgconf))/' \
	  $(DEB)/debian/control
	cd $(DEB) && unset MAKEFLAGS MAKELEVEL && dpkg-buildpackage -us -uc
	lintian --fail-on error,warning $(B)/deb/*.changes

clean:                          ## remove build/
	rm -rf build
help:                           ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16
