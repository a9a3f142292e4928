#!/bin/sh
# Curl that reaches one port, and writes nothing but its output.
#
# usage: fetch.sh ARGUMENT... >FILE; PORT=443
set -eu
exec unveil-run -u /etc/ssl:r -p "stdio rpath inet dns" --connect "${PORT:-443}" -- curl -fsS "$@"
