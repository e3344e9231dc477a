"""Roll-ups: many states to one, and to a percentage.

In: states of (resource, member) pairs. Out: the state of each resource, assignment or definition, counts,
and the percentage of azure-policy.md 5.1 over distinct resources. It knows nothing of how states are stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from pratique.compliance import state


@dataclass(frozen=True, slots=True)
class Result:
    """What one member of an assignment says of one resource."""

    resource: str
    member: Hashable
    state: str


@dataclass(frozen=True, slots=True)
class Summary:
    """States of distinct resources, and what follows from them."""

    state: str
    counts: Mapping[str, int] = field(default_factory=dict)
    percentage: float = 100.0

    @property
    def non_compliant(self) -> int:
        """Return how many resources are not compliant."""
        return self.counts.get(state.NON_COMPLIANT, 0)

    @property
    def total(self) -> int:
        """Return how many resources count."""
        return sum(count for name, count in self.counts.items() if name not in state.UNCOUNTED)


def percentage(counts: Mapping[str, int]) -> float:
    """Return the share of resources that are in order, from 0 to 100; with none that count it is 100."""
    good = sum(counts.get(name, 0) for name in (state.COMPLIANT, state.EXEMPT, state.UNKNOWN))
    bad = sum(counts.get(name, 0) for name in (state.NON_COMPLIANT, state.CONFLICT, state.ERROR))
    return 100.0 * good / (good + bad) if good + bad else 100.0


def by_resource(results: Iterable[Result]) -> dict[str, str]:
    """Return each resource's state over all members; ids of resources compare without case."""
    found: dict[str, list[str]] = {}
    for result in results:
        found.setdefault(result.resource.casefold(), []).append(result.state)
    return {resource: state.worst(states) for resource, states in found.items()}


def by_member(results: Iterable[Result]) -> dict[Hashable, Summary]:
    """Return the summary of each member over its resources."""
    found: dict[Hashable, list[Result]] = {}
    for result in results:
        found.setdefault(result.member, []).append(result)
    return {member: summarize(group) for member, group in found.items()}


def summarize(results: Iterable[Result]) -> Summary:
    """Return the summary over distinct resources."""
    states = by_resource(results)
    counts = Counter(states.values())
    return Summary(state.worst(states.values()), dict(counts), percentage(counts))


def component_percentage(evaluated: int, violating: int) -> float:
    """Return the share of components that are in order: one bad pod of many is not the whole cluster."""
    if evaluated <= 0:
        return 100.0
    return 100.0 * (evaluated - min(max(violating, 0), evaluated)) / evaluated
