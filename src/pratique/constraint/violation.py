"""A violation: one constraint's answer about one object, and the field it is about.

In: the elements of a template's `violation` set. Out: `Violation`s. An element without a usable `msg` is
kept and says so (Gatekeeper drops the first kind and fails the whole query for the second; gatekeeper.md
2.3). How the offending field is found is `field_of`'s docstring.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any, Final

from pratique import rego

# Keys of `details` by which templates name the field, and those that name missing labels or annotations.
_FIELD_KEYS: Final = ("field", "path", "fieldPath", "jsonPath", "location")
_MISSING: Final = {"missing_labels": "metadata.labels", "missing_annotations": "metadata.annotations"}
_CONTAINER_LISTS: Final = ("containers", "initContainers", "ephemeralContainers")
_POD_SPECS: Final = (
    ("spec",),
    ("spec", "template", "spec"),
    ("spec", "jobTemplate", "spec", "template", "spec"),
)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]+")
_MISSING_MESSAGE = re.compile(
    r"\b(labels?|annotations?)\b[^\"'<`]*[\"'<`{\[]+\s*\"?([A-Za-z0-9][\w./-]*)", re.I
)
_PLAIN_KEY = re.compile(r"[A-Za-z_][\w-]*")
_MAX_LEAVES: Final = 2000


@dataclass(frozen=True, slots=True)
class Violation:
    """One constraint's answer: `action` is the most severe of `actions` at the point that was asked."""

    constraint_kind: str
    constraint_name: str
    message: str
    action: str
    details: Any = None
    field: str = ""
    annotations: Mapping[str, str] = dataclass_field(default_factory=dict)
    error: bool = False
    actions: tuple[str, ...] = ()
    enforcement_action: str = ""

    @property
    def order(self) -> tuple[str, str, str, str]:
        """Return the key that answers are sorted by: action, message, then the constraint."""
        return (self.action, self.message, self.constraint_kind, self.constraint_name)


@dataclass(frozen=True, slots=True)
class Finding:
    """One element of a `violation` set, as text and details."""

    message: str
    details: Any
    error: bool = False


def findings(result: Any) -> list[Finding]:
    """Return what a template found, one for each different element, none of them lost."""
    found = rego.to_json(result)
    if isinstance(found, dict):
        # A partial object: Gatekeeper's hook iterates over its keys.
        found = list(found)
    if not isinstance(found, list):
        return [Finding(f"`violation` is no set but {_shown(found)}", {}, error=True)]
    seen: dict[str, Finding] = {}
    for element in found:
        finding = _finding(element)
        seen.setdefault(f"{finding.message}\0{_shown(finding.details)}", finding)
    return list(seen.values())


def _finding(element: Any) -> Finding:
    if not isinstance(element, dict):
        return Finding(f"violation without `msg`: {_shown(element)}", {}, error=True)
    details = element.get("details", {})
    message = element.get("msg")
    if isinstance(message, str):
        return Finding(message, details)
    if "msg" in element:
        return Finding(f"violation whose `msg` is no text: {_shown(message)}", details, error=True)
    return Finding(f"violation without `msg`: {_shown(element)}", details, error=True)


def _shown(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def field_of(message: str, details: Any, subject: Mapping[str, Any]) -> str:
    """Return the path of the field that a violation is about, or an empty string.

    In this order: the path that `details` names (`field`, `path`, `jsonPath` ...); the first missing label
    or annotation that `details` or the message names; in an object with containers, the container whose
    name or image the message has, and in it the field that the message has by name or value; in any object,
    a field whose value, and otherwise whose name, the message has.
    """
    if isinstance(details, Mapping):
        for key in _FIELD_KEYS:
            value = details.get(key)
            if isinstance(value, str) and value:
                return value.removeprefix("$.").removeprefix("object.").strip(".")
        for key, parent in _MISSING.items():
            names = details.get(key)
            if isinstance(names, list) and names and isinstance(names[0], str):
                return join(parent, names[0])
    if missing := _MISSING_MESSAGE.search(message):
        word, name = missing[1].casefold(), missing[2]
        if name in message and not _has(subject, ("metadata", _plural(word), name)):
            return join(f"metadata.{_plural(word)}", name)
    words = set(_WORD.findall(message))
    if container := _container(message, subject):
        path, found = container
        inner = _by_name(found, words) or _by_value(found, message, skip={"name"})
        return f"{path}.{inner}" if inner else path
    spec = {
        key: value
        for key, value in subject.items()
        if key not in ("apiVersion", "kind", "metadata", "status")
    }
    return _by_value(spec, message, skip=set()) or _by_name(spec, words)


def join(parent: str, name: str) -> str:
    """Return a path one step longer; a name with dots or slashes is put in brackets."""
    return f"{parent}.{name}" if _PLAIN_KEY.fullmatch(name) else f"{parent}['{name}']"


def _plural(word: str) -> str:
    return word if word.endswith("s") else f"{word}s"


def _has(subject: Any, path: tuple[str, ...]) -> bool:
    for step in path:
        if not isinstance(subject, Mapping) or step not in subject:
            return False
        subject = subject[step]
    return True


def _container(message: str, subject: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    """Return the container that the message speaks of; an image says more than a name."""
    best: tuple[int, str, Mapping[str, Any]] | None = None
    for path, container in containers(subject):
        for weight, key in ((1000, "image"), (0, "name")):
            value = container.get(key)
            if isinstance(value, str) and value and _mentions(message, value):
                score = weight + len(value)
                if best is None or score > best[0]:
                    best = (score, path, container)
    return None if best is None else (best[1], best[2])


def containers(subject: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each container of a pod, or of a workload's pod template, with its path."""
    for steps in _POD_SPECS:
        spec: Any = subject
        for step in steps:
            spec = spec.get(step) if isinstance(spec, Mapping) else None
        if not isinstance(spec, Mapping):
            continue
        for name in _CONTAINER_LISTS:
            found = spec.get(name)
            for index, container in enumerate(found if isinstance(found, list) else ()):
                if isinstance(container, Mapping):
                    yield f"{'.'.join(steps)}.{name}[{index}]", container


def _mentions(message: str, value: str) -> bool:
    """Tell whether the message has the value as a whole, not inside a longer word."""
    at = message.find(value)
    while at >= 0:
        before, after = message[at - 1 : at], message[at + len(value) : at + len(value) + 1]
        if not (before.isalnum() or before in ("-", "/")) and not (after.isalnum() or after == "-"):
            return True
        at = message.find(value, at + 1)
    return False


def _by_name(value: Any, words: set[str]) -> str:
    """Return the path of a field whose own name is a distinctive word of the message."""
    best = ""
    for path, key, _ in _leaves(value):
        # A short lower-case name (`name`, `spec`) is an ordinary word; one in camel case is not.
        distinctive = len(key) > 5 or any(char.isupper() for char in key)
        if distinctive and key in words and (not best or path.count(".") < best.count(".")):
            best = path
    return best


def _by_value(value: Any, message: str, *, skip: set[str]) -> str:
    """Return the path of the field whose text is the longest that the message has."""
    best, length = "", 2
    for path, key, leaf in _leaves(value):
        if isinstance(leaf, str) and len(leaf) > length and key not in skip and _mentions(message, leaf):
            best, length = path, len(leaf)
    return best


def _leaves(value: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield every field of a value with its path, its own name and its value, up to a bound."""
    stack: list[tuple[str, str, Any]] = [("", "", value)]
    count = 0
    while stack and count < _MAX_LEAVES:
        path, key, found = stack.pop()
        count += 1
        if path:
            yield path, key, found
        if isinstance(found, Mapping):
            stack.extend(
                (join(path, str(name)) if path else str(name), str(name), item)
                for name, item in reversed(list(found.items()))
            )
        elif isinstance(found, list):
            stack.extend((f"{path}[{index}]", key, found[index]) for index in reversed(range(len(found))))
