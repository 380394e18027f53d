"""What the documents say is there is there."""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.admin import site
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand
from django.urls import URLResolver, get_resolver

from analytics.metrics import names as metrics
from tests.paths import ROOT

API_DOCUMENTS = ("http-api.md", "reporting-api.md", "admin-api.md", "operations.md", "dashboard.md")
MAX_MODULE_LINES = 250
MAX_FUNCTION_LINES = 50
MAX_FOLDER_MODULES = 15
MAX_FOLDER_TESTS = 20
PACKAGES = (
    "analytics",
    "columns",
    "config",
    "dashboard",
    "ingestion",
    "demo",
    "loadtest",
    "local",
    "people",
    "reporting",
    "upkeep",
    "exchange",
    "notices",
)
DOCUMENTS = [
    *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md"),
]  # fmt: skip
MODULES = [
    module
    for package in PACKAGES
    for module in (ROOT / package).rglob("*.py")
    if "migrations" not in str(module)
]

_READ_IN_SETTINGS = re.compile(r"read_\w+\(\s*\"([A-Z][A-Z_]+)\"", re.DOTALL)
_READ_FROM_ENVIRONMENT = re.compile(r"os\.environ(?:\.get\(|\[)\"([A-Z][A-Z_]+)\"")
# Named by Django, or passed from one process of ours to another; no settings.
_NOT_OURS = {
    "DJANGO_SETTINGS_MODULE", "ANALYTICS_METRICS_DIRECTORY", "ANALYTICS_PREPARING",
    "ADMIN_PASSWORD_HASH",
}  # fmt: skip


def variables_read() -> set[str]:
    rooms = (ROOT / "config/settings").glob("*.py")
    found = {name for room in rooms for name in _READ_IN_SETTINGS.findall(room.read_text())}
    found |= set(re.findall(r'"([A-Z][A-Z_]+)"', (ROOT / "config/gunicorn.py").read_text()))
    for module in MODULES:
        found |= set(_READ_FROM_ENVIRONMENT.findall(module.read_text()))
    return found - _NOT_OURS


def variables_documented() -> set[str]:
    return set(re.findall(r"(?m)^# ([A-Z][A-Z_]+)=", (ROOT / ".env.example").read_text()))


def test_a_copy_of_the_example_changes_nothing() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []


def test_every_variable_that_is_read_is_documented() -> None:
    assert variables_read() - variables_documented() == set()


def test_every_variable_of_the_example_is_used() -> None:
    sources = "".join(module.read_text() for module in MODULES)
    sources += (ROOT / "docker-compose.yml").read_text()
    assert {name for name in variables_documented() if f"{name}" not in sources} == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text())
    local = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert [link for link in local if not (document.parent / link).exists()] == []


def test_every_metric_is_documented() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    names = {
        metric.name + ("_total" if metric.type == "counter" else "")
        for metric in metrics.PROCESS_REGISTRY.collect()
    } | {gauge.name for gauge in metrics.STATE_GAUGES}
    assert set(re.findall(r"(?m)^\| `(analytics_\w+)` \|", page)) == names


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_anchor_is_a_heading(document: Path) -> None:
    for link, anchor in re.findall(r"\]\(([^):#]*\.md)?#([^)]+)\)", document.read_text()):
        target = document.parent / link if link else document
        assert anchor in anchors_of(target), f"{link}#{anchor}"


def test_the_index_has_every_page() -> None:
    text = (ROOT / "docs/README.md").read_text()
    pages = {page.name for page in (ROOT / "docs").glob("*.*")} - {"README.md"}
    assert set(re.findall(r"\]\((\w[\w-]*\.\w+)\)", text)) == pages
    assert "(decisions/)" in text


def anchors_of(document: Path) -> set[str]:
    """As code hosts make them: lower case, blanks to hyphens, the rest of the marks gone."""
    headings = re.findall(r"(?m)^#+ (.+)$", document.read_text())
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_data_migration_and_only_they_are_documented() -> None:
    page = (ROOT / "docs/upgrading.md").read_text()
    migrations = {
        f"{file.parent.parent.name}.{file.stem}"
        for package in PACKAGES
        for file in (ROOT / package).glob("migrations/*.py")
        if "RunPython(" in file.read_text()
    }
    assert set(re.findall(r"(?m)^\| `([a-z]+\.\d{4}_\w+)` \|", page)) == migrations


def test_every_package_says_in_a_sentence_what_it_is_for() -> None:
    of_django = {"commands", "management", "migrations", "mongo_migrations", "en"}
    silent = {
        str(module.parent.relative_to(ROOT))
        for module in MODULES
        if module.name == "__init__.py"
        and not of_django.intersection(module.parts)
        and not ast.get_docstring(ast.parse(module.read_text()))
    }
    # Imported by gunicorn's master before gevent patches: they stay empty.
    assert silent == {"ingestion/server", "ingestion/server/relay"}
    assert all(not (ROOT / path / "__init__.py").read_text() for path in silent)


def test_every_command_and_only_they_are_documented() -> None:
    text = (ROOT / "docs/commands.md").read_text()
    commands = {
        module.stem
        for module in MODULES
        if module.parent.name == "commands" and module.stem != "__init__"
    }
    of_django = {"migrate", "createsuperuser", "check"}
    documented = set(re.findall(r"(?m)^\| `([a-z_]+)[^`]*` \|", text.split("## Options")[0]))
    assert documented == commands | of_django


def test_every_option_and_only_they_are_documented() -> None:
    text = (ROOT / "docs/commands.md").read_text().split("## Options")[1].split("\n## ")[0]
    rows = dict(re.findall(r"(?m)^\| `([a-z_]+)` \| (.+) \|$", text))
    documented = {name: set(re.findall(r"`(--[a-z-]+)`", row)) for name, row in rows.items()}
    assert documented == {name: set(options) for name, options in own_options()}


def own_options() -> Iterator[tuple[str, list[str]]]:
    """Our commands, and what each takes beside the options that Django gives to all."""
    of_all = BaseCommand().create_parser("manage.py", "any")._option_string_actions
    for name, app in get_commands().items():
        if app in PACKAGES:
            parser = load_command_class(app, name).create_parser("manage.py", name)
            yield name, [option for option in parser._option_string_actions if option not in of_all]


def test_every_page_and_action_of_the_admin_is_documented() -> None:
    text = (ROOT / "docs/commands.md").read_text().split("## The admin")[1]
    pages = set(re.findall(r"(?m)^\| ([A-Za-z, ]+) \|", text)) - {"page"}
    admins = {
        str(model._meta.verbose_name_plural): found for model, found in site._registry.items()
    }
    assert {page for row in pages for page in row.split(", ")} == set(admins)
    actions = {
        getattr(found, str(action)).short_description
        for found in admins.values()
        for action in found.actions or ()
    }
    assert set(re.findall(r"\*([A-Z][\w ]+)\*", text)) == actions


def make_targets() -> dict[str, bool]:
    """The targets, and whether `make help` tells what they do."""
    text = (ROOT / "Makefile").read_text()
    [phony] = re.findall(r"(?m)^\.PHONY: (.+)$", text)
    return {name: bool(re.search(rf"(?m)^{name}:.* ## \S", text)) for name in phony.split()}


def test_every_make_target_is_documented() -> None:
    assert all(make_targets().values())
    text = (ROOT / "docs/commands.md").read_text()
    assert set(re.findall(r"`make ([a-z-]+)`", text)) == set(make_targets())


def test_no_document_names_a_make_target_that_is_not_there() -> None:
    files = [*DOCUMENTS, *(ROOT / ".github").rglob("*.*"), *(ROOT / ".devcontainer").glob("*.json")]
    for file in files:
        named = re.findall(r"(?:`|^ {4}|run: |&& )make ([a-z-]+)", file.read_text(), re.MULTILINE)
        assert set(named) <= set(make_targets()), file


def test_every_endpoint_is_documented() -> None:
    text = "".join((ROOT / f"docs/{name}").read_text() for name in API_DOCUMENTS)
    for route in list_routes(get_resolver().url_patterns):
        if route.startswith("admin/ingestion"):  # bookmarks that lead on
            continue
        path = re.sub(r"<(?:\w+:)?(\w+)>", "{", route.removesuffix("/")).split("{")[0]
        assert f"/{path}" in text, route


def list_routes(patterns: Any, before: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver) and not route.startswith("admin"):
            yield from list_routes(pattern.url_patterns, route)
        else:
            yield route


def test_the_version_is_the_same_everywhere() -> None:
    [version] = re.findall(r'(?m)^version = "(.+)"$', (ROOT / "pyproject.toml").read_text())
    assert version == settings.VERSION
    assert f"analytics-service:{version}" in (ROOT / "docker-compose.yml").read_text()
    assert f'version="{version}"' in (ROOT / "Dockerfile").read_text()


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_stay_short(module: Path) -> None:
    text = module.read_text()
    assert len(text.splitlines()) <= MAX_MODULE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < MAX_FUNCTION_LINES, node.name


def test_no_folder_has_more_modules_than_one_overlooks() -> None:
    beside = (ROOT / "benchmarks").rglob("*.py")
    modules = [file for file in (*MODULES, *beside) if file.name != "__init__.py"]
    assert list_full_folders(modules, MAX_FOLDER_MODULES) == {}


def test_no_folder_has_more_tests_than_one_overlooks() -> None:
    tests = (file for file in (ROOT / "tests").rglob("test_*.py") if ".env" not in file.parts)
    assert list_full_folders(tests, MAX_FOLDER_TESTS) == {}


def list_full_folders(files: Iterable[Path], most: int) -> dict[str, int]:
    counts = Counter(str(file.parent.relative_to(ROOT)) for file in files)
    return {folder: count for folder, count in counts.items() if count > most}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_test_that_is_named_is_there(document: Path) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", document.read_text())
    missing = [
        (file, name)
        for file, name in named
        if not (ROOT / file).exists() or f"def {name or 'test_'}" not in (ROOT / file).read_text()
    ]
    assert missing == []
