"""Whether a benchmark became worse: results kept in a file, and the comparison with them.

In: a file that `save` or gator's `--save` wrote, and a `Result`. Out: `Comparison`. A metric has become worse
when it did so by more than a percentage and, where one is given, by at least an absolute latency.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from pratique.errors import InputError, PratiqueError
from pratique.kube import yaml
from pratique.offline import gator
from pratique.offline.bench.measure import Result
from pratique.offline.entries import read_text

_YAML: Final = (".yaml", ".yml")
_LATENCIES: Final = (("P50", "p50"), ("P95", "p95"), ("P99", "p99"), ("Mean", "mean"))


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure, before and now; `delta` is the change in percent."""

    name: str
    baseline: float
    current: float
    delta: float
    passed: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """All figures of one engine."""

    engine: str
    metrics: tuple[Metric, ...]

    @property
    def passed(self) -> bool:
        """Tell whether nothing became worse than is allowed."""
        return all(metric.passed for metric in self.metrics)


def save(result: Result, path: str) -> None:
    """Keep a result in a file, as YAML where its name says so and as JSON otherwise."""
    data = [_as_data(result)]
    if path.endswith(_YAML):
        text = yaml.dump(gator.ordered(data))
    else:
        text = gator.escape_json(json.dumps(data, indent=2, ensure_ascii=False))
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise PratiqueError(f"saving results: `{path}` cannot be written: {error.strerror}") from None


def _as_data(result: Result) -> dict[str, Any]:
    """Return a result as gator keeps it: durations in nanoseconds."""
    setup, memory = result.setup, result.memory
    data: dict[str, Any] = {"engine": result.engine, "templateCount": result.templates}
    if result.skipped_templates:
        data["skippedTemplates"] = list(result.skipped_templates)
    data["constraintCount"] = result.constraints
    if result.skipped_constraints:
        data["skippedConstraints"] = list(result.skipped_constraints)
    data |= {
        "referentialDataSupported": True,
        "objectCount": result.objects,
        "iterations": result.iterations,
        "concurrency": result.concurrency,
        "setupDuration": setup.total,
        "setupBreakdown": {
            "clientCreation": setup.client,
            "templateCompilation": setup.templates,
            "constraintLoading": setup.constraints,
            "dataLoading": setup.data,
        },
        "totalDuration": result.total,
        "latencies": asdict(result.latencies),
        "violationCount": result.violations,
        "reviewsPerSecond": result.reviews_per_second,
    }
    if memory:
        data["memoryStats"] = {
            "allocsPerReview": memory.allocs,
            "bytesPerReview": memory.bytes,
            "totalAllocs": memory.total_allocs,
            "totalBytes": memory.total_bytes,
        }
    if result.stats:
        data["statsEntries"] = [gator.stats_entry(one) for one in result.stats]
    return data


def load_baseline(path: str) -> list[Mapping[str, Any]]:
    """Read results that were kept; raises `InputError` when they cannot be read."""
    found = yaml.read(read_text(path), file=path)
    results = found[0] if found else []
    if not isinstance(results, list) or not all(isinstance(one, dict) for one in results):
        raise InputError(f"`{path}` holds no results of a benchmark", hint="write it with `--save`")
    return results


def compare(
    baseline: list[Mapping[str, Any]], current: Result, *, threshold: float, least: int = 0
) -> Comparison | None:
    """Compare a result with the baseline of its engine; None when there is none.

    `threshold` is in percent, `least` in nanoseconds: a smaller change of latency is none.
    """
    before = [one for one in baseline if one.get("engine") == current.engine]
    if not before:
        return None
    old = before[-1]
    metrics = [
        _latency(f"{title} Latency", _number(old, "latencies", name), now, threshold, least)
        for title, name in _LATENCIES
        for now in (getattr(current.latencies, name),)
    ]
    metrics.append(_throughput(old, current, threshold, least))
    if current.memory and isinstance(old.get("memoryStats"), Mapping):
        for title, name, figure in (
            ("Allocs/Review", "allocsPerReview", current.memory.allocs),
            ("Bytes/Review", "bytesPerReview", current.memory.bytes),
        ):
            metrics.append(_latency(title, _number(old, "memoryStats", name), figure, threshold, 0))
    return Comparison(current.engine, tuple(metrics))


def _latency(name: str, before: float, now: float, threshold: float, least: int) -> Metric:
    delta = _delta(before, now)
    passed = delta <= threshold or (least > 0 and now - before < least)
    return Metric(name, before, now, delta, passed)


def _throughput(old: Mapping[str, Any], current: Result, threshold: float, least: int) -> Metric:
    before, now = _number(old, "reviewsPerSecond"), current.reviews_per_second
    mean = _number(old, "latencies", "mean")
    delta = _delta(before, now)
    # As much of the throughput may go as the allowed latency is of the mean.
    allowed = before * least / mean if mean > 0 else 0.0
    return Metric("Throughput", before, now, delta, -delta <= threshold or before - now < allowed)


def _delta(before: float, now: float) -> float:
    if before == 0:
        return 0.0 if now == 0 else 100.0
    return (now - before) / before * 100


def _number(found: Mapping[str, Any], *path: str) -> float:
    value: Any = found
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0
