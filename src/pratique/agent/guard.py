"""Validation of Gatekeeper's own resources at admission (`gatekeeper.md` 3.3).

In: an AdmissionRequest for a template, a constraint, a Config, a mutator and so on, and the library. Out: a
refusal (code and text as Gatekeeper's), or warnings. Rego that does not compile is let through with a warning
that names its place, because Gatekeeper accepts it and reports it in the template's status.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pratique import mutation
from pratique.constraint import ConstraintError, Library, TemplateError, expansion
from pratique.constraint.errors import CONVERSION_ERROR, INGEST_ERROR, PARSE_ERROR
from pratique.constraint.expansion import ExpansionError
from pratique.errors import PratiqueError
from pratique.kube import providers
from pratique.kube.providers import ProviderError
from pratique.mutation import MutatorError

OWN_GROUPS = frozenset(
    f"{name}.gatekeeper.sh"
    for name in ("templates", "constraints", "mutations", "config", "externaldata", "expansion", "status")
)
LONGEST_NAME = 63
# What Gatekeeper's webhook lets through; such a fault of a template shows in its status.
STATUS_ONLY = frozenset({INGEST_ERROR, PARSE_ERROR})


# Who reads what, and refuses it.
_READERS: dict[tuple[str, str], Callable[[dict[str, Any]], object]] = {
    **{(mutation.GROUP, kind): mutation.read for kind in mutation.KINDS},
    (expansion.GROUP, expansion.KIND): expansion.read,
    (providers.GROUP, providers.KIND): providers.read,
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the guard says: a refusal when `code` is set, and warnings in any case."""

    code: int = 0
    message: str = ""
    warnings: tuple[str, ...] = ()


ACCEPTED = Verdict()


def is_namespace(kind: Mapping[str, Any]) -> bool:
    """Tell whether a request's `kind` is that of a Namespace."""
    return kind.get("kind") == "Namespace" and not kind.get("group")


def check(request: dict[str, Any], library: Library, *, validate_actions: bool = True) -> Verdict:
    """Judge one AdmissionRequest for a resource of our own groups."""
    deleting = request.get("operation") == "DELETE"
    obj = request.get("oldObject") if deleting else request.get("object")
    if not isinstance(obj, dict):
        return ACCEPTED
    group = request["kind"].get("group", "")
    name = (obj.get("metadata") or {}).get("name") or request.get("name") or ""
    if len(name) > LONGEST_NAME and group != "status.gatekeeper.sh":
        return Verdict(
            500, f"resource cannot have metadata.name larger than {LONGEST_NAME} char; length: {len(name)}"
        )
    if deleting:
        return ACCEPTED
    try:
        if group == "templates.gatekeeper.sh":
            return _template(obj, library)
        if group == "constraints.gatekeeper.sh":
            library.check_constraint(obj, actions=validate_actions)
        elif group == "config.gatekeeper.sh" and name != "config":
            return Verdict(422, "config resource must have name 'config'")
        elif reader := _READERS.get((group, request["kind"].get("kind", ""))):
            reader(obj)
    except ConstraintError as error:
        return Verdict(error.http_code, error.message)
    except (MutatorError, ExpansionError, ProviderError) as error:
        # What Go could not read is no mistake of the user's, as Gatekeeper sees it.
        return Verdict(500 if error.message.startswith("json: ") else 422, error.message)
    except PratiqueError as error:
        return Verdict(500, error.message)
    return ACCEPTED


def _template(obj: dict[str, Any], library: Library) -> Verdict:
    try:
        library.check_template(obj)
    except TemplateError as error:
        if error.code == CONVERSION_ERROR:
            return Verdict(500, error.message)
        if error.code not in STATUS_ONLY:
            return Verdict(422, f"invalid ConstraintTemplate: {error.message}")
        return Verdict(warnings=(error.render().splitlines()[0],))
    return ACCEPTED
