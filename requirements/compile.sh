#!/bin/sh
# Compile the locks. They carry hashes and no index: whoever installs chooses where packages come from.
# torch stays out (a plain install of it brings gigabytes of CUDA): the Makefile installs it by itself.
set -eu
cd "$(dirname "$0")/.."
compile_these() {
  .venv/bin/uv pip compile -q ${SOURCE:--} --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-emit-find-links --custom-compile-command "make lock" --no-annotate "$@"
}
compile() { SOURCE=pyproject.toml compile_these "$@"; }
# The widest set first: what tests need may hold back what serving would take, and both must agree.
compile --extra serve --extra export --extra bench --extra dev \
  --no-emit-package torch --no-emit-package triton -o requirements/dev.txt
compile --extra serve -c requirements/dev.txt -o requirements/serve.txt
compile --extra frontend -c requirements/serve.txt -o requirements/frontend.txt
# What images need beside the locks above: to build our wheel, and inside NGC's Triton for backends and
# engines. `tokenizers` without its own needs: it downloads with them, which a server must not.
echo hatchling | compile_these -o requirements/build.txt
printf '%s\n' hibari-tts onnxruntime sentencex tokenizers typer annotated-doc rich markdown-it-py mdurl pygments shellingham \
  pydantic pydantic-core annotated-types typing-extensions typing-inspection |
  compile_these --no-deps -c requirements/serve.txt -o requirements/triton.txt
# For comparing voices of coqui with coqui-tts itself: `make verify-coqui`, beside what the tests need.
printf '%s\n' 'coqui-tts[codec]==0.28.0' torch==2.13.0 torchaudio |
  compile_these -c requirements/dev.txt --no-emit-package torch --no-emit-package triton -o requirements/coqui.txt
