#!/bin/sh
# Record the API of one release of TensorRT's Python module: sh record.sh 11.4.0.106
# The bindings wheel imports over empty libraries: needs gcc and binutils, but no TensorRT and no GPU.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=$here/../../../.venv/bin/python
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m pip install -q --no-deps --target "$folder" "tensorrt-cu13-bindings==$1"
nm -D --undefined-only "$folder/tensorrt_bindings/tensorrt.so" | awk '{print $2}' |
  grep -E '^(create|get|init)' | sed 's/@.*//' | awk '{print "void *"$1"(void){return 0;}"}' > "$folder/empty.c"
for library in libnvonnxparser libnvinfer_plugin libnvinfer; do
  gcc -shared -fPIC -o "$folder/$library.so.${1%%.*}" -Wl,-soname,"$library.so.${1%%.*}" "$folder/empty.c"
done
LD_LIBRARY_PATH=$folder PYTHONPATH=$folder "$python" "$here/record.py"
