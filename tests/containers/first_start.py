"""What a user sees who types `docker compose up` for the first time."""

from dataclasses import dataclass

from tests.containers.deployment import Deployment


@dataclass(frozen=True)
class FirstStart:
    deployment: Deployment
    said: str  # by `up`
    log: str  # of `setup`


def start_first(deployment: Deployment) -> FirstStart:
    said = deployment.compose("up", "--detach")
    deployment.wait_until_ready()
    deployment.credentials.update(deployment.read_credentials())
    return FirstStart(deployment, said, deployment.compose("logs", "--no-color", "setup"))
