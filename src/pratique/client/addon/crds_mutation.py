"""The definitions of what changes, expands and asks: mutators, ExpansionTemplate, Provider.

In: nothing. Out: CustomResourceDefinitions as dicts, in Gatekeeper's wire format (`gatekeeper.md` 1.9 to 1.11).
"""

from __future__ import annotations

import copy
from typing import Any

from pratique.client.addon.schemas import (
    INTEGER,
    STRING,
    Schema,
    array,
    definition,
    described,
    named,
    root,
    struct,
    version,
)
from pratique.constraint.schema import MATCH

ANYTHING: Schema = {"x-kubernetes-preserve-unknown-fields": True}
MUTATIONS = "mutations.gatekeeper.sh"


def definitions() -> list[Schema]:
    """Return the CustomResourceDefinitions, ready to apply."""
    every = ("v1", "v1alpha1", "v1beta1")
    return [
        _mutator(
            "Assign", every, _assign_parameters(_external_data()), about="Sets a field outside metadata."
        ),
        _mutator(
            "AssignMetadata",
            every,
            {"assign": _assign(_external_data())},
            about="Adds a label or an annotation that is not there.",
            applies=False,
        ),
        _mutator("ModifySet", every, _set_parameters(), about="Adds values to a list, or takes them out."),
        _mutator(
            "AssignImage", ("v1alpha1",), _image_parameters(), about="Sets parts of an image reference."
        ),
        _expansion_template(),
        _provider(),
    ]


def _choice(text: str, *words: str, default: str = "") -> Schema:
    """Return the schema of a text that is one of `words`, the first by default."""
    return {"type": "string", "enum": list(words), "default": default or words[0], "description": text}


def _mutator(
    kind: str, versions: tuple[str, ...], parameters: Schema, *, about: str, applies: bool = True
) -> Schema:
    spec: Schema = {
        "location": described(STRING, "Where to change, such as `spec.containers[name: *].image`."),
        "match": copy.deepcopy(MATCH)
        | {"description": "Which objects are changed; everything given must match."},
        "parameters": struct(parameters),
    }
    if applies:
        spec["applyTo"] = array(
            _kinds()
            | {
                "properties": _kinds()["properties"]
                | {"operations": array(STRING | {"enum": ["CREATE", "UPDATE", "*"]}, "All when empty.")}
            },
            "The kinds that are changed; no wildcards.",
        )
    status = by_pod("mutatorUID", "enforced", {"type": STRING, "message": STRING})
    schema = root(about, struct(spec), status)
    return definition(
        MUTATIONS,
        kind,
        kind.lower(),
        scope="Cluster",
        versions=[_versioned(name, schema, stored=name == versions[0]) for name in versions],
    )


def _kinds() -> Schema:
    return struct({"groups": array(STRING), "versions": array(STRING), "kinds": array(STRING)})


def _path_tests() -> Schema:
    test = struct(
        {
            "subPath": described(STRING, "A beginning of `location`."),
            "condition": STRING | {"enum": ["MustExist", "MustNotExist"]},
        }
    )
    return array(test, "What must or must not be there for the mutator to act.")


def _external_data() -> Schema:
    return struct(
        {
            "provider": described(STRING, "The Provider that is asked."),
            "dataSource": _choice("What it is asked about.", "ValueAtLocation", "Username"),
            "failurePolicy": _choice(
                "What to do if that fails.", "UseDefault", "Ignore", "Fail", default="Fail"
            ),
            "default": described(STRING, "The value for UseDefault."),
        },
        required=("provider",),
    )


def _assign(external: Schema) -> Schema:
    field = described(STRING, "`namespace` or `name`.")
    return struct(
        {"value": ANYTHING, "fromMetadata": struct({"field": field}), "externalData": external},
        about="Exactly one of these.",
    )


def _assign_parameters(external: Schema) -> Schema:
    return {"assign": _assign(external), "pathTests": _path_tests()}


def _set_parameters() -> Schema:
    values = {"type": "object", "description": "`fromList`: the values."} | ANYTHING
    return {
        "operation": _choice("Add what is missing, or take out.", "merge", "prune"),
        "values": values,
        "pathTests": _path_tests(),
    }


def _image_parameters() -> Schema:
    return {
        "assignDomain": described(STRING, "The registry, such as `registry.example.com:5000`."),
        "assignPath": described(STRING, "The name of the image without its registry."),
        "assignTag": described(STRING, "`:tag`, or `@digest`."),
        "pathTests": _path_tests(),
    }


def _expansion_template() -> Schema:
    spec = struct(
        {
            "applyTo": array(_kinds(), "The kinds that generate others."),
            "templateSource": described(
                STRING, "Where the generated object stands, such as `spec.template`."
            ),
            "generatedGVK": struct({"group": STRING, "version": STRING, "kind": STRING}),
            "enforcementAction": described(STRING, "Instead of the constraints' own: deny, warn or dryrun."),
        }
    )
    error = {"type": STRING, "message": STRING}
    schema = root("What an object will generate.", spec, by_pod("templateUID", "", error))
    return definition(
        "expansion.gatekeeper.sh",
        "ExpansionTemplate",
        "expansiontemplate",
        scope="Cluster",
        versions=[_versioned(name, schema, stored=name == "v1alpha1") for name in ("v1alpha1", "v1beta1")],
    )


def _versioned(name: str, schema: Schema, *, stored: bool) -> Schema:
    """Return one version; that in which objects are stored limits their names itself, the webhook does for the rest."""
    schema = copy.deepcopy(schema)
    return version(name, named(schema) if stored else schema, stored=stored, status=True)


def _provider() -> Schema:
    spec = struct(
        {
            "url": described(STRING, "Where to ask; `https://` only."),
            "timeout": described({"type": "integer"}, "Seconds to wait for an answer."),
            "caBundle": described(STRING, "Base64 of the PEM certificates that the server's is checked by."),
        }
    )
    moment = STRING | {"format": "date-time"}
    error = {"type": STRING, "message": STRING, "retryable": {"type": "boolean"}, "errorTimestamp": moment}
    status = by_pod("providerUID", "active", error)
    entry = status["properties"]["byPod"]["items"]["properties"]
    entry |= {"lastTransitionTime": moment, "lastCacheUpdateTime": moment}
    schema = root("Who answers `external_data`.", spec, status)
    old = version("v1alpha1", copy.deepcopy(schema), stored=False, status=True)
    instead = (
        "externaldata.gatekeeper.sh/v1alpha1 is deprecated. Use externaldata.gatekeeper.sh/v1beta1 instead."
    )
    old |= {"deprecated": True, "deprecationWarning": instead}
    return definition(
        "externaldata.gatekeeper.sh",
        "Provider",
        "providers",
        scope="Cluster",
        versions=[old, version("v1beta1", schema, stored=True, status=True)],
    )


def by_pod(owner: str, flag: str, error: dict[str, Any]) -> Schema:
    """Return the schema of a `status` in which each pod has an entry: whose it is, whether it is in force, errors."""
    entry: Schema = {
        "id": described(STRING, "The pod that speaks."),
        owner: STRING,
        "observedGeneration": INTEGER,
        "operations": array(STRING),
        "errors": array(struct(error, required=("message",))),
    }
    if flag:
        entry[flag] = described({"type": "boolean"}, "Whether it is in force in that pod.")
    return struct({"byPod": array(struct(entry))})
