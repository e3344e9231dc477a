import asyncio

import pytest
from fake_api import FakeApi, refusal, until

from pratique.agent import lease as module
from pratique.agent.lease import Lease
from pratique.client import resources
from pratique.errors import UnavailableError


def candidate(api: FakeApi, identity: str) -> Lease:
    return Lease(api.client(), name="leader", namespace="pratique-system", identity=identity)


async def forever() -> None:
    await asyncio.Event().wait()


def holder(api: FakeApi) -> str:
    lease = api.get(resources.LEASES, "leader", "pratique-system")
    return lease["spec"]["holderIdentity"] if lease else ""


def test_one_leads_and_the_other_takes_over_when_it_ends() -> None:
    async def story() -> None:
        async with FakeApi() as api:
            a, b = candidate(api, "a"), candidate(api, "b")
            first = asyncio.ensure_future(a.run(forever))
            await until(lambda: a.leading)
            second = asyncio.ensure_future(b.run(forever))
            await asyncio.sleep(0.1)
            assert not b.leading
            first.cancel()
            await until(lambda: b.leading)
            assert holder(api) == "b"
            second.cancel()
            await asyncio.gather(first, second, return_exceptions=True)
            assert holder(api) == ""

    asyncio.run(story())


def test_a_restarted_pod_takes_its_own_lease_up_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with FakeApi() as api:
            before = candidate(api, "a")
            assert await before._try()
            task = asyncio.ensure_future(candidate(api, "a").run(forever))
            again = candidate(api, "a")
            assert await again._try()
            task.cancel()

    asyncio.run(story())


def test_a_lease_that_is_not_renewed_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DURATION_SECONDS", 1)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.05)

    async def story() -> None:
        async with FakeApi() as api:
            assert await candidate(api, "dead")._try()
            b = candidate(api, "b")
            task = asyncio.ensure_future(b.run(forever))
            await until(lambda: b.leading)
            spec = (api.get(resources.LEASES, "leader", "pratique-system") or {})["spec"]
            assert spec["leaseTransitions"] == 1
            task.cancel()

    asyncio.run(story())


def test_a_leader_that_loses_its_lease_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RENEW_SECONDS", 0.05)

    async def story() -> None:
        async with FakeApi() as api:
            a = candidate(api, "a")
            task = asyncio.ensure_future(a.run(forever))
            await until(lambda: a.leading)
            lease = api.get(resources.LEASES, "leader", "pratique-system")
            assert lease
            await api.put(resources.LEASES, lease | {"spec": lease["spec"] | {"holderIdentity": "b"}})
            with pytest.raises(UnavailableError, match="lost to another pod"):
                await task

    asyncio.run(story())


def test_a_failure_of_the_work_is_the_failure_of_the_leader() -> None:
    async def fail() -> None:
        raise UnavailableError("the work failed")

    async def story() -> None:
        async with FakeApi() as api:
            with pytest.raises(UnavailableError, match="the work failed"):
                await candidate(api, "a").run(fail)
            assert holder(api) == ""

    asyncio.run(story())


def test_a_short_absence_of_the_api_server_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RENEW_SECONDS", 0.05)

    async def story() -> None:
        async with FakeApi() as api:
            a = candidate(api, "a")
            task = asyncio.ensure_future(a.run(forever))
            await until(lambda: a.leading)
            api.faults.append(lambda request: refusal(503, "ServiceUnavailable", "away"))
            await asyncio.sleep(0.3)
            assert a.leading
            api.faults.clear()
            task.cancel()

    asyncio.run(story())
