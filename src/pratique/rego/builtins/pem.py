"""PEM blocks as Go's encoding/pem reads them: the first whole one, and what follows it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pratique.rego.builtins.base64s import Base64Error, decode

BEGIN: Final = "-----BEGIN"
CERTIFICATE: Final = "CERTIFICATE"
_START: Final = re.compile(r"(?:^|(?<=\n))-----BEGIN ")
_HEADER: Final = re.compile(r"[^\n]*:[^\n]*(?:\n|\Z)")


@dataclass(frozen=True, slots=True)
class Block:
    """One block: what its BEGIN line calls it, and its bytes."""

    kind: str
    data: bytes


def first(text: str) -> tuple[Block | None, str]:
    """Return the first whole block and the text behind its last line, or None and the whole text."""
    for start in _START.finditer(text):
        line, rest = _line(text[start.end() :])
        if not line.endswith("-----"):
            continue
        kind = line.removesuffix("-----")
        while (header := _HEADER.match(rest)) and header.group():
            rest = rest[header.end() :]
        found = _ended(rest, kind)
        if found is not None:
            return found
    return None, text


def _ended(rest: str, kind: str) -> tuple[Block, str] | None:
    """Return the block whose body `rest` begins with, and what follows it."""
    ending = "-----END "
    at = 0 if rest.startswith(ending) else rest.find(f"\n{ending}") + 1
    if not at and not rest.startswith(ending):
        return None
    line, after = _line(rest[at + len(ending) :])
    if line != f"{kind}-----":
        return None
    try:
        return Block(kind, decode(re.sub(r"[ \t]", "", rest[:at]))), after
    except Base64Error:
        return None


def _line(text: str) -> tuple[str, str]:
    line, _, rest = text.partition("\n")
    return line.rstrip("\r").rstrip(" \t"), rest


def all_blocks(text: str) -> list[Block]:
    """Return every whole block of the text."""
    found: list[Block] = []
    while text:
        block, text = first(text)
        if block is None:
            break
        found.append(block)
    return found
