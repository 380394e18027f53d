"""Random tables of files, each counted by hand: what is asked of ClickHouse is what that says."""

import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, note
from hypothesis import settings as bounds

from analytics.web.problems import BadRequest
from reporting.columns.untranslatable import Untranslatable
from reporting.questions.language.table import Asker
from reporting.questions.timestamps import parse_zone
from tests.clickhouse.engines import OfFolder
from tests.query_oracle.brute.answers import ANSWERS
from tests.query_oracle.brute.brute_force import Project
from tests.query_oracle.conftest import engine as engine
from tests.query_oracle.conftest import folder as folder
from tests.query_oracle.files import NOW, PROJECT
from tests.query_oracle.questions import FUNNEL, JOURNEYS
from tests.query_oracle.sameness import find_differences
from tests.query_oracle.stories import DENSE, SPARSE
from tests.query_oracle.test_tables import ENGINE, Case, cases, list_visible, open_view

pytestmark = pytest.mark.clickhouse

bounded: bounds = bounds(
    deadline=None,
    max_examples=2,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)


@pytest.fixture
def there(clickhouse: None, settings: Any, folder: Path) -> OfFolder:
    settings.CLICKHOUSE_FILES = str(folder)
    return OfFolder(folder)


@pytest.mark.timeout(300)
@bounded
@given(case=cases(SPARSE))
def test_every_table_equals_brute_force(
    engine: duckdb.DuckDBPyConnection, there: OfFolder, folder: Path, case: Case
) -> None:
    assert_same(engine, there, folder, case)


@pytest.mark.timeout(300)
@bounded
@given(case=cases(DENSE))
def test_every_answer_about_visits_equals_brute_force(
    engine: duckdb.DuckDBPyConnection, there: OfFolder, folder: Path, case: Case
) -> None:
    assert_same(engine, there, folder, case)


def assert_same(engine: Any, there: OfFolder, folder: Path, case: Case) -> None:
    """DuckDB writes the files, and answers what ClickHouse cannot be asked."""
    view, documents = open_view(engine, folder, case), list_visible(case)
    asker = Asker(PROJECT, NOW, parse_zone(case.zone), leaves_out_bots=case.leaves_out_bots)
    rules = Project(ZoneInfo(case.zone), case.leaves_out_bots)
    for path, body in case.questions:
        note(f"{path} {body}")
        try:
            got = ENGINE[path](there, view, json.dumps(body).encode(), asker)
        except Untranslatable:
            assert path in (FUNNEL, JOURNEYS), body
            continue
        except BadRequest as exc:
            assert "never had the day" in str(exc.detail), body
            continue
        got = json.loads(json.dumps(got))
        differences = find_differences(got, ANSWERS[path](documents, body, rules, NOW))
        assert not differences, (path, body, differences)
