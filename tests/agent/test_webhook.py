import asyncio
from typing import Any

import orjson
import pytest
from world import ALONE, config_map, constraint, namespace, template

from pratique.agent.answers import World
from pratique.agent.exclusions import Exclusions
from pratique.agent.metrics import Metrics
from pratique.agent.settings import Settings
from pratique.agent.webhook import Webhook
from pratique.client.providers import Providers
from pratique.constraint import Library, Violation
from pratique.constraint.expansion import Expander

NAMESPACES = {"/default": namespace("default"), "/kube-system": namespace("kube-system")}


class Setup:
    def __init__(self, *constraints: dict[str, Any], config: dict[str, Any] | None = None) -> None:
        self.library = Library()
        self.library.put_template(template())
        for one in constraints:
            self.library.put_constraint(one)
        self.metrics = Metrics()
        self.refused: list[tuple[dict[str, Any], list[Violation]]] = []
        exclusions = Exclusions("pratique-system")
        exclusions.load(config)
        self.asked: list[str] = []
        world = World(self.library, exclusions, NAMESPACES, self.fetch, Expander(), Providers())
        settings = Settings(exempt_namespaces=("free",), exempt_prefixes=("sys-",))
        self.webhook = Webhook(world, settings, self.metrics, refused=lambda *pair: self.refused.append(pair))

    async def fetch(self, name: str) -> dict[str, Any] | None:
        self.asked.append(name)
        return namespace(name) if name == "late" else None

    def post(self, body: Any, path: str = "/v1/admit") -> tuple[int, bytes]:
        sent: list[dict[str, Any]] = []
        text = body if isinstance(body, bytes) else orjson.dumps(body)
        # In two pieces, as a large body arrives.
        half = len(text) // 2
        parts = [
            {"type": "http.request", "body": text[:half], "more_body": True},
            {"type": "http.request", "body": text[half:], "more_body": False},
        ]

        async def receive() -> Any:
            return parts.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": path, "headers": []}
        asyncio.run(self.webhook(scope, receive, send))
        return sent[0]["status"], sent[1]["body"]

    def ask(self, obj: dict[str, Any] | None, path: str = "/v1/admit", **changes: Any) -> dict[str, Any]:
        status, body = self.post(review(obj, **changes), path)
        assert status == 200, body
        document = orjson.loads(body)
        assert document["kind"] == "AdmissionReview"
        assert document["response"]["uid"] == "u1"
        response: dict[str, Any] = document["response"]
        return response


def review(obj: dict[str, Any] | None, **changes: Any) -> dict[str, Any]:
    source = obj or changes.get("oldObject") or config_map("x")
    group, _, version = source["apiVersion"].rpartition("/")
    request = {
        "uid": "u1",
        "kind": {"group": group, "version": version, "kind": source["kind"]},
        "resource": {"group": group, "version": version, "resource": f"{source['kind'].lower()}s"},
        "name": source["metadata"].get("name", ""),
        "namespace": source["metadata"].get("namespace", ""),
        "operation": "CREATE",
        "userInfo": {"username": "dan", "groups": ["devs"]},
        "object": obj,
        "oldObject": None,
        "dryRun": False,
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request | changes}


def test_a_violation_is_refused_with_gatekeepers_text() -> None:
    setup = Setup(constraint("owner", "owner"), constraint("team", "team"))
    response = setup.ask(config_map("a"))
    assert response["allowed"] is False
    assert response["status"] == {
        "metadata": {},
        "code": 403,
        "reason": "Forbidden",
        "message": '[owner] you must provide labels: {"owner"}\n[team] you must provide labels: {"team"}',
    }
    ((request, violations),) = setup.refused
    assert request["userInfo"]["username"] == "dan"
    assert [violation.constraint_name for violation in violations] == ["owner", "team"]
    assert b'admission_status="deny"} 1.0' in setup.metrics.text().replace(b'admission_dryrun="false",', b"")


def test_what_satisfies_every_constraint_is_allowed() -> None:
    setup = Setup(constraint("owner", "owner"))
    response = setup.ask(config_map("a", owner="me"))
    assert (response["allowed"], response["status"]["code"]) == (True, 200)
    assert "warnings" not in response
    assert not setup.refused


@pytest.mark.parametrize(
    ("action", "code", "warnings"),
    [("warn", 299, ['[owner] you must provide labels: {"owner"}']), ("dryrun", 200, None)],
)
def test_other_actions_allow(action: str, code: int, warnings: list[str] | None) -> None:
    setup = Setup(constraint("owner", "owner", enforcementAction=action))
    response = setup.ask(config_map("a"))
    assert (response["allowed"], response["status"]["code"], response.get("warnings")) == (
        True,
        code,
        warnings,
    )
    assert not setup.refused


def test_the_agents_own_namespace_is_never_judged() -> None:
    setup = Setup(constraint("owner", "owner"))
    response = setup.ask(config_map("a", "pratique-system"))
    assert response["allowed"]
    assert response["status"]["message"] == "Namespace is set to be ignored by Gatekeeper config"
    assert setup.ask(namespace("pratique-system"))["allowed"]


def test_the_config_excludes_namespaces_and_namespace_objects_by_their_own_name() -> None:
    match = [{"processes": ["webhook"], "excludedNamespaces": ["kube-*"]}]
    everything = constraint("owner", "owner", match={})
    setup = Setup(everything, config={"spec": {"match": match}})
    assert setup.ask(config_map("a", "kube-system"))["allowed"]
    assert setup.ask(namespace("kube-public"))["allowed"]
    assert not setup.ask(namespace("shop"))["allowed"]
    assert not setup.ask(config_map("a"))["allowed"]


def test_a_namespace_object_has_no_namespace_even_under_server_side_apply() -> None:
    setup = Setup(constraint("owner", "owner", match={"scope": "Cluster"}))
    assert not setup.ask(namespace("shop"), namespace="shop")["allowed"]
    assert setup.asked == []


def test_a_namespace_is_fetched_when_the_watch_is_late_and_missed_when_it_is_nowhere() -> None:
    setup = Setup(constraint("owner", "owner"))
    assert not setup.ask(config_map("a", "late"))["allowed"]
    response = setup.ask(config_map("a", "nowhere"))
    assert (response["allowed"], response["status"]["code"]) == (False, 500)
    assert response["status"]["message"] == 'failed to create augmentedReview: namespaces "nowhere" not found'
    assert setup.asked == ["late", "nowhere"]


def test_a_deletion_is_judged_by_the_old_object() -> None:
    setup = Setup(constraint("owner", "owner"))
    assert not setup.ask(None, operation="DELETE", oldObject=config_map("a"))["allowed"]
    response = setup.ask(None, operation="DELETE")
    assert response["status"]["code"] == 500
    assert response["status"]["message"].endswith("oldObject cannot be nil for DELETE operations\n")


def test_the_administrator_of_gatekeeper_is_let_through() -> None:
    setup = Setup(constraint("owner", "owner"))
    user = {"username": "system:serviceaccount:pratique-system:pratique-admin"}
    response = setup.ask(config_map("a"), userInfo=user)
    assert response["status"]["message"] == "Gatekeeper does not self-manage"


def test_what_cannot_be_judged_is_refused_with_500(monkeypatch: pytest.MonkeyPatch) -> None:
    setup = Setup(constraint("owner", "owner"))

    def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(setup.library, "judge", fail)
    response = setup.ask(config_map("a"))
    assert (response["allowed"], response["status"]["code"]) == (False, 500)
    assert b'admission_status="error"' in setup.metrics.text()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b'{"request": null}',
        b'{"request": {"uid": 3, "kind": {}}}',
        b'{"request": {"uid": "u"}}',
    ],
)
def test_a_body_that_is_no_review_is_refused_with_400(body: bytes) -> None:
    assert Setup().post(body)[0] == 400


def test_other_paths_and_methods() -> None:
    assert Setup().post({}, "/v1/other")[0] == 404


def test_v1beta1_is_answered_in_its_own_version() -> None:
    body = review(config_map("a")) | {"apiVersion": "admission.k8s.io/v1beta1"}
    assert orjson.loads(Setup().post(body)[1])["apiVersion"] == "admission.k8s.io/v1beta1"


# ── own resources ────────────────────────────────────────────────────────────────────────────────


def test_a_template_that_gatekeeper_refuses_is_refused() -> None:
    wrong = template()
    wrong["metadata"]["name"] = "other"
    response = Setup().ask(wrong)
    assert (response["allowed"], response["status"]["code"]) == (False, 422)
    told = (
        'invalid ConstraintTemplate: the ConstraintTemplate\'s name "other" is not equal to the lowercase of'
    )
    assert told in response["status"]["message"]
    assert "reason" not in response["status"]


def test_a_template_whose_rego_is_wrong_is_let_through_with_its_place() -> None:
    response = Setup().ask(template(rego='package x\nviolation[{"msg": "m"}] { true'))
    assert response["allowed"]
    (warning,) = response["warnings"]
    assert "rego_parse_error" in warning
    assert response["status"]["code"] == 299


def test_constraints_are_checked() -> None:
    setup = Setup()
    assert setup.ask(constraint("owner", "owner"))["allowed"]
    wrong = constraint("owner", "owner")
    wrong["spec"]["parameters"] = {"labels": "owner"}
    assert "schema validation failed" in setup.ask(wrong)["status"]["message"]
    unknown = setup.ask(constraint("owner", "owner", kind="Nothing"))
    assert 'template "nothing" not found' in unknown["status"]["message"]
    action = setup.ask(constraint("owner", "owner", enforcementAction="scream"))
    assert (action["status"]["code"], action["allowed"]) == (500, False)
    assert "is not within the supported list [deny dryrun warn scoped]" in action["status"]["message"]


def test_names_and_the_config() -> None:
    setup = Setup()
    long = setup.ask(constraint("x" * 64, "owner"))
    assert long["status"]["code"] == 500
    assert long["status"]["message"].endswith("larger than 63 char; length: 64")
    config = {
        "apiVersion": "config.gatekeeper.sh/v1alpha1",
        "kind": "Config",
        "metadata": {"name": "other", "namespace": "default"},
    }
    assert setup.ask(config)["status"] == {
        "metadata": {},
        "code": 422,
        "message": "config resource must have name 'config'",
    }
    config["metadata"]["name"] = "config"  # type: ignore[index]
    assert setup.ask(config)["allowed"]


def test_a_broken_own_resource_can_still_be_deleted() -> None:
    wrong = template("Alone", ALONE)
    wrong["metadata"]["name"] = "other"
    assert Setup().ask(None, operation="DELETE", oldObject=wrong)["allowed"]


# ── the label that switches enforcement off ──────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "labelled", "allowed"),
    [("shop", True, False), ("shop", False, True), ("free", True, True), ("sys-a", True, True)],
)
def test_only_exempt_namespaces_may_carry_the_ignore_label(name: str, labelled: bool, allowed: bool) -> None:
    labels = {"admission.gatekeeper.sh/ignore": "yes"} if labelled else {}
    response = Setup().ask(namespace(name, **labels), "/v1/admitlabel")
    assert response["allowed"] is allowed
    if not allowed:
        assert response["status"] == {
            "metadata": {},
            "code": 403,
            "reason": "Forbidden",
            "message": "Only exempt namespace can have the admission.gatekeeper.sh/ignore label",
        }
