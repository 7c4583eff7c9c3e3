"""Write down what TensorRT's Python module has, of the classes that we use and of all enums.

    sh tests/export/tensorrt_api/record.sh 11.4.0.106

Of each method: the names of its arguments, one list for each of its overloads, `=` behind those
that may be left out. Run once for a new release of TensorRT; needs no GPU.
"""

import inspect
import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

CLASSES = (
    "Builder",
    "IBuilderConfig",
    "ICudaEngine",
    "IExecutionContext",
    "IHostMemory",
    "INetworkDefinition",
    "IOptimizationProfile",
    "ITimingCache",
    "Logger",
    "OnnxParser",
    "ParserError",
    "Runtime",
)
_SIGNATURE = r"^(?:\d+\. )?{}\(self: [\w.]+(?:, )?(.*)\) -> "


def record(module: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the listing of an imported module."""
    found = vars(module.tensorrt)
    enums = {
        name: {member: int(value) for member, value in each.__members__.items()}
        for name, each in sorted(found.items())
        if hasattr(each, "__members__")
    }
    classes = {name: _members(found[name]) for name in CLASSES}
    return {"version": module.__version__, "classes": classes, "enums": enums}


def _members(kind: type) -> dict[str, list[list[str]] | str]:
    names = [name for name in dir(kind) if not name.startswith("_") or name == "__init__"]
    return {name: _member(kind, name) for name in names}


def _member(kind: type, name: str) -> list[list[str]] | str:
    if isinstance(inspect.getattr_static(kind, name), property):
        return "property"
    said = getattr(kind, name).__doc__ or ""
    found = re.findall(_SIGNATURE.format(re.escape(name)), said, re.MULTILINE)
    return [_arguments(each) for each in found]


def _arguments(signature: str) -> list[str]:
    # `name: type = default`, by commas that stand in no bracket
    parts = re.split(r", (?![^\[]*\])", signature) if signature else []
    return [part.split(":")[0] + ("=" if " = " in part else "") for part in parts]


if __name__ == "__main__":
    listing = record(import_module("tensorrt_bindings"))
    path = Path(__file__).with_name(f"{listing['version']}.json")
    path.write_text(json.dumps(listing, sort_keys=True) + "\n", encoding="utf-8")
