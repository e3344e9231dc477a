"""Charts as SVG, made on the server from plain numbers; colours are CSS classes, never attributes.

Each chart comes as `Chart(svg, columns, rows, label)`: the picture (role=img, with its numbers in the label)
and the table that says the same, so nobody needs the picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from markupsafe import Markup, escape


@dataclass(frozen=True, slots=True)
class Part:
    """One share of a whole: `css` names its colour (a state's name)."""

    label: str
    count: int
    css: str


@dataclass(frozen=True, slots=True)
class Point:
    """One moment of a trend: the value that holds from then on."""

    time: datetime
    value: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture and its table twin."""

    svg: Markup
    label: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


# A circle of radius 15.915 has a circumference of 100, so a dash is a percentage.
RADIUS = 15.915
GAP = 0.8


def donut(parts: Sequence[Part], *, centre: str, caption: str, title: str) -> Chart:
    """Return a ring of shares around a figure."""
    total = sum(part.count for part in parts)
    shown = [part for part in parts if part.count]
    arcs, offset = [], 25.0
    for part in shown:
        share = 100 * part.count / total
        gap = GAP if len(shown) > 1 else 0
        arcs.append(
            f'<circle class="arc {escape(part.css)}" cx="21" cy="21" r="{RADIUS}"'
            f' stroke-dasharray="{max(share - gap, 0.4):.2f} {100 - max(share - gap, 0.4):.2f}"'
            f' stroke-dashoffset="{offset:.2f}"/>'
        )
        offset -= share
    words = ", ".join(f"{part.count} {part.label.lower()}" for part in shown) or "nothing evaluated yet"
    label = f"{title}: {centre}; {words}"
    svg = (
        f'<svg class="donut" viewBox="0 0 42 42" role="img" aria-label="{escape(label)}">'
        f'<circle class="ring" cx="21" cy="21" r="{RADIUS}"/>{"".join(arcs)}'
        f'<text class="figure" x="21" y="21.6">{escape(centre)}</text>'
        f'<text class="caption" x="21" y="26.6">{escape(caption)}</text></svg>'
    )
    rows = tuple((part.label, str(part.count)) for part in parts)
    return Chart(Markup(svg), label, ("State", "Clusters"), rows)  # noqa: S704 - all text in it is escaped


def trend(points: Sequence[Point], *, title: str, unit: str, top: float, now: datetime) -> Chart:
    """Return steps over time up to now, filled below; each value holds until the next."""
    width, height, pad = 600.0, 120.0, 3.0
    start = min((point.time for point in points), default=now)
    span = max((now - start).total_seconds(), 1.0)
    places: list[tuple[float, float]] = []
    for point in points:
        x = width * min(max((point.time - start).total_seconds() / span, 0), 1)
        y = height - pad - (height - 2 * pad) * min(point.value / top, 1)
        if places:
            places.append((x, places[-1][1]))
        places.append((x, y))
    drawing = "".join(
        f'<line class="grid" x1="0" x2="{width:.0f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        for y in (pad, height / 2, height - pad)
    )
    if places:
        places.append((width, places[-1][1]))
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        area = f"{places[0][0]:.1f},{height - pad} {line} {width},{height - pad}"
        drawing += f'<polygon class="area" points="{area}"/><polyline class="line" points="{line}"/>'
    ends = (
        f"from {number(points[0].value)}{unit} to {number(points[-1].value)}{unit}"
        if points
        else "no data yet"
    )
    label = f"{title}: {ends}"
    svg = (
        f'<svg class="trend" viewBox="0 0 {width:.0f} {height:.0f}" preserveAspectRatio="none" role="img"'
        f' aria-label="{escape(label)}">{drawing}</svg>'
    )
    rows = tuple((stamp(point.time), number(point.value) + unit) for point in reversed(points))
    return Chart(Markup(svg), label, ("Time (UTC)", title), rows)  # noqa: S704 - all text in it is escaped


def stamp(moment: datetime) -> str:
    """Return a moment as charts write it."""
    return moment.astimezone(UTC).strftime("%b %d, %H:%M")


def stacked(parts: Iterable[Part], *, title: str) -> Markup:
    """Return one thin bar of shares; its numbers stand beside it in the row, and in its label."""
    shares = [part for part in parts if part.count]
    total = sum(part.count for part in shares)
    words = ", ".join(f"{part.count} {part.label.lower()}" for part in shares) or "nothing evaluated"
    rects, x = [], 0.0
    for part in shares:
        width = 100 * part.count / total
        rects.append(
            f'<rect class="{escape(part.css)}" x="{x:.2f}" y="0" width="{max(width - 0.8, 0.8):.2f}" height="6"/>'
        )
        x += width
    body = "".join(rects) or '<rect class="none" x="0" y="0" width="100" height="6"/>'
    label = escape(f"{title}: {words}")
    svg = (
        f'<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" role="img"'
        f' aria-label="{label}">{body}</svg>'
    )
    return Markup(svg)  # noqa: S704 - all text in it is escaped


def number(value: float) -> str:
    """Return a figure without needless digits."""
    return str(int(value)) if float(value).is_integer() else f"{value:.1f}"
