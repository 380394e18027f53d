"""Nothing that was accepted is lost, and nothing is counted twice, however containers end."""

import time

import pytest

from tests.containers.deployment import APP, STORES, Deployment

pytestmark = pytest.mark.containers

# Until the load is under way.
UNDER_LOAD_SECONDS = 3


def list_exit_codes(deployment: Deployment) -> dict[str, str]:
    said = deployment.read("compose", "ps", "--all", "--format", "{{.Service}} {{.ExitCode}}")
    return dict(line.split() for line in said.splitlines())


def test_a_stop_under_load_ends_everything_in_order(
    deployment: Deployment, report_lines: list[str]
) -> None:
    with deployment.start_sending() as sender:
        time.sleep(UNDER_LOAD_SECONDS)
        began = time.monotonic()

        deployment.compose("stop")

        took = time.monotonic() - began
        assert set(list_exit_codes(deployment).values()) == {"0"}
        deployment.compose("start")
        deployment.wait_until_ready()
        report = sender.expect_nothing_lost()
    report_lines.append(f"A stop, in {took:.1f} s: none of {report['accepted']} accepted lost")


def test_a_kill_of_each_container_under_load_loses_nothing(
    deployment: Deployment, report_lines: list[str]
) -> None:
    with deployment.start_sending() as sender:
        for service in (*APP, *STORES):
            time.sleep(UNDER_LOAD_SECONDS)
            deployment.kill([service])
            deployment.wait_until_ready()
        time.sleep(UNDER_LOAD_SECONDS)
        report = sender.expect_nothing_lost()
    report_lines.append(f"A kill of each: none of {report['accepted']} accepted lost")


def test_a_death_of_all_at_once_loses_nothing(
    deployment: Deployment, report_lines: list[str]
) -> None:
    """A power cut as far as an engine can simulate one: the page cache survives."""
    with deployment.start_sending() as sender:
        time.sleep(UNDER_LOAD_SECONDS)

        deployment.kill([*APP, *STORES])

        deployment.wait_until_ready()
        report = sender.expect_nothing_lost()
    report_lines.append(f"A power cut: none of {report['accepted']} accepted lost")


def test_down_and_up_keep_the_data_and_the_secrets(deployment: Deployment) -> None:
    before = deployment.count_events()
    assert before > 0

    deployment.compose("down")
    deployment.compose("up", "--detach")

    deployment.wait_until_ready()
    assert deployment.count_events(before, seconds=30) == before
    assert deployment.read_credentials() == deployment.credentials
    log = deployment.compose("logs", "--no-color", "setup")
    assert deployment.credentials["ingestKey"] not in log
