#!/bin/sh
# Compile the locks. They carry hashes and no index: whoever installs chooses where packages come from.
# torch stays out (a plain install of it brings gigabytes of CUDA): the Makefile installs it by itself.
set -eu
cd "$(dirname "$0")/.."
compile() {
  .venv/bin/uv pip compile -q pyproject.toml --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-emit-find-links --custom-compile-command "make lock" --no-annotate "$@"
}
# The widest set first: what tests need may hold back what serving would take, and both must agree.
compile --extra serve --extra export --extra bench --extra dev \
  --no-emit-package torch --no-emit-package triton -o requirements/dev.txt
compile --extra serve -c requirements/dev.txt -o requirements/serve.txt
