"""Read the protobuf bodies that kubectl sends for built-in kinds, as the JSON objects that they mean.

In comes the envelope `k8s\\0` + `runtime.Unknown` (api-machinery's serializer/protobuf), out goes a plain
dict with `apiVersion` and `kind`. Nothing here knows what a kind means; `protobuf_fields.txt` says how its
fields are called:

    <apiVersion> <kind> <message>                     one line for each kind that can be sent
    <message> <number>=<json name>=<mark><type> ...   one line for each message

A json name `.` means that the message's fields belong to its parent. Marks: `*` repeated, `%` map with
string keys, `?` a pointer in Go, so that a zero was said on purpose and stays; any other zero is dropped as
Go's `omitempty` does. Types are letters (`s` string, `i` integer, `b` boolean, `y` bytes, `d` double,
`T` time, `M` time with microseconds, `D` duration, `Q` quantity, `O` integer or string, `R` raw JSON) or
the name of a message.
"""

from __future__ import annotations

import base64
import functools
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

import orjson

from pratique import errors

MAGIC = b"k8s\x00"
MEDIA_TYPE = "application/vnd.kubernetes.protobuf"

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ProtobufError(errors.InputError):
    """A body is not a protobuf message that we know."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    mark: str
    type: str


_Message = dict[int, _Field]


def decode(body: bytes) -> dict[str, Any]:
    """Return the object in an enveloped body."""
    if not body.startswith(MAGIC):
        raise ProtobufError(
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
        )
    envelope = dict(_fields(body[len(MAGIC) :]))
    type_meta = {number: _text(value) for number, value in _fields(_as_bytes(envelope.get(1, b"")))}
    api_version, kind = type_meta.get(1, ""), type_meta.get(2, "")
    kinds, messages = _table()
    # Options of deletions come in the version of what is deleted.
    message = kinds.get((api_version, kind)) or kinds.get(("meta.k8s.io/v1", kind))
    if message is None:
        raise ProtobufError(f'no kind "{kind}" is registered for version "{api_version}"')
    obj = _message(_as_bytes(envelope.get(2, b"")), messages[message], messages)
    return {"apiVersion": api_version, "kind": kind, **obj}


@functools.cache
def _table() -> tuple[dict[tuple[str, str], str], dict[str, _Message]]:
    text = resources.files(__package__).joinpath("protobuf_fields.txt").read_text()
    head, _, rest = text.partition("\n\n")
    kinds = {}
    for line in head.splitlines():
        if not line.startswith("#"):
            api_version, kind, message = line.split(" ")
            kinds[api_version, kind] = message
    messages = {}
    for line in rest.splitlines():
        name, *fields = line.split(" ")
        messages[name] = {
            int(number): _field(json, code) for number, json, code in (f.split("=") for f in fields)
        }
    return kinds, messages


def _field(name: str, code: str) -> _Field:
    mark = code[0] if code[0] in "*%?" else ""
    return _Field(name, mark, code.removeprefix(mark))


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield field number and raw value: an int for varints, bytes for everything else."""
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == _BYTES:
            size, at = _varint(data, at)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            raise ProtobufError(f"proto: wiretype {wire} of field {number} is not supported")
        if at + size > end:
            raise ProtobufError("unexpected EOF")
        yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ProtobufError("unexpected EOF")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7


def _message(data: bytes, message: _Message, messages: dict[str, _Message]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, raw in _fields(data):
        field = message.get(number)
        if field is None:
            continue  # a field of a newer version: Go keeps such bytes aside as well
        if field.name == ".":
            found.update(_message(_as_bytes(raw), messages[field.type], messages))
        elif field.mark == "*":
            found.setdefault(field.name, []).append(_value(raw, field.type, messages))
        elif field.mark == "%":
            entry = dict(_fields(_as_bytes(raw)))
            value = _value(entry.get(2, b""), field.type, messages)
            found.setdefault(field.name, {})[_text(entry.get(1, b""))] = value
        else:
            value = _value(raw, field.type, messages)
            if field.mark == "?" or (value not in ("", 0, None) and value != {}):
                found[field.name] = value
    return found


def _value(raw: int | bytes, code: str, messages: dict[str, _Message]) -> Any:
    if code in _SCALARS:
        return _SCALARS[code](raw)
    if code.startswith("*"):  # a list in a map: authentication's ExtraValue
        return [_text(value) for _, value in _fields(_as_bytes(raw))]
    return _message(_as_bytes(raw), messages[code], messages)


def _as_bytes(raw: int | bytes) -> bytes:
    if isinstance(raw, int):
        raise ProtobufError("proto: wrong wireType = 0 for a message")
    return raw


def _text(raw: int | bytes) -> str:
    try:
        return _as_bytes(raw).decode()
    except UnicodeDecodeError:
        raise ProtobufError("proto: invalid UTF-8 in a string") from None


def _integer(raw: int | bytes) -> int:
    if isinstance(raw, bytes):
        raise ProtobufError("proto: wrong wireType = 2 for an integer")
    return raw - (1 << 64) if raw >= 1 << 63 else raw


def _parts(raw: int | bytes) -> dict[int, int | bytes]:
    return dict(_fields(_as_bytes(raw)))


def _moment(raw: int | bytes) -> datetime | None:
    parts = _parts(raw)
    if not parts:
        return None
    seconds, nanoseconds = _integer(parts.get(1, 0)), _integer(parts.get(2, 0))
    try:
        moment = _EPOCH + timedelta(seconds=seconds, microseconds=nanoseconds // 1000)
    except OverflowError:
        return None
    # Go's zero time is year 1 and is written as null.
    return None if moment.year == 1 else moment


def _time(raw: int | bytes) -> str | None:
    moment = _moment(raw)
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _micro_time(raw: int | bytes) -> str | None:
    moment = _moment(raw)
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _duration(raw: int | bytes) -> str:
    nanoseconds = _integer(_parts(raw).get(1, 0))
    return f"{nanoseconds / 1e9:g}s"


def _int_or_string(raw: int | bytes) -> int | str:
    parts = _parts(raw)
    return _text(parts.get(3, b"")) if parts.get(1) == 1 else _integer(parts.get(2, 0))


def _double(raw: int | bytes) -> float:
    data = _as_bytes(raw)
    return float(struct.unpack("<d", data)[0]) if len(data) == 8 else 0.0


def _raw_json(raw: int | bytes) -> Any:
    data = _as_bytes(_parts(raw).get(1, b""))
    try:
        return orjson.loads(data) if data else None
    except orjson.JSONDecodeError:
        raise ProtobufError("a raw field is not JSON") from None


_SCALARS = {
    "s": _text,
    "i": _integer,
    "b": lambda raw: bool(_integer(raw)),
    "y": lambda raw: base64.b64encode(_as_bytes(raw)).decode(),
    "d": _double,
    "T": _time,
    "M": _micro_time,
    "D": _duration,
    "Q": lambda raw: _text(_parts(raw).get(1, b"")),
    "O": _int_or_string,
    "R": _raw_json,
}
