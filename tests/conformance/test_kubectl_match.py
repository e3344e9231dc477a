"""The rules of matching in the suite's README."""

import importlib.util
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("kubectl_match", Path(__file__).with_name("kubectl_match.py"))
kubectl_match = importlib.util.module_from_spec(spec)
spec.loader.exec_module(kubectl_match)


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ("a   b\n", "a b", True),
        ("a b", "a\tb  \n\n", True),
        ("  a", " a", False),
        ("a", "\x1b[31ma\x1b[0m", True),
        ("pod/web-<hash10>-<hash5> x", "pod/web-5c9f8d7b6-zx2vw x", True),
        ("pod/web-<hash10>-<hash5> x", "pod/web-5c9f8d7b6-zx2va x", False),
        ("<age>", "3d4h (x12 over 5m)", True),
        ("<age>", "soon", False),
        ("<time>", "Tue, 24 Nov 2026 00:19:29 +0000", True),
        ("<none>", "<none>", True),
        ("<none>", "some", False),
        ("x.y", "xzy", False),
        ("a\nb", "a\nb\nc", False),
    ],
)
def test_texts(expected, actual, same):
    assert (kubectl_match.difference(expected, actual) == []) is same


def test_kubectls_own_log_does_not_count_among_errors():
    log = "E1124 00:19:29.1  1 x.go:1] oh\nError: no"
    assert kubectl_match.difference("Error: no", log, errors=True) == []
    assert kubectl_match.difference("Error: no", log) != []


def test_a_bag_of_lines_has_no_order_but_counts():
    assert kubectl_match.difference("b\na-<hash5>\na-<hash5>", "a-zzzzz\nb\na-xxxxx", bag=True) == []
    assert kubectl_match.difference("b\nb", "b\na", bag=True) == ["-b", "+a"]


def test_a_difference_shows_only_what_differs():
    shown = kubectl_match.difference("x <age>\ny", "x 3s\nz")
    assert [line for line in shown if line[0] in "+-" and line[:3] not in ("---", "+++")] == ["-y", "+z"]
