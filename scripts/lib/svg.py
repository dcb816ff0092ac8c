# SPDX-License-Identifier: BSD-3-Clause
"""Line plots as SVG text: a few named series over the same points."""

from html import escape

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 70, 150, 40, 50
COLOURS = ("#1f5fa8", "#c2571a", "#3a8a4d", "#7a4a9c", "#666666")
TICKS = 5


def _round_up(value):
    """The next of 1, 2, 2.5, 5, 10 × 10^n, so that ticks are round."""
    power = 1.0
    while power * 10 <= value:
        power *= 10
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value)


def _text(x, y, text, anchor="middle", extra=""):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}"{extra}>{escape(text)}</text>'


def _axes(xs, top, x_label, y_label):
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for tick in range(TICKS + 1):
        y = bottom - (bottom - TOP) * tick / TICKS
        yield f'<path d="M{LEFT} {y:.1f}H{right}" stroke="#ddd"/>'
        yield _text(LEFT - 8, y + 4, f"{top * tick / TICKS:,.4g}", "end")
    for position, x in zip(_positions(xs), xs):
        yield _text(position, bottom + 18, f"{x:,}")
    yield _text((LEFT + right) / 2, HEIGHT - 10, x_label)
    middle = (TOP + bottom) / 2
    yield _text(16, middle, y_label, extra=f' transform="rotate(-90 16 {middle:.0f})"')


def _positions(xs):
    """Evenly spread: our points are powers of two or nearly so."""
    step = (WIDTH - LEFT - RIGHT) / len(xs)
    return [LEFT + step * (i + 0.5) for i in range(len(xs))]


def _series(xs, series, top):
    height = HEIGHT - TOP - BOTTOM
    for number, (name, values) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = [(x, HEIGHT - BOTTOM - height * value / top)
                  for x, value in zip(_positions(xs), values)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for x, y in points:
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
        yield _text(WIDTH - RIGHT + 8, TOP + 10 + 20 * number, name, "start", f' fill="{colour}"')


def lines(title, x_label, y_label, xs, series):
    """series: name -> values, as many as xs."""
    top = _round_up(max(max(values) for values in series.values()) / TICKS) * TICKS
    body = [_text((LEFT + WIDTH - RIGHT) / 2, 22, title, extra=' font-weight="bold"'),
            *_axes(xs, top, x_label, y_label), *_series(xs, series, top)]
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>', *body, "</svg>", ""])
