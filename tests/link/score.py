#!/usr/bin/env python3
"""score.py - what a village gets of a lesson over a bad link, with real programs.

score.py --link NAME[,NAME…] [--behind point|lead] [--seconds N] [--content FOLDER] [--json FILE]

The relay and the room that is not behind the link are in one network namespace, the other room in
another; tunlink (links.conf) joins them. The content is a real clip, Chinese speech and slides with
the time of day burnt in (scripts/demo-content makes it), or the test card. What is told is counted
from when the picture is there for the first time, or half a minute later if none comes; the link's
steps begin then.

voice concealed %   of what should have been heard
silence ms          longest time without sound that was sent
freeze %            of the time: gaps longer than max(3 x mean, mean + 150 ms)
delay ms            from camera to display, by the burnt-in time, p50 / p95
skew ms             picture behind (+) or before (-) the voice, median
rung                the ladder's rungs, seconds on each
"""
import argparse
import collections
import contextlib
import json
import os
import pathlib
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "tests" / "room")]
import netns  # noqa: E402
from room import LESSON, Relay, Room, Trouble, wait_for  # noqa: E402

COME_IN = 40  # seconds until the picture should be there


class FarRelay(Relay):
    """Its calls come from where it is."""

    def post(self, path, body, token):
        request = {"path": path, "body": body, "token": token, "url": self.url(path)}
        import subprocess
        code = ("import json,sys,urllib.request;r=json.load(sys.stdin);"
                "q=urllib.request.Request(r['url'],method='POST',"
                "data=json.dumps(r['body']).encode() if r['body'] else b'',"
                "headers={'Authorization':'Bearer '+r['token'],'Content-Type':'application/json'});"
                "print(urllib.request.urlopen(q,timeout=10).read().decode())")
        done = subprocess.run([*self.inside, sys.executable, "-c", code], input=json.dumps(request),
                              capture_output=True, text=True, check=True)
        return json.loads(done.stdout)


def lesson_at(relay):
    admin = relay.token("admin", "adm", "--lesson", "*")
    relay.post("/api/v1/lessons", {"id": LESSON, "title": "link", "lead_site": "S0", "points": ["A"],
                                   "duration_min": 30, "record": False}, admin)
    relay.post(f"/api/v1/lessons/{LESSON}/start", None, admin)


def sources(kind, content):
    def film(name):
        return f"file:{content / name}" if content else "test"
    if kind == "lead":
        return ["--camera", film("camera.mkv"), "--slides", film("slides.mkv"), "--mic", film("speech.wav"),
                "--burn-time"]
    return ["--camera", film("class-a.mkv"), "--mic", film("class-a.wav"), "--burn-time"]


def room(kind, relay, args, folder, inside):
    token = relay.token("lead", "wang", "--lesson", LESSON, "--site", "S0") if kind == "lead" else \
        relay.token("assistant", "li", "--lesson", LESSON, "--site", "A")
    return Room(kind, args.room, folder, kind, "--relay", relay.url(), "--lesson", LESSON, "--token", token,
                *sources(kind, args.content), "--display", "none", "--speaker", "none", inside=inside)


def slot(kind):
    return "camera" if kind == "point" else "wall/1"


def grown(before, after, path):
    """How much a counter grew."""
    def value(s):
        for name in path:
            s = s.get(name, {})
        return s or 0
    return value(after) - value(before)


def measure(link, args):
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = pathlib.Path(name)
        village, school = stack.enter_context(netns.pair())
        relay = FarRelay(args.relay, folder, netns.B, netns.inside(school))
        relay.start()
        lesson_at(relay)
        tunnel = stack.enter_context(netns.Tunnel(args.tunlink, HERE / "links.conf", link, village, school))
        where = {"lead": school, "point": village} if args.behind == "point" else {"lead": village, "point": school}
        rooms = {kind: room(kind, relay, args, folder, netns.inside(where[kind])) for kind in where}
        looker = rooms["point"]
        with contextlib.suppress(Trouble):
            wait_for("a picture", lambda: looker.sees("camera", 1, 90), COME_IN)
        time.sleep(args.settle)
        tunnel.restart()
        first, began = looker.stats(), len(tunnel.seconds)
        lines = len(looker.out.read_text().splitlines())
        time.sleep(args.seconds)
        last = looker.stats()
        series = [json.loads(x) for x in looker.out.read_text().splitlines()[lines:] if x.endswith("}")]
        return result(link, first, last, series, tunnel.seconds[began:])


def result(link, first, last, series, seconds):
    camera = last.get("video", {}).get("camera", {})
    rungs = collections.Counter(s["rung"] for s in series)
    delay = last.get("burnt_delay_ms") or {}
    return {
        "link": link,
        "concealed": 100 * grown(first, last, ["voice", "concealed_ms"]) /
        max(grown(first, last, ["voice", "played_ms"]), 1),
        "silence_ms": last.get("voice", {}).get("longest_silence_ms"),
        "freeze": 100 * grown(first, last, ["video", "camera", "frozen_ms"]) /
        max(1000 * grown(first, last, ["t_s"]), 1) if camera else None,
        "fps": sum(s.get("video", {}).get("camera", {}).get("fps", 0) for s in series) / max(len(series), 1),
        "height": camera.get("height"),
        "delay_ms": [delay.get("p50"), delay.get("p95")],
        "skew_ms": last.get("skew_ms"),
        "rungs": dict(sorted(rungs.items())),
        "load": os.getloadavg()[0],
        "series": series,
        "tunnel": seconds,
    }


def text(value, form):
    return "–" if value is None else format(value, form)


def show(r):
    print(f"{r['link']:15} concealed {r['concealed']:6.2f} %  silence {text(r['silence_ms'], '5')} ms  "
          f"freeze {text(r['freeze'], '6.2f')} %  {r['fps']:4.1f} fps {text(r['height'], '4')}  "
          f"delay {text(r['delay_ms'][0], '4')} / {text(r['delay_ms'][1], '4')} ms  "
          f"skew {text(r['skew_ms'], '4')} ms  rungs {r['rungs']}  load {r['load']:.1f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    build = ROOT / "build"
    parser.add_argument("--link", required=True, help="names in links.conf, with commas")
    parser.add_argument("--behind", choices=("point", "lead"), default="point")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--settle", type=int, default=10, help="seconds after the first picture")
    parser.add_argument("--content", type=pathlib.Path, help="folder that demo-content has filled; default: test card")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--relay", default=build / "relay" / "liangshi-relay")
    parser.add_argument("--room", default=build / "client" / "liangshi-room")
    parser.add_argument("--tunlink", default=build / "tests" / "link" / "tunlink")
    args = parser.parse_args()
    results = []
    for link in args.link.split(","):
        try:
            results.append(measure(link, args))
        except Trouble as trouble:
            print(f"{link}: {trouble}", flush=True)
            continue
        show(results[-1])
    if args.json:
        args.json.write_text(json.dumps(results))
    return 0 if results else 1


if __name__ == "__main__":
    sys.exit(main())
