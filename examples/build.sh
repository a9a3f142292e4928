#!/bin/sh
# A build that can write in its folder, and not in the history beside it.
#
# usage: build.sh ARGUMENT..., in a checkout that has a folder build
set -eu
# The compiler's temporary files go where the build may write. Directly in the
# folder nothing is made, since .git lies there: the notice is known, hence -q.
exec unveil-run -q -u /usr:rx -u .:rwc -u .git:r -e TMPDIR="$PWD/build" -- make "$@"
