# A Makefile whose recipes each run in a box: they write in one folder, and have no network.
#
# usage: make -f boxed.mk, in a directory that has main.c and a folder build
SHELL = unveil-run
.SHELLFLAGS = -u /usr:rx -u .:r -u build:rwc -e TMPDIR=$(CURDIR)/build \
	-p "stdio rpath wpath cpath fattr proc exec" -- sh -ec

build/main: main.c
	cc -o $@ $<
