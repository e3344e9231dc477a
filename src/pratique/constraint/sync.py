"""What a template says that it reads from `data.inventory`: its `requires-sync-data` annotation.

In: the annotation's text, JSON of a list (all of these) of lists (one of these) of `{groups, versions, kinds}`
(gatekeeper.md 6.4). Out: the kinds of each requirement, in the order in which they are written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from pratique.errors import InputError

ANNOTATION: Final = "metadata.gatekeeper.sh/requires-sync-data"

GVK = tuple[str, str, str]


def requirements(annotations: Mapping[str, str]) -> list[list[GVK]]:
    """Return the requirements of a template, each a choice of kinds; raises `InputError`."""
    text = annotations.get(ANNOTATION)
    if not text:
        return []
    try:
        # People wrap the JSON in one more pair of quotes, as the library's own templates do.
        found = json.loads(text.strip().strip('"'))
    except json.JSONDecodeError as error:
        raise InputError(f"`{ANNOTATION}` is no JSON: {error}", hint=_HINT) from None
    return [_choice(one) for one in _list(found)]


_HINT: Final = (
    'write `[[{"groups": [""], "versions": ["v1"], "kinds": ["Pod"]}]]`: all of these lists, one of each'
)


def _choice(found: Any) -> list[GVK]:
    kinds = [
        (group, version, kind)
        for clause in _list(found)
        for group in _texts(clause, "groups")
        for version in _texts(clause, "versions")
        for kind in _texts(clause, "kinds")
    ]
    return list(dict.fromkeys(kinds))


def _list(found: Any) -> list[Any]:
    if not isinstance(found, list):
        raise InputError(f"`{ANNOTATION}` must be a list of lists of objects", hint=_HINT)
    return found


def _texts(clause: Any, key: str) -> list[str]:
    found = (clause.get(key) or []) if isinstance(clause, dict) else None
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise InputError(f"`{ANNOTATION}` has a `{key}` that is no list of texts", hint=_HINT)
    return found
