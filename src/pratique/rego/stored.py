"""A compiled policy as bytes, and back: what a process keeps so that its next start compiles nothing.

Comes in: an emitted module and its plan; or bytes, and the builtins that they name. Goes out: bytes; or an
emitted module, a plan of its tree alone, and code. The bytes hold code that Python runs as it is: they must come
from where nobody else can write. `FINGERPRINT` belongs into every key: other engines and other Pythons read
other bytes.
"""

from __future__ import annotations

import importlib.util
import marshal
import zlib
from collections.abc import Mapping
from decimal import Decimal
from types import CodeType
from typing import Any, Final

import pratique
from pratique.errors import Location
from pratique.rego.builtins import registry
from pratique.rego.builtins.registry import Builtin
from pratique.rego.emit.module import Emitted, assemble
from pratique.rego.emit.names import made
from pratique.rego.plan import ir
from pratique.rego.runtime.values import Object, Set, Value, key
from pratique.rego.source import Source, Span

# Change the number when what stands in the bytes changes, or what is refused.
FINGERPRINT: Final = f"{pratique.__version__} 7 {importlib.util.MAGIC_NUMBER.hex()}"


def dump(emitted: Emitted, plan: ir.Plan) -> bytes:
    """Return a module as bytes.

    Raises ValueError for a policy that is compiled to be watched.
    """
    if plan.watched:
        raise ValueError("a policy that is watched is not stored")
    sources: dict[Source, int] = {}
    for span in emitted.places:
        if span is not None:
            sources.setdefault(span.source, len(sources))
    places = [
        None if span is None else (sources[span.source], span.start, span.end) for span in emitted.places
    ]
    constants = [(name, _packed(name, value, emitted)) for name, value in emitted.constants.items()]
    nodes = [
        (node.number, node.path, node.children, node.rule, node.function, node.joined) for node in plan.nodes
    ]
    return marshal.dumps(
        (
            registry.files(emitted.origins.values()),
            emitted.filename,
            zlib.compress(emitted.source.encode("utf-8", "surrogatepass")),
            assemble(emitted),
            [(source.file, source.text, source.version) for source in sources],
            places,
            constants,
            nodes,
            sorted(plan.mocked),
            emitted.slots,
        )
    )


def load(data: bytes, builtins: Mapping[str, Builtin]) -> tuple[Emitted, ir.Plan, CodeType]:
    """Return the module, its tree and its code; `builtins` are those beside our own.

    Raises ValueError when the bytes are not what `dump` makes, or name a builtin that is not there.
    """
    try:
        files, filename, text, code, sources, places, constants, nodes, mocked, slots = marshal.loads(data)  # noqa: S302
        found = {**registry.table_of(files), **builtins}
        known = [Source(*each) for each in sources]
        spans = [None if each is None else Span(known[each[0]], each[1], each[2]) for each in places]
        values = {name: _unpacked(name, value, found) for name, value in constants}
        source = zlib.decompress(text).decode("utf-8", "surrogatepass")
        tree = tuple([ir.Node(*each) for each in nodes])
    except (EOFError, KeyError, IndexError, TypeError, zlib.error) as error:
        raise ValueError("not a stored policy, or of other builtins") from error
    emitted = Emitted(source, values, tuple(spans), filename, slots=slots)
    return emitted, ir.Plan((), tree, frozenset(mocked)), code


def _packed(name: str, value: Any, emitted: Emitted) -> Any:
    match name[0]:
        case "B" | "S":
            return emitted.origins[name]
        case "L":
            return (value.file, value.line, value.column, value.text, value.width)
        case "P":
            return [_flat(each) for each in value]
        case "F":
            return value
    return _flat(value)


def _unpacked(name: str, value: Any, builtins: Mapping[str, Builtin]) -> Any:
    match name[0]:
        case "B" | "S":
            return made(name[0], value, builtins)
        case "L":
            return Location(*value)
        case "P":
            return tuple([_grown(each) for each in value])
        case "F":
            return value
    return _grown(value)


def _flat(value: Value) -> Any:
    """Return a value as `marshal` takes it; no value of Rego is a tuple, so tuples say what is none of JSON."""
    kind = type(value)
    if kind is list:
        return [_flat(each) for each in value]
    if kind is dict:
        return {name: _flat(each) for name, each in value.items()}
    if kind is Decimal:
        return ("decimal", str(value))
    if kind is Set:
        return ("set", [_flat(each) for each in value.values()])
    if kind is Object:
        return ("object", [(_flat(name), _flat(each)) for name, each in value.items()])
    return value


def _grown(value: Any) -> Value:
    kind = type(value)
    if kind is list:
        return [_grown(each) for each in value]
    if kind is dict:
        return {name: _grown(each) for name, each in value.items()}
    if kind is tuple:
        return _special(*value)
    return value


def _special(kind: str, inner: Any) -> Value:
    if kind == "decimal":
        return Decimal(inner)
    if kind == "set":
        return Set([_grown(each) for each in inner])
    pairs = [(_grown(name), _grown(each)) for name, each in inner]
    return Object({key(name): (name, each) for name, each in pairs})
