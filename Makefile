# make help lists the targets.

PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
LIBDIR  ?= $(PREFIX)/lib
INCDIR  ?= $(PREFIX)/include
MANDIR  ?= $(PREFIX)/share/man
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR  ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d

# Pinned, so that a new release of a checker never breaks an old commit.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0

# The checkout may belong to another user than the one who builds it, which
# git refuses unless told; go would then fail to stamp a binary by itself.
VERSION := $(shell git -c safe.directory='$(CURDIR)' describe --tags --always --dirty 2>/dev/null || echo unknown)
export GOFLAGS += -buildvcs=false

build: build/unveil-run build/libunveil.so.0 build/libunveil.a build/libunveil-compat.so.0 ## build the launcher and the library into build (the default)

# The library runs with any libc, and so links to none: no call of memcpy(3)
# that a compiler likes to make of a loop (cgo/memory.c is for what it makes of
# structures), no check of the stack. It is to be small, and what it costs is
# spent in the kernel: -Oz is as fast as -O2, where there is one (GCC 12). Of
# its frames a debugger meets those of the handler, behind an abort; for the
# others there are no tables to unwind them, a tenth of the library. Nor does
# its code begin and end with a page of the file, which is 8 KB on x86-64.
# What it must have stands behind CFLAGS: those of a distribution ask for checks,
# and an object of -flto has no names to change.
LIB_SMALL  := $(shell $(CC) -Oz -E -x c /dev/null >/dev/null 2>&1 && echo -Oz || echo -Os)
LIB_CFLAGS  = -std=c11 -Wall -Wextra -Werror $(LIB_SMALL) $(CPPFLAGS) $(CFLAGS) -U_FORTIFY_SOURCE \
	-fvisibility=hidden -fPIC -fno-stack-protector -fno-tree-loop-distribute-patterns -fno-lto -fno-asynchronous-unwind-tables -fno-unwind-tables
# Atomics of arm64 are calls into libgcc otherwise, of which it has none.
LIB_CFLAGS += $(if $(filter aarch64%,$(shell $(CC) -dumpmachine 2>/dev/null)),-mno-outline-atomics)
LIB_SOURCES = $(filter-out cgo/asleep.c,$(wildcard cgo/*.c))
LIB_HEADERS = $(wildcard cgo/*.h)
LIB_BUILD   = build
$(LIB_BUILD)/lib/handler.o: LIB_CFLAGS += -fasynchronous-unwind-tables
NM         ?= nm
OBJCOPY    ?= objcopy

$(LIB_BUILD)/lib/%.o: cgo/%.c $(LIB_HEADERS) Makefile
	@mkdir -p $(@D)
	$(CC) $(LIB_CFLAGS) -c -o $@ $<

$(LIB_BUILD)/libunveil.so: $(LIB_SOURCES:cgo/%.c=$(LIB_BUILD)/lib/%.o) cgo/libunveil.map
	$(CC) $(LIB_CFLAGS) $(LDFLAGS) -nostdlib -shared -Wl,-soname,libunveil.so.0 -Wl,--version-script=cgo/libunveil.map \
		-Wl,-s,-z,defs,-z,relro,-z,now,-z,noexecstack,-z,noseparate-code -o $@ $(filter %.o,$^)

$(LIB_BUILD)/libunveil.so.0: $(LIB_BUILD)/libunveil.so
	ln -sf libunveil.so $@

# Beside the library, for who wants OpenBSD's errno. It names neither libunveil
# nor libc: a program that has no libunveil can be started with it.
$(LIB_BUILD)/libunveil-compat.so: cgo/compat/compat.c cgo/arguments.h cgo/compat/libunveil-compat.map Makefile
	@mkdir -p $(@D)
	$(CC) $(LIB_CFLAGS) $(LDFLAGS) -nostdlib -shared -Wl,-soname,libunveil-compat.so.0 \
		-Wl,--version-script=cgo/compat/libunveil-compat.map -Wl,-s,-z,defs,-z,relro,-z,now,-z,noexecstack,-z,noseparate-code -o $@ $<

$(LIB_BUILD)/libunveil-compat.so.0: $(LIB_BUILD)/libunveil-compat.so
	ln -sf libunveil-compat.so $@

# Without spawn.c and fork.c: a static program cannot find the functions of libc
# that it would stand in for; and without preload.c, which is for loaders. What the
# files share gets a prefix, since a program may have a function of the same name.
$(LIB_BUILD)/libunveil.a: $(patsubst cgo/%.c,$(LIB_BUILD)/lib/%.o,$(filter-out cgo/spawn.c cgo/fork.c cgo/preload.c,$(LIB_SOURCES))) cgo/libunveil.map
	@rm -rf $@ $(LIB_BUILD)/lib/static && mkdir -p $(LIB_BUILD)/lib/static
	$(NM) -g --defined-only $(filter %.o,$^) | awk 'NR == FNR { sub(/;/, ""); public[$$1]; next } \
		NF == 3 && !($$3 in public) { print $$3, "unveil_in_" $$3 }' cgo/libunveil.map - >$(LIB_BUILD)/lib/static/names
	for o in $(filter %.o,$^); do $(OBJCOPY) --redefine-syms=$(LIB_BUILD)/lib/static/names $$o $(LIB_BUILD)/lib/static/$${o##*/} || exit; done
	$(AR) rcs $@ $(LIB_BUILD)/lib/static/*.o

# Static and no PIE: a dynamic or relocated launcher costs more to start than
# all that it does. It carries the library, which an overlay puts where
# internal/preload embeds it.
$(LIB_BUILD)/unveil-run: $(LIB_BUILD)/libunveil.so FORCE # go knows what is up to date
	printf '{"Replace":{"%s":"%s"}}\n' '$(CURDIR)/internal/preload/libunveil.so' '$(abspath $<)' >$(LIB_BUILD)/overlay.json
	CGO_ENABLED=0 go build -tags libunveil -overlay $(LIB_BUILD)/overlay.json -trimpath -buildmode=exe -ldflags '-s -w -X main.version=$(VERSION)' -o $@ ./cmd/unveil-run

LIB_VERSION = $(or $(patsubst v%,%,$(filter v%,$(VERSION))),0)

install: build ## install the launcher, the library, their manuals and the completion below DESTDIR and PREFIX
	install -D -m 755 build/unveil-run '$(DESTDIR)$(BINDIR)/unveil-run'
	install -D -m 755 build/libunveil.so '$(DESTDIR)$(LIBDIR)/libunveil.so.0'
	ln -sf libunveil.so.0 '$(DESTDIR)$(LIBDIR)/libunveil.so'
	install -D -m 755 build/libunveil-compat.so '$(DESTDIR)$(LIBDIR)/libunveil-compat.so.0'
	ln -sf libunveil-compat.so.0 '$(DESTDIR)$(LIBDIR)/libunveil-compat.so'
	install -D -m 644 build/libunveil.a '$(DESTDIR)$(LIBDIR)/libunveil.a'
	install -D -m 644 cgo/unveil.h '$(DESTDIR)$(INCDIR)/unveil.h'
	install -D -m 644 cgo/include/overlay/unistd.h '$(DESTDIR)$(INCDIR)/unveil-overlay/unistd.h'
	install -d '$(DESTDIR)$(LIBDIR)/pkgconfig'
	for pc in unveil unveil-overlay; do \
		sed -e 's|@prefix@|$(PREFIX)|' -e 's|@libdir@|$(LIBDIR)|' -e 's|@includedir@|$(INCDIR)|' -e 's|@version@|$(LIB_VERSION)|' \
		cgo/$$pc.pc.in >'$(DESTDIR)$(LIBDIR)/pkgconfig/'$$pc.pc || exit; done
	install -D -m 644 cmd/unveil-run/unveil-run.1 '$(DESTDIR)$(MANDIR)/man1/unveil-run.1'
	install -D -m 644 cmd/unveil-run/unveil-policy.5 '$(DESTDIR)$(MANDIR)/man5/unveil-policy.5'
	install -D -m 644 cgo/porting.7 '$(DESTDIR)$(MANDIR)/man7/porting.7'
	for page in $(wildcard cgo/*.3); do install -D -m 644 $$page '$(DESTDIR)$(MANDIR)/man3/'$${page##*/} || exit; done
	for shell in bash zsh fish; do build/unveil-run --completion $$shell >build/completion.$$shell || exit; done
	install -D -m 644 build/completion.bash '$(DESTDIR)$(BASHDIR)/unveil-run'
	install -D -m 644 build/completion.zsh '$(DESTDIR)$(ZSHDIR)/_unveil-run'
	install -D -m 644 build/completion.fish '$(DESTDIR)$(FISHDIR)/unveil-run.fish'

uninstall: ## remove what install has installed, with the same DESTDIR and PREFIX
	rm -f '$(DESTDIR)$(BINDIR)/unveil-run' '$(DESTDIR)$(INCDIR)/unveil.h' '$(DESTDIR)$(INCDIR)/unveil-overlay/unistd.h'
	for pc in unveil unveil-overlay; do rm -f '$(DESTDIR)$(LIBDIR)/pkgconfig/'$$pc.pc || exit; done
	for name in libunveil.so libunveil.so.0 libunveil.a libunveil-compat.so libunveil-compat.so.0; do rm -f '$(DESTDIR)$(LIBDIR)/'$$name || exit; done
	rm -f '$(DESTDIR)$(MANDIR)/man1/unveil-run.1' '$(DESTDIR)$(MANDIR)/man5/unveil-policy.5' '$(DESTDIR)$(MANDIR)/man7/porting.7'
	test ! -d '$(DESTDIR)$(INCDIR)/unveil-overlay' || rmdir --ignore-fail-on-non-empty '$(DESTDIR)$(INCDIR)/unveil-overlay'
	for page in $(wildcard cgo/*.3); do rm -f '$(DESTDIR)$(MANDIR)/man3/'$${page##*/} || exit; done
	rm -f '$(DESTDIR)$(BASHDIR)/unveil-run' '$(DESTDIR)$(ZSHDIR)/_unveil-run' '$(DESTDIR)$(FISHDIR)/unveil-run.fish'

# The go of PATH need not be a package, and so nothing is asked of dpkg.
deb: ## build Debian packages of this tree into build/deb
	rm -rf build/deb && mkdir -p build/deb/unveil-run
	tar -c --exclude=./build --exclude=./.git . | tar -x -C build/deb/unveil-run
	cd build/deb/unveil-run && GOCACHE=$$(go env GOCACHE) GOMODCACHE=$$(go env GOMODCACHE) dpkg-buildpackage -us -uc -b -d
	rm -rf build/deb/unveil-run

release: ## build the archives of a release of the last commit into build/release, twice, and compare
	go run ./release

test: ## run the tests; what this machine cannot do is skipped, and said
	go test ./...

lint: ## gofmt, vet, staticcheck, govulncheck, mandoc, shellcheck
	@echo "gofmt -l ."; files=$$(gofmt -l .) && test -z "$$files" || { echo "not formatted:" $$files; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...
	@echo "govulncheck ./..."; out=$$(go run $(GOVULNCHECK) ./... 2>&1) || case $$out in \
	*"fetching vulnerabilities: "*) printf '%s\n' "$$out" "*** NOT CHECKED: the database of vulnerabilities cannot be reached" ;; \
	*) printf '%s\n' "$$out"; exit 1 ;; esac
	find . $(OURS) -name '*.[1-9]' -exec mandoc -Tlint -W warning {} +
	find . $(OURS) -exec awk '/^#!.*[\/ ](ba|da)?sh( |$$)/ { print FILENAME } { nextfile }' {} + | xargs shellcheck

OURS = -type f -not -path './.git/*' -not -path './build/*'

test-kernels: ## run the tests on real kernels, emulated: minutes (RUN=REGEXP of arch/series)
	go run ./test/kernels -run '$(RUN)'

test-kernels-all: ## the same on every kernel of the matrix, with every suite: hours
	go run ./test/kernels -all -run '$(RUN)'

test-packages: ## install the packages in new roots of Debian, as root, and use them there
	go run ./test/packages

test-ports: ## build programs of OpenBSD's from their sources, run and attack them: those that build fast
	go test -count=1 -timeout 40m ./test/ports -programs fast

test-ports-all: ## the same, all of them
	go test -count=1 -timeout 60m ./test/ports -programs all

FUZZTIME ?= 1m

fuzz: ## run every fuzz target for FUZZTIME: 1m, or 500x for so many inputs
	go run ./test/fuzz -time $(FUZZTIME)

bench: ## what the box costs: launches beside other launchers, calls, work, memory; plots in build/bench
	go run ./test/bench -svg build/bench

bench-readme: ## the same, and write the figures into README.md and .github/bench
	go run ./test/bench -readme

ci: export CI = true
ci: FUZZTIME = 1000x
ci: RUN = # every machine, whatever the environment has
ci: lint build race pure test-kernels test-ports cross fuzz ## all of it; a test that cannot run here is a failure
	@echo "make ci: all passed"

# Under the race detector, which needs cgo, and lets each process that ends
# wait for a second; the tests run hundreds.
race:
	GORACE=atexit_sleep_ms=0 go test -race -timeout 40m ./...

# What is run as it is shipped: without cgo the calls for all threads take
# another way, and the launcher has other threads.
pure:
	CGO_ENABLED=0 go test -timeout 40m $(patsubst %,./%/...,$(wildcard cmd compat pledge unveil))

cross: # the other architecture, as far as it goes without its machine
	GOARCH=arm64 go vet ./...
	GOARCH=arm64 go build ./...

clean: ## remove what was built
	rm -rf build

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile

FORCE:
.PHONY: build install uninstall deb release test test-kernels test-kernels-all test-packages test-ports test-ports-all lint fuzz bench bench-readme ci race pure cross clean help FORCE
.NOTPARALLEL:
