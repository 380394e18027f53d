"""What this process has counted, shared with the others of its service, and the sum of it all.

What a killed process had not shared yet, a second's worth, is missing from the metrics. The books
of the events are kept elsewhere (`manage.py ledger`) and miss nothing.
"""

import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric

from analytics.metrics.counting import add_up_notes
from analytics.metrics.files import MetricFile, Sample, read_files
from analytics.metrics.log_limit import tell_left_out
from analytics.metrics.names import PROCESS_REGISTRY

SHARE_SECONDS = 1.0

_adding_up = threading.Lock()
_directory: Path | None = None
_file: MetricFile | None = None


def begin_sharing(directory: Path) -> None:
    """Leave this process's counters in `directory` each second from now on, and at its end."""
    global _directory, _file
    _directory, _file = directory, MetricFile(directory)
    threading.Thread(target=_share_forever, name="metrics", daemon=True).start()


def _share_forever() -> None:
    while True:
        time.sleep(SHARE_SECONDS)
        share_counters()
        tell_left_out()


def share_counters() -> None:
    """Add up what was noted, and leave it where the other processes look."""
    with _adding_up:
        add_up_notes()
        if _file:
            _file.write(list(_own_samples()))


def _own_samples() -> Iterator[Sample]:
    for metric in PROCESS_REGISTRY.collect():
        for name, labels, value, *_ in metric.samples:
            if not name.endswith("_created"):  # when this process began; the sum means nothing
                yield Sample(metric.name, name, tuple(labels.items()), value)


class AllProcesses:
    """The counters of all processes of this service; of this one alone before it shares."""

    def collect(self) -> Iterable[Metric]:
        share_counters()
        totals: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
        for metric, name, labels, value in read_files(_directory) if _directory else _own_samples():
            counted = totals.setdefault(metric, {})
            counted[name, labels] = counted.get((name, labels), 0.0) + value
        for described in PROCESS_REGISTRY.collect():
            summed = Metric(described.name, described.documentation, described.type)
            for (name, labels), value in totals.get(described.name, {}).items():
                summed.add_sample(name, dict(labels), value)
            yield summed


def render_counters() -> bytes:
    """In Prometheus's text format."""
    return generate_latest(AllProcesses())
