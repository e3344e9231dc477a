import asyncio
import base64
import ssl
from datetime import UTC, datetime, timedelta

from cryptography import x509
from fake_api import FakeApi, until

from pratique.agent.certs import Certificates, Pair, load_chain, make_pair, read_pair
from pratique.client import resources
from pratique.client.addon import AddonSettings
from pratique.client.addon.manifests import WEBHOOK_CONFIGURATION, webhook_configuration

NAME = "hook.pratique-system.svc"


def settled(api: FakeApi) -> Certificates:
    return Certificates(
        api.client(),
        namespace="pratique-system",
        secret="cert",
        service="hook",
        configurations=[(resources.VALIDATING_WEBHOOKS, WEBHOOK_CONFIGURATION)],
    )


def bundles(api: FakeApi) -> set[bytes]:
    configuration = api.get(resources.VALIDATING_WEBHOOKS, WEBHOOK_CONFIGURATION)
    assert configuration
    found = [hook["clientConfig"].get("caBundle", "") for hook in configuration["webhooks"]]
    return {base64.b64decode(bundle) for bundle in found}


def test_a_pair_serves_its_name_to_who_trusts_the_authority() -> None:
    pair = make_pair("hook", "pratique-system")
    assert pair.good(NAME, datetime.now(UTC))
    assert not pair.good("other.pratique-system.svc", datetime.now(UTC))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load_chain(server, pair.certificate, pair.key)
    client = ssl.create_default_context(cadata=pair.authority.decode())
    a, b = ssl.MemoryBIO(), ssl.MemoryBIO()
    left = client.wrap_bio(a, b, server_hostname=NAME)
    right = server.wrap_bio(b, a, server_side=True)
    for _ in range(4):
        for side in (left, right):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert left.getpeercert()


def test_it_is_renewed_in_time_under_the_same_authority() -> None:
    old = make_pair("hook", "pratique-system")
    later = datetime.now(UTC) + timedelta(days=300)
    assert not old.good(NAME, later)
    new = make_pair("hook", "pratique-system", signer=old, now=later)
    assert new.good(NAME, later)
    assert new.authority == old.authority
    assert new.certificate != old.certificate


def test_an_authority_that_ends_is_replaced() -> None:
    old = make_pair("hook", "pratique-system")
    later = datetime.now(UTC) + timedelta(days=3600)
    assert make_pair("hook", "pratique-system", signer=old, now=later).authority != old.authority


def test_a_pair_that_does_not_belong_together_is_not_good() -> None:
    one, other = make_pair("hook", "pratique-system"), make_pair("hook", "pratique-system")
    now = datetime.now(UTC)
    assert not Pair(other.authority, other.authority_key, one.certificate, one.key).good(NAME, now)
    assert not Pair(one.authority, one.authority_key, one.certificate, other.key).good(NAME, now)
    assert not Pair(b"junk", b"", b"", b"").good(NAME, now)
    assert read_pair({"data": {"ca.crt": "x"}}) is None


def test_two_replicas_share_one_pair_and_tell_the_api_server() -> None:
    async def story() -> None:
        async with FakeApi() as api:
            await api.put(resources.VALIDATING_WEBHOOKS, webhook_configuration(AddonSettings()))
            replicas = [settled(api), settled(api)]
            tasks = [asyncio.ensure_future(replica.run()) for replica in replicas]
            for replica in replicas:
                await replica.ready.wait()
            await until(lambda: replicas[0].authority == replicas[1].authority)
            assert bundles(api) == {replicas[0].authority}
            assert len(api.all(resources.SECRETS)) == 1
            for task in tasks:
                task.cancel()

    asyncio.run(story())


def test_a_bundle_that_somebody_removed_comes_back_and_a_new_secret_is_followed() -> None:
    async def story() -> None:
        async with FakeApi() as api:
            replica = settled(api)
            task = asyncio.ensure_future(replica.run())
            await replica.ready.wait()
            await api.put(resources.VALIDATING_WEBHOOKS, webhook_configuration(AddonSettings()))
            await until(lambda: bundles(api) == {replica.authority})
            await api.put(resources.VALIDATING_WEBHOOKS, webhook_configuration(AddonSettings()))
            await until(lambda: bundles(api) == {replica.authority})
            other = make_pair("hook", "pratique-system")
            secret = api.get(resources.SECRETS, "cert", "pratique-system")
            assert secret
            await api.put(resources.SECRETS, secret | {"data": other.encoded()})
            await until(lambda: bundles(api) == {other.authority})
            await api.remove(resources.SECRETS, "cert", "pratique-system")
            await until(lambda: bundles(api) not in ({other.authority}, {b""}))
            task.cancel()

    asyncio.run(story())


def test_the_serving_certificate_is_for_servers_only() -> None:
    certificate = x509.load_pem_x509_certificate(make_pair("hook", "ns").certificate)
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
