"""What the documents say exists, and what exists is documented."""

import re
import subprocess
from pathlib import Path

import pytest

from frontend.settings_page import markdown_list
from tests.documents import DOCUMENTS, ROOT, list_blocks

PATH = re.compile(
    r"`((?:tritone|backends|export|frontend|ops|starter|benchmarks|deploy|tests|docs)/[^`\s<…*]*)`"
)
HOP = re.compile(r"^\| \d\. \w+ \| `([^`]+)` \| ([^|]+) \|", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_path_a_document_names_exists(document: Path) -> None:
    for name in PATH.findall(document.read_text()):
        assert (ROOT / name).exists(), f"{document.name} names {name}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_of_a_document_leads_somewhere(document: Path) -> None:
    for target in LINK.findall(document.read_text()):
        assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_every_hop_is_a_function_of_its_file() -> None:
    hops = HOP.findall((ROOT / "docs/architecture.md").read_text())
    assert len(hops) == 2 * 8  # of a sound, and of speech
    for file, functions in hops:
        defined = re.findall(r"^ *(?:async )?def (\w+)", (ROOT / file).read_text(), re.MULTILINE)
        assert set(re.findall(r"`(\w+)`", functions)) <= set(defined), file


def test_the_readme_shows_every_top_level_folder() -> None:
    command = ("git", "ls-tree", "-d", "--name-only", "HEAD")
    folders = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    readme = (ROOT / "README.md").read_text()
    for folder in folders.split():
        if not folder.startswith("."):
            assert f"| `{folder}/` |" in readme, folder


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().split()) <= 900


def test_every_decision_is_listed() -> None:
    index = (ROOT / "docs/adr/README.md").read_text()
    for page in (ROOT / "docs/adr").glob("0*.md"):
        assert page.name in index
        assert len(page.read_text().splitlines()) <= 40, f"{page.name} is longer than a decision"


def test_every_make_target_of_the_documents_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    blocks = [block for block in list_blocks() if block.language == "sh"]
    targets = {
        (block.id, target)
        for block in blocks
        for words in re.findall(r"^(?:\S+=\S+ )*make ([^#\n]+)", block.text, re.MULTILINE)
        for target in words.split()
        if "=" not in target
    }
    assert targets
    for place, target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{place}: make {target}"


def test_code_is_fenced_and_says_its_language() -> None:
    # Those that are programs are run: tests/acceptance/test_printed_examples.py.
    for block in list_blocks():
        assert block.language in {"sh", "python", "js", "json", "text"}, block.id
    for document in DOCUMENTS:
        assert not re.search(r"^\n    \S", document.read_text(), re.MULTILINE), document.name


def test_the_settings_page_is_what_the_settings_say() -> None:
    assert markdown_list() in (ROOT / "docs/settings.md").read_text()
