#!/bin/sh
# Any command, without a network.
#
# usage: offline.sh COMMAND ARGUMENT...
set -eu
exec unveil-run -p "stdio rpath wpath cpath dpath fattr chown flock tty proc exec prot_exec getpw" -- "$@"
