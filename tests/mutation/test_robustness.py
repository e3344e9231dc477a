"""Whatever a resource or an object looks like, it is read or refused, and never ends in a traceback."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.mutation.test_system import JSON, assign, mutator, thing

from pratique.constraint.expansion import Expander, ExpansionError
from pratique.kube import providers
from pratique.kube.patch import apply_json_patch
from pratique.kube.providers import ProviderError
from pratique.mutation import MutationError, MutationSystem, MutatorError, parse, values_at


def words(text: str) -> st.SearchStrategy[str]:
    return st.sampled_from(text.split())


KEYS = words(
    """
    spec location parameters assign value match applyTo groups kinds versions operations pathTests subPath condition
    values fromList operation externalData provider default failurePolicy dataSource fromMetadata field assignTag
    assignDomain metadata name namespace labels apiVersion kind templateSource generatedGVK url caBundle timeout
    labelSelector matchExpressions key operator scope source
    """
)
WORDS = words(
    """
    * g v1 Thing m spec.a metadata.labels.a a[ ' MustExist merge prune Fail UseDefault Username CREATE In Exists :1
    r.io https://x LS0t g/v1 Ω
    """
) | st.sampled_from(["", "spec.l[n: x]", "spec.l[n: *].v", "\x00", "\ud7ff"])
ANY = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), WORDS
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=20,
)


def _with(base: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a document with something else at a path."""
    head, _, rest = path.partition(".")
    inner = base.get(head)
    changed = _with(inner if isinstance(inner, dict) else {}, rest, value) if rest else value
    return base | {head: changed}


GOOD = {
    "Assign": {"assign": {"value": 1}, "pathTests": [{"subPath": "spec", "condition": "MustExist"}]},
    "AssignMetadata": {"assign": {"value": "x"}},
    "ModifySet": {"operation": "merge", "values": {"fromList": [1]}},
    "AssignImage": {"assignTag": ":1"},
}
PLACES = words(
    """
    spec spec.location spec.parameters spec.match spec.applyTo metadata metadata.name apiVersion kind
    spec.parameters.assign spec.parameters.pathTests spec.parameters.values spec.parameters.assignTag
    spec.parameters.assign.externalData spec.parameters.assign.fromMetadata spec.parameters.operation
    spec.match.labelSelector spec.match.namespaceSelector spec.match.namespaces spec.match.scope spec.match.name
    spec.match.kinds spec.match.source
    """
)


@given(st.sampled_from(sorted(GOOD)), PLACES, ANY, ANY)
def test_a_mutator_with_one_thing_wrong(kind: str, place: str, wrong: Any, found: Any) -> None:
    location = "metadata.labels.a" if kind == "AssignMetadata" else "spec.a"
    document = _with(mutator(kind, location, GOOD[kind]), place, wrong)
    system = MutationSystem()
    try:
        system.put(document)
    except MutatorError:
        return
    with contextlib.suppress(MutationError):
        system.mutate(thing(spec=found, metadata=found))


@given(st.lists(WORDS, min_size=1, max_size=3), ANY)
def test_any_object_is_mutated_or_refused(locations: list[str], spec: Any) -> None:
    system = MutationSystem()
    for index, location in enumerate(locations):
        with contextlib.suppress(MutatorError):
            system.put(assign(location, {"n": "x"}, name=f"m{index}"))
    found = thing(spec=spec)
    with contextlib.suppress(MutationError):
        changed = system.mutate(found)
        assert apply_json_patch(found, changed.patch) == changed.object
        assert system.mutate(changed.object).patch == []


@given(ANY, ANY)
def test_an_expansion_template_is_read_or_refused(spec: Any, found: Any) -> None:
    template = {
        "apiVersion": "expansion.gatekeeper.sh/v1beta1",
        "kind": "ExpansionTemplate",
        "metadata": {"name": "t"},
    }
    with pytest.raises(ExpansionError):
        Expander().put_template(template | {"spec": spec})
    expander = Expander(MutationSystem())
    expander.put_template(
        template
        | {
            "spec": {
                "applyTo": [{"groups": ["g"], "versions": ["v1"], "kinds": ["Thing"]}],
                "templateSource": "spec.value",
                "generatedGVK": {"group": "", "version": "v1", "kind": "Made"},
            }
        }
    )
    with contextlib.suppress(ExpansionError):
        for made in expander.expand(thing(spec=found, metadata=found)):
            assert made.object["kind"] == "Made"


@given(ANY)
def test_a_provider_and_its_answer_are_read_or_refused(found: Any) -> None:
    base = {"apiVersion": "externaldata.gatekeeper.sh/v1beta1", "kind": "Provider", "metadata": {"name": "p"}}
    with pytest.raises(ProviderError):
        providers.read(base | {"spec": found})
    for answer in (found, {"response": found}, {"response": {"items": found}}):
        with contextlib.suppress(ProviderError):
            providers.reply(answer)


@given(st.text(max_size=12), JSON)
def test_any_text_is_a_location_or_none(text: str, found: Any) -> None:
    with contextlib.suppress(MutatorError):
        values_at(found, parse(text))
