"""What mutators make of an object: Assign, AssignMetadata, ModifySet, AssignImage.

    system = MutationSystem()                          # or MutationSystem(lookup) to ask providers
    system.put(document)                               # raises MutatorError
    system.conflicts("Assign", "a")                    # who contradicts it; none of them applies
    changed, applied, patch = system.mutate(found, namespace=namespace, operation="CREATE")

`lookup({provider: keys}) -> {provider: ProviderResponse}` is how a process lends its connection. `namespace`
is the Namespace object; an empty `operation` means that it is not known, as in an audit. Pure: no I/O, and
what is handed in is never changed.
"""

from pratique.mutation.errors import MutationError, MutatorError
from pratique.mutation.external import Lookup
from pratique.mutation.location import Field, Item, Location, LocationError, parse, show
from pratique.mutation.mutator import GROUP, KINDS, VERSIONS, Mutator, MutatorId, is_mutator, read
from pratique.mutation.system import Mutated, MutationSystem
from pratique.mutation.walk import values_at

__all__ = [
    "GROUP",
    "KINDS",
    "VERSIONS",
    "Field",
    "Item",
    "Location",
    "LocationError",
    "Lookup",
    "Mutated",
    "MutationError",
    "MutationSystem",
    "Mutator",
    "MutatorError",
    "MutatorId",
    "is_mutator",
    "parse",
    "read",
    "show",
    "values_at",
]
