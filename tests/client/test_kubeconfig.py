import asyncio
import base64
from pathlib import Path

import pytest

from pratique.client import kubeconfig
from pratique.client.credentials import Credentials
from pratique.client.kubeconfig import Connection, ExecPlugin, KubeconfigError
from pratique.errors import DeniedError, NotFoundError

WHOLE = """\
apiVersion: v1
kind: Config
current-context: one
clusters:
- name: c1
  cluster: {{server: https://127.0.0.1:1, certificate-authority: ca.crt, tls-server-name: kube}}
- name: c2
  cluster: {{server: https://127.0.0.1:2/, insecure-skip-tls-verify: true}}
contexts:
- name: one
  context: {{cluster: c1, user: u1, namespace: here}}
- name: two
  context: {{cluster: c2, user: u2}}
users:
- name: u1
  user: {{client-certificate-data: {certificate}, client-key-data: {key}}}
- name: u2
  user: {{token: secret}}
"""


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    (tmp_path / "ca.crt").write_text("CA")
    file = tmp_path / "config"
    file.write_text(WHOLE.format(certificate=encoded("CERT"), key=encoded("KEY")))
    return file


def test_the_current_context_is_read_with_all_its_files(whole: Path) -> None:
    found = kubeconfig.load(whole)
    assert (found.server, found.ca, found.tls_server_name) == ("https://127.0.0.1:1", "CA", "kube")
    assert (found.client_certificate, found.client_key, found.namespace) == ("CERT", "KEY", "here")
    assert "KEY" not in repr(found)


def test_a_named_context(whole: Path) -> None:
    found = kubeconfig.load(whole, context="two")
    assert (found.server, found.token, found.insecure) == ("https://127.0.0.1:2", "secret", True)


def test_files_of_the_variable_are_merged_and_the_first_word_counts(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.write_text(
        "current-context: three\n"
        "contexts: [{name: three, context: {cluster: c2, user: u2, namespace: there}}]\n"
        "users: [{name: u2, user: {token: mine}}]\n"
    )
    monkeypatch.setenv("KUBECONFIG", f"{other}:{whole}:{tmp_path / 'missing'}")
    found = kubeconfig.load()
    assert (found.context, found.namespace, found.server, found.token) == (
        "three",
        "there",
        "https://127.0.0.1:2",
        "mine",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("clusters: [", "is not YAML"),
        ("just words", "is not a kubeconfig"),
        ("contexts: {}", "has no current context"),
        ("current-context: x\ncontexts: []", "has no context `x`"),
        ("contexts: 3", "`contexts` is not a list"),
        ("contexts: [{context: {}}]", r"`contexts\[0\]` has no name"),
        ("current-context: x\ncontexts: [{name: x, context: {cluster: gone}}]", "missing cluster, `gone`"),
        (
            "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n"
            "clusters: [{name: c, cluster: {server: nowhere}}]",
            "has the server `nowhere`",
        ),
        (
            "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
            "clusters: [{name: c, cluster: {server: 'https://h'}}]\n"
            "users: [{name: u, user: {client-key-data: '***'}}]",
            "`client-key-data` is not base64",
        ),
        (
            "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
            "clusters: [{name: c, cluster: {server: 'https://h'}}]\n"
            "users: [{name: u, user: {auth-provider: {name: azure}}}]",
            "uses an auth-provider",
        ),
    ],
)
def test_a_broken_file_is_named_with_the_cure(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "broken"
    file.write_text(text)
    with pytest.raises(KubeconfigError, match=message) as caught:
        kubeconfig.load(file)
    assert str(file) in caught.value.message
    assert caught.value.hint


def test_no_file_at_all(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no such file"):
        kubeconfig.load(tmp_path / "none")


def test_a_missing_certificate_file_is_named(tmp_path: Path, whole: Path) -> None:
    (tmp_path / "ca.crt").unlink()
    with pytest.raises(NotFoundError, match=r"ca\.crt"):
        kubeconfig.load(whole)


def test_in_cluster_reads_the_folder_that_the_variable_names(tmp_path: Path) -> None:
    for name, text in (("token", "t\n"), ("ca.crt", "CA"), ("namespace", "pratique-system")):
        (tmp_path / name).write_text(text)
    environ = {
        "KUBERNETES_SERVICEACCOUNT_DIR": str(tmp_path),
        "KUBERNETES_SERVICE_HOST": "::1",
        "KUBERNETES_SERVICE_PORT": "6443",
    }
    found = kubeconfig.in_cluster(environ)
    assert (found.server, found.namespace, found.ca) == ("https://[::1]:6443", "pratique-system", "CA")
    with pytest.raises(NotFoundError, match="not inside a cluster"):
        kubeconfig.in_cluster({"KUBERNETES_SERVICE_HOST": "h"})


def test_a_token_file_is_read_again_after_a_refusal(tmp_path: Path) -> None:
    async def story() -> None:
        file = tmp_path / "token"
        file.write_text("old\n")
        credentials = Credentials(Connection("https://h", token_file=str(file)))
        assert await credentials.headers() == {"Authorization": "Bearer old"}
        file.write_text("new\n")
        assert await credentials.headers() == {"Authorization": "Bearer old"}
        assert credentials.refresh()
        assert await credentials.headers() == {"Authorization": "Bearer new"}

    asyncio.run(story())


def test_an_exec_plugin_gives_the_token_once_until_it_expires(tmp_path: Path) -> None:
    script = tmp_path / "plugin.sh"
    script.write_text(
        '#!/bin/sh\necho x >> "$COUNT"\n'
        'echo \'{"kind": "ExecCredential", "status": {"token": "made", '
        '"expirationTimestamp": "2999-01-01T00:00:00Z"}}\'\n'
    )
    script.chmod(0o755)
    count = tmp_path / "count"

    async def story() -> None:
        plugin = ExecPlugin("./plugin.sh", env=(("COUNT", str(count)),), folder=str(tmp_path))
        credentials = Credentials(Connection("https://h", plugin=plugin))
        assert await credentials.headers() == {"Authorization": "Bearer made"}
        assert await credentials.headers() == {"Authorization": "Bearer made"}

    asyncio.run(story())
    assert count.read_text() == "x\n"


def test_an_exec_plugin_that_fails_or_is_missing(tmp_path: Path) -> None:
    async def story() -> None:
        failing = ExecPlugin("sh", args=("-c", "echo sign in first >&2; exit 3"), install_hint="get it")
        with pytest.raises(DeniedError, match="status 3: sign in first"):
            await Credentials(Connection("https://h", plugin=failing)).headers()
        missing = ExecPlugin("no-such-plugin", install_hint="get it")
        with pytest.raises(KubeconfigError, match="cannot run `no-such-plugin`") as caught:
            await Credentials(Connection("https://h", plugin=missing, source="kc")).headers()
        assert caught.value.hint == "get it"

    asyncio.run(story())


def test_a_key_that_cannot_be_read_names_the_file() -> None:
    async def story() -> None:
        connection = Connection("https://h", client_certificate="CERT", client_key="KEY", source="/kc")
        with pytest.raises(KubeconfigError, match="kubeconfig `/kc`"):
            await Credentials(connection).tls()

    asyncio.run(story())
