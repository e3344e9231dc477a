"""The agent's metrics are Gatekeeper's: names, types and labels, so that dashboards go on working."""

from __future__ import annotations

import re

from tests.bed import need, observe, opened
from tests.conformance import cluster

SERIES = re.compile(r"(\w+)(?:\{(.*)\})? \S+")
LABEL = re.compile(r'(\w+)="')
# What the exporter of Gatekeeper's metrics says of itself.
OF_THE_EXPORTER = ("otel_scope_",)


def shape(server: str, engine: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Return the type and the labels of each metric of an engine that has had something to do."""
    suite = cluster.suite("reviews")
    with opened(server=server, engine=engine) as bed:
        assert bed.engine is not None
        observe.prepare(bed, [bed.placed(obj) for obj in suite.before])
        for key, review in suite.cases.items():
            if isinstance(review, dict) and isinstance(review.get("request"), dict):
                bed.engine.ask(suite.paths[key] or "/v1/admit", bed.placed(review))
        observe.wait(bed.api, suite.before[-1])
        text = bed.engine.scrape()
    types: dict[str, str] = {}
    labels: dict[str, set[str]] = {}
    for line in text.splitlines():
        if line.startswith("# TYPE gatekeeper_"):
            _, _, name, kind = line.split()
            types[name] = kind
        elif found := SERIES.match(line):
            name = re.sub("_(bucket|sum|count)$", "", found[1]) if found[1] not in types else found[1]
            known = {
                label for label in LABEL.findall(found[2] or "") if not label.startswith(OF_THE_EXPORTER)
            }
            labels.setdefault(name, set()).update(known)
    return {
        name: (kind, frozenset(labels.get(name, set()))) for name, kind in types.items() if name in labels
    }


def test_they_have_gatekeepers_names_types_and_labels() -> None:
    need("real", "gatekeeper")
    theirs, ours = shape("real", "gatekeeper"), shape("embedded", "pratique")
    assert len(theirs) > 20
    assert {name: ours.get(name) for name in theirs} == theirs
