#!/bin/sh
# An archive that you do not trust, unpacked into one folder and nowhere else.
#
# usage: untar.sh DIR <ARCHIVE.tar
set -eu
mkdir -p "$1"
cd "$1"
exec unveil-run -u .:rwc -p "stdio rpath wpath cpath fattr" -- tar -x -f - --no-same-owner
