"""How soon a policy is in force on a real API server: `python -m benchmarks.inforce [--rounds N] [--json]`.

Opens two beds of `tests/bed` one after the other: kube-apiserver with Gatekeeper's manager, and with our agent.
Measures from the answer to a request to its effect: a template to its constraints' kind being served, a constraint
to the first denial, and an object that was changed to the constraint's `status`. Needs `scripts/peers etcd
kube-apiserver gatekeeper`. Gatekeeper's audit runs every two seconds here, not every minute as it is installed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.bed import Bed, missing, opened
from tests.bed.api import Api

Object = dict[str, Any]
ENGINES = ("gatekeeper", "pratique")
PATIENCE = 60.0
REGO = 'package p\n\nviolation[{"msg": "no owner"}] { not input.review.object.metadata.labels.owner }\n'


def template(name: str) -> Object:
    """Return a template that asks for an owner."""
    target = {"target": "admission.k8s.gatekeeper.sh", "rego": REGO}
    return {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": {"name": name.lower()},
        "spec": {"crd": {"spec": {"names": {"kind": name}}}, "targets": [target]},
    }


def constraint(kind: str, namespace: str) -> Object:
    """Return a constraint on the ConfigMaps of a namespace."""
    match = {"kinds": [{"apiGroups": [""], "kinds": ["ConfigMap"]}], "namespaces": [namespace]}
    api_version = "constraints.gatekeeper.sh/v1beta1"
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "c"}, "spec": {"match": match}}


def config_map(name: str, namespace: str, **labels: str) -> Object:
    """Return a ConfigMap."""
    meta = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}


def until(condition: Callable[[], bool]) -> float:
    """Return the seconds until a condition holds."""
    began = time.perf_counter()
    while not condition():
        if time.perf_counter() - began > PATIENCE:
            raise SystemExit(f"the outcome did not come within {PATIENCE:.0f} s")
        time.sleep(0.005)
    return time.perf_counter() - began


def served(api: Api, obj: Object) -> bool:
    """Tell whether the API server knows the kind of an object."""
    try:
        api.path(obj)
    except LookupError:
        return False
    return True


def measure(bed: Bed, rounds: int) -> dict[str, list[float]]:
    """Play the rounds on one bed, and return the seconds of each step."""
    api, found = bed.api, {"template": [], "constraint": [], "audit": []}
    for number in range(rounds):
        kind, namespace = f"Inforce{number}", f"inforce-{number}"
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        owned = config_map("owned", namespace, owner="me")
        api.create(owned)
        api.create(template(kind))
        policy = constraint(kind, namespace)
        found["template"].append(until(lambda policy=policy: served(api, policy)))
        api.create(policy)
        bare = config_map("bare", namespace)
        found["constraint"].append(until(lambda bare=bare: api.create(bare, query="?dryRun=All").code == 403))

        def total(policy: Object = policy) -> int:
            return int((api.get(policy).body.get("status") or {}).get("totalViolations", -1))

        until(lambda total=total: total() == 0)
        # Taking the label away would be denied: the policy only warns from here on.
        api.patch(policy, {"spec": {"enforcementAction": "dryrun"}})
        until(lambda owned=owned: api.patch(owned, {"metadata": {"labels": {"owner": None}}}).good)
        found["audit"].append(until(lambda total=total: total() == 1))
    return found


def main() -> int:
    """Measure both engines, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inforce", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if lacking := missing("real", "gatekeeper"):
        print(
            f"inforce: not built: {', '.join(lacking)}; cure: scripts/peers {' '.join(lacking)}",
            file=sys.stderr,
        )
        return 2
    results = {}
    for engine in ENGINES:
        with opened(server="real", engine=engine) as bed:
            results[engine] = measure(bed, options.rounds)
    if options.json:
        print(json.dumps(results, indent=2))
        return 0
    print(f"{'seconds, median (max)':24}" + "".join(f"{engine:>18}" for engine in ENGINES))
    for step in ("template", "constraint", "audit"):
        cells = [results[engine][step] for engine in ENGINES]
        print(f"{step:24}" + "".join(f"{statistics.median(c):9.3f} ({max(c):6.3f})" for c in cells))
    return 0


if __name__ == "__main__":
    sys.exit(main())
