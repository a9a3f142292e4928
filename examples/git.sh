#!/bin/sh
# Git in one checkout: it reads and writes that folder, and has no network.
#
# usage: git.sh DIR ARGUMENT...
set -eu
cd "$1"
shift
# Hooks and filters run too, in the same box. The settings of the machine and of
# the user are outside of it, and left out.
exec unveil-run -u /usr:rx -u .:rwc -p "stdio rpath wpath cpath fattr proc exec" -- git "$@"
