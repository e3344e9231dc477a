"""One installation for all page tests; tests that change it start from what they make themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.portal.browser import Session
from tests.portal.world import Background, World


@pytest.fixture(scope="session")
def background() -> Iterator[Background]:
    made = Background()
    yield made
    made.close()


@pytest.fixture(scope="session")
def world(background: Background, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    state: Path = tmp_path_factory.mktemp("populated")
    with background.world(state, populated=True) as made:
        yield made


@pytest.fixture(scope="session")
def empty(background: Background, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    state: Path = tmp_path_factory.mktemp("empty")
    with background.world(state, populated=False) as made:
        yield made


@pytest.fixture
def session(world: World) -> Iterator[Session]:
    with Session(world.url) as made:
        made.sign_in(world.username, world.password)
        yield made
