"""Image references in three parts, for AssignImage: domain, path, and tag or digest.

In: an image as a pod names it. Out: the same with parts replaced. What may be assigned is checked so that a
part which was written is read back as that part: otherwise applying a mutator twice would change more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pratique.mutation.errors import MutatorError

_DOMAIN: Final = re.compile(r"\w[\w\-]*\.[\w\-.]*\w(:\d+)?|localhost(:\d+)?", re.ASCII).fullmatch
# Equal to the reference's pattern, without its empty separator, which would make matching exponential.
_PATH: Final = re.compile(r"[a-z0-9]+(?:(?:[._/]|__|-+)[a-z0-9]+)*", re.ASCII).fullmatch
_TAG: Final = re.compile(
    r":\w[\w.-]{0,127}|@[A-Za-z][A-Za-z0-9]*([-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9A-Fa-f]{32,}", re.ASCII
).fullmatch
_SEPARATOR: Final = re.compile("[:@]")


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of an image reference, each empty if not given; `tag` begins with `:` or `@`."""

    domain: str = ""
    path: str = ""
    tag: str = ""

    def replace(self, reference: str) -> str:
        """Return an image reference with those of its parts replaced that are set here."""
        old = split(reference)
        domain = self.domain or old.domain
        return f"{domain}/" * bool(domain) + (self.path or old.path) + (self.tag or old.tag)


def split(reference: str) -> Parts:
    """Split an image reference: the first segment is a domain only if it looks like one."""
    domain, rest = _split_domain(reference)
    found = _SEPARATOR.search(rest)
    at = found.start() if found else len(rest)
    return Parts(domain, rest[:at], rest[at:])


def check(parts: Parts) -> None:
    """Check what AssignImage would assign; raises `MutatorError` with Gatekeeper's texts."""
    if parts == Parts():
        raise MutatorError("at least one of [assignDomain, assignPath, assignTag] must be set")
    if parts.domain and not _DOMAIN(parts.domain):
        raise MutatorError(
            f'assignDomain "{parts.domain}" must be a fully-qualified domain name or localhost'
        )
    if parts.path and not _PATH(parts.path):
        raise MutatorError(f'assignPath "{parts.path}" must be a valid docker image path')
    if parts.tag and not _TAG(parts.tag):
        raise MutatorError(
            f"assignTag \"{parts.tag}\" must be a valid docker image tag or digest starting with ':' or '@'"
        )
    if not parts.domain and _split_domain(parts.path)[0]:
        raise MutatorError(
            f'assignDomain must be set if the first part of assignPath "{parts.path}" can be interpretted as '
            "part of a domain"
        )


def _split_domain(reference: str) -> tuple[str, str]:
    first, slash, rest = reference.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return "", reference
