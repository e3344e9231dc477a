"""Which field of an object a violation is about.

In: an object (once for all violations about it), a message and the violation's details. Out: a path such as
`spec.containers[0].image`, or an empty string. The path is found, in this order:

1. the path that `details` names (`field`, `path`, `fieldPath`, `jsonPath`, `location`);
2. the first missing label or annotation that `details` or the message names;
3. in an object with containers, the container whose image or name the message has, and in it the field whose
   own name or whose value the message has;
4. in any object, a field whose value, and otherwise whose own name, the message has.

It knows nothing of constraints.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

_NAMED: Final = ("field", "path", "fieldPath", "jsonPath", "location")
_MISSING: Final = {"missing_labels": "metadata.labels", "missing_annotations": "metadata.annotations"}
_CONTAINER_LISTS: Final = ("containers", "initContainers", "ephemeralContainers")
_POD_SPECS: Final = (
    ("spec",),
    ("spec", "template", "spec"),
    ("spec", "jobTemplate", "spec", "template", "spec"),
)
_HIDDEN: Final = frozenset({"apiVersion", "kind", "metadata", "status"})
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]+")
_SAYS_MISSING = re.compile(
    r"\b(label|annotation)s?\b[^\"'<`]*[\"'<`{\[]+\s*\"?([A-Za-z0-9][\w./-]*)", re.IGNORECASE
)
_PLAIN_KEY = re.compile(r"[A-Za-z_][\w-]*")
_MAX_LEAVES: Final = 2000
_SHORTEST_VALUE: Final = 3


class _Leaf(NamedTuple):
    """One field: its path, its own name, its value if that is text, and how deep it lies."""

    path: str
    name: str
    text: str
    depth: int


class Fields:
    """The fields of one object, listed when the first violation asks."""

    __slots__ = ("_containers", "_leaves", "_subject")

    def __init__(self, subject: Any) -> None:
        self._subject = subject if isinstance(subject, dict) else {}
        self._containers: list[tuple[str, dict[str, Any]]] | None = None
        self._leaves: dict[str, list[_Leaf]] = {}

    def find(self, message: str, details: Any) -> str:
        """Return the path of the field that a violation is about, or an empty string."""
        if isinstance(details, dict) and details and (named := _named(details)):
            return named
        if missing := _SAYS_MISSING.search(message):
            parent = f"{missing[1].lower()}s"
            if not self._has("metadata", parent, missing[2]):
                return join(f"metadata.{parent}", missing[2])
        container = self._container(message)
        if container is not None:
            leaves = self._listed(*container)
            inner = _by_name(leaves, message) or _by_value(leaves, message, skip="name")
            return inner or container[0]
        leaves = self._listed("", {key: value for key, value in self._subject.items() if key not in _HIDDEN})
        return _by_value(leaves, message) or _by_name(leaves, message)

    def _has(self, *path: str) -> bool:
        value: Any = self._subject
        for step in path:
            if not isinstance(value, dict) or step not in value:
                return False
            value = value[step]
        return True

    def _container(self, message: str) -> tuple[str, dict[str, Any]] | None:
        """Return the container that the message speaks of; an image says more than a name."""
        if self._containers is None:
            self._containers = _containers(self._subject)
        best, weight = None, 0
        for path, container in self._containers:
            for bonus, key in ((1000, "image"), (0, "name")):
                value = container.get(key)
                if isinstance(value, str) and bonus + len(value) > weight and _mentions(message, value):
                    best, weight = (path, container), bonus + len(value)
        return best

    def _listed(self, path: str, value: dict[str, Any]) -> list[_Leaf]:
        found = self._leaves.get(path)
        if found is None:
            found = self._leaves[path] = _leaves(path, value)
        return found


def field_of(message: str, details: Any, subject: Any) -> str:
    """Return the path of the field that one violation about an object is about."""
    return Fields(subject).find(message, details)


def join(parent: str, name: str) -> str:
    """Return a path one step longer; a name with dots or slashes is put in brackets."""
    if not parent:
        return name
    return f"{parent}.{name}" if _PLAIN_KEY.fullmatch(name) else f"{parent}['{name}']"


def _named(details: dict[str, Any]) -> str:
    for key in _NAMED:
        value = details.get(key)
        if isinstance(value, str) and value:
            return value.removeprefix("$.").removeprefix("object.").strip(".")
    for key, parent in _MISSING.items():
        names = details.get(key)
        if isinstance(names, list) and names and isinstance(names[0], str):
            return join(parent, names[0])
    return ""


def _containers(subject: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return each container of a pod, or of a workload's pod template, with its path."""
    found = []
    for steps in _POD_SPECS:
        spec: Any = subject
        for step in steps:
            spec = spec.get(step) if isinstance(spec, dict) else None
        if not isinstance(spec, dict):
            continue
        for name in _CONTAINER_LISTS:
            listed = spec.get(name)
            for index, container in enumerate(listed if isinstance(listed, list) else ()):
                if isinstance(container, dict):
                    found.append((f"{'.'.join(steps)}.{name}[{index}]", container))
    return found


def _mentions(message: str, value: str) -> bool:
    """Tell whether the message has the value as a whole, not inside a longer word."""
    if not value:
        return False
    at = message.find(value)
    while at >= 0:
        before, after = message[at - 1 : at], message[at + len(value) : at + len(value) + 1]
        if not (before.isalnum() or before in ("-", "/")) and not (after.isalnum() or after == "-"):
            return True
        at = message.find(value, at + 1)
    return False


def _by_name(leaves: list[_Leaf], message: str) -> str:
    """Return the path of the outermost field whose own name is a distinctive word of the message."""
    words = set(_WORD.findall(message))
    best: _Leaf | None = None
    for leaf in leaves:
        # A short lower-case name (`name`, `spec`) is an ordinary word; one in camel case is not.
        if (
            leaf.name in words
            and (len(leaf.name) > 5 or not leaf.name.islower())
            and (best is None or leaf.depth < best.depth)
        ):
            best = leaf
    return best.path if best else ""


def _by_value(leaves: list[_Leaf], message: str, *, skip: str = "") -> str:
    """Return the path of the field whose text is the longest that the message has."""
    best, length = "", _SHORTEST_VALUE - 1
    for leaf in leaves:
        text = leaf.text
        # The plain search comes first: it is quick and mostly says no.
        if len(text) > length and text in message and leaf.name != skip and _mentions(message, text):
            best, length = leaf.path, len(text)
    return best


def _leaves(path: str, value: Any) -> list[_Leaf]:
    """Return every field below a value, parents before children, up to a bound."""
    found: list[_Leaf] = []
    stack: list[tuple[str, str, Any, int]] = [(path, "", value, 0)]
    while stack and len(found) < _MAX_LEAVES:
        place, name, item, depth = stack.pop()
        if depth:
            found.append(_Leaf(place, name, item if isinstance(item, str) else "", depth))
        if isinstance(item, dict):
            stack += [
                (join(place, str(key)), str(key), part, depth + 1) for key, part in reversed(item.items())
            ]
        elif isinstance(item, list):
            stack += [
                (f"{place}[{index}]", name, item[index], depth + 1) for index in reversed(range(len(item)))
            ]
    return found
