#!/bin/sh
# A container whose command reads one folder: unveil-run is its first process, under a profile of its own.
#
# usage: podman.sh FOLDER IMAGE COMMAND [ARG...]
#
# The static binary is mounted into the image as it is, so that no image has to
# be built. The seccomp profile has what unveil-run refuses always; the promises
# are kept by unveil-run inside, where they can be told from the launch. Docker
# does too: CONTAINERS=docker.
set -eu
: "${CONTAINERS:=podman}" "${FLAGS:=}"
folder=$1 image=$2
shift 2
profile=$(mktemp)
trap 'rm -f "$profile"' EXIT
unveil-run -q --print oci-seccomp -u /:rwxc >"$profile"
# FLAGS may be several words.
# shellcheck disable=SC2086
$CONTAINERS run --rm --network none --security-opt "seccomp=$profile" --security-opt no-new-privileges \
	-v "$(command -v unveil-run):/unveil-run:ro" -v "$folder:/data:ro" $FLAGS "$image" \
	/unveil-run -q -u /usr:rx -u /bin:rx -u /data:r -p "stdio rpath" -- "$@"
