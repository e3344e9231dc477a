"""The builtins: one file a namespace, all of them listed here.

Importing a file registers what it has; `registry` is where they are found.
"""

from pratique.rego.builtins import (
    aggregates,
    arithmetic,
    arrays,
    base64s,
    certificates,
    debugging,
    digests,
    durations,
    encoding,
    globs,
    graph,
    identifiers,
    jsons,
    net,
    objects,
    operators,
    paths,
    refused,
    regex,
    semver,
    sets,
    sprintf,
    strings,
    times,
    tokens,
    types,
    units,
    yamls,
)
from pratique.rego.builtins.registry import Builtin, builtin, lookup, table

__all__ = ["NAMESPACES", "Builtin", "builtin", "lookup", "table"]

NAMESPACES = (
    aggregates,
    arithmetic,
    arrays,
    base64s,
    certificates,
    debugging,
    digests,
    durations,
    encoding,
    globs,
    graph,
    identifiers,
    jsons,
    net,
    objects,
    operators,
    paths,
    refused,
    regex,
    semver,
    sets,
    sprintf,
    strings,
    times,
    tokens,
    types,
    units,
    yamls,
)
