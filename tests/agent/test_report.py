import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fake_api import until
from world import CONFIG_MAPS, World, config_map, constraint, template, world

from pratique.agent.audit import Audit
from pratique.agent.records import Records
from pratique.agent.report import Reporter
from pratique.client import resources
from pratique.client.service import digest
from pratique.errors import InputError, UnavailableError


class FakeService:
    """The service's side of reports: applies deltas, checks sequence and digest."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Any]] = {}
        self.bodies: list[dict[str, Any]] = []
        self.session, self.sequence = "", 0
        self.away: Exception | None = None
        self.lose_answers = 0

    async def __call__(self, body: dict[str, Any]) -> dict[str, Any]:
        if self.away:
            raise self.away
        self.bodies.append(body)
        if not body["full"] and (body["session"], body["sequence"]) != (self.session, self.sequence + 1):
            return {"accepted": self.sequence, "resync": True}
        self.session, self.sequence = body["session"], body["sequence"]
        if body["full"]:
            self.records = {}
        self.records |= {record["key"]: record for record in body["upserts"]}
        for key in body["removals"]:
            self.records.pop(key, None)
        if self.lose_answers:
            self.lose_answers -= 1
            raise UnavailableError("the answer was lost")
        ours = digest((key, record["message"]) for key, record in self.records.items())
        return {"accepted": self.sequence, "resync": ours != body["digest"]}

    def names(self) -> set[str]:
        return {record["name"] for record in self.records.values()}


@asynccontextmanager
async def reporting(*names: str) -> AsyncIterator[tuple[World, FakeService]]:
    async with world(*((CONFIG_MAPS, config_map(name)) for name in names)) as w:
        await w.policy(template(), constraint("owner", "owner"))
        await w.ready()
        audit = Audit(w.client, w.cluster, Records(), metrics=w.metrics)
        service = FakeService()
        w.start(audit.run(0), Reporter(audit, service, w.metrics).run())
        await until(lambda: service.bodies)
        yield w, service


def test_the_first_report_is_whole_and_the_next_are_what_changed() -> None:
    async def story() -> None:
        async with reporting("a", "b") as (w, service):
            first = service.bodies[0]
            assert (first["sequence"], first["full"], len(first["upserts"])) == (1, True, 2)
            assert first["totals"] == [
                {
                    "constraintKind": "RequiredLabels",
                    "constraintName": "owner",
                    "evaluated": 2,
                    "violating": 2,
                }
            ]
            assert [row["kind"] for row in first["coverage"]] == ["ConfigMap"]
            await w.api.put(CONFIG_MAPS, config_map("c"))
            await w.api.put(CONFIG_MAPS, config_map("a", owner="me"))
            await until(lambda: service.names() == {"b", "c"})
            assert all(not body["full"] for body in service.bodies[1:])
            assert [body["sequence"] for body in service.bodies] == list(range(1, len(service.bodies) + 1))

    asyncio.run(story())


def test_nothing_is_lost_while_the_service_is_away() -> None:
    async def story() -> None:
        async with reporting("a", "b") as (w, service):
            service.away = UnavailableError("away")
            await w.api.put(CONFIG_MAPS, config_map("a", owner="me"))
            await w.api.put(CONFIG_MAPS, config_map("c"))
            await w.api.put(CONFIG_MAPS, config_map("d"))
            await w.api.remove(CONFIG_MAPS, "d", "default")
            await until(lambda: b'pratique_reports_total{status="error"}' in w.metrics.text())
            service.away = None
            await until(lambda: service.names() == {"b", "c"})

    asyncio.run(story())


def test_an_answer_that_was_lost_heals() -> None:
    async def story() -> None:
        async with reporting("a") as (w, service):
            service.lose_answers = 1
            await w.api.put(CONFIG_MAPS, config_map("b"))
            await until(lambda: service.names() == {"a", "b"} and not service.lose_answers)
            await w.api.put(CONFIG_MAPS, config_map("c"))
            await until(lambda: service.names() == {"a", "b", "c"})

    asyncio.run(story())


def test_a_service_that_forgot_everything_is_told_everything() -> None:
    async def story() -> None:
        async with reporting("a", "b") as (w, service):
            service.records, service.session, service.sequence = {}, "", 0
            await w.api.put(CONFIG_MAPS, config_map("c"))
            await until(lambda: service.names() == {"a", "b", "c"})

    asyncio.run(story())


def test_a_refused_report_is_followed_by_a_whole_one() -> None:
    async def story() -> None:
        async with reporting("a") as (w, service):
            service.away = InputError("no such session")
            await w.api.put(CONFIG_MAPS, config_map("b"))
            await until(lambda: b'pratique_reports_total{status="error"}' in w.metrics.text())
            service.away = None
            await until(lambda: service.names() == {"a", "b"})
            assert [body["full"] for body in service.bodies].count(True) == 2

    asyncio.run(story())


def test_a_removed_constraint_closes_its_records() -> None:
    async def story() -> None:
        async with reporting("a", "b") as (w, service):
            await w.api.remove(resources.constraint_resource("RequiredLabels"), "owner")
            await until(lambda: not service.records)
            assert service.bodies[-1]["totals"] == []

    asyncio.run(story())
