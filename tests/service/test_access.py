"""Who may come in: tokens, roles, links, passwords, and how a refusal looks."""

from __future__ import annotations

import urllib.parse
from typing import Any

import pytest

from pratique.errors import DeniedError
from pratique.service import local
from pratique.service.actions import tokens
from pratique.service.db import accounts

ME = "/api/v1/me"


def login(running: Any, **body: Any) -> Any:
    return running.send("POST", "/api/v1/login", body, token="")


def test_without_a_token_nothing_is_told(running: Any) -> None:
    for method, path in (
        ("GET", ME),
        ("GET", "/subscriptions"),
        ("GET", "/api/v1/events"),
        ("PUT", "/api/v1/clusters/x"),
    ):
        reply = running.send(method, path, {} if method == "PUT" else None, token="")
        assert reply.status == 401, path
        assert reply.json["error"]["code"] == "InvalidAuthenticationToken"
        assert reply.headers["www-authenticate"].startswith("Bearer authorization_uri=")


def test_the_first_start_makes_credentials_that_work_and_keeps_hashes_only(running: Any) -> None:
    made = running.credentials
    answer = login(running, username=made.username, password=made.password)
    assert answer.status == 200
    assert running.send("GET", ME, token=answer.json["token"]).json["role"] == "admin"
    data = b"".join(path.read_bytes() for path in running.state_dir.glob("pratique.db*"))
    for secret in (made.password, made.client_secret, answer.json["token"]):
        assert secret.encode() not in data


def test_a_wrong_password_and_an_unknown_user_look_alike(running: Any) -> None:
    wrong = login(running, username="admin", password="nope")
    unknown = login(running, username="nobody", password="nope")
    assert (wrong.status, unknown.status) == (401, 401)
    assert wrong.json == unknown.json
    assert "login --reset" in wrong.json["error"]["hint"]


def test_guessing_is_slowed_down(running: Any) -> None:
    statuses = [login(running, username="admin", password=f"guess {number}").status for number in range(10)]
    assert statuses[0] == 401 and statuses[-1] == 429
    # The right password has to wait too, or the limit would tell.
    assert login(running, username="admin", password=running.credentials.password).status == 429


def test_a_sign_in_link_works_once(running: Any) -> None:
    code = running.run(running.service.sign_in_link())
    assert login(running, code=code).status == 200
    second = login(running, code=code)
    assert second.status == 401 and "ten minutes" in second.json["error"]["message"]


def test_an_expired_token_says_so(running: Any) -> None:
    with running.service.context.store.write() as connection:
        accounts.add_token(
            connection,
            hash=tokens.hash_secret("old"),
            kind="session",
            subject="admin",
            role="admin",
            cluster="",
            expires_at="2001-01-01T00:00:00Z",
        )
    reply = running.send("GET", ME, token="old")
    assert reply.status == 401 and "expired" in reply.json["error"]["message"]
    assert "pratique login" in reply.json["error"]["hint"]


def test_a_session_ends_with_logout(running: Any) -> None:
    token = login(running, code=running.run(running.service.sign_in_link())).json["token"]
    assert running.send("POST", "/api/v1/logout", token=token).status == 204
    assert running.send("GET", ME, token=token).status == 401


def test_an_agent_reaches_its_own_cluster_alone(running: Any) -> None:
    running.cluster("one")
    running.cluster("two")
    token = running.run(running.client.cluster_token("one"))
    assert running.send("GET", "/api/v1/clusters/one/desired", token=token).status == 200
    assert running.send("GET", "/api/v1/clusters/ONE/desired", token=token).status == 200
    for method, path in (
        ("GET", "/api/v1/clusters/two/desired"),
        ("GET", "/api/v1/clusters/two/desired/stream"),
        ("POST", "/api/v1/clusters/two/reports"),
        ("GET", "/api/v1/clusters"),
        ("GET", "/api/v1/records"),
        ("DELETE", "/api/v1/clusters/one"),
        ("GET", f"{running.subscription}/providers/Microsoft.Authorization/policyDefinitions"),
    ):
        reply = running.send(method, path, {} if method == "POST" else None, token=token)
        assert (reply.status, reply.json["error"]["code"]) == (403, "AuthorizationFailed"), path
    again = running.run(running.client.cluster_token("one"))
    assert running.send("GET", "/api/v1/clusters/one/desired", token=token).status == 401
    assert running.send("GET", "/api/v1/clusters/one/desired", token=again).status == 200


def test_a_reader_reads_and_writes_nothing(running: Any) -> None:
    with running.service.context.store.write() as connection:
        accounts.add_token(
            connection,
            hash=tokens.hash_secret("reading"),
            kind="api",
            subject="auditor",
            role="reader",
            cluster="",
            expires_at=None,
        )
    cluster = running.cluster()
    assert running.send("GET", "/api/v1/overview", token="reading").status == 200
    states = f"{cluster}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults"
    assert running.send("POST", states, token="reading").status == 200
    for method, path in (
        ("PUT", f"{running.subscription}/providers/Microsoft.Authorization/policyDefinitions/x"),
        ("DELETE", f"{cluster}/providers/Microsoft.Authorization/policyAssignments/x"),
        ("PUT", "/api/v1/clusters/x"),
        ("POST", "/api/v1/clusters/embedded/reports"),
        ("POST", "/api/v1/clusters/embedded/token"),
    ):
        assert running.send(method, path, {}, token="reading").status == 403, path


def token_form(running: Any, **changes: str) -> Any:
    made = running.credentials
    form = {
        "client_id": made.client_id,
        "client_secret": made.client_secret,
        "grant_type": "client_credentials",
        "scope": f"{running.listener.url}/.default",
        **changes,
    }
    return running.send("POST", "/adfs/oauth2/token", raw=urllib.parse.urlencode(form).encode(), token="")


def test_a_service_principal_gets_a_signed_token(running: Any) -> None:
    answer = token_form(running)
    assert answer.json["token_type"] == "Bearer" and answer.json["expires_in"] == 3600
    token = answer.json["access_token"]
    assert running.send("GET", ME, token=token).json["type"] == "Application"
    head, body, signature = token.split(".")
    forged = f"{head}.{body}.{'A' * len(signature)}"
    assert running.send("GET", ME, token=forged).status == 401


def test_a_wrong_secret_is_refused_as_clients_expect(running: Any) -> None:
    answer = token_form(running, client_secret="wrong")
    assert (answer.status, answer.json["error"]) == (401, "invalid_client")
    assert "AADSTS7000215" in answer.json["error_description"]
    assert token_form(running, grant_type="password").json["error"] == "unsupported_grant_type"


def test_reset_cures_a_loss_beside_a_running_service(running: Any) -> None:
    old = running.credentials
    made = local.reset(running.state_dir)
    assert made.client_id == old.client_id and made.password != old.password
    assert login(running, username="admin", password=made.password).status == 200
    assert login(running, username="admin", password=old.password).status == 401
    assert running.send("GET", ME).status == 401  # older sessions have ended
    assert token_form(running, client_secret=made.client_secret).status == 200
    with pytest.raises(DeniedError):
        running.run(running.client.me())


@pytest.mark.parametrize("raw", [b"{", b"[1]", b"\xff", b'"text"'])
def test_a_body_that_is_no_json_object_is_refused(running: Any, raw: bytes) -> None:
    reply = running.send("PUT", "/api/v1/clusters/x", raw=raw)
    assert (reply.status, reply.json["error"]["code"]) == (400, "InvalidRequestContent")


def test_unknown_paths_and_methods_answer_in_the_one_form(running: Any) -> None:
    assert running.send("GET", "/api/v1/nope").json["error"]["code"] == "NotFound"
    reply = running.send("DELETE", ME)
    assert (reply.status, reply.headers["allow"]) == (405, "GET")
    assert running.send("GET", "/subscriptions/x/nonsense").status == 404


def test_a_body_that_is_too_large_is_refused(running: Any) -> None:
    reply = running.send("PUT", "/api/v1/clusters/x", raw=b" " * (2**22 + 1))
    assert reply.status == 413


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/version", "/metrics", "/openapi.json"])
def test_programs_need_no_token_to_look_after_it(running: Any, path: str) -> None:
    assert running.send("GET", path, token="").status == 200


def test_a_failure_inside_names_an_id_and_no_traceback(running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("pratique.service.actions.overview.states.cells", broken)
    reply = running.send("GET", "/api/v1/overview")
    assert reply.status == 500
    assert reply.headers["x-ms-request-id"] in reply.json["error"]["message"]
    assert b"secret detail" not in reply.content


def test_a_broken_kubeconfig_is_refused_and_one_that_runs_programs_too(running: Any) -> None:
    broken = running.send("PUT", "/api/v1/clusters/x", {"kubeconfig": "a: ["})
    assert (broken.status, broken.json["error"]["code"]) == (400, "InvalidKubeconfig")
    program = """
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: k, user: u}}]
clusters: [{name: k, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/true}}}]
"""
    refused = running.send("PUT", "/api/v1/clusters/x", {"kubeconfig": program})
    assert refused.status == 400 and "exec" in refused.json["error"]["message"]
    assert running.send("GET", "/api/v1/clusters/x").status == 404


def test_a_secret_is_never_taken_for_a_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    made = iter(["-begins-like-a-flag", "fine"])
    monkeypatch.setattr(tokens.secrets, "token_urlsafe", lambda _: next(made))
    assert tokens.new_secret() == "fine"
