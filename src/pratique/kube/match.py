"""Whether a constraint (or mutator) applies to an object: Gatekeeper's `spec.match`.

In: a `match` block, compiled once. Out: `Matcher`, whose `matches` takes an object, its Namespace and its
source. All matchers are ANDed, in Gatekeeper's order (gatekeeper.md 1.4), because an error in a later one
must not appear when an earlier one already says no. It knows neither templates nor mutators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pratique.errors import InputError
from pratique.kube import selectors

SOURCES: Final = ("All", "Generated", "Original")
SCOPES: Final = ("*", "Cluster", "Namespaced")
ANY: Final = "*"

Object = Mapping[str, Any]
Labels = Mapping[str, str]


class MatchError(InputError):
    """A matcher cannot decide; the constraint then rejects by itself (autoreject)."""


class Candidate:
    """One object in question, with what is known around it; read once for all constraints that ask."""

    __slots__ = (
        "group",
        "is_namespace",
        "kind",
        "metadata",
        "namespace",
        "object",
        "own_namespace",
        "source",
    )

    def __init__(self, found: Object, namespace: Object | None = None, source: str = "") -> None:
        metadata = found.get("metadata")
        self.object = found
        self.namespace = namespace
        self.source = source
        self.group, self.kind = group_kind(found)
        self.metadata: Object = metadata if isinstance(metadata, dict) else {}
        self.own_namespace = str(self.metadata.get("namespace") or "")
        self.is_namespace = self.kind == "Namespace" and not self.group


Test = Callable[[Candidate], bool]


@dataclass(frozen=True, slots=True)
class Matcher:
    """A compiled match block."""

    kinds: tuple[tuple[frozenset[str], frozenset[str]], ...]
    _tests: tuple[Test, ...]

    def admits(self, group: str, kind: str) -> bool:
        """Tell whether `kinds` admits a group and kind; the other matchers are not asked."""
        return not self.kinds or any(
            _listed(kinds, kind) and _listed(groups, group) for groups, kinds in self.kinds
        )

    def within(self) -> Matcher | None:
        """Return what is left to match in an object whose group and kind are known to match; None is nothing."""
        return Matcher((), self._tests) if self._tests else None

    def matches(self, candidate: Candidate) -> bool:
        """Tell whether everything matches.

        Raises `MatchError` when it cannot be decided.
        """
        if self.kinds and not self.admits(candidate.group, candidate.kind):
            return False
        for test in self._tests:  # noqa: SIM110  # a generator here costs more than the tests
            if not test(candidate):
                return False
        return True

    def pairs(self) -> set[tuple[str, str]]:
        """Return the (group, kind) pairs that `kinds` admits, with `*` for any."""
        if not self.kinds:
            return {(ANY, ANY)}
        return {
            (group, kind)
            for groups, kinds in self.kinds
            for group in ({ANY} if ANY in groups or not groups else groups)
            for kind in ({ANY} if ANY in kinds or not kinds else kinds)
        }


def group_kind(document: Object) -> tuple[str, str]:
    """Return an object's group and kind."""
    api_version = document.get("apiVersion")
    group = api_version.rpartition("/")[0] if isinstance(api_version, str) else ""
    kind = document.get("kind")
    return group, kind if isinstance(kind, str) else ""


def compile_match(match: Mapping[str, Any] | None) -> Matcher:
    """Compile a match block; nothing matches everything."""
    block = match or {}
    found = (
        _scope(block.get("scope")),
        _namespaces(block.get("namespaces"), wanted=True),
        _namespaces(block.get("excludedNamespaces"), wanted=False),
        _label_selector(block.get("labelSelector")),
        _namespace_selector(block.get("namespaceSelector")),
        _name(block.get("name")),
        _source(block.get("source")),
    )
    return Matcher(_kinds(block.get("kinds")), tuple(test for test in found if test is not None))


def _listed(names: frozenset[str], name: str) -> bool:
    return not names or name in names or ANY in names


def _strings(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _kinds(entries: Any) -> tuple[tuple[frozenset[str], frozenset[str]], ...]:
    if not isinstance(entries, list):
        return ()
    return tuple(
        (frozenset(_strings(entry.get("apiGroups"))), frozenset(_strings(entry.get("kinds"))))
        for entry in entries
        if isinstance(entry, dict)
    )


def _scope(scope: Any) -> Test | None:
    if scope not in ("Cluster", "Namespaced"):
        return None
    wanted = scope == "Namespaced"

    def test(candidate: Candidate) -> bool:
        namespaced = not candidate.is_namespace and (
            bool(candidate.own_namespace) or candidate.namespace is not None
        )
        return namespaced is wanted

    return test


def _namespaces(patterns: Any, *, wanted: bool) -> Test | None:
    listed = _strings(patterns)
    if not listed:
        return None
    exact = frozenset(pattern for pattern in listed if ANY not in (pattern[:1], pattern[-1:]))
    open_ended = [glob(pattern) for pattern in listed if pattern not in exact]

    def test(candidate: Candidate) -> bool:
        name = namespace_name(candidate)
        # A cluster-scoped object that is no Namespace passes both lists.
        if name is None:
            return True
        return (name in exact or (bool(open_ended) and any(fits(name) for fits in open_ended))) is wanted

    return test


def namespace_name(candidate: Candidate) -> str | None:
    """Return the name that namespace lists compare, or None for a cluster-scoped object."""
    if candidate.is_namespace:
        return str(candidate.metadata.get("name") or "")
    if candidate.namespace is not None:
        return str((candidate.namespace.get("metadata") or {}).get("name") or "")
    return candidate.own_namespace or None


def glob(pattern: str) -> Callable[[str], bool]:
    """Compile Gatekeeper's wildcard: exact, `prefix*`, `*suffix` or `*contained*`."""
    before, after = pattern.startswith(ANY), pattern.endswith(ANY)
    if before and after:
        # `*` alone is both ends of an empty middle, and so matches the empty string too.
        middle = pattern[1:-1]
        return lambda name: middle in name
    if after:
        return lambda name: name.startswith(pattern[:-1])
    if before:
        return lambda name: name.endswith(pattern[1:])
    return lambda name: name == pattern


def _labels(document: Object | None) -> Labels:
    metadata = document.get("metadata") if document else None
    found = metadata.get("labels") if isinstance(metadata, dict) else None
    return found if isinstance(found, dict) else {}


def _label_selector(selector: Any) -> Test | None:
    if not isinstance(selector, dict):
        return None
    fits = _selector(selector)
    return lambda candidate: fits(_labels(candidate.object))


def _namespace_selector(selector: Any) -> Test | None:
    if not isinstance(selector, dict):
        return None
    fits = _selector(selector)

    def test(candidate: Candidate) -> bool:
        if candidate.is_namespace:
            return fits(_labels(candidate.object))
        if candidate.namespace is not None:
            return fits(_labels(candidate.namespace))
        if not candidate.own_namespace:
            return True
        raise MatchError("namespace selector for namespace-scoped object but missing Namespace")

    return test


def _selector(selector: dict[str, Any]) -> Callable[[Labels], bool]:
    try:
        return selectors.compile_selector(selector)
    except InputError as error:
        reason = error.message

    def fails(_: Labels) -> bool:
        raise MatchError(reason)

    return fails


def _name(pattern: Any) -> Test | None:
    if not isinstance(pattern, str) or not pattern:
        return None
    fits = glob(pattern)
    # What will be appended to generateName is unknown, so only an open end can match it.
    open_end = pattern.endswith(ANY)

    def test(candidate: Candidate) -> bool:
        if fits(str(candidate.metadata.get("name") or "")):
            return True
        return open_end and fits(str(candidate.metadata.get("generateName") or ""))

    return test


def _source(source: Any) -> Test | None:
    if source in (None, ""):
        return None
    if source not in SOURCES:
        raise_text = f"invalid source field {source}"

        def fails(_: Candidate) -> bool:
            raise MatchError(raise_text)

        return fails
    if source == "All":
        return None

    def test(candidate: Candidate) -> bool:
        if not candidate.source:
            name = str(candidate.metadata.get("name") or "")
            raise MatchError(f"source field not specified for resource {name}")
        return candidate.source in (source, "All")

    return test
