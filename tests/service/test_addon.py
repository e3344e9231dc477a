"""Switching the add-on: what is refused at once, and what is told later."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.errors import InputError

UNREACHABLE = """
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: k, user: u}}]
clusters: [{name: k, cluster: {server: "http://127.0.0.1:9"}}]
users: [{name: u, user: {token: t}}]
"""


def test_a_cluster_that_the_service_cannot_reach_is_refused_at_once(running: Any) -> None:
    running.cluster()
    with pytest.raises(InputError, match="no kubeconfig"):
        running.run(running.client.set_addon("embedded", True))
    assert running.send("PUT", "/api/v1/clusters/embedded/addon", {"enabled": "yes"}).status == 400


def test_a_cluster_that_does_not_answer_ends_as_failed_with_the_reason(running: Any) -> None:
    running.run(running.client.put_cluster("far", {"kubeconfig": UNREACHABLE}))
    answer = running.send("PUT", "/api/v1/clusters/far/addon", {"enabled": True})
    assert (answer.status, answer.json["addon"]["state"]) == (202, "Enabling")

    def failed() -> Any:
        addon = running.run(running.client.cluster("far"))["addon"]
        return addon if addon["state"] == "Failed" else None

    assert "127.0.0.1:9" in running.wait(failed)["message"]


def test_a_kubeconfig_is_never_shown(running: Any) -> None:
    document = running.run(running.client.put_cluster("far", {"kubeconfig": UNREACHABLE}))
    assert document["reachable"] is True
    assert "127.0.0.1:9" not in str(document)
