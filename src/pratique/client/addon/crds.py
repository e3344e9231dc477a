"""The definitions of Gatekeeper's resources, as our agent reads them.

In: nothing. Out: CustomResourceDefinitions as dicts, in Gatekeeper's wire format (`gatekeeper.md` 1).
Only kinds that the agent acts upon are installed: a kind that is accepted and then ignored would be a
policy that its author believes in and nobody enforces.
"""

from __future__ import annotations

from pratique.client.addon import crds_mutation, schemas
from pratique.client.addon.schemas import ANY, BOOLEAN, INTEGER, STRING, Schema


def definitions() -> list[Schema]:
    """Return the CustomResourceDefinitions, ready to apply."""
    return [*policies(), *crds_mutation.definitions()]


def policies() -> list[Schema]:
    """Return the definitions that templates and constraints need."""
    return [_constraint_templates(), _configs(), _sync_sets()]


def _constraint_templates() -> Schema:
    # legacySchema's default differs: documents of the beta versions were written when schemas could be
    # non-structural (gatekeeper.md 1.1).
    versions = [
        schemas.version(
            name,
            schemas.root(
                "A policy's code and the kind of constraint that uses it.", _template_spec(legacy), _by_pod()
            ),
            stored=name == "v1",
            status=True,
        )
        for name, legacy in (("v1", False), ("v1alpha1", True), ("v1beta1", True))
    ]
    return schemas.definition(
        "templates.gatekeeper.sh",
        "ConstraintTemplate",
        "constrainttemplates",
        scope="Cluster",
        versions=versions,
    )


def _template_spec(legacy: bool) -> Schema:
    validation: Schema = schemas.struct(
        {
            "legacySchema": BOOLEAN
            | {"default": legacy, "description": "Accept a schema that is not structural."},
            "openAPIV3Schema": schemas.described(ANY, "The schema of `spec.parameters` of the constraints."),
        }
    )
    validation["default"] = {"legacySchema": legacy}
    names = schemas.struct(
        {
            "kind": schemas.described(
                STRING, "The constraints' kind; the template's name is this in lower case."
            ),
            "shortNames": schemas.array(STRING, "Short names of that kind for kubectl."),
        }
    )
    code = schemas.struct(
        {
            "engine": schemas.described(STRING, "The language: Rego or K8sNativeValidation."),
            "source": {
                "x-kubernetes-preserve-unknown-fields": True,
                "description": "The code, in the shape that its engine asks for.",
            },
        },
        required=("engine", "source"),
    )
    target = schemas.struct(
        {
            "target": schemas.described(
                STRING, "Whose requests the code judges: admission.k8s.gatekeeper.sh."
            ),
            "rego": schemas.described(STRING, "Rego with a `violation` rule; short for a `code` entry."),
            "libs": schemas.array(STRING, "Rego modules in packages `lib.<name>` that the code imports."),
            "code": schemas.array(
                code,
                "The code, an entry for each engine.",
                **{"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["engine"]},
            ),
            "operations": schemas.array(
                STRING | {"enum": ["*", "CREATE", "DELETE", "UPDATE", "CONNECT"]},
                "The operations that are judged at admission; all when empty.",
            ),
        }
    )
    return schemas.struct(
        {
            "crd": schemas.struct({"spec": schemas.struct({"names": names, "validation": validation})}),
            "targets": schemas.array(target, "Exactly one target."),
        }
    )


def _by_pod() -> Schema:
    error = schemas.struct(
        {"code": STRING, "message": STRING, "location": STRING}, required=("code", "message")
    )
    entry = schemas.struct(
        {
            "id": schemas.described(STRING, "The pod that speaks."),
            "observedGeneration": INTEGER,
            "errors": schemas.array(error),
        }
    )
    return schemas.struct(
        {
            "created": schemas.described(BOOLEAN, "The constraints' kind exists and a pod enforces it."),
            "byPod": schemas.array(entry | {"x-kubernetes-preserve-unknown-fields": True}),
        }
    )


def _gvk(about: str) -> Schema:
    return schemas.array(schemas.struct({"group": STRING, "version": STRING, "kind": STRING}), about)


def _configs() -> Schema:
    match = schemas.struct(
        {
            "processes": schemas.array(STRING, "audit, sync, webhook, mutation-webhook or `*`."),
            "excludedNamespaces": schemas.array(
                STRING | {"pattern": r"^\*?[-:a-z0-9]*\*?$"}, "Names, `prefix*`, `*suffix`, `*part*`."
            ),
        }
    )
    trace = schemas.struct(
        {
            "user": STRING,
            "dump": STRING,
            "kind": schemas.struct({"group": STRING, "version": STRING, "kind": STRING}),
        }
    )
    spec = schemas.struct(
        {
            "match": schemas.array(match, "Namespaces that a process leaves alone."),
            "sync": schemas.struct({"syncOnly": _gvk("Kinds that policies find in `data.inventory`.")}),
            "validation": schemas.struct({"traces": schemas.array(trace)}),
            "readiness": schemas.struct({"statsEnabled": BOOLEAN}),
        }
    )
    root = schemas.root(
        "The settings of the policy engine in this cluster; its name is `config`.",
        spec,
        crds_mutation.by_pod("configUID", "", {"type": STRING, "message": STRING}),
    )
    return schemas.definition(
        "config.gatekeeper.sh",
        "Config",
        "configs",
        scope="Namespaced",
        versions=[schemas.version("v1alpha1", root, stored=True, status=True)],
    )


def _sync_sets() -> Schema:
    spec = schemas.struct({"gvks": _gvk("Kinds that policies find in `data.inventory`.")})
    root = schemas.named(schemas.root("Kinds whose objects policies may look up.", spec))
    return schemas.definition(
        "syncset.gatekeeper.sh",
        "SyncSet",
        "syncsets",
        scope="Cluster",
        versions=[schemas.version("v1alpha1", root, stored=True, status=False)],
    )
