"""Azure's sample policies give the expected verdicts; what azure-todo.txt names does not, yet."""

from __future__ import annotations

import pytest
from tests.conformance import azure


@pytest.mark.skipif(not azure.SHARED.is_dir(), reason="no ../shared/conformance/azure-policy")
def test_samples(capsys: pytest.CaptureFixture[str]) -> None:
    status = azure.main([str(azure.SHARED / "samples")])
    printed = capsys.readouterr().out
    assert status == 0, printed
    assert int(printed.splitlines()[-1].split()[0]) >= 100
