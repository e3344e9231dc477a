"""What Gatekeeper decides: templates, constraints, match, review, violations, decision.

In: Gatekeeper's resources and Kubernetes objects as plain dicts. Out: violations and what a webhook answers.
Pure: no I/O; everything is reached through `Library`.
"""

from pratique.constraint.constraint import Constraint
from pratique.constraint.decision import Decision, decide
from pratique.constraint.errors import (
    ConstraintError,
    NoEngineError,
    ReviewError,
    TemplateError,
    TemplateProblem,
)
from pratique.constraint.library import Library, TemplateTime
from pratique.constraint.match import Matcher, MatchError, compile_match
from pratique.constraint.program import Programs
from pratique.constraint.review import AUDIT, GATOR, VAP, WEBHOOK, Review
from pratique.constraint.template import Template
from pratique.constraint.violation import Violation

__all__ = [
    "AUDIT",
    "GATOR",
    "VAP",
    "WEBHOOK",
    "Constraint",
    "ConstraintError",
    "Decision",
    "Library",
    "MatchError",
    "Matcher",
    "NoEngineError",
    "Programs",
    "Review",
    "ReviewError",
    "Template",
    "TemplateError",
    "TemplateProblem",
    "TemplateTime",
    "Violation",
    "compile_match",
    "decide",
]
