"""What a template's Rego reads of the inventory."""

from __future__ import annotations

import pytest

from pratique import rego
from pratique.constraint import modules

ANYTHING = {("*", "*")}


@pytest.mark.parametrize(
    ("body", "kinds"),
    [
        ("input.review.object.a", set()),
        ("data.lib.a.b(1)", set()),
        ('data.inventory.cluster["v1"].Node[_]', {("v1", "Node")}),
        ('data.inventory.cluster["v1"]["Node"].n.spec.x', {("v1", "Node")}),
        ('data.inventory.namespace[ns]["apps/v1"].Deployment[name]', {("apps/v1", "Deployment")}),
        ("data.inventory.namespace[ns][_].Service[name]", {("*", "Service")}),
        ('data.inventory.namespace.shop["v1"][kind][name]', {("v1", "*")}),
        ('data.inventory.namespace[data.inventory.cluster["v1"].A[x].y]["v1"].B', {("v1", "A"), ("v1", "B")}),
        ("data.inventory.cluster[input.x][input.y]", ANYTHING),
        ('x := data.inventory.cluster["v1"]; x.Node', {("v1", "*")}),
        ("x := data.inventory; x", ANYTHING),
        ('data.inventory[scope]["v1"]', ANYTHING),
        ("some n; y := [data.inventory.cluster[n]]; y", ANYTHING),
        ("true with data.inventory as {}", ANYTHING),
        ("x := data; x", ANYTHING),
    ],
)
def test_kinds_of_the_inventory(body: str, kinds: set[tuple[str, str]]) -> None:
    module = rego.parse_module(rego.Source("a.rego", f"package a\nviolation[1] {{ {body} }}", version="v0"))
    assert modules.inventory_kinds([module]) == kinds


def test_libraries_count() -> None:
    lib = 'package lib.a\nf(x) = data.inventory.cluster["v1"].Node[x] { true }'
    sources = [rego.Source("a", "package a\nx = 1", version="v0"), rego.Source("b", lib, version="v0")]
    assert modules.inventory_kinds([rego.parse_module(one) for one in sources]) == {("v1", "Node")}
