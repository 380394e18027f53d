"""The OpenAPI document: complete, current, and kept by the service."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.validation import validate_schema
from jsonschema import Draft202012Validator

from analytics.events.event import decode_event
from dashboard.names import APP_NAME as PAGES
from ingestion.accept.body import JSON
from tests.conftest import TestProject
from tests.docs import test_http_api_docs, test_reporting_api_docs
from tests.paths import ROOT
from tests.service import Gunicorn

pytest_plugins = ("tests.service",)

API_PAGES = ("http-api", "reporting-api", "admin-api")
COMMITTED = ROOT / "docs" / "openapi.yaml"
# Pages and tools for people; the document is about the API.
NOT_API = ("/admin/", "/docs", "/favicon", "/metrics", "/schema", "/tracker")
CODE = re.compile(r"`([a-z]+_[a-z_]+|unavailable)`")
# Of no operation: what a path or method that does not exist is told, one bad event of a batch, and
# who may not read metrics.
NOT_OF_AN_OPERATION = {
    "method_not_allowed", "forbidden", "event_too_large", "metrics_forbidden", "other_event",
}  # fmt: skip


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return schema


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def codes_of(document: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    for _, operation in operations(document):
        for response in [
            *operation["responses"].values(),
            *document["components"]["responses"].values(),
        ]:
            for content in response.get("content", {}).values():
                for part in content["schema"].get("allOf", ()):
                    found |= set(part.get("properties", {}).get("code", {}).get("enum", ()))
    return found


def test_the_committed_document_is_current(document: dict[str, Any]) -> None:
    rendered = OpenApiYamlRenderer().render(document, renderer_context={})

    assert COMMITTED.read_bytes() == rendered, "run `make openapi`"


def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    validate_schema(document)


def routes(patterns: Any, before: str = "/") -> Iterator[str]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            if pattern.app_name != PAGES:
                yield from routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route


def test_every_route_is_described(document: dict[str, Any]) -> None:
    described = {re.sub(r"\{\w+\}", "*", path) for path in document["paths"]}

    served = {
        re.sub(r"<[^>]+>", "*", route).rstrip("/")
        for route in routes(get_resolver().url_patterns)
        if route != "/" and not route.startswith(NOT_API)
    }

    assert served == described


def test_every_operation_says_how_it_refuses(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        statuses = set(operation["responses"])
        if operation.get("security"):
            assert statuses >= {"400", "401", "403", "429", "500", "503"} or "{eventId}" in name
        for parameter in operation.get("parameters", ()):
            assert parameter.get("description"), f"{name}: {parameter['name']}"


def test_every_code_is_described_and_explained(document: dict[str, Any]) -> None:
    described = codes_of(document)
    rooms = ("analytics", "ingestion", "upkeep", "people", "exchange", "notices", "reporting")
    sources = [file.read_text() for room in rooms for file in (ROOT / room).rglob("*.py")]
    raised = {
        code
        for text in sources
        for pattern in (test_http_api_docs.CODE, test_reporting_api_docs.CODE)
        for found in pattern.findall(text)
        for code in found
        if code
    }
    pages = [(ROOT / "docs" / f"{page}.md").read_text() for page in API_PAGES]
    table_rows = [line for page in pages for line in page.splitlines() if line.startswith("| ")]
    explained = {code for line in table_rows for code in CODE.findall(line)}

    assert described - explained == set()
    assert raised - described == NOT_OF_AN_OPERATION


def test_every_example_is_what_it_is_an_example_of(document: dict[str, Any]) -> None:
    seen = 0
    for name, operation in operations(document):
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in [content for body in bodies for content in body.get("content", {}).items()]:
            media_type, described = content
            schema = described["schema"] | {"components": document["components"]}
            for example in described.get("examples", {}).values():
                Draft202012Validator(schema).validate(example["value"])
                seen += 1
                if media_type == JSON and name == "POST /event" and "path" in example["value"]:
                    decode_event(msgspec.json.encode(example["value"]))
    assert seen >= 7


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("examples", [1, pytest.param(40, marks=pytest.mark.nightly)])
def test_schemathesis_finds_no_breach_of_the_contract(
    gunicorn: Gunicorn, served: TestProject, tmp_path: Path, examples: int
) -> None:
    """Requests made from the document, valid and not: never a 5xx, nothing undescribed."""
    run = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", str(ROOT / "tests/docs/schemathesis.toml"), "run", str(COMMITTED)),
            *("--url", f"http://127.0.0.1:{gunicorn.port}"),
            *("--header", f"Authorization: Bearer {served.admin_key}"),
            *("--max-examples", str(examples), "--seed", "1", "--exclude-tag", "receivers"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=840,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": "tests.docs.schemathesis_hooks",
        },
        check=False,
    )

    assert run.returncode == 0, run.stdout[-8_000:] + run.stderr[-2_000:]
