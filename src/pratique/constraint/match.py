"""Whether a constraint applies to a request: its object matches, or else its old object does.

In: a compiled match block (`kube/match.py`, which mutators share) and the objects of a request. Out: yes, no,
or why it cannot be said. It knows nothing of templates.
"""

from __future__ import annotations

from collections.abc import Sequence

from pratique.kube.match import Candidate, Matcher, MatchError, compile_match, glob, group_kind

__all__ = ["Candidate", "MatchError", "Matcher", "applies", "compile_match", "glob", "group_kind"]


def applies(matcher: Matcher, candidates: Sequence[Candidate]) -> bool:
    """Tell whether a match block applies to a request: to its object, or else to its old object.

    Raises `MatchError` with Gatekeeper's text when that cannot be decided.
    """
    if not candidates:
        raise MatchError("invalid request object: neither object nor old object are defined")
    for candidate in candidates:
        try:
            if matcher.matches(candidate):
                return True
        except MatchError as error:
            name = str(candidate.metadata.get("name") or "")
            raise MatchError(
                f"error matching the requested object: {name} :failed to run Match criteria: {error.message}"
            ) from error
    return False
