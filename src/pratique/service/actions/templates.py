"""A definition's template, compiled before it is saved.

In: a definition, and `fetch` for PublicURL. Out: nothing, or a refusal that names each place: the line and
column inside the template, the line's text, and what to write instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pratique import constraint
from pratique.errors import InputError, Location, NotFoundError, PratiqueError, SourceError
from pratique.kube import yaml
from pratique.policy import Definition
from pratique.service.errors import RequestError, TemplateRefusedError

TARGET = "policyRule.then.details.templateInfo"
FILE = "template.yaml"


def check(definition: Definition, fetch: Callable[[str], str]) -> None:
    """Raise TemplateRefusedError unless the definition's template compiles; others have nothing to check."""
    if not definition.runs_in_cluster:
        return
    url = definition.template_url()
    text = definition.template_text()
    if text is None:
        if not url:
            return
        text = _fetched(url, fetch)
    try:
        documents = yaml.load(text, file=FILE)
        if len(documents) != 1:
            raise RequestError(
                f"the template's text must hold one YAML document, it holds {len(documents)}",
                code="InvalidConstraintTemplate",
                target=TARGET,
            )
        constraint.Library().check_template(documents[0].value, document=documents[0])
    except InputError as error:
        raise _refusal(error) from error


def check_reachable(definition: Definition, fetch: Callable[[str], str]) -> None:
    """Raise RequestError when the definition's template is behind a URL that nothing here answers."""
    url = definition.template_url() if definition.runs_in_cluster else ""
    if url and definition.template_text() is None:
        _fetched(url, fetch)


def _fetched(url: str, fetch: Callable[[str], str]) -> str:
    try:
        return fetch(url)
    except NotFoundError as error:
        raise RequestError(
            error.message, code="TemplateNotFound", target=f"{TARGET}.url", hint=error.hint
        ) from error


def _refusal(error: InputError) -> PratiqueError:
    problems = getattr(error, "problems", ()) or (error,)
    details = [_detail(problem) for problem in problems]
    places = "; ".join(detail["target"] + ": " + detail["message"] for detail in details)
    return TemplateRefusedError(
        f"the template does not compile: {places}", details, hint=error.hint or details[0].get("hint", "")
    )


def _detail(problem: Any) -> dict[str, Any]:
    """Return a problem as one of an error body's `details`, with its place when that is known."""
    detail: dict[str, Any] = {
        "code": str(getattr(problem, "code", "") or "InvalidConstraintTemplate"),
        "message": str(problem.message),
        "target": TARGET,
    }
    if hint := getattr(problem, "hint", ""):
        detail["hint"] = str(hint)
    place = problem.location if isinstance(problem, SourceError) else getattr(problem, "location", None)
    if isinstance(place, Location):
        detail |= {
            "target": str(place),
            "file": place.file,
            "line": place.line,
            "column": place.column,
            "text": place.text,
            "width": place.width,
        }
    return detail
