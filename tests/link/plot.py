#!/usr/bin/env python3
"""plot.py - draws what score.py --json wrote: for each link what went through the tunnel.

plot.py JSON [FOLDER]      FOLDER/NAME.svg for each link; default: docs/link

On standard output comes the table in Markdown. In a picture, one above the other, over the seconds
of the window: rate through the tunnel beside what the link carries, longest wait in its queue,
packets that did not come through, and what was seen: the rung (a) or the picture's lines (b, c). One
line for each peer.
"""
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
WIDTH, HEIGHT, LEFT, TOP, GAP = 640, 96, 64, 56, 30
COLOURS = {"a": "#0b6e4f", "b": "#1f5fbf", "c": "#c2410c"}
PEERS = {"a": "room – Liangshi – room", "b": "Chromium – Liangshi – Chromium", "c": "Chromium – Janus – Chromium"}
LINES = {1: 0, 2: 180, 3: 360, 4: 720, 5: 1080}  # of a rung


def rate(way):
    return way["out_kbps"]


def queue(way):
    return way["queue_max_ms"]


def gone(way):
    return way["lost"] + way["dropped"]


def lines(second):
    return LINES[second["rung"]] if "rung" in second else second["height"]


PANELS = [("kbit/s through the link", rate), ("queue, ms", queue), ("packets lost and dropped, a second", gone),
          ("lines of the picture", lines)]


def way(r):
    """The direction of the tunnel in which the lesson goes, second by second."""
    return [s["up" if r.get("behind") == "lead" else "down"] for s in r["tunnel"]]


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


def panel(title, results, take, top, seconds):
    rows = {r["peer"]: [take(s) for s in (r["series"] if take is lines else way(r))] for r in results}
    limit = [s["rate_kbps"] * (not s["outage"]) for s in way(results[0])] if take is rate else []
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
    for i, (title, take) in enumerate(PANELS):
        out += panel(title, results, take, TOP + i * (HEIGHT + GAP) + 8, seconds)
    out += [text(LEFT + WIDTH * t / seconds, bottom - 6, t, 'text-anchor="middle"') for t in range(0, seconds + 1, 5)]
    return "\n".join([*out, "</svg>", ""])


def cell(values, form=".0f"):
    known = [format(v, form) for v in values if v is not None]
    return " / ".join(known) or "–"


def row(r):
    rungs = ", ".join(f"{rung}: {seconds} s" for rung, seconds in r["rungs"].items())
    return " | ".join(["", r["link"], r["peer"], f"{r['concealed']:.1f}", cell([r["silence_ms"]]), f"{r['freeze']:.1f}",
                       f"{r['fps']:.1f}", cell([r["height"] or None]), cell(r["delay_ms"]), cell(r["slides_ms"]), cell([r["skew_ms"]]),
                       rungs or "–", cell(r["back_ms"]), ""]).strip()


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__.strip().split("\n\n")[1], file=sys.stderr)
        return 2
    folder = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else ROOT / "docs" / "link"
    folder.mkdir(parents=True, exist_ok=True)
    results = json.loads(pathlib.Path(sys.argv[1]).read_text())
    print("| link | | voice concealed % | silence ms | freeze % | fps | lines | delay p50 / p95 ms | slides p50 / p95 ms | skew ms | "
          "rungs | back: picture / voice ms |\n|" + "---|" * 12)
    print("\n".join(map(row, results)))
    for link in dict.fromkeys(r["link"] for r in results):
        (folder / f"{link}.svg").write_text(picture(link, [r for r in results if r["link"] == link]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
