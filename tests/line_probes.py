"""Counts which lines of our packages the tests run, with a probe before each statement.

`pytest -p tests.line_probes` writes what it saw to `build/lines/`; `coverage combine` and `coverage
report` read it. Python 3.11 can only trace, which slows down all code, torch's and everybody's, by
half. A probe slows down ours alone, by the time of storing one byte.

What runs in another process, in Triton or in a worker, is not seen.
"""

import ast
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest
from coverage import CoverageData

PACKAGES = ("tritone", "backends", "frontend", "ops")
DATA_FILE = "build/lines/lines"
_TABLE = "__lines_run__"  # a module's own: one byte for each line of its file

tables: dict[str, bytearray] = {}  # by path


def add_probes(tree: ast.Module) -> ast.Module:
    """Put a probe before every statement; return the same tree."""
    for node in [*ast.walk(tree)]:
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block:
                setattr(node, name, [*_probe_block(node, block)])
    return ast.fix_missing_locations(tree)


def _probe_block(owner: ast.AST, block: list[ast.stmt]) -> Iterator[ast.stmt]:
    # `except` and `case` are lines too; they have no place of their own for a probe.
    if isinstance(owner, ast.ExceptHandler):
        yield _make_probe(owner.lineno)
    if isinstance(owner, ast.match_case):
        yield _make_probe(owner.pattern.lineno)
    for number, statement in enumerate(block):
        lines = [each.lineno for each in getattr(statement, "decorator_list", [])]
        probes = [_make_probe(line) for line in (*lines, statement.lineno)]
        if number == 0 and _is_text(statement):
            yield statement  # a docstring, which is no line to run
        elif _is_future(statement):
            yield from (statement, *probes)
        else:
            yield from (*probes, statement)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _make_probe(line: int) -> ast.stmt:
    """Return `__lines_run__[line] = 1`."""
    place = ast.Subscript(ast.Name(_TABLE, ast.Load()), ast.Constant(line), ast.Store())
    return ast.Assign([place], ast.Constant(1))


class _Loader(SourceFileLoader):
    """Loads a module with probes, from its source: what is compiled on disk has none.

    Nor has what `get_code` returns, which `runpy` runs in a module of its own.
    """

    def exec_module(self, module: ModuleType) -> None:
        source = self.get_data(self.path)
        table = tables.setdefault(self.path, bytearray(source.count(b"\n") + 2))
        setattr(module, _TABLE, table)
        probed = add_probes(ast.parse(source))
        exec(compile(probed, self.path, "exec", dont_inherit=True), module.__dict__)


class _Finder(MetaPathFinder):
    """Finds our packages and leaves all others to those that come after it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] not in PACKAGES:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(fullname, spec.loader.path)
        return spec


sys.meta_path.insert(0, _Finder())


def write_lines(root: Path) -> None:
    """Write which lines of every source file were run, in coverage's own format."""
    data_file = root / DATA_FILE
    data_file.parent.mkdir(parents=True, exist_ok=True)
    data = CoverageData(str(data_file), suffix=str(os.getpid()))
    data.add_lines(
        {path: [line for line, ran in enumerate(table) if ran] for path, table in tables.items()}
    )
    data.touch_files([str(path) for name in PACKAGES for path in (root / name).rglob("*.py")])
    data.write()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    write_lines(config.rootpath)
