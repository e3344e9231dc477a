"""`external_data`: what a policy may ask of providers outside.

In: a callable that the process passes in, which knows the providers and dials. Out: the builtin, which never
fails: whatever goes wrong stands in `system_error` (gatekeeper.md 2.5), so policies must look there. This
module does not dial.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pratique import rego
from pratique.kube.providers import Reply


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider answered: a value or an error for each key, or an error for all."""

    responses: tuple[tuple[str, Any], ...] = ()
    errors: tuple[tuple[str, str], ...] = ()
    status_code: int = 200
    system_error: str = ""


Ask = Callable[[str, Sequence[str]], Answer]


def nobody(provider: str, keys: Sequence[str]) -> Answer:
    """Answer for a process that knows no providers."""
    return Answer(status_code=400, system_error=f"key is not found in provider cache: {provider}")


def answer(reply: Reply) -> Answer:
    """Return what a policy sees of a provider's reply."""
    items = [(item["key"], item) for item in reply.items]
    return Answer(
        tuple((key, item.get("value")) for key, item in items if not item.get("error")),
        tuple((key, str(item["error"])) for key, item in items if item.get("error")),
        reply.status_code,
        reply.system_error,
    )


def builtin(ask: Ask) -> rego.Builtin:
    """Return the builtin that asks through `ask`."""

    def external_data(request: Any) -> Any:
        provider, keys = request.get("provider"), request.get("keys")
        if not isinstance(provider, str) or not isinstance(keys, list):
            return _shown(Answer(status_code=500, system_error="external_data needs `provider` and `keys`"))
        if not all(isinstance(key, str) for key in keys):
            return _shown(Answer(status_code=500, system_error="the `keys` of external_data must be strings"))
        return _shown(ask(provider, keys))

    return rego.Builtin("external_data", ("object",), "object", external_data, nondeterministic=True)


def _shown(answer: Answer) -> dict[str, Any]:
    return {
        "responses": [list(pair) for pair in answer.responses],
        "errors": [list(pair) for pair in answer.errors],
        "status_code": answer.status_code,
        "system_error": answer.system_error,
    }
