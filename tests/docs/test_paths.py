"""Every file that a document names is there, and so is every function that it names in one."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.docs.test_docs import DOCUMENTS, MODULES
from tests.paths import ROOT

FOLDERS = (
    ".ci", ".devcontainer", ".github", "analytics", "benchmarks", "columns", "config", "dashboard",
    "demo", "deploy", "docs", "exchange", "ingestion", "loadtest", "local", "notices", "people",
    "reporting", "tests", "tracker", "upkeep",
)  # fmt: skip
# From the top of the repository; in prose, in a table, in a comment.
_PATH = re.compile(rf"(?<![\w/.(-])((?:{'|'.join(map(re.escape, FOLDERS))})/[\w./-]*\w)")
_NAMED = re.compile(r"`([\w/]+\.py): ([\w.]+)`")
# What kubectl is told, which looks like one.
_NO_PATHS = {"deploy/analytics-reporting"}
# The changelog is left out: it tells of what was.
FILES = sorted(
    {
        *DOCUMENTS,
        *(ROOT / name for name in (".env.example", "Dockerfile", "docker-compose.yml", "Makefile")),
        *(file for file in (ROOT / ".github").rglob("*") if file.is_file()),
        *(file for file in (ROOT / "deploy").rglob("*.y*ml")),
    }
    - {ROOT / "CHANGELOG.md"}
)


def name_of(document: Path) -> str:
    return str(document.relative_to(ROOT))


@pytest.mark.parametrize("document", FILES, ids=name_of)
def test_every_file_that_is_named_is_there(document: Path) -> None:
    named = set(_PATH.findall(document.read_text())) - _NO_PATHS
    assert {path for path in named if not (ROOT / path).exists()} == set()


def test_every_file_that_the_code_names_is_there() -> None:
    named = {
        (name_of(source), path)
        for source in [*MODULES, *(ROOT / "ingestion").rglob("*.lua")]
        for path in re.findall(r"[\w/]+/\w+\.(?:py|lua|md|toml|yaml)\b", source.read_text())
        if path.split("/")[0] in FOLDERS
    }
    assert {(source, path) for source, path in named if not (ROOT / path).exists()} == set()


@pytest.mark.parametrize("document", FILES, ids=name_of)
def test_every_function_that_is_named_is_in_its_file(document: Path) -> None:
    named = set(_NAMED.findall(document.read_text()))
    assert {(file, name) for file, name in named if name not in names_in(ROOT / file)} == set()


@cache
def names_in(module: Path) -> frozenset[str]:
    """Its functions and classes, and the methods of these as `Class.method`."""
    found: set[str] = set()
    for node in ast.parse(module.read_text()).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            methods = (inner for inner in node.body if isinstance(inner, ast.FunctionDef))
            found |= {f"{node.name}.{method.name}" for method in methods}
    return frozenset(found)


def test_where_to_change_something_is_a_file_for_each() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text().split("## Where do I change")[1].split("\n## ")[0]
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")][1:]
    files = [
        [path for path in re.findall(r"`([^`]+/[^`]*)`", cell) if (ROOT / path).exists()]
        for cell in (row[1] for row in rows)
    ]
    assert len(rows) >= 14
    assert all(files), rows


def test_every_room_of_the_house_is_told_of() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    told = dict(re.findall(r"(?m)^\| `([a-z]+)/` \| (.+) \|$", text))
    of_django = {"admin", "management", "migrations"}
    of_rooms = ("exchange", "ingestion", "local", "notices", "people", "reporting", "upkeep")
    for package in ("analytics", *of_rooms):
        rooms = {found.parent.name for found in (ROOT / package).glob("*/__init__.py")} - of_django
        assert {room for room in rooms if f"`{room}/`" not in told[package]} == set(), package
    assert told.keys() == {folder for folder in FOLDERS if folder[0] != "."} - {"deploy", "docs"}
