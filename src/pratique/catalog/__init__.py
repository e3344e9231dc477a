"""The built-in definitions and their templates: data, one folder a policy, read when it is asked for.

    definitions/<name>/definition.json   the ARM document, with the id that the policy has on Azure
    definitions/<name>/template.yaml     the constraint template
    definitions/<name>/suite.yaml        its tests, in gator's format, with samples/

In: names, ids and URLs. Out: ARM documents and texts. A mirror folder may answer for templates that are not
here. It knows nothing of what a definition means.
"""

from pratique.catalog.loader import STORE, Catalog

_BUILT_IN = Catalog()

definitions = _BUILT_IN.definitions
initiatives = _BUILT_IN.initiatives
template = _BUILT_IN.template
fetch = _BUILT_IN.fetch
get = _BUILT_IN.get

__all__ = ["STORE", "Catalog", "definitions", "fetch", "get", "initiatives", "template"]
