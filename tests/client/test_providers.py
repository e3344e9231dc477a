"""Providers over real TLS: what is sent, what is kept, and what becomes of everything that goes wrong."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.client.stub_provider import StubProvider, items, provider

from pratique.agent.certs import make_pair
from pratique.client.providers import Providers
from pratique.constraint import Library, Programs, Review
from pratique.constraint.external import Answer
from pratique.kube.providers import ProviderError, UnansweredError, read
from pratique.mutation import MutationError, MutationSystem

KEYS = ("a", "b")


def asked(providers: Providers, *keys: str, name: str = "stub") -> Answer:
    """Ask as a policy does, once the answers are there."""

    async def ask() -> Answer:
        try:
            return await providers.complete(lambda: providers.ask(name, keys))
        finally:
            await providers.close()

    return asyncio.run(ask())


def test_a_request_and_its_answer(tmp_path: Path) -> None:
    with provider(tmp_path, items({"a": 1, "b": {"error": "no b"}})) as stub:
        providers = Providers()
        providers.put(stub.document())
        assert asked(providers, *KEYS) == Answer((("a", 1),), (("b", "no b"),), 200, "")
        assert stub.seen == [
            {
                "apiVersion": "externaldata.gatekeeper.sh/v1beta1",
                "kind": "ProviderRequest",
                "request": {"keys": ["a", "b"]},
            }
        ]


def test_answers_are_kept_errors_too_until_they_are_old(tmp_path: Path) -> None:
    moment = 1000.0
    with provider(tmp_path, items({"a": 1, "b": {"error": "no"}, "c": 3})) as stub:
        providers = Providers(now=lambda: moment)
        providers.put(stub.document())
        asked(providers, "a", "b")
        # Only what is not known is asked, and what is known stands first.
        assert asked(providers, "c", "a").responses == (("a", 1), ("c", 3))
        known = asked(providers, "a", "b")
        assert (known.status_code, known.errors) == (0, (("b", "no"),))
        assert stub.asked == [["a", "b"], ["c"]]
        moment += 181
        asked(providers, "a")
        assert stub.asked[-1] == ["a"]
        # Another text of the Provider is another one: what the old one said does not count.
        providers.put(stub.document(timeout=9))
        asked(providers, "a")
        assert stub.asked[-2:] == [["a"], ["a"]]


def test_nothing_is_kept_where_that_is_wanted(tmp_path: Path) -> None:
    with provider(tmp_path, items({"a": 1})) as stub:
        providers = Providers(keep_seconds=0)
        providers.put(stub.document())
        for _ in range(2):
            assert asked(providers, "a").responses == (("a", 1),)
        assert stub.asked == [["a"], ["a"]]


def broken(text: bytes, status: int = 200) -> Callable[[list[str]], Any]:
    return lambda _: web.Response(body=text, status=status)


@pytest.mark.parametrize(
    ("say", "spec", "error"),
    [
        (broken(b"no JSON", 503), {}, "failed to unmarshal external data response (HTTP status 503)"),
        (broken(b"[]"), {}, "there is no `response`"),
        (broken(b'{"response": {"items": [1]}}'), {}, "`items` is no list"),
        (lambda _: {"response": {"systemError": "down"}}, {}, "down"),
        (
            items({}),
            {"url": "https://localhost:1/"},
            "failed to send external data request: https://localhost:1/: ",
        ),
    ],
)
def test_whatever_goes_wrong_is_a_system_error(tmp_path: Path, say: Any, spec: Any, error: str) -> None:
    with provider(tmp_path, say) as stub:
        providers = Providers()
        providers.put(stub.document(**spec))
        found = asked(providers, "a")
        assert error in found.system_error
        assert found.responses == ()
    assert asked(Providers(), "a") == Answer((), (), 400, "key is not found in provider cache: stub")


def test_a_provider_that_does_not_answer_in_time(tmp_path: Path) -> None:
    with provider(tmp_path, items({})) as stub:
        stub.pause = 5
        providers = Providers()
        providers.put(stub.document(timeout=1))
        assert "did not answer within 1 s" in asked(providers, "a").system_error


@pytest.mark.parametrize("tls", ["TLSv1.2", "TLSv1.3"])
def test_only_tls_1_3_and_only_its_own_authority(tmp_path: Path, tls: str) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with provider(tmp_path / "one", items({"a": 1}), tls=tls) as stub:
        providers = Providers()
        providers.put(stub.document())
        assert bool(asked(providers, "a").responses) is (tls == "TLSv1.3")
        other = StubProvider(tmp_path / "two", items({}))
        providers.put(stub.document(caBundle=other.document()["spec"]["caBundle"]))
        assert "certificate verify failed" in asked(providers, "a").system_error or tls == "TLSv1.2"


def test_the_webhooks_certificate_is_shown_to_who_wants_one(tmp_path: Path) -> None:
    pair = make_pair("hook", "ns")
    with provider(tmp_path, items({"a": 1}), trusts=pair.authority) as stub:
        providers = Providers(certificate=lambda: (pair.certificate.decode(), pair.key.decode()))
        providers.put(stub.document())
        assert asked(providers, "a").responses == (("a", 1),)
        assert stub.subjects == ["hook.ns.svc"]


POLICY = """\
package p
violation[{"msg": msg}] {
  first := external_data({"provider": "stub", "keys": [input.review.object.metadata.name]})
  next := first.responses[_][1]
  second := external_data({"provider": "stub", "keys": [next]})
  msg := sprintf("%v %v", [second.responses, first.status_code])
}
"""


def library(providers: Providers, *names: str) -> Library:
    made = Library(programs=Programs(ask=providers.ask))
    for name in names:
        target = {"target": "admission.k8s.gatekeeper.sh", "rego": POLICY}
        made.put_template(
            {
                "apiVersion": "templates.gatekeeper.sh/v1",
                "kind": "ConstraintTemplate",
                "metadata": {"name": name.lower()},
                "spec": {"crd": {"spec": {"names": {"kind": name}}}, "targets": [target]},
            }
        )
        made.put_constraint(
            {"apiVersion": "constraints.gatekeeper.sh/v1beta1", "kind": name, "metadata": {"name": "c"}}
        )
    return made


def test_a_policy_asks_and_asks_again(tmp_path: Path) -> None:
    with provider(tmp_path, items({"x": "y", "y": "z"})) as stub:
        providers = Providers()
        providers.put(stub.document())
        policies = library(providers, "One", "Two")
        review = Review.from_object({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}})

        async def judge() -> list[str]:
            found = await providers.complete(lambda: policies.review(review))
            await providers.close()
            return [one.message for one in found]

        assert asyncio.run(judge()) == ['[["y", "z"]] 200'] * 2
        # Two policies that ask the same wait for the same answer.
        assert stub.asked == [["x"], ["y"]] or sorted(stub.asked) == [["x"], ["x"], ["y"], ["y"]]


def test_outside_of_a_process_nothing_is_fetched(tmp_path: Path) -> None:
    providers = Providers()
    providers.put(StubProvider(tmp_path, items({})).document())
    policies = library(providers, "One")
    review = Review.from_object({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}})
    assert policies.review(review) == []
    with pytest.raises(UnansweredError):
        providers.attempt(lambda: policies.review(review))


def test_a_cluster_without_external_data_does_not_know_the_builtin() -> None:
    from pratique.constraint import TemplateError

    with pytest.raises(TemplateError, match="undefined function external_data"):
        made = Library(programs=Programs(ask=None))
        target = {"target": "admission.k8s.gatekeeper.sh", "rego": POLICY}
        made.put_template(
            {
                "apiVersion": "templates.gatekeeper.sh/v1",
                "kind": "ConstraintTemplate",
                "metadata": {"name": "one"},
                "spec": {"crd": {"spec": {"names": {"kind": "One"}}}, "targets": [target]},
            }
        )


def mutator(policy: str, **more: str) -> dict[str, Any]:
    return {
        "apiVersion": "mutations.gatekeeper.sh/v1",
        "kind": "Assign",
        "metadata": {"name": "m"},
        "spec": {
            "applyTo": [{"groups": [""], "versions": ["v1"], "kinds": ["Pod"]}],
            "location": "spec.containers[name: *].image",
            "parameters": {"assign": {"externalData": {"provider": "stub", "failurePolicy": policy, **more}}},
        },
    }


def pod(*images: str) -> dict[str, Any]:
    containers = [{"name": f"c{index}", "image": image} for index, image in enumerate(images)]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": containers}}


@pytest.mark.parametrize(
    ("policy", "more", "say", "expected"),
    [
        ("Fail", {}, items({"one": "1", "two": "2"}), ["1", "2", "1"]),
        ("Fail", {}, items({"one": "1"}), "failed to find external data item in response for provider stub"),
        ("Fail", {}, items({"one": 1, "two": "2"}), "to string, got type int64"),
        ("Fail", {}, items({"one": "1", "two": {"error": "no"}}), "failed to retrieve external data item"),
        ("Fail", {}, lambda _: {"response": {"idempotent": False, "items": []}}, "non-idempotent response"),
        ("Fail", {}, broken(b"?"), "failed to send external data request to provider stub"),
        ("Ignore", {}, items({"one": "1"}), ["1", "two", "1"]),
        ("Ignore", {}, broken(b"?"), ["one", "two", "one"]),
        ("UseDefault", {"default": "d"}, items({"one": "1"}), ["1", "d", "1"]),
    ],
)
def test_mutation(tmp_path: Path, policy: str, more: Any, say: Any, expected: Any) -> None:
    with provider(tmp_path, say) as stub:
        providers = Providers()
        providers.put(stub.document())
        system = MutationSystem(providers.lookup)
        system.put(mutator(policy, **more))

        async def mutate() -> list[str]:
            try:
                changed = await providers.complete(lambda: system.mutate(pod("one", "two", "one")))
                return [one["image"] for one in changed.object["spec"]["containers"]]
            finally:
                await providers.close()

        if isinstance(expected, str):
            with pytest.raises(MutationError) as caught:
                asyncio.run(mutate())
            assert expected in str(caught.value)
        else:
            assert asyncio.run(mutate()) == expected
        # Each key once, all of them together.
        assert stub.asked == [["one", "two"]]


def test_a_mutation_of_a_provider_that_is_not_there() -> None:
    providers = Providers()
    system = MutationSystem(providers.lookup)
    system.put(mutator("Fail"))
    with pytest.raises(MutationError, match="failed to find external data provider stub in responses"):
        asyncio.run(providers.complete(lambda: system.mutate(pod("one"))))


HOLLOW = base64.b64encode(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").decode()


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({"metadata": {}}, "provider name can not be empty"),
        ({"spec": {"url": "ftp://x"}}, "only HTTPS scheme is supported"),
        ({"spec": {}}, "invalid provider url. value: "),
        ({"spec": {"url": "http://x"}}, "only HTTPS scheme is supported"),
        (
            {"spec": {"url": "https://x", "timeout": -1}},
            "provider timeout should be a positive integer. value: -1",
        ),
        ({"spec": {"url": "https://x", "timeout": "3"}}, "provider timeout should be a positive integer"),
        ({"spec": {"url": "https://x"}}, "caBundle should be set for HTTPS scheme"),
        (
            {"spec": {"url": "https://x", "caBundle": "?"}},
            "failed to base64 decode caBundle: illegal base64 data at input byte 0",
        ),
        ({"spec": {"url": "https://x y"}}, 'parse "https://x y": invalid character " " in host name'),
        ({"spec": {"url": "https://x/%4"}}, 'parse "https://x/%4": invalid URL escape "%4"'),
        (
            {"spec": {"url": "https://x", "caBundle": HOLLOW}},
            "failed to parse caBundle: x509: malformed certificate",
        ),
        ({"spec": {"url": "https://x", "caBundle": "eA=="}}, "bad caBundle"),
        ({"apiVersion": "externaldata.gatekeeper.sh/v9"}, "no matches for kind"),
        ({"spec": []}, "`spec` must be an object"),
    ],
)
def test_what_is_no_provider(document: dict[str, Any], error: str) -> None:
    base = {
        "apiVersion": "externaldata.gatekeeper.sh/v1alpha1",
        "kind": "Provider",
        "metadata": {"name": "p"},
    }
    if document.get("spec") == []:
        document = {"spec": ["x"]}
    with pytest.raises(ProviderError) as caught:
        read(base | document)
    assert error in caught.value.message
