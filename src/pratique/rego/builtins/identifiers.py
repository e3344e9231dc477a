"""uuid.* and rand.*: random ones are the same for the same key within one evaluation."""

from __future__ import annotations

import re
import secrets
import uuid
from typing import Any, Final

from pratique.rego.builtins.registry import builtin, machine_int
from pratique.rego.runtime.state import State
from pratique.rego.runtime.values import UNDEFINED, Value

_DASHED: Final = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\Z")
_PLAIN: Final = re.compile(r"[0-9a-fA-F]{32}\Z")
# From 1582-10-15 to 1970-01-01, in steps of 100 ns (RFC 4122, 4.1.4).
_EPOCH: Final = 122192928000000000
_DOMAINS: Final = {0: "Person", 1: "Group", 2: "Org"}


@builtin("uuid.rfc4122", "string -> string", needs_state=True, nondeterministic=True)
def rfc4122(state: State, name: Value) -> Value:
    """Return a random UUID, the same for the same text within an evaluation."""
    memo = state.memo
    at = ("uuid.rfc4122", name)
    if at not in memo:
        memo[at] = str(uuid.uuid4())
    return memo[at]


@builtin("rand.intn", "string, number -> number", needs_state=True, nondeterministic=True)
def intn(state: State, name: Value, limit: Value) -> Value:
    """Return a random number below `limit`, the same for the same operands within an evaluation."""
    below = abs(machine_int("rand.intn", 2, limit))
    if not below:
        return 0
    memo = state.memo
    at = ("rand.intn", name, below)
    if at not in memo:
        memo[at] = secrets.randbelow(below)
    return memo[at]


@builtin("uuid.parse", "string -> object", cost=0)
def parse(text: Value) -> Value:
    """Return what a UUID says of itself, or nothing if it is none."""
    number = _number(text)
    if number is None:
        return UNDEFINED
    data = number.to_bytes(16)
    version = data[6] >> 4
    found: dict[str, Any] = {"version": version, "variant": _variant(data[8])}
    if version in {1, 2}:
        ticks = (
            int.from_bytes(data[:4])
            | int.from_bytes(data[4:6]) << 32
            | (int.from_bytes(data[6:8]) & 0xFFF) << 48
        )
        found["time"] = (ticks - _EPOCH) * 100
        found["nodeid"] = data[10:].hex("-")
        found["macvariables"] = _address(data[10])
        found["clocksequence"] = int.from_bytes(data[8:10]) & 0x3FFF
    if version == 2:
        found["id"] = int.from_bytes(data[:4])
        found["domain"] = _DOMAINS.get(data[9], f"Domain{data[9]}")
    return found


def _number(text: str) -> int | None:
    if len(text) == 45 and text[:9].lower() == "urn:uuid:":
        text = text[9:]
    elif len(text) == 38:
        text = text[1:-1]
    if _DASHED.match(text) or _PLAIN.match(text):
        return int(text.replace("-", ""), 16)
    return None


def _variant(byte: int) -> str:
    if byte & 0xC0 == 0x80:
        return "RFC4122"
    if byte & 0xE0 == 0xC0:
        return "Microsoft"
    return "Future" if byte & 0xE0 == 0xE0 else "Reserved"


def _address(byte: int) -> str:
    return f"{'local' if byte & 2 else 'global'}:{'multicast' if byte & 1 else 'unicast'}"
