#!/usr/bin/env python3
"""plot.py - draws what score.py --json wrote: for each link what went through the tunnel to the village.

plot.py JSON [FOLDER]      FOLDER/NAME.svg for each link; default: docs/link

One above the other, over the seconds of the window: rate through the tunnel beside what the link
carries, longest wait in its queue, packets that did not come through, and what was seen: the rung
(a) or the picture's lines (b, c). One line for each peer.
"""
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
WIDTH, HEIGHT, LEFT, TOP, GAP = 640, 96, 64, 56, 30
COLOURS = {"a": "#0b6e4f", "b": "#1f5fbf", "c": "#c2410c"}
PEERS = {"a": "room – Liangshi – room", "b": "Chromium – Liangshi – Chromium", "c": "Chromium – Janus – Chromium"}
LINES = {1: 0, 2: 180, 3: 360, 4: 720, 5: 1080}  # of a rung


def rate(second):
    return second["down"]["out_kbps"]


def queue(second):
    return second["down"]["queue_max_ms"]


def gone(second):
    return second["down"]["lost"] + second["down"]["dropped"]


def lines(second):
    return LINES[second["rung"]] if "rung" in second else second["height"]


# title, where the seconds are, what is taken of each
PANELS = [("kbit/s to the village", "tunnel", rate), ("queue, ms", "tunnel", queue),
          ("packets lost and dropped, a second", "tunnel", gone), ("lines of the picture", "series", lines)]


def nice(value):
    """The next of 1, 2, 5, 10 … from here on."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if factor * step >= value:
                return factor * step
        step *= 10


def text(x, y, what, more=""):
    return f'<text x="{x}" y="{y}" {more}>{what}</text>'


def line(values, seconds, top, most, colour, more=""):
    points = " ".join(f"{LEFT + WIDTH * (i + 0.5) / seconds:.1f},{top + HEIGHT * (1 - min(v / most, 1)):.1f}"
                      for i, v in enumerate(values))
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5" {more}/>'


def panel(title, results, key, take, top, seconds):
    rows = {r["peer"]: [take(s) for s in r[key]] for r in results}
    limit = [s["down"]["rate_kbps"] * (not s["down"]["outage"]) for s in results[0]["tunnel"]] if take is rate else []
    most = nice(max([1, *limit, *(v for row in rows.values() for v in row)]))
    out = [f'<rect x="{LEFT}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#bbb"/>',
           text(LEFT, top - 6, title), text(LEFT - 6, top + 10, most, 'text-anchor="end"'),
           text(LEFT - 6, top + HEIGHT, 0, 'text-anchor="end"')]
    if any(limit):
        out.append(line(limit, seconds, top, most, "#888", 'stroke-dasharray="4 3"'))
    return out + [line(row, seconds, top, most, COLOURS[peer]) for peer, row in rows.items()]


def picture(link, results):
    seconds = max(len(r["tunnel"]) for r in results)
    bottom = TOP + len(PANELS) * (HEIGHT + GAP)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 16} {bottom + 8}" '
           'font-family="sans-serif" font-size="12">', '<rect width="100%" height="100%" fill="#fff"/>']
    out.append(text(LEFT, 16, f"{link}, {seconds} s", 'font-weight="bold"'))
    for i, r in enumerate(results):
        out.append(text(LEFT + i * WIDTH // 3, 36, PEERS[r["peer"]], f'fill="{COLOURS[r["peer"]]}"'))
    for i, (title, key, take) in enumerate(PANELS):
        out += panel(title, results, key, take, TOP + i * (HEIGHT + GAP) + 8, seconds)
    out += [text(LEFT + WIDTH * t / seconds, bottom - 6, t, 'text-anchor="middle"') for t in range(0, seconds + 1, 5)]
    return "\n".join([*out, "</svg>", ""])


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__.strip().split("\n\n")[1], file=sys.stderr)
        return 2
    folder = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else ROOT / "docs" / "link"
    folder.mkdir(parents=True, exist_ok=True)
    results = json.loads(pathlib.Path(sys.argv[1]).read_text())
    for link in dict.fromkeys(r["link"] for r in results):
        (folder / f"{link}.svg").write_text(picture(link, [r for r in results if r["link"] == link]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
