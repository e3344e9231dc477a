"""Prometheus metrics under Gatekeeper's names (`gatekeeper.md` 3.11), so that dashboards keep working.

In: observations. Out: the text that a scrape reads. One registry a process, made by `app`.
"""

from __future__ import annotations

import itertools
from collections import Counter as Counted
from collections.abc import Callable, Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

# When each series began is nothing that Gatekeeper exports, and a third of what a scrape reads.
disable_created_metrics()  # type: ignore[no-untyped-call]

# Gatekeeper's own bounds, so that queries over both mean the same.
_NINE = range(1, 10)
REQUEST_BUCKETS = (
    *(one / 1000 for one in _NINE),
    *(one / 100 for one in _NINE),
    *(one / 10 for one in _NINE),
    *(one / 2 for one in range(2, 21)),
)
INGESTION_BUCKETS = (*(one / 100 for one in _NINE), 0.1, 0.2, 0.3, 0.4, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0)
MUTATOR_BUCKETS = (*(one / 1000 for one in _NINE), 0.01, 0.02, 0.03, 0.04, 0.05)
SYNC_BUCKETS = (
    *(one / 10000 for one in _NINE),
    *(0.001, 0.002, 0.003, 0.004, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05),
)
PASS_BUCKETS = (*range(1, 11), 20, 50, 100, 200, 500)
# Ours takes less than a minute almost everywhere, where Gatekeeper's bounds begin.
AUDIT_BUCKETS = (0.1, 0.3, 1, 3, 10, 30, *(60 * one for one in (1, 3, 5, 10, 15, 20, 40, 80, 160, 320)))
STATUSES = ("active", "error")
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
        self._constraints = gauge("constraints", "Constraints", "enforcement_action", "status")
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
        self.audit_seconds = seconds("audit_duration_seconds", "Time of a full audit", AUDIT_BUCKETS)
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
        self._of_inventory()

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
            "mutator_ingestion_duration_seconds", "Time to read a mutator", MUTATOR_BUCKETS, "status"
        )
        self._passes = seconds(
            "mutation_system_iterations", "Passes until an object came to rest", PASS_BUCKETS, "success"
        )
        self._providers = gauge("providers", "Providers of external data", "status")
        self._provider_errors = counter("provider_error_count", "Providers that could not be taken in")
        self._expansions = gauge("expansion_templates", "Expansion templates", "status")

    def _of_inventory(self) -> None:
        self._synced = self._gauge("sync", "Objects that policies can look up", "kind", "status")
        self._sync_seconds = self._seconds(
            "sync_duration_seconds", "Time to take one of them in", SYNC_BUCKETS
        )
        self._sync_ended = self._gauge("sync_last_run_time_seconds", "When the last one was taken in")
        # What Gatekeeper has and we have none of yet: CEL, and the policies that it makes of it.
        self._gauge("constraint_templates_with_cel", "Constraint templates that are evaluated by CEL").set(0)
        for name, text in (
            ("validating_admission_policies", "ValidatingAdmissionPolicies of templates"),
            ("validating_admission_policy_bindings", "ValidatingAdmissionPolicyBindings of constraints"),
        ):
            made = self._gauge(name, text, "status")
            for status in STATUSES:
                made.labels(status).set(0)

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

    def came_to_rest(self, success: bool, passes: int) -> None:
        """Count the passes of the mutators over one object."""
        self._passes.labels("true" if success else "false").observe(passes)

    def constraints_counted(self, constraints: Iterable[tuple[str, bool]]) -> None:
        """Show how many constraints there are, by action and whether they are at fault."""
        counts = Counted(
            (action if action in ACTIONS else ACTIONS[-1], STATUSES[fault]) for action, fault in constraints
        )
        for key in itertools.product(ACTIONS, STATUSES):
            self._constraints.labels(*key).set(counts[key])

    def sync_began(self, kind: str, count: Callable[[], float]) -> None:
        """Show how many objects of a kind can be looked up, as `count` tells it."""
        self._synced.labels(kind, "active").set_function(count)
        self._synced.labels(kind, "error").set(0)

    def sync_ended(self, kind: str) -> None:
        """Show a kind no more."""
        for status in STATUSES:
            self._synced.remove(kind, status)

    def synced(self, *, seconds: float) -> None:
        """Count one object that was taken in."""
        self._sync_seconds.observe(seconds)
        self._sync_ended.set_to_current_time()

    def provider_failed(self) -> None:
        """Count a Provider that could not be taken in."""
        self._provider_errors.inc()

    def mutators_counted(self, mutators: list[str], *, templates: list[str], conflicting: int) -> None:
        """Show how many mutators and expansion templates there are, by the status of each."""
        for status in STATUSES:
            self._mutators.labels(status).set(mutators.count(status))
            self._expansions.labels(status).set(templates.count(status))
        self._conflicting.set(conflicting)

    def providers_counted(self, providers: list[str]) -> None:
        """Show how many providers there are, by the status of each."""
        for status in STATUSES:
            self._providers.labels(status).set(providers.count(status))

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)
