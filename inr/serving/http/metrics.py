"""What /metrics tells Prometheus."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from inr.serving.queue import Queue
    from inr.serving.store import Store

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The service's own registry: nothing of the process's others shows in it."""

    def __init__(self, queue: "Queue", store: "Store") -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_State(queue, store))
        self.requests = Counter(
            "inr_requests", "Requests answered.", ("method", "route", "status"), registry=self._registry
        )
        self.request_seconds = Histogram(
            "inr_request_seconds", "From a request's head to its answer's end.", ("route",), registry=self._registry
        )
        self.tile_seconds = Histogram("inr_tile_seconds", "To render a IIIF image.", registry=self._registry)
        self.queue_seconds = Histogram(
            "inr_queue_seconds",
            "From submitting a job to its first step.",
            buckets=(0.1, 0.3, 1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000),
            registry=self._registry,
        )

    def text(self) -> bytes:
        """All of it in Prometheus's text format."""
        return generate_latest(self._registry)


class _State(Collector):
    """Numbers that are read from the queue whenever somebody asks."""

    def __init__(self, queue: "Queue", store: "Store") -> None:
        self._queue, self._store = queue, store

    def collect(self) -> Iterable[GaugeMetricFamily]:
        counts = self._queue.counts()
        jobs = GaugeMetricFamily("inr_jobs", "Jobs by state.", labels=("state",))
        for state, number in sorted(counts.items()):
            jobs.add_metric((state,), number)
        yield jobs
        yield GaugeMetricFamily("inr_jobs_waiting", "Jobs that wait.", value=counts.get("queued", 0))
        yield GaugeMetricFamily("inr_jobs_running", "Jobs that run.", value=counts.get("running", 0))
        yield GaugeMetricFamily("inr_workers_alive", "Workers that beat.", value=len(self._queue.workers()))
        yield GaugeMetricFamily("inr_disk_free_bytes", "Bytes left on the disk.", value=self._store.free())
        yield GaugeMetricFamily("inr_claims_held", "1 while no job is begun.", value=self._queue.held() is not None)

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return ()
