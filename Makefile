# make help lists the targets.

PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man

# Pinned, so that a new release of a checker never breaks an old commit.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0

# The checkout may belong to another user than the one who builds it, which
# git refuses unless told; go would then fail to stamp a binary by itself.
VERSION := $(shell git -c safe.directory='$(CURDIR)' describe --tags --always --dirty 2>/dev/null || echo unknown)
export GOFLAGS += -buildvcs=false

# Static and no PIE: a dynamic or relocated launcher costs more to start than
# all that it does.
build: build/unveil-run ## build build/unveil-run (the default)

build/unveil-run: FORCE # go knows what is up to date
	CGO_ENABLED=0 go build -trimpath -buildmode=exe -ldflags '-s -w -X main.version=$(VERSION)' -o $@ ./cmd/unveil-run

install: build ## install the binary and its manual below DESTDIR and PREFIX
	install -D -m 755 build/unveil-run '$(DESTDIR)$(BINDIR)/unveil-run'
	install -D -m 644 cmd/unveil-run/unveil-run.1 '$(DESTDIR)$(MANDIR)/man1/unveil-run.1'

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

bench: ## what a launch costs, beside landrun and bwrap
	go run ./test/bench

ci: export CI = true
ci: lint build race pure cross ## all of it; a test that cannot run here is a failure
	@echo "make ci: all passed"

# Under the race detector, which needs cgo, and lets each process that ends
# wait for a second; the tests run hundreds.
race:
	GORACE=atexit_sleep_ms=0 go test -race ./...

# What is run as it is shipped: without cgo the calls for all threads take
# another way, and the launcher has other threads.
pure:
	CGO_ENABLED=0 go test $(patsubst %,./%/...,$(wildcard cmd compat pledge unveil))

cross: # the other architecture, as far as it goes without its machine
	GOARCH=arm64 go vet ./...
	GOARCH=arm64 go build ./...

clean: ## remove what was built
	rm -rf build

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile

FORCE:
.PHONY: build install test test-kernels lint bench ci race pure cross clean help FORCE
.NOTPARALLEL:
