"""Prometheus metrics of the service, in a registry of its own."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from pratique.service.actions.context import Context
from pratique.service.db import clusters, records


class Metrics:
    """Counts requests, and reads the gauges when it is asked."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        names = ("operation", "method", "status")
        self._requests = Counter(
            "pratique_requests_total", "Answered requests", names, registry=self.registry
        )
        self._seconds = Histogram(
            "pratique_request_duration_seconds",
            "Time to answer, streams until their end",
            ("operation", "method"),
            registry=self.registry,
        )
        self._clusters = Gauge("pratique_clusters", "Registered clusters", registry=self.registry)
        self._open = Gauge(
            "pratique_open_records",
            "Components that violate an assignment now",
            ("cluster",),
            registry=self.registry,
        )

    def observe(self, operation: str, method: str, status: int, started: float) -> None:
        """Count one request."""
        self._requests.labels(operation, method, str(status)).inc()
        self._seconds.labels(operation, method).observe(time.perf_counter() - started)

    def text(self, context: Context) -> bytes:
        """Return the exposition text."""
        with context.store.read() as connection:
            names = clusters.names(connection)
            counts = records.count_open(connection)
        self._clusters.set(len(names))
        self._open.clear()
        for name in names:
            total = sum(row["count"] for key, row in counts.items() if key[0] == name.lower())
            self._open.labels(name).set(total)
        return generate_latest(self.registry)
