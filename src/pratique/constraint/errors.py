"""What can be wrong with a template or a constraint.

    TemplateError(SourceError)     code as in `status.byPod[].errors[]`, text as Gatekeeper's in `status`
      NoEngineError                no engine of ours can run it
    ConstraintError(InputError)    the HTTP code that Gatekeeper's webhook answers with
    ReviewError(InputError)        a review that cannot be asked

An error inside an evaluation is none of these: it is a violation that says so.
"""

from __future__ import annotations

from dataclasses import dataclass

from pratique.errors import InputError, Location, SourceError

CREATE_ERROR = "create_error"
UPDATE_ERROR = "update_error"
CONVERSION_ERROR = "conversion_error"
INGEST_ERROR = "ingest_error"
PARSE_ERROR = "parse_error"


@dataclass(frozen=True, slots=True)
class TemplateProblem:
    """One thing that is wrong: with its place in the Rego text and, when the file is known, in the YAML."""

    code: str
    message: str
    rego: Location | None = None
    source: Location | None = None
    hint: str = ""

    @property
    def location(self) -> Location | None:
        """Return the place to show a person: in the file, or else in the Rego text."""
        return self.source or self.rego


class TemplateError(SourceError):
    """A template cannot be used.

    `code` and `status` are what Gatekeeper would write into the template's status; `location` is the best
    place known; `problems` are all of them, at most ten.
    """

    def __init__(
        self,
        message: str,
        location: Location,
        *,
        code: str = CREATE_ERROR,
        status: str = "",
        problems: tuple[TemplateProblem, ...] = (),
        hint: str = "",
    ) -> None:
        super().__init__(message, location, hint=hint)
        self.code = code
        self.status = status or message
        self.problems = problems or (TemplateProblem(code, message, source=location, hint=hint),)

    def render(self) -> str:
        """Return every problem with its place, its line and its cure."""
        if len(self.problems) < 2:
            return super().render()
        parts = []
        for problem in self.problems:
            place = problem.location
            parts.append(f"{place}: {problem.message}" if place else problem.message)
            if place and (excerpt := place.excerpt()):
                parts.append(excerpt)
            if problem.hint:
                parts.append(f"hint: {problem.hint}")
        return "\n".join(parts)


class NoEngineError(TemplateError):
    """No engine of ours can run a template: it has no Rego."""


class ConstraintError(InputError):
    """A constraint cannot be used; `http_code` is what Gatekeeper's webhook answers (gatekeeper.md 3.3)."""

    def __init__(self, message: str, *, http_code: int = 422, hint: str = "", schema: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.http_code = http_code
        self.schema = schema


class ReviewError(InputError):
    """A review that cannot be asked, such as a DELETE without the object that is deleted."""
