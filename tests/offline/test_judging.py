"""Many documents: judged by several processes, with the answers, warnings and errors of one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.offline.test_check import MAP, policy

from pratique.constraint import Programs, TemplateTime
from pratique.errors import InputError, PratiqueError
from pratique.offline import Finding, Sources, check, judging
from pratique.offline.loading import load

SERVICE_RULE = """\
package a
violation[{"msg": msg}] {
  other := data.inventory.namespace[_][_].Service[name]
  other.spec.port == input.review.object.spec.port
  msg := sprintf("as in %v", [name])
}
"""


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})


def many(folder: Path, count: int, *, every: int = 3, together: int = 1) -> Path:
    """Write maps, `together` in a file; each that is a multiple of `every` has an owner."""
    (folder / "policy.yaml").write_text(policy())
    texts = [
        MAP.format(name=f"m{number}") + ("" if number % every else "    owner: me\n")
        for number in range(count)
    ]
    for start in range(0, count, together):
        (folder / f"{start:05}.yaml").write_text("---\n".join(texts[start : start + together]))
    return folder


def judged(folder: Path, **options: Any) -> tuple[list[Finding], list[str]]:
    said: list[str] = []
    return check(Sources.of([str(folder)]), say=said.append, **options), said


def shown(findings: list[Finding]) -> list[Any]:
    return [
        (one.violation.message, one.subject, one.field, one.location(), one.object, one.constraint.name)
        for one in findings
    ]


def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})


@pytest.mark.parametrize("together", [1, 7, 900])
def test_processes_find_what_one_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr(judging, "LARGE", 4000)
    folder = many(tmp_path, 900, together=together)
    parent = os.getpid()
    here: list[int] = []
    real = judging.judge

    def spy(*given: Any) -> Any:
        if os.getpid() == parent:
            here.append(1)
        return real(*given)

    monkeypatch.setattr(judging, "judge", spy)
    done: list[int] = []
    several, _ = judged(folder, tick=lambda count, _: done.append(count), places=True)
    # 900 files, or documents of one file, are worth it; 129 files are not.
    assert bool(here) == (together == 7)
    assert done[-1] == 900 + 2
    alone(monkeypatch)
    one, _ = judged(folder)
    assert len(one) == 600
    assert shown(several) == shown(one)
    assert [one.violation.message for one in one] == sorted(one.violation.message for one in one)


def test_warnings_come_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = many(tmp_path, 600)
    for name in ("00100", "00599"):
        (folder / f"x{name}.yaml").write_text((folder / f"{name}.yaml").read_text())
    _, several = judged(folder)
    alone(monkeypatch)
    _, one = judged(folder)
    assert several == one
    assert [text.split('"')[1] for text in one] == ["m100", "m599"]


def test_the_first_error_is_the_one_that_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = many(tmp_path, 600)
    (folder / "00550.yaml").write_text("kind: [\n")
    (folder / "00350.yaml").write_text("a: b\n")
    messages = []
    for prepare in (lambda _: None, alone):
        prepare(monkeypatch)
        with pytest.raises(PratiqueError) as caught:
            judged(folder)
        messages.append(caught.value.render())
    assert messages[0] == messages[1]
    assert "00350.yaml:1:1: a Kubernetes object needs `kind`" in messages[0]


def test_a_process_that_dies_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = many(tmp_path, 600)
    parent, real = os.getpid(), judging.judge

    def dies(loaded: Any, batch: judging.Batch, wanted: Any) -> Any:
        if os.getpid() != parent and batch.files[0].endswith("00200.yaml"):
            os._exit(1)
        return real(loaded, batch, wanted)

    monkeypatch.setattr(judging, "judge", dies)
    found, _ = judged(folder)
    assert len(found) == 400


def test_what_policies_print_is_heard_here(tmp_path: Path) -> None:
    folder = many(tmp_path, 600)
    text = policy().replace("msg := sprintf", 'print("seen")\n        msg := sprintf')
    (folder / "policy.yaml").write_text(text)
    heard: list[str] = []
    judged(folder, sink=lambda message, _: heard.append(message))
    assert heard == ["seen"] * 400


def test_a_document_is_read_anew(tmp_path: Path) -> None:
    found, _ = judged(many(tmp_path, 2, every=9))
    first = found[0].object
    first["metadata"]["name"] = "changed"
    assert found[0].object["metadata"]["name"] == "m1"
    (tmp_path / "00001.yaml").write_text("")
    with pytest.raises(InputError, match=r"00001\.yaml` was changed while it was read"):
        found[0].location()


def template(rego: str) -> str:
    text = policy().partition("    rego: |\n")[0]
    return text + "    rego: |\n" + "".join(f"      {line}\n" for line in rego.splitlines())


def kept(folder: Path, build: Callable[[], str]) -> int:
    (folder / "policy.yaml").write_text(build())
    return len(load(Sources.of([str(folder)]), Programs()).library._inventory)


def test_only_what_templates_look_up_is_kept(tmp_path: Path) -> None:
    many(tmp_path, 20)
    head = "apiVersion: v1\nkind: Service\n"
    (tmp_path / "service.yaml").write_text(head + "metadata: {name: s, namespace: a}\n")
    # An escape hides the kind from a search of the text, and not from us.
    (tmp_path / "hidden.yaml").write_text(head.replace("Service", '"Serv\\x69ce"') + "metadata: {name: h}\n")
    assert kept(tmp_path, policy) == 0
    assert kept(tmp_path, lambda: template(SERVICE_RULE)) == 2
    assert kept(tmp_path, lambda: template(SERVICE_RULE.replace("Service", "Servant"))) == 0
    assert kept(tmp_path, lambda: template(SERVICE_RULE.replace(".Service[", "[_]["))) == 23


def test_times_are_those_of_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = many(tmp_path, 600)
    counts = []
    for prepare in (lambda _: None, alone):
        prepare(monkeypatch)
        heard: list[TemplateTime] = []
        judged(folder, times=heard.extend)
        counts.append([(one.kind, one.constraints) for one in heard])
    assert counts[0] == counts[1] == [("MustOwner", 1)] * 600
