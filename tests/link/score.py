#!/usr/bin/env python3
"""score.py - what a village gets of a lesson over a bad link, with real programs.

score.py --link NAME[,NAME…] [--peers a,b,c] [--behind point|lead] [--seconds N] [--content FOLDER]
         [--json FILE]

a   a lead's room, our relay, a point's room
b   Chromium, our relay, Chromium
c   Chromium, Janus, Chromium

The server and the side that is not behind the link are in one network namespace, the other side in
another; tunlink (links.conf) joins them. The content is a real clip, Chinese speech and slides with
the time of day burnt in (scripts/demo-content makes it), or the test card. What is told is counted
from when the picture is there for the first time, or half a minute later if none comes; the link's
steps begin then. docs/village-link.md tells what the three have in common and what not.

voice concealed %   of what should have been heard
silence ms          longest time without sound that was sent
freeze %            of the time: gaps longer than max(3 x mean, mean + 150 ms)
delay ms            from camera to display, by the burnt-in time, p50 / p95
slides ms           from a slide's change until it is seen, p50 / p95
skew ms             voice behind (+) or before (-) the picture, median
rung                the ladder's rungs, seconds on each
back ms             after an outage: from the link's return to the first picture / the first voice
"""
import argparse
import contextlib
import itertools
import json
import os
import pathlib
import re
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "tests" / "room")]
import netns  # noqa: E402
from browsers import OverJanus, OverRelay  # noqa: E402
from room import Trouble  # noqa: E402
from rooms import Rooms  # noqa: E402

PEERS = {"a": Rooms, "b": OverRelay, "c": OverJanus}
AFTER_OUTAGE = 15  # seconds that a window goes on when the link is there again


def outage_end(link):
    """The second in which the link is there again after an outage; None: it has none."""
    described = re.split(r"^link ", (HERE / "links.conf").read_text(), flags=re.M)
    ends = [end for text in described if re.match(rf"{re.escape(link)}\s", text)
            for end in re.findall(r"^ +(?:up |down )?outage \S+ (\S+)", text, re.M)]
    return max(map(float, ends), default=None)


def measure(peer, link, args):
    back = outage_end(link)
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        village, school = stack.enter_context(netns.pair())
        tunnel = stack.enter_context(netns.Tunnel(args.tunlink, HERE / "links.conf", link, village, school))
        rooms = PEERS[peer](args, pathlib.Path(name), village, school)
        stack.callback(rooms.close)
        rooms.start()
        time.sleep(args.settle)
        rooms.begin()
        tunnel.restart()
        began, first = time.time(), len(tunnel.seconds)
        time.sleep(max(args.seconds, back + AFTER_OUTAGE if back else 0))
        got = rooms.end()
        shown, heard = got.pop("pictures_at"), got.pop("voices_at")
        moment = 1000 * (began + (back or 0))
        return {"link": link, "peer": peer, "behind": args.behind, "load": os.getloadavg()[0], **got,
                "back_ms": [after(shown, moment), after(heard, moment)] if back else [None, None],
                "tunnel": tunnel.seconds[first:]}


def after(times, moment):
    """Milliseconds from a moment to the first of the times after it."""
    return min((round(t - moment) for t in times if t >= moment), default=None)


def text(value, form):
    return "–" if value is None else format(value, form)


def show(r):
    print(f"{r['link']:15} {r['peer']}  concealed {r['concealed']:6.2f} %  silence {text(r['silence_ms'], '5')} ms  "
          f"freeze {text(r['freeze'], '6.2f')} %  {r['fps']:4.1f} fps {text(r['height'], '4')}  "
          f"delay {text(r['delay_ms'][0], '4')} / {text(r['delay_ms'][1], '4')} ms  "
          f"slides {text(r['slides_ms'][0], '4')} / {text(r['slides_ms'][1], '4')} ms  "
          f"skew {text(r['skew_ms'], '4')} ms  rungs {r['rungs']}  "
          f"back {text(r['back_ms'][0], '5')} / {text(r['back_ms'][1], '5')} ms  load {r['load']:.1f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    build = ROOT / "build"
    parser.add_argument("--link", required=True, help="names in links.conf, with commas")
    parser.add_argument("--peers", default="a", help="of a, b and c, with commas")
    parser.add_argument("--behind", choices=("point", "lead"), default="point")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--settle", type=int, default=10, help="seconds after the first picture")
    parser.add_argument("--content", type=pathlib.Path, help="folder that demo-content has filled; default: test card")
    parser.add_argument("--janus-kbps", type=int, default=0, help="what Janus' room allows a camera; 0: anything")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--relay", default=build / "relay" / "liangshi-relay")
    parser.add_argument("--room", default=build / "client" / "liangshi-room")
    parser.add_argument("--tunlink", default=build / "tests" / "link" / "tunlink")
    args = parser.parse_args()
    if set(args.peers.split(",")) - set(PEERS):
        parser.error("--peers: of a, b and c, with commas")
    results = []
    for link, peer in itertools.product(args.link.split(","), args.peers.split(",")):
        try:
            results.append(measure(peer, link, args))
        except Trouble as trouble:
            print(f"{link} {peer}: {trouble}", flush=True)
            continue
        show(results[-1])
    if args.json:
        args.json.write_text(json.dumps(results))
    return 0 if results else 1


if __name__ == "__main__":
    sys.exit(main())
