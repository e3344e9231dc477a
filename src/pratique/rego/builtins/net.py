"""net.cidr_*: addresses and networks."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from pratique.rego.builtins.registry import alias, builtin, failure, operand_error
from pratique.rego.runtime.errors import BuiltinError
from pratique.rego.runtime.values import COLLECTIONS, Object, Set, Value, is_object, type_name
from pratique.rego.runtime.work import charge_members, work

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_LARGEST_EXPANSION: Final = 1 << 20


def _address(text: str) -> Address | None:
    """Return the address that a text stands for; an IPv4 one in IPv6 is itself, as in Go."""
    if "%" in text:
        return None
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def _network(text: str) -> Network | None:
    address, sign, length = text.partition("/")
    if not sign or not (length.isascii() and length.isdigit()) or "%" in address:
        return None
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return ipaddress.ip_network((mapped, network.prefixlen - 96))
    return network


def _wanted(name: str, text: Value) -> Network:
    if type(text) is not str:
        raise operand_error(name, 1, "string", type_name(text))
    network = _network(text)
    if network is None:
        raise failure(name, f"invalid CIDR address: {text}")
    return network


def _holds(network: Network, other: Network | Address) -> bool:
    if isinstance(other, ipaddress.IPv4Address | ipaddress.IPv6Address):
        return other in network
    return (
        other.version == network.version
        and other.network_address in network
        and other.broadcast_address in network
    )


@builtin("net.cidr_contains", "string, string -> boolean", accepts="any, any")
def contains(network: Value, other: Value) -> Value:
    """Tell whether a network holds an address or all of another network."""
    return _contains("net.cidr_contains", network, other)


def _contains(name: str, network: Value, other: Value) -> bool:
    outer = _wanted(name, network)
    if type(other) is not str:
        raise operand_error(name, 1, "string", type_name(other))
    inner = _address(other) or _network(other)
    if inner is None:
        raise failure(name, f"not a valid textual representation of an IP address or CIDR: {other}")
    return _holds(outer, inner)


alias("net.cidr_overlap", "net.cidr_contains", deprecated=True)


@builtin("net.cidr_intersects", "string, string -> boolean", accepts="any, any")
def intersects(left: Value, right: Value) -> Value:
    """Tell whether two networks have an address in common."""
    one, two = _wanted("net.cidr_intersects", left), _wanted("net.cidr_intersects", right)
    return one.version == two.version and (one.network_address in two or two.network_address in one)


@builtin("net.cidr_is_valid", "any -> boolean", unchecked=True)
def is_valid(text: Value) -> Value:
    """Tell whether a value is the text of a network."""
    return type(text) is str and _network(text) is not None


@builtin("net.cidr_expand", "string -> set")
def expand(text: Value) -> Value:
    """Return all addresses of a network."""
    network = _wanted("net.cidr_expand", text)
    if network.num_addresses > _LARGEST_EXPANSION:
        raise failure("net.cidr_expand", f"more than {_LARGEST_EXPANSION} addresses")
    found: dict[Any, Value] = {}
    for address in network:
        work(8)
        text = str(address)
        found[text] = text
    return Set.of_table(found)


@builtin(
    "net.cidr_contains_matches",
    "string|array|object|set, string|array|object|set -> set",
    accepts="any, any",
)
def contains_matches(networks: Value, others: Value) -> Value:
    """Return the pairs of keys whose network holds whose address or network."""
    name = "net.cidr_contains_matches"
    if type(networks) in COLLECTIONS and type(others) in COLLECTIONS:
        # Each comparison reads two texts.
        charge_members(16 * len(networks) * len(others))
    return Set(
        [
            [at, other_at]
            for network, at in _entries(name, 1, networks)
            for other, other_at in _entries(name, 2, others)
            if _contains(name, network, other)
        ]
    )


def _entries(name: str, position: int, value: Value) -> Iterator[tuple[Value, Value]]:
    """Yield each network's text and how the result calls it: itself, its index, key or member."""
    if type(value) is str:
        yield value, value
        return
    pairs: list[tuple[Value, Value]]
    if type(value) is list:
        pairs = list(enumerate(value))
    elif type(value) is Set:
        pairs = [(item, item) for item in value]
    elif not is_object(value):
        return
    else:
        pairs = [(at, value.get(at)) for at in (value if type(value) is Object else sorted(value))]
    for at, item in pairs:
        if type(item) is list and item:
            item = item[0]
        elif type(item) is not str:
            raise failure(name, f"operand {position}: element must be string or non-empty array")
        yield item, at


@builtin("net.cidr_merge", "array|set -> set", cost=0, accepts="any")
def merge(networks: Value) -> Value:
    """Return the fewest networks that hold the same addresses."""
    if type(networks) is not list and type(networks) is not Set:
        raise _bad("operand must be an array")
    found: list[Network] = [_merged(text) for text in networks]
    result: list[str] = []
    for version in (4, 6):
        own = [network for network in found if network.version == version]
        result += map(str, ipaddress.collapse_addresses(own))  # type: ignore[type-var]  # of one version
    return Set.of_table({text: text for text in result})


def _merged(text: Value) -> Network:
    if type(text) is not str:
        raise _bad("element must be string")
    address = _address(text)
    if address is None:
        network = _network(text)
        if network is None:
            raise _bad(f"invalid CIDR address: {text}")
        return network
    if isinstance(address, ipaddress.IPv6Address):
        raise _bad("IPv6 invalid: needs prefix length")
    # Go's default mask of an IPv4 address: that of its class.
    first = int(address) >> 24
    length = 8 if first < 128 else 16 if first < 192 else 24 if first < 224 else 32
    return ipaddress.ip_network((address, length), strict=False)


def _bad(message: str) -> BuiltinError:
    return failure("net.cidr_merge", message)
