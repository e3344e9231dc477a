"""Run Azure's sample policies: definition, assignment, manifests, Rego, verdict.

    python -m tests.conformance.azure [--definitions DIR] [--todo FILE] [-v] DIR...

`DIR` holds `<policy>/template.yaml` and `<policy>/examples/<scenario>/{policy_parameters.json,good,violations}`
(or is one such policy). For each scenario the definition is picked whose template's URL names the policy and
which declares the scenario's parameters; it is assigned with them, bound for a cluster, and every manifest is
sent in order as `kubectl apply` would send it: in namespace `default` where it names none, as an UPDATE where
the file had the same object before. A file under `violations/` must violate; one under `good/` may not. The
last line is `N passed, M failed`, in manifests. What `azure-todo.txt` names is
known to fail; a line there that passes fails the run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography import x509
from tests.client.stub_provider import provider

from pratique.client.providers import Providers
from pratique.constraint import WEBHOOK, ConstraintError, Library, Programs, Review, TemplateError
from pratique.errors import NotFoundError, PratiqueError
from pratique.kube import yaml
from pratique.policy import Assignment, Cluster, Definition, bind

SHARED = Path(__file__).parents[3] / "shared" / "conformance" / "azure-policy"
TODO = Path(__file__).with_name("azure-todo.txt")
CLUSTER_SCOPED = frozenset(
    {"ClusterRole", "ClusterRoleBinding", "Namespace", "Node", "PersistentVolume", "StorageClass"}
)
CLUSTER = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/sample"


@dataclass(frozen=True, slots=True)
class Case:
    """One manifest of one scenario."""

    policy: Path
    scenario: Path
    manifest: Path
    violates: bool

    @property
    def name(self) -> str:
        return f"{self.policy.name}/{self.scenario.name}/{self.manifest.parent.name}/{self.manifest.stem}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a case came to; an empty reason is a pass."""

    case: Case
    reason: str = ""


def policies(folders: list[Path]) -> Iterator[Path]:
    """Yield each policy's folder."""
    for folder in folders:
        if (folder / "template.yaml").is_file():
            yield folder
        else:
            yield from sorted(path.parent for path in folder.glob("*/template.yaml"))


def cases(policy: Path) -> Iterator[Case]:
    """Yield the manifests of a policy's scenarios."""
    for scenario in sorted(path for path in policy.glob("examples/*") if path.is_dir()):
        for folder, violates in (("good", False), ("violations", True)):
            for manifest in sorted((scenario / folder).glob("*.yaml")):
                yield Case(policy, scenario, manifest, violates)


def load_definitions(folder: Path) -> list[Definition]:
    """Read every definition of a folder."""
    return [Definition.from_arm(json.loads(path.read_text())) for path in sorted(folder.glob("*.json"))]


def pick(definitions: list[Definition], policy: str, parameters: dict[str, Any]) -> Definition | None:
    """Return the definition whose template is this policy's and which declares all the parameters."""
    fitting = [
        definition
        for definition in definitions
        if f"/{policy}/" in definition.template_url() and parameters.keys() <= definition.parameters.keys()
    ]
    # Where several do, the one with the fewest parameters is meant most.
    return min(fitting, key=lambda definition: len(definition.parameters), default=None)


class Notation:
    """What the signature provider says, which a stub serves over TLS.

    A tag `signed` is signed, and counts while a certificate is trusted.
    """

    def __init__(self) -> None:
        self.trusted = False

    def see(self, document: dict[str, Any]) -> None:
        """Take note of a certificate store, as the provider would."""
        if document["kind"] == "CertificateStore":
            try:
                x509.load_pem_x509_certificate(document["spec"]["parameters"]["value"].encode())
                self.trusted = True
            except ValueError:
                self.trusted = False

    def say(self, keys: list[str]) -> list[dict[str, Any]]:
        """Answer with one verifier's report for each image."""
        return [{"key": key, "value": self._report(key)} for key in keys]

    def _report(self, image: str) -> dict[str, Any]:
        passes = image.endswith(":signed") and self.trusted
        report = {
            "name": "notation",
            "isSuccess": passes,
            "message": "" if passes else "no trusted signature",
        }
        return {"isSuccess": passes, "verifierReports": [report]}


def prepare(policy: Path, scenario: Path, definitions: list[Definition], providers: Providers) -> Library:
    """Return a library that holds what the scenario's assignment becomes; raises `PratiqueError`."""
    path = scenario / "policy_parameters.json"
    parameters = json.loads(path.read_text()) if path.is_file() else {}
    definition = pick(definitions, policy.name, parameters)
    if definition is None:
        raise NotFoundError(f"no definition for {policy.name} declares {', '.join(parameters) or 'nothing'}")
    assignment = Assignment.from_arm(
        {"properties": {"policyDefinitionId": definition.id, "parameters": parameters}},
        identifier=f"{CLUSTER}/providers/Microsoft.Authorization/policyAssignments/{scenario.name}",
    )
    manifests = bind(assignment, definition, Cluster(CLUSTER), _fetcher(policy))
    if manifests.template is None or manifests.constraint is None:
        raise NotFoundError(manifests.reason)
    library = Library(programs=Programs(ask=providers.ask))
    library.put_template(manifests.template)
    library.put_constraint(manifests.constraint)
    return library


def _fetcher(policy: Path) -> Callable[[str], str]:
    def fetch(url: str) -> str:
        if f"/{policy.name}/" not in url or not url.endswith("/template.yaml"):
            raise NotFoundError(f"the sample has no `{url}`")
        return (policy / "template.yaml").read_text()

    return fetch


@dataclass(frozen=True, slots=True)
class World:
    """What is outside of the library: the provider, how it is reached, and the loop that waits for it."""

    notation: Notation
    providers: Providers
    runner: asyncio.Runner


@contextmanager
def world() -> Iterator[World]:
    """Serve the provider over TLS, and know it as a cluster would."""
    notation = Notation()
    with (
        TemporaryDirectory() as folder,
        provider(Path(folder), notation.say) as stub,
        asyncio.Runner() as runner,
    ):
        # Which certificate is trusted changes from manifest to manifest: nothing is kept.
        providers = Providers(keep_seconds=0)
        providers.put(stub.document("ratify-provider"))
        yield World(notation, providers, runner)
        runner.run(providers.close())


def judge(case: Case, library: Library, outside: World) -> Outcome:
    """Send a manifest's documents."""
    notation, providers = outside.notation, outside.providers
    found: list[str] = []
    documents = yaml.read(case.manifest.read_text(), file=str(case.manifest))
    notation.trusted = False
    for document in documents:
        notation.see(document)
    for review in reviews(documents):
        violations = outside.runner.run(
            providers.complete(lambda review=review: library.review(review, WEBHOOK))
        )
        broken = [violation.message for violation in violations if violation.error]
        if broken:
            return Outcome(case, f"cannot be evaluated: {broken[0]}")
        found += [violation.message for violation in violations]
    if case.violates and not found:
        return Outcome(case, "no violation, but one is expected")
    if not case.violates and found:
        return Outcome(case, f"a violation, but none is expected: {found[0]}")
    return Outcome(case)


def reviews(documents: list[dict[str, Any]]) -> Iterator[Review]:
    """Yield what an API server would ask, one question a document."""
    there: dict[tuple[str, str, str], dict[str, Any]] = {}
    for document in documents:
        metadata = document.setdefault("metadata", {})
        kind = document["kind"]
        if kind not in CLUSTER_SCOPED:
            metadata.setdefault("namespace", "default")
        namespace, name = metadata.get("namespace", ""), metadata.get("name", "")
        group, _, version = document["apiVersion"].rpartition("/")
        old = there.get((kind, namespace, name))
        there[kind, namespace, name] = document
        yield Review.from_admission(
            {
                "uid": "sample",
                "kind": {"group": group, "version": version, "kind": kind},
                "name": name,
                "namespace": namespace,
                "operation": "CREATE" if old is None else "UPDATE",
                "userInfo": {"username": "someone", "groups": ["system:authenticated"]},
                "object": document,
                "oldObject": old,
            },
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}} if namespace else None,
        )


def run(folders: list[Path], definitions: list[Definition]) -> list[Outcome]:
    """Run every case of every policy."""
    with world() as outside:
        return [outcome for policy in policies(folders) for outcome in play(policy, definitions, outside)]


def play(policy: Path, definitions: list[Definition], outside: World) -> Iterator[Outcome]:
    """Run every case of one policy."""
    libraries: dict[Path, Library | str] = {}
    for case in cases(policy):
        if case.scenario not in libraries:
            try:
                libraries[case.scenario] = prepare(policy, case.scenario, definitions, outside.providers)
            except (TemplateError, ConstraintError, PratiqueError) as error:
                libraries[case.scenario] = error.render()
        library = libraries[case.scenario]
        yield judge(case, library, outside) if isinstance(library, Library) else Outcome(case, library)


def known(todo: Path) -> dict[str, str]:
    """Return the cases (or their policies) that are known to fail, with the reason."""
    found = {}
    for line in todo.read_text().splitlines() if todo.is_file() else ():
        if line.strip() and not line.startswith("#"):
            name, _, reason = line.partition(" ")
            found[name] = reason.strip()
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Run Azure's sample policies.")
    parser.add_argument("--definitions", type=Path, default=SHARED / "definitions")
    parser.add_argument("--todo", type=Path, default=TODO)
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("folders", type=Path, nargs="+", metavar="DIR")
    options = parser.parse_args(arguments)
    outcomes = run(options.folders, load_definitions(options.definitions))
    expected = known(options.todo)
    surprises = 0
    for outcome in outcomes:
        name = next((key for key in expected if outcome.case.name.startswith(key)), "")
        if outcome.reason:
            surprises += not name
            print(f"{'known' if name else 'FAIL'}: {outcome.case.name}: {outcome.reason}")
        elif name:
            surprises += 1
            print(f"FAIL: {outcome.case.name} passes; take it out of {options.todo.name}")
        elif options.verbose:
            print(f"ok: {outcome.case.name}")
    failed = sum(bool(outcome.reason) for outcome in outcomes)
    print(f"{len(outcomes) - failed} passed, {failed} failed")
    return 1 if surprises else 0


if __name__ == "__main__":
    sys.exit(main())
