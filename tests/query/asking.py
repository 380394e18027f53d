"""Asking through HTTP, with Django's client."""

from typing import Any

from tests.conftest import Api, TestProject


def ask(project: TestProject, **fields: Any) -> Any:
    """The answer to a question that is right."""
    answer = Api(project.read_key).post("/query", {"metrics": ["views"]} | fields)
    assert answer.status_code == 200, answer.content
    return answer.json()


def rows_of(answer: Any) -> list[list[Any]]:
    """Dimensions and metrics of each row."""
    return [row["dimensions"] + row["metrics"] for row in answer["results"]]


def get(api: Api, path: str, **query: Any) -> Any:
    answer = api.get(path, **query)
    assert answer.status_code == 200, answer.content
    return answer.json()
