"""The definitions of Gatekeeper's resources, as our agent reads them.

In: nothing. Out: CustomResourceDefinitions as dicts, in Gatekeeper's wire format (`gatekeeper.md` 1).
Only kinds that the agent acts upon are installed: a kind that is accepted and then ignored would be a
policy that its author believes in and nobody enforces.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

ANY: Schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
STRING: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}
INTEGER: Schema = {"type": "integer", "format": "int64"}


def definitions() -> list[Schema]:
    """Return the CustomResourceDefinitions, ready to apply."""
    return [_constraint_templates(), _configs(), _sync_sets()]


def _struct(properties: Schema, *, required: tuple[str, ...] = (), about: str = "") -> Schema:
    schema: Schema = {"type": "object", "properties": properties}
    if required:
        schema["required"] = list(required)
    return schema | ({"description": about} if about else {})


def _array(items: Schema, about: str = "", **extra: Any) -> Schema:
    return {"type": "array", "items": items} | ({"description": about} if about else {}) | extra


def _about(schema: Schema, about: str) -> Schema:
    return schema | {"description": about}


def _definition(group: str, kind: str, plural: str, *, scope: str, versions: list[Schema]) -> Schema:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}", "labels": {"gatekeeper.sh/system": "yes"}},
        "spec": {
            "group": group,
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
            },
            "scope": scope,
            "versions": versions,
        },
    }


def _version(name: str, schema: Schema, *, stored: bool, status: bool) -> Schema:
    entry: Schema = {
        "name": name,
        "served": True,
        "storage": stored,
        "schema": {"openAPIV3Schema": schema},
    }
    if status:
        entry["subresources"] = {"status": {}}
    return entry


def _root(about: str, spec: Schema, status: Schema | None = None) -> Schema:
    properties: Schema = {
        "apiVersion": STRING,
        "kind": STRING,
        "metadata": {"type": "object"},
        "spec": spec,
    }
    if status is not None:
        properties["status"] = status
    return _struct(properties, about=about)


def _constraint_templates() -> Schema:
    # legacySchema's default differs: documents of the beta versions were written when schemas could be
    # non-structural (gatekeeper.md 1.1).
    versions = [
        _version(
            name,
            _root(
                "A policy's code and the kind of constraint that uses it.", _template_spec(legacy), _by_pod()
            ),
            stored=name == "v1",
            status=True,
        )
        for name, legacy in (("v1", False), ("v1beta1", True), ("v1alpha1", True))
    ]
    return _definition(
        "templates.gatekeeper.sh",
        "ConstraintTemplate",
        "constrainttemplates",
        scope="Cluster",
        versions=versions,
    )


def _template_spec(legacy: bool) -> Schema:
    validation: Schema = _struct(
        {
            "legacySchema": BOOLEAN
            | {"default": legacy, "description": "Accept a schema that is not structural."},
            "openAPIV3Schema": _about(ANY, "The schema of `spec.parameters` of the constraints."),
        }
    )
    if not legacy:
        validation["default"] = {"legacySchema": False}
    names = _struct(
        {
            "kind": _about(STRING, "The constraints' kind; the template's name is this in lower case."),
            "shortNames": _array(STRING, "Short names of that kind for kubectl."),
        }
    )
    code = _struct(
        {
            "engine": _about(STRING, "The language: Rego or K8sNativeValidation."),
            "source": _about(ANY, "The code, in the shape that its engine asks for."),
        },
        required=("engine", "source"),
    )
    target = _struct(
        {
            "target": _about(STRING, "Whose requests the code judges: admission.k8s.gatekeeper.sh."),
            "rego": _about(STRING, "Rego with a `violation` rule; short for a `code` entry."),
            "libs": _array(STRING, "Rego modules in packages `lib.<name>` that the code imports."),
            "code": _array(
                code,
                "The code, an entry for each engine.",
                **{"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["engine"]},
            ),
            "operations": _array(
                STRING | {"enum": ["*", "CREATE", "UPDATE", "DELETE", "CONNECT"]},
                "The operations that are judged at admission; all when empty.",
                **{"x-kubernetes-list-type": "set"},
            ),
        }
    )
    return _struct(
        {
            "crd": _struct({"spec": _struct({"names": names, "validation": validation})}),
            "targets": _array(target, "Exactly one target."),
        }
    )


def _by_pod() -> Schema:
    error = _struct({"code": STRING, "message": STRING, "location": STRING}, required=("code", "message"))
    entry = _struct(
        {
            "id": _about(STRING, "The pod that speaks."),
            "observedGeneration": INTEGER,
            "errors": _array(error),
        }
    )
    return _struct(
        {
            "created": _about(BOOLEAN, "The constraints' kind exists and a pod enforces it."),
            "byPod": _array(entry | {"x-kubernetes-preserve-unknown-fields": True}),
        }
    )


def _gvk(about: str) -> Schema:
    return _array(_struct({"group": STRING, "version": STRING, "kind": STRING}), about)


def _configs() -> Schema:
    match = _struct(
        {
            "processes": _array(STRING, "audit, sync, webhook, mutation-webhook or `*`."),
            "excludedNamespaces": _array(
                STRING | {"pattern": r"^\*?[-:a-z0-9]*\*?$"}, "Names, `prefix*`, `*suffix`, `*part*`."
            ),
        }
    )
    trace = _struct(
        {
            "user": STRING,
            "dump": STRING,
            "kind": _struct({"group": STRING, "version": STRING, "kind": STRING}),
        }
    )
    spec = _struct(
        {
            "match": _array(match, "Namespaces that a process leaves alone."),
            "sync": _struct({"syncOnly": _gvk("Kinds that policies find in `data.inventory`.")}),
            "validation": _struct({"traces": _array(trace)}),
            "readiness": _struct({"statsEnabled": BOOLEAN}),
        }
    )
    root = _root("The settings of the policy engine in this cluster; its name is `config`.", spec, ANY)
    return _definition(
        "config.gatekeeper.sh",
        "Config",
        "configs",
        scope="Namespaced",
        versions=[_version("v1alpha1", root, stored=True, status=True)],
    )


def _sync_sets() -> Schema:
    spec = _struct({"gvks": _gvk("Kinds that policies find in `data.inventory`.")})
    root = _root("Kinds whose objects policies may look up.", spec)
    return _definition(
        "syncset.gatekeeper.sh",
        "SyncSet",
        "syncsets",
        scope="Cluster",
        versions=[_version("v1alpha1", root, stored=True, status=False)],
    )
