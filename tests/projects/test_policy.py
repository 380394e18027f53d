"""What the drain knows of a project."""

from analytics.projects.policy import UNKNOWN, find_policies, find_policy
from analytics.remembered import forget_everything
from tests.conftest import TestProject, make_project
from tests.pages import set_rules


def test_hostnames_that_did_not_change_are_the_same_set(project: TestProject) -> None:
    set_rules(project, hostnames=["a.example", "b.example"])
    before = find_policy(project.id).hostnames
    forget_everything()

    assert find_policy(project.id).hostnames is before
    set_rules(project, hostnames=["a.example"])
    assert find_policy(project.id).hostnames == {"a.example"}


def test_the_policies_of_many_are_each_their_own(project: TestProject) -> None:
    other = make_project("Other", ip_rule="keep", retention_days=30)
    find_policy(project.id)

    found = find_policies([project.id, other.id, b"nobody's"])

    assert found[project.id] is find_policy(project.id)
    assert (found[other.id].ip_rule, found[other.id].retention_days) == ("keep", 30)
    assert found[b"nobody's"] is UNKNOWN
