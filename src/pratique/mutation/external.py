"""What providers say, put where placeholders stand.

In: an object with placeholders, and `Lookup`, the callable that the process passes in; it is asked once, for
all providers with all their keys, and may ask them in parallel with each one's own deadline. Out: the object
without placeholders, or `MutationError` where a failure policy says Fail. It does not dial.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pratique.mutation.errors import MutationError
from pratique.mutation.values import FAIL, USE_DEFAULT, Placeholder
from pratique.mutation.walk import type_name

Lookup = Callable[[Mapping[str, tuple[str, ...]]], Mapping[str, Any]]
"""Takes the keys to ask each provider for; returns each one's ProviderResponse as it came, or an exception
where it did not come. A provider that is not known is left out."""

_NOBODY: Final[Mapping[str, Any]] = {}


def resolve(found: dict[str, Any], lookup: Lookup | None) -> None:
    """Replace every placeholder in an object, in place; raises `MutationError`."""
    places = list(_places(found))
    if not places:
        return
    keys: dict[str, set[str]] = {}
    for parent, key in places:
        placeholder = parent[key]
        keys.setdefault(placeholder.external.provider, set()).add(placeholder.key)
    asked = {provider: tuple(sorted(wanted)) for provider, wanted in sorted(keys.items())}
    answers = lookup(asked) if lookup is not None else _NOBODY
    items = {provider: _items(provider, answers) for provider in asked}
    problems = []
    for parent, key in places:
        placeholder = parent[key]
        value, problem = _value(placeholder, items[placeholder.external.provider])
        if problem and placeholder.external.failure_policy == FAIL:
            problems.append(problem)
        elif problem:
            parent[key] = _instead(placeholder)
        else:
            parent[key] = value
    if problems:
        unique = list(dict.fromkeys(problems))
        shown = unique[0] if len(unique) == 1 else f"[{', '.join(unique)}]"
        raise MutationError(f"failed to resolve external data placeholders: {shown}")


def _places(value: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Return where placeholders stand; they are always fields of an object."""
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, Placeholder):
                yield value, key
            else:
                yield from _places(item)
    elif isinstance(value, list):
        for item in value:
            yield from _places(item)


def _items(provider: str, answers: Mapping[str, Any]) -> dict[str, Mapping[str, Any]] | str:
    """Return a provider's items by key, or what went wrong with all of them."""
    answer = answers.get(provider)
    if answer is None:
        return f"failed to find external data provider {provider} in responses"
    if isinstance(answer, Exception):
        return f"failed to send external data request to provider {provider}: {answer}"
    invalid = f"failed to validate external data response from provider {provider}"
    response = answer.get("response") if isinstance(answer, Mapping) else None
    if not isinstance(response, Mapping):
        return f"{invalid}: no response"
    if system_error := str(response.get("systemError") or "").strip():
        return f"{invalid}: non-empty system error: {system_error}"
    if response.get("idempotent") is not True:
        return f"{invalid}: non-idempotent response"
    items = response.get("items")
    return {
        item["key"]: item
        for item in (items if isinstance(items, list) else ())
        if isinstance(item, Mapping) and isinstance(item.get("key"), str)
    }


def _value(placeholder: Placeholder, items: dict[str, Mapping[str, Any]] | str) -> tuple[str, str]:
    """Return what a provider says for a placeholder, or what went wrong."""
    if isinstance(items, str):
        return "", items
    provider = placeholder.external.provider
    item = items.get(placeholder.key)
    if item is None:
        return "", f"failed to find external data item in response for provider {provider}"
    if error := item.get("error"):
        return "", f"failed to retrieve external data item from provider {provider}: {error}"
    value = item.get("value")
    if not isinstance(value, str):
        return "", (
            f"failed to convert external data item value from provider {provider} to string, "
            f"got type {type_name(value)}"
        )
    return value, ""


def _instead(placeholder: Placeholder) -> str:
    if placeholder.external.failure_policy == USE_DEFAULT:
        return placeholder.external.default
    return placeholder.key if placeholder.before is None else placeholder.before
