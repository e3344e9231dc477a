"""Prometheus metrics under Gatekeeper's names (`gatekeeper.md` 3.11), so that dashboards keep working.

In: observations. Out: the text that a scrape reads. One registry a process, made by `app`.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REQUEST_BUCKETS = (0.001, 0.002, 0.003, 0.004, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
INGESTION_BUCKETS = (0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
ACTIONS = ("deny", "dryrun", "warn", "scoped", "unrecognized")


class Metrics:
    """The instruments of one agent process."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry(auto_describe=True)
        counter, gauge, seconds = self._counter, self._gauge, self._seconds
        self.requests = counter(
            "validation_request_count",
            "Admission requests that were judged",
            "admission_status",
            "admission_dryrun",
        )
        self.request_seconds = seconds(
            "validation_request_duration_seconds",
            "Time to judge an admission request",
            REQUEST_BUCKETS,
            "admission_status",
        )
        self.constraints = gauge("constraints", "Constraints", "enforcement_action", "status")
        self.templates = gauge("constraint_templates", "Constraint templates", "status")
        self.ingestions = counter(
            "constraint_template_ingestion_count", "Templates that were compiled", "status"
        )
        self.ingestion_seconds = seconds(
            "constraint_template_ingestion_duration_seconds",
            "Time to compile a template",
            INGESTION_BUCKETS,
            "status",
        )
        self.violations = gauge("violations", "Violations of what exists", "enforcement_action")
        self.audit_seconds = seconds(
            "audit_duration_seconds",
            "Time of a full audit",
            (0.1, 0.3, 1, 3, 10, 30, 60, 180, 300, 600),
        )
        self.audit_started = gauge("audit_last_run_time", "Start of the last full audit")
        self.audit_ended = gauge("audit_last_run_end_time", "End of the last full audit")
        self.watched = gauge("watch_manager_watched_gvk", "Kinds that are watched")
        self.intended = gauge("watch_manager_intended_watch_gvk", "Kinds that should be watched")
        self.dropped_denials = Counter(
            "pratique_denials_dropped", "Denials that were not told to the service", registry=registry
        )
        self.reports = Counter("pratique_reports", "Reports to the service", ("status",), registry=registry)
        self.open_records = Gauge("pratique_open_records", "Open compliance records", registry=registry)
        self._of_mutation()

    def _of_mutation(self) -> None:
        counter, gauge, seconds = self._counter, self._gauge, self._seconds
        self._mutations = counter("mutation_request_count", "Requests to mutate", "mutation_status")
        self._mutation_seconds = seconds(
            "mutation_request_duration_seconds", "Time to mutate", REQUEST_BUCKETS, "mutation_status"
        )
        self._mutators = gauge("mutators", "Mutators", "status")
        self._conflicting = gauge("mutator_conflicting_count", "Mutators that contradict others")
        self._mutator_ingestions = counter("mutator_ingestion_count", "Mutators that were read", "status")
        self._mutator_seconds = seconds(
            "mutator_ingestion_duration_seconds", "Time to read a mutator", INGESTION_BUCKETS, "status"
        )
        self._providers = gauge("providers", "Providers of external data", "status")
        self._expansions = gauge("expansion_templates", "Expansion templates", "status")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"gatekeeper_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"gatekeeper_{name}", text, labels, registry=self.registry)

    def _seconds(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"gatekeeper_{name}", text, labels, buckets=buckets, registry=self.registry)

    def observe(self, status: str, *, dry_run: bool, seconds: float) -> None:
        """Count one admission request: allow, deny or error."""
        self.requests.labels(status, "true" if dry_run else "false").inc()
        self.request_seconds.labels(status).observe(seconds)

    def mutated(self, status: str, *, seconds: float) -> None:
        """Count one request to mutate: success, skip or error."""
        self._mutations.labels(status).inc()
        self._mutation_seconds.labels(status).observe(seconds)

    def mutator_ingested(self, status: str, *, seconds: float) -> None:
        """Count one mutator that was read: active or error."""
        self._mutator_ingestions.labels(status).inc()
        self._mutator_seconds.labels(status).observe(seconds)

    def mutators_counted(self, mutators: list[str], *, templates: list[str], conflicting: int) -> None:
        """Show how many mutators and expansion templates there are, by the status of each."""
        for status in ("active", "error"):
            self._mutators.labels(status).set(mutators.count(status))
            self._expansions.labels(status).set(templates.count(status))
        self._conflicting.set(conflicting)

    def providers_counted(self, providers: list[str]) -> None:
        """Show how many providers there are, by the status of each."""
        for status in ("active", "error"):
            self._providers.labels(status).set(providers.count(status))

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)
