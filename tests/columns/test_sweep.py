"""Sweeping goes on by itself, and is done again soon where it fails."""

import pytest
from pymongo.errors import AutoReconnect
from structlog.testing import CapturedCall, CapturingLogger

from columns.files import sweep
from columns.files.folder import ColumnsUnavailable
from columns.files.sweep import told_where_it_fails


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> CapturingLogger:
    log = CapturingLogger()
    monkeypatch.setattr(sweep, "log", log)
    return log


@pytest.mark.parametrize("trouble", [AutoReconnect("gone"), ColumnsUnavailable("gone"), OSError()])
def test_what_a_store_refuses_at_this_moment_is_a_warning(
    log: CapturingLogger, trouble: Exception
) -> None:
    with told_where_it_fails():
        raise trouble

    told = {"error": repr(trouble)}
    assert log.calls == [CapturedCall("warning", ("sweep_interrupted",), told)]


def test_a_fault_of_ours_is_told_whole(log: CapturingLogger) -> None:
    with told_where_it_fails():
        raise KeyError("ours")

    assert log.calls == [CapturedCall("exception", ("sweep_failed",), {})]
