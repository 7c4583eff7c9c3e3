#!/bin/sh
# Lock the clients again after a version was changed in a *.in or in node/package.json.
# The locks carry hashes and no index: whoever installs chooses where packages come from.
set -eu
cd "$(dirname "$0")"
for wanted in *.in; do
  ../../../.venv/bin/uv pip compile -q "$wanted" --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-emit-find-links --no-annotate --no-header -o "${wanted%.in}.txt"
done
for folder in node s3rver; do
  npm --prefix "$folder" install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved \
    --no-audit --no-fund
done
