# SPDX-License-Identifier: BSD-3-Clause
"""Plots as SVG text: a few named series, over the same points or of points of their own."""

from html import escape
from math import log10

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 70, 150, 40, 50
COLOURS = ("#1f5fa8", "#c2571a", "#3a8a4d", "#7a4a9c", "#666666", "#b8860b", "#c2185b", "#00838f",
           "#111111")
TICKS = 5


def _round_up(value):
    """The next of 1, 2, 2.5, 5, 10 × 10^n, so that ticks are round."""
    power = 1.0
    while power * 10 <= value:
        power *= 10
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value)


def _text(x, y, text, anchor="middle", extra=""):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}"{extra}>{escape(text)}</text>'


def _axes(marks, top, x_label, y_label):
    """marks: (position, text) along the lower edge."""
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for tick in range(TICKS + 1):
        y = bottom - (bottom - TOP) * tick / TICKS
        yield f'<path d="M{LEFT} {y:.1f}H{right}" stroke="#ddd"/>'
        yield _text(LEFT - 8, y + 4, f"{top * tick / TICKS:,.4g}", "end")
    for position, mark in marks:
        yield _text(position, bottom + 18, mark)
    yield _text((LEFT + right) / 2, HEIGHT - 10, x_label)
    middle = (TOP + bottom) / 2
    yield _text(16, middle, y_label, extra=f' transform="rotate(-90 16 {middle:.0f})"')


def _positions(xs):
    """Evenly spread: our points are powers of two or nearly so."""
    step = (WIDTH - LEFT - RIGHT) / len(xs)
    return [LEFT + step * (i + 0.5) for i in range(len(xs))]


def _height(value, top):
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top


def _series(series, joined):
    """series: name -> places on the page."""
    for number, (name, places) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        if joined:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
            yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for x, y in places:
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
        yield _text(WIDTH - RIGHT + 8, TOP + 10 + 20 * number, name, "start", f' fill="{colour}"')


def _page(title, axes, series, joined):
    body = [_text((LEFT + WIDTH - RIGHT) / 2, 22, title, extra=' font-weight="bold"'),
            *axes, *_series(series, joined)]
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>', *body, "</svg>", ""])


def lines(title, x_label, y_label, xs, series):
    """series: name -> values, as many as xs."""
    top = _round_up(max(max(values) for values in series.values()) / TICKS) * TICKS
    places = {name: [(x, _height(value, top)) for x, value in zip(_positions(xs), values)]
              for name, values in series.items()}
    marks = [(position, f"{x:,}") for position, x in zip(_positions(xs), xs)]
    return _page(title, _axes(marks, top, x_label, y_label), places, joined=True)


def points(title, x_label, y_label, series, decades=(-1, 4), top=1.25):
    """series: name -> (x, y); x by powers of ten. What lies beyond an edge stands on it."""
    def place(x, y):
        part = (log10(max(x, 10 ** decades[0])) - decades[0]) / (decades[1] - decades[0])
        return LEFT + (WIDTH - LEFT - RIGHT) * min(part, 1), _height(min(y, top), top)

    places = {name: [place(x, y) for x, y in values] for name, values in series.items()}
    marks = [(place(10.0 ** power, 0)[0], f"{10.0 ** power:g}")
             for power in range(decades[0], decades[1] + 1)]
    return _page(title, _axes(marks, top, x_label, y_label), places, joined=False)
