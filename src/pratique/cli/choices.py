"""What Tab completes after options that take one of some words, or a word and a file.

In: the words. Out: a `shell_complete` for a click option.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click
from click.shell_completion import CompletionItem

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def one_of(*words: str) -> Complete:
    """Complete one of some words."""
    return lambda _context, _option, begun: _items(words, begun)


def formats(*words: str) -> Complete:
    """Complete `FORMAT`, and the file of `FORMAT=FILE`."""

    def complete(_context: click.Context, _option: click.Parameter, begun: str) -> list[CompletionItem]:
        _, mark, file = begun.partition("=")
        return [CompletionItem(file, type="file")] if mark else _items(words, begun)

    return complete


def _items(words: Iterable[str], begun: str) -> list[CompletionItem]:
    return [CompletionItem[Any](word) for word in words if word.startswith(begun)]
