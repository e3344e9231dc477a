"""Metrics have the names, types, labels and bounds that a real Gatekeeper 3.23 was seen to export."""

from __future__ import annotations

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pratique.agent.metrics import Metrics

GATEKEEPER = [
    ("audit_duration_seconds", "histogram", ""),
    ("audit_last_run_end_time", "gauge", ""),
    ("audit_last_run_time", "gauge", ""),
    ("constraint_template_ingestion_count", "counter", "status"),
    ("constraint_template_ingestion_duration_seconds", "histogram", "status"),
    ("constraint_templates", "gauge", "status"),
    ("constraint_templates_with_cel", "gauge", ""),
    ("constraints", "gauge", "enforcement_action status"),
    ("expansion_templates", "gauge", "status"),
    ("mutation_request_count", "counter", "mutation_status"),
    ("mutation_request_duration_seconds", "histogram", "mutation_status"),
    ("mutation_system_iterations", "histogram", "success"),
    ("mutator_conflicting_count", "gauge", ""),
    ("mutator_ingestion_count", "counter", "status"),
    ("mutator_ingestion_duration_seconds", "histogram", "status"),
    ("mutators", "gauge", "status"),
    ("provider_error_count", "counter", ""),
    ("providers", "gauge", "status"),
    ("sync", "gauge", "kind status"),
    ("sync_duration_seconds", "histogram", ""),
    ("sync_last_run_time_seconds", "gauge", ""),
    ("validating_admission_policies", "gauge", "status"),
    ("validating_admission_policy_bindings", "gauge", "status"),
    ("validation_request_count", "counter", "admission_dryrun admission_status"),
    ("validation_request_duration_seconds", "histogram", "admission_status"),
    ("violations", "gauge", "enforcement_action"),
    ("watch_manager_intended_watch_gvk", "gauge", ""),
    ("watch_manager_watched_gvk", "gauge", ""),
]
BOUNDS = {
    "audit_duration_seconds": "60 180 300 600 900 1200 2400 4800 9600 19200",
    "constraint_template_ingestion_duration_seconds": "0.01 0.02 0.03 0.04 0.05 0.06 0.07 0.08 0.09 0.1 0.2 0.3 0.4 "
    "0.5 1 2 3 4 5",
    "mutation_system_iterations": "1 2 3 4 5 6 7 8 9 10 20 50 100 200 500",
    "mutator_ingestion_duration_seconds": "0.001 0.002 0.003 0.004 0.005 0.006 0.007 0.008 0.009 0.01 0.02 0.03 0.04 "
    "0.05",
    "sync_duration_seconds": "0.0001 0.0002 0.0003 0.0004 0.0005 0.0006 0.0007 0.0008 0.0009 0.001 0.002 0.003 0.004 "
    "0.005 0.01 0.02 0.03 0.04 0.05",
    **dict.fromkeys(
        ("mutation_request_duration_seconds", "validation_request_duration_seconds"),
        "0.001 0.002 0.003 0.004 0.005 0.006 0.007 0.008 0.009 0.01 0.02 0.03 0.04 0.05 0.06 0.07 0.08 0.09 0.1 0.2 "
        "0.3 0.4 0.5 0.6 0.7 0.8 0.9 1 1.5 2 2.5 3 3.5 4 4.5 5 5.5 6 6.5 7 7.5 8 8.5 9 9.5 10",
    ),
}


@pytest.fixture
def used() -> Metrics:
    """Metrics of an agent in which everything happened once."""
    metrics = Metrics()
    metrics.observe("deny", dry_run=True, seconds=0.002)
    metrics.mutated("success", seconds=0.01)
    metrics.mutator_ingested("active", seconds=0.01)
    metrics.mutators_counted(["active", "error"], templates=["error"], conflicting=1)
    metrics.providers_counted(["active"])
    metrics.provider_failed()
    metrics.constraints_counted([("deny", False), ("warn", True), ("shout", False)])
    metrics.came_to_rest(True, 2)
    metrics.came_to_rest(False, 3)
    metrics.sync_began("Pod", lambda: 7)
    metrics.synced(seconds=0.0002)
    metrics.audit_seconds.observe(1)
    metrics.templates.labels("active").set(1)
    metrics.ingestions.labels("active").inc()
    metrics.ingestion_seconds.labels("active").observe(0.1)
    metrics.violations.labels("deny").set(1)
    return metrics


def test_every_metric_of_gatekeeper_is_there(used: Metrics) -> None:
    families = {one.name: one for one in text_string_to_metric_families(used.text().decode())}
    for name, kind, labels in GATEKEEPER:
        family = families[f"gatekeeper_{name}"]
        assert family.type == kind, name
        seen = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert seen == set(labels.split()), name
    ours = {name.removeprefix("gatekeeper_") for name in families if name.startswith("gatekeeper_")}
    assert ours == {name for name, _, _ in GATEKEEPER}


def test_bounds_are_gatekeepers(used: Metrics) -> None:
    text = used.text().decode()
    for name, bounds in BOUNDS.items():
        found = re.findall(rf'^gatekeeper_{name}_bucket{{.*?le="([^"+]+)"', text, re.M)
        seen = list(dict.fromkeys(map(float, found)))
        wanted = [float(bound) for bound in bounds.split()]
        assert seen[-len(wanted) :] == wanted, name
        # Only an audit has more: ours takes less than a minute.
        assert len(seen) == len(wanted) or name == "audit_duration_seconds"


def test_what_is_counted(used: Metrics) -> None:
    def value(name: str, **labels: str) -> float | None:
        return used.registry.get_sample_value(f"gatekeeper_{name}", labels)

    assert value("mutation_system_iterations_bucket", success="true", le="1.0") == 0
    assert value("mutation_system_iterations_bucket", success="true", le="2.0") == 1
    assert value("mutation_system_iterations_sum", success="false") == 3
    assert value("constraints", enforcement_action="warn", status="error") == 1
    assert value("constraints", enforcement_action="unrecognized", status="active") == 1
    assert value("constraints", enforcement_action="dryrun", status="active") == 0
    assert value("sync", kind="Pod", status="active") == 7
    assert value("provider_error_count_total") == 1
    used.sync_ended("Pod")
    assert value("sync", kind="Pod", status="active") is None
    assert b"_created" not in used.text()
