"""What people write in Rego out of habit from elsewhere, and what Rego has instead: data only.

Each text completes `hint:`. A hint is given only together with a refusal, so a name that is fine in a policy loses
nothing by standing here.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Final

from pratique.rego.source import Span

_LOOP: Final = "iterate with `some x in xs`; `every x in xs { ... }` demands something of all of them"
_NAMING: Final = "write `name := value`"
_FUNCTION: Final = "write a function as `f(x) := value if { ... }`"
_CHOICE: Final = "for a choice write a rule for each case, or `else := value if { ... }`"

# Words that start a statement elsewhere.
WORDS: Final[dict[str, str]] = {
    "for": _LOOP,
    "foreach": _LOOP,
    "forall": _LOOP,
    "while": _LOOP,
    "let": _NAMING,
    "var": _NAMING,
    "const": _NAMING,
    "def": _FUNCTION,
    "func": _FUNCTION,
    "function": _FUNCTION,
    "fn": _FUNCTION,
    "lambda": _FUNCTION,
    "return": "the value stands in the head: `f(x) := value if { ... }`",
    "elif": _CHOICE,
    "elseif": _CHOICE,
    "switch": _CHOICE,
    "case": _CHOICE,
    "when": "write `if`",
    "where": "write further expressions on lines of their own: all of them must hold",
    "unless": "write `not` before the expression",
    "is": "`==` compares; `is_null(x)`, `is_string(x)` and the like ask for a type",
    "and": "write expressions on lines of their own, or `import future.keywords.and` above",
    "or": "write a rule for each alternative, or `import future.keywords.or` above",
    "from": "write `import data.path`, `as name` behind it for another name",
    "print": "write `print(...)` with parentheses",
}

# Names that stand for a value elsewhere.
NAMES: Final[dict[str, str]] = {
    **dict.fromkeys(("None", "nil", "NULL", "Null"), "write `null`"),
    **dict.fromkeys(("True", "TRUE"), "write `true`"),
    **dict.fromkeys(("False", "FALSE"), "write `false`"),
    "undefined": "what is undefined has no name: `not input.x` holds where `input.x` is undefined or false",
    "self": "what is asked about is `input`",
    "this": "what is asked about is `input`",
    "request": "a webhook's request is `input.request`, Gatekeeper's is `input.review`",
    "review": "Gatekeeper's review is `input.review`",
    "parameters": "Gatekeeper's parameters are `input.parameters`",
}

_COUNT: Final = "write `count(xs)`"
_TEXT: Final = 'write `sprintf("%v", [x])`, or `format_int(x, 10)` for a number'
_MEMBER: Final = "write `x in xs`"

# Functions of other languages; of a dotted name the last part counts.
FUNCTIONS: Final[dict[str, str]] = {
    **dict.fromkeys(("len", "length", "size"), _COUNT),
    **dict.fromkeys(("str", "string", "toString", "to_string", "tostring"), _TEXT),
    **dict.fromkeys(("int", "float", "number", "parseInt", "parse_int", "to_int"), "write `to_number(x)`"),
    **dict.fromkeys(("has", "includes", "member", "contains_element", "array_contains"), _MEMBER),
    **dict.fromkeys(("parse", "loads", "from_json"), "write `json.unmarshal(text)`"),
    **dict.fromkeys(("dumps", "stringify", "to_json"), "write `json.marshal(x)`"),
    **dict.fromkeys(("keys",), "write `object.keys(x)`"),
    **dict.fromkeys(("values",), "write `[value | some value in x]`"),
    **dict.fromkeys(("join",), 'write `concat(", ", xs)`'),
    **dict.fromkeys(("format", "printf"), 'write `sprintf("%v", [x])`'),
    **dict.fromkeys(("matches", "match", "regex_match", "test"), "write ``regex.match(`pattern`, text)``"),
    **dict.fromkeys(("now", "time"), "write `time.now_ns()`"),
    **dict.fromkeys(("toLower", "tolower", "to_lower", "lowercase"), "write `lower(text)`"),
    **dict.fromkeys(("toUpper", "toupper", "to_upper", "uppercase"), "write `upper(text)`"),
    **dict.fromkeys(
        ("starts_with", "startsWith", "has_prefix", "hasPrefix"), "write `startswith(text, start)`"
    ),
    **dict.fromkeys(("ends_with", "endsWith", "has_suffix", "hasSuffix"), "write `endswith(text, end)`"),
    **dict.fromkeys(("type", "typeof", "isinstance"), "write `type_name(x)`, or `is_string(x)` and the like"),
    **dict.fromkeys(
        ("isset", "exists", "defined", "is_defined"), "write `x` alone: it fails where it is undefined"
    ),
    **dict.fromkeys(("is_empty", "isEmpty", "empty"), "write `count(xs) == 0`"),
    **dict.fromkeys(("range",), "write `numbers.range(1, 10)`"),
    **dict.fromkeys(("append", "push"), "write `array.concat(xs, [x])`"),
    **dict.fromkeys(("index", "find", "indexOf"), "write `indexof(text, part)`"),
    **dict.fromkeys(("set_union",), "write `a | b`"),
    **dict.fromkeys(("set_intersection",), "write `a & b`"),
    **dict.fromkeys(("filter", "map"), "write a comprehension: `[f(x) | some x in xs; x > 1]`"),
    **dict.fromkeys(
        ("reduce", "fold"), "write `sum`, `product`, `max`, `count` or `concat` of a comprehension"
    ),
}

# What a builtin may have been called for, where its operands do not fit.
OPERANDS: Final[dict[str, str]] = {
    "sprintf": 'put the values into an array: `sprintf("%v: %v", [a, b])`',
    "concat": 'the text between comes first: `concat(", ", xs)`',
    "contains": "`contains` looks into a text; `x in xs` looks into a collection",
    "startswith": "`some x in xs; startswith(x, start)` asks about each text of a collection",
    "endswith": "`some x in xs; endswith(x, end)` asks about each text of a collection",
}
# The same for operators, by the kind of an operand.
OPERATORS: Final[dict[tuple[str, str], str]] = {
    ("plus", "string"): 'texts are joined by `concat("", [a, b])` or `sprintf("%s%s", [a, b])`',
    ("plus", "array"): "arrays are joined by `array.concat(a, b)`",
    ("plus", "set"): "sets are joined by `a | b`",
    ("plus", "object"): "objects are joined by `object.union(a, b)`",
    ("minus", "array"): "write `[x | some x in a; not x in b]`",
    ("minus", "object"): "write `object.remove(x, keys)`",
    ("or", "boolean"): "`|` joins sets; for `or`, write a rule for each alternative",
    ("and", "boolean"): "`&` intersects sets; for `and`, write expressions on lines of their own",
    ("rem", "string"): 'texts are made by `sprintf("%v", [x])`',
}

_GLUED: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*[-/]\Z")


def of_name(var: Span, name: str, known: list[str]) -> str:
    """Return what the author of a variable without a value may have meant; `known` are the names of the module."""
    if name in NAMES:
        return NAMES[name]
    near = get_close_matches(name, known, 1, 0.75)
    if near:
        return f"did you mean `{near[0]}`?"
    text = var.source.text
    if glued := _GLUED.search(text[max(0, var.start - 80) : var.start]):
        return f'a name with `{glued[0][-1]}` in it is quoted in brackets: `x["..."]`'
    behind = text[var.end : var.end + 40].lstrip()
    before = text[max(0, var.start - 40) : var.start].rstrip()
    if behind.startswith(":") and not behind.startswith(":=") and before[-1:] in {"{", ","}:
        return f'a text as a key is quoted: `"{name}"`'
    return f"nothing gives `{name}` a value: assign it, iterate over a collection, or import it"


def of_function(parts: tuple[str, ...], known: list[str]) -> str:
    """Return what the author of a call of nothing may have meant; `known` are the builtins."""
    name = ".".join(parts)
    if parts[-1] in FUNCTIONS and (len(parts) == 1 or parts[0] not in {"data", "input"}):
        return FUNCTIONS[parts[-1]]
    near = get_close_matches(name, known, 1, 0.75)
    if near:
        return f"did you mean `{near[0]}`?"
    if len(parts) == 1 or parts[0] == "data":
        return ""
    if parts[0] == "input":
        function = parts[-1] if parts[-1] in known else "f"
        return f"nothing has methods: write `{function}({'.'.join(parts[:-1])}, ...)`"
    return f"import it: `import data.{'.'.join(parts[:-1])}`"
