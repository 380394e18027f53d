"""What the drain knows of a project."""

from analytics.projects.policy import find_policy
from analytics.remembered import forget_everything
from tests.conftest import TestProject
from tests.pages import set_rules


def test_hostnames_that_did_not_change_are_the_same_set(project: TestProject) -> None:
    set_rules(project, hostnames=["a.example", "b.example"])
    before = find_policy(project.id).hostnames
    forget_everything()

    assert find_policy(project.id).hostnames is before
    set_rules(project, hostnames=["a.example"])
    assert find_policy(project.id).hostnames == {"a.example"}
