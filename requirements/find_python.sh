#!/bin/sh
# Print a Python that can run the server: `sh requirements/find_python.sh [CANDIDATE]`, in the checkout.
# It is 3.11 or 3.12 under whatever name, can make virtual environments, and has its shared library, which
# Triton's backend processes link. Where there is none, one line on stderr says what to do.
set -u
cd "$(dirname "$0")/.."
given=${1:-}
release=${OS_RELEASE:-/etc/os-release}

fail() {
  echo "$1" >&2
  exit 1
}

case "$(uname -s) $(uname -m)" in
  "Linux x86_64" | "Linux aarch64") ;;
  *) fail "Tritone's server needs Linux on x86_64 or ARM64, as Triton does; this is $(uname -s) on $(uname -m): use a \
Linux machine, a virtual machine, WSL 2, or a container (docs/deploy.md)" ;;
esac
case "$(getconf GNU_LIBC_VERSION 2>/dev/null)" in
  "glibc 2."[0-9] | "glibc 2."[12][0-9] | "glibc 2.3"[0-4] | "")
    fail "Tritone's server needs glibc 2.35 or later, as Triton does: Debian 12, Ubuntu 22.04, Fedora 36, or later" ;;
esac

CHECK='
import sys
if sys.version_info[:2] not in ((3, 11), (3, 12)):
    sys.exit(2)
try:
    import ensurepip, venv
except ImportError:
    sys.exit("it cannot make virtual environments")
from ops.errors import CannotStart
from ops.triton.home import libpython_folder
try:
    libpython_folder()
except CannotStart as error:
    sys.exit(str(error))
'
lacking=

try() { # print a Python that will do, and end; remember what one of the right version lacks
  reason=$("$1" -c "$CHECK" 2>&1 >/dev/null)
  case $? in
    0)
      echo "$1"
      exit 0
      ;;
    1) case $reason in *Traceback*) ;; *) lacking=${lacking:-"$1: $reason"} ;; esac ;;
  esac
}

if test -n "$given"; then
  try "$given"
  fail "PYTHON=$given will not do${lacking:+ ($lacking)}: name a Python 3.11 or 3.12"
fi
IFS=:
for folder in $PATH "$HOME/.local/bin" "$HOME"/.pyenv/versions/3.1[12]*/bin \
  "$HOME"/.local/share/uv/python/cpython-3.1[12]*/bin /usr/local/bin /opt/*/bin; do
  for each in "$folder"/python3.11 "$folder"/python3.12 "$folder"/python3 "$folder"/python "$folder"/python*; do
    case ${each##*/} in *config* | *[!a-z0-9.-]*) continue ;; esac
    test -x "$each" && try "$each"
  done
done
unset IFS

# Newer releases have neither version: uv brings one that has all it needs.
remedy="pip install uv && uv python install 3.12"
name=$(. "$release" 2>/dev/null && echo "${PRETTY_NAME:-} ${ID:-} ${ID_LIKE:-}")
case $name in
  *debian* | *ubuntu*)
    for version in 3.12 3.11; do
      apt-cache show "python$version-venv" >/dev/null 2>&1 &&
        remedy="sudo apt install python$version-venv libpython$version" && break
    done
    ;;
  *fedora* | *rhel*) remedy="sudo dnf install python3.12" ;;
esac
fail "Tritone needs Python 3.11 or 3.12${lacking:+ ($lacking)}; install it with \`$remedy\`, or name one with \
\`make serve PYTHON=/path/to/python3.12\`"
