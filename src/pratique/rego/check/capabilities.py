"""What a policy may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

# Gatekeeper's documented default: a policy does not dial out.
DENIED: Final = frozenset({"http.send"})


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Which builtins are refused; `strict` adds OPA's strict checks (unused names, v1's demands).

    `schemas` are JSON schemas by name, for types: `()` is that of the input, and `("team", "pod")` is what a
    `# METADATA` block means by `schema.team.pod`.

    >>> from pratique import rego
    >>> pure = rego.Capabilities(denied=rego.Capabilities().denied | {"time.now_ns"})
    >>> rego.query([], "time.now_ns() > 0", capabilities=pure)
    Traceback (most recent call last):
    pratique.rego.errors.CompileError: query:1:1: rego_type_error: undefined function time.now_ns
    """

    denied: frozenset[str] = DENIED
    strict: bool = False
    schemas: Mapping[tuple[str, ...], Any] | None = field(default=None, repr=False, hash=False)
