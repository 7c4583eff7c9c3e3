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
# Environments of engines whose packages contradict ours. numpy: with 2, every answer to Triton fails.
# torch and torchaudio are those of `tritone/engines.py`, whatever an engine pins: one build for all.
compile_engine() {
  name=$1 && shift
  overrides=$(mktemp)
  printf '%s\n' torch==2.13.0 torchaudio==2.11.1 > "$overrides"
  printf '%s\n' "$@" 'numpy<2' sentencex==1.0.32 |
    compile_these --override "$overrides" --no-emit-package torch --no-emit-package torchaudio \
      --no-emit-package triton -o "requirements/engines/$name.txt"
  rm "$overrides"
}
compile_engine parler-tts parler-tts==0.2.3
# coqui-tts imports six and asks for torch, without saying so. With transformers 5.24, which gives the cache another
# name, its network forgets what it said, and fails at the second token.
compile_engine xtts_v2 'coqui-tts[codec]==0.28.0' 'transformers<5.24' six torch torchaudio
# Its watermark asks setuptools for what 81 has no more.
compile_engine chatterbox chatterbox-tts==0.1.7 'setuptools<81'

# For comparing voices of coqui with coqui-tts itself: `make verify-coqui`, beside what the tests need.
printf '%s\n' 'coqui-tts[codec]==0.28.0' torch==2.13.0 torchaudio |
  compile_these -c requirements/dev.txt --no-emit-package torch --no-emit-package triton -o requirements/coqui.txt
