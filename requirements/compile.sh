#!/bin/sh
# Compile the locks. They carry hashes and no index: whoever installs chooses where packages come from.
# torch stays out (a plain install of it brings gigabytes of CUDA): the Makefile installs it by itself.
set -eu
cd "$(dirname "$0")/.."
compile() {
  .venv/bin/uv pip compile -q pyproject.toml --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-emit-find-links --custom-compile-command "make lock" --no-annotate "$@"
}
compile --extra serve -o requirements/serve.txt
compile --extra serve --extra export --extra dev -c requirements/serve.txt \
  --no-emit-package torch --no-emit-package triton -o requirements/dev.txt
