from __future__ import annotations

import os
from pathlib import Path

import pytest

from pratique import codecache


def test_what_is_kept_is_there_for_the_next_start(tmp_path: Path) -> None:
    folder = codecache.Folder(tmp_path / "a" / "b")
    folder["0a-entrypoint"] = b"data.t"
    folder["0a-entrypoint"] = b"data.u"
    again = codecache.Folder(tmp_path / "a" / "b")
    assert dict(again) == {"0a-entrypoint": b"data.u"}
    assert "0a-entrypoint" in again
    assert len(again) == 1
    del again["0a-entrypoint"]
    assert again.get("0a-entrypoint") is None
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_others_may_write_to_is_not_used(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(PermissionError, match="this user's alone"):
        codecache.Folder(tmp_path)


def test_a_file_that_others_may_write_to_is_not_read(tmp_path: Path) -> None:
    folder = codecache.Folder(tmp_path / "c")
    folder["ab"] = b"x"
    (tmp_path / "c" / "ab").chmod(0o666)
    assert folder.get("ab") is None


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    folder = codecache.Folder(tmp_path / "c")
    (tmp_path / "elsewhere").write_bytes(b"x")
    (tmp_path / "c" / "ab").symlink_to(tmp_path / "elsewhere")
    assert folder.get("ab") is None


@pytest.mark.parametrize("name", ["../ab", "a/b", "", "."])
def test_a_key_stays_inside(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no key"):
        codecache.Folder(tmp_path / "c")[name] = b""


def test_a_full_disk_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = codecache.Folder(tmp_path / "c")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    folder["ab"] = b"x"
    assert list((tmp_path / "c").iterdir()) == []


def test_the_environment_says_where(tmp_path: Path) -> None:
    assert codecache.opened({"PRATIQUE_CACHE": "", "HOME": str(tmp_path)}) is None
    assert codecache.opened({}) is None
    assert codecache.opened({"HOME": "/proc/nowhere"}) is None
    folder = codecache.opened({"HOME": str(tmp_path)})
    assert folder is not None
    folder["ab"] = b"x"
    (kept,) = (tmp_path / ".cache" / "pratique").iterdir()
    assert (kept / "ab").read_bytes() == b"x"
    assert kept.stat().st_uid == os.geteuid()


def test_folders_of_old_engines_go_when_a_new_one_comes(tmp_path: Path) -> None:
    environ = {"PRATIQUE_CACHE": str(tmp_path)}
    for age in range(6):
        old = tmp_path / f"rego-{age:016x}"
        old.mkdir(mode=0o700)
        (old / "ab").write_bytes(b"x")
        os.utime(old, (1_000_000 - age, 1_000_000 - age))
    (tmp_path / "rego-of-mine").mkdir()
    folder = codecache.opened(environ)
    assert folder is not None
    folder["ab"] = b"y"
    left = {each.name for each in tmp_path.iterdir()}
    assert {"rego-of-mine", *(f"rego-{age:016x}" for age in range(3))} < left
    assert len(left) == 5
    again = codecache.opened(environ)
    assert again is not None
    assert again["ab"] == b"y"
    assert {each.name for each in tmp_path.iterdir()} == left
