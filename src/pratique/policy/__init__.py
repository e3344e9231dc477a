"""Policy documents of Azure's form, and what they become for one cluster.

In: ARM documents of definitions, assignments and clusters. Out: `Manifests`, a Gatekeeper template and
constraint as plain dicts. Pure: no I/O, no state. It meets `constraint` only at those manifests.
"""

from pratique.policy.assignment import Assignment, effect_of
from pratique.policy.bind import Manifests, bind, constraint_name
from pratique.policy.cluster import Cluster
from pratique.policy.definition import KUBERNETES_DATA, Definition
from pratique.policy.errors import (
    DefinitionError,
    ExpressionError,
    ParameterError,
    PolicyError,
    ScopeError,
)
from pratique.policy.parameters import Parameter
from pratique.policy.scope import Scope

__all__ = [
    "KUBERNETES_DATA",
    "Assignment",
    "Cluster",
    "Definition",
    "DefinitionError",
    "ExpressionError",
    "Manifests",
    "Parameter",
    "ParameterError",
    "PolicyError",
    "Scope",
    "ScopeError",
    "bind",
    "constraint_name",
    "effect_of",
]
