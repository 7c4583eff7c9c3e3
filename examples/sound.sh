#!/bin/sh
# One sound with curl: sound.sh [prompt] [file]
set -eu
url=${TRITONE_URL:-http://localhost:8080}
prompt=${1:-rain falling on a tin roof}
file=${2:-rain.wav}

# The prompt must not hold quotation marks or backslashes: a shell does not know JSON.
curl --fail-with-body --silent --show-error --retry 5 --output "$file" \
  --header 'Content-Type: application/json' --header "Authorization: Bearer ${TRITONE_KEY:-none}" \
  --data "{\"input\": \"$prompt\", \"audio_length\": 5, \"seed\": 42}" \
  "$url/v1/audio/generate"
echo "$file"
