#!/bin/sh
# A web server that reads one folder and binds one port.
#
# usage: serve.sh DIR PORT
set -eu
cd "$1"
exec unveil-run -u /usr:r -u /etc/mime.types:r -u .:r -p "stdio rpath inet" --bind "$2" -- python3 -m http.server --bind 127.0.0.1 "$2"
