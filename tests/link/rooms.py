"""rooms.py - (a) of score.py: a lead's room, our relay and a point's room, one of them behind the link."""
import collections
import contextlib
import datetime
import json
import re
import subprocess
import sys

import netns
from room import LESSON, Relay, Room, Trouble, wait_for

COME_IN = 40  # seconds until the picture should be there


class FarRelay(Relay):
    """A relay in the school, with a lesson that has begun; its calls come from where it is."""

    def __init__(self, program, folder, school, config=None):
        super().__init__(program, folder, netns.B, netns.inside(school), config)

    def start(self):
        super().start()
        admin = self.token("admin", "adm", "--lesson", "*")
        self.post("/api/v1/lessons", {"id": LESSON, "title": "link", "lead_site": "S0", "points": ["A"],
                                      "duration_min": 30, "record": False}, admin)
        self.post(f"/api/v1/lessons/{LESSON}/start", None, admin)

    def post(self, path, body, token):
        request = {"path": path, "body": body, "token": token, "url": self.url(path)}
        code = ("import json,sys,urllib.request;r=json.load(sys.stdin);"
                "q=urllib.request.Request(r['url'],method='POST',"
                "data=json.dumps(r['body']).encode() if r['body'] else b'',"
                "headers={'Authorization':'Bearer '+r['token'],'Content-Type':'application/json'});"
                "print(urllib.request.urlopen(q,timeout=10).read().decode())")
        done = subprocess.run([*self.inside, sys.executable, "-c", code], input=json.dumps(request),
                              capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    def token_of(self, kind):
        return self.token("lead", "wang", "--lesson", LESSON, "--site", "S0") if kind == "lead" else \
            self.token("assistant", "li", "--lesson", LESSON, "--site", "A")


def sources(kind, content):
    def film(name):
        return f"file:{content / name}" if content else "test"
    if kind == "lead":
        return ["--camera", film("camera.mkv"), "--slides", film("slides.mkv"), "--mic", film("speech.wav"),
                "--burn-time"]
    return ["--camera", film("class-a.mkv"), "--mic", film("class-a.wav"), "--burn-time"]


def grown(before, after, path):
    """How much a counter grew."""
    def value(s):
        for name in path:
            s = s.get(name, {})
        return s or 0
    return value(after) - value(before)


class Rooms:
    """The picture of the lead and her voice as the point has them."""

    def __init__(self, args, folder, village, school):
        self.args, self.folder = args, folder
        self.relay = FarRelay(args.relay, folder, school)
        self.where = {"lead": school, "point": village} if args.behind == "point" else \
            {"lead": village, "point": school}
        self.room_of = {}
        self.first = self.looker = None
        self.lines = 0

    def start(self):
        self.relay.start()
        self.room_of = {kind: self.room(kind) for kind in self.where}
        self.looker = self.room_of["point"]
        with contextlib.suppress(Trouble):
            wait_for("a picture", lambda: self.looker.sees("camera", 1, 90), COME_IN)

    def room(self, kind):
        return Room(kind, self.args.room, self.folder, kind, "--relay", self.relay.url(), "--lesson", LESSON,
                    "--token", self.relay.token_of(kind), *sources(kind, self.args.content), "--display", "none",
                    "--speaker", "none", inside=netns.inside(self.where[kind]))

    def close(self):
        """Its programs end with their namespaces."""

    def begin(self):
        self.first = self.looker.stats()
        self.lines = len(self.looker.out.read_text().splitlines())

    def end(self):
        last = self.looker.stats()
        series = [json.loads(x) for x in self.looker.out.read_text().splitlines()[self.lines:] if x.endswith("}")]
        return {**figures(self.first, last, series), "pictures_at": self.back("picture"),
                "voices_at": self.back("voice")}

    def back(self, what):
        """When the log says that it was there again, ms since 1970."""
        stamps = re.findall(rf"^(\S+) .*\bthe {what} is back\b", self.looker.err.read_text(), re.M)
        return [1000 * datetime.datetime.fromisoformat(s.replace("Z", "+00:00")).timestamp() for s in stamps]


def figures(first, last, series):
    camera = last.get("video", {}).get("camera", {})
    fps = sum(s.get("video", {}).get("camera", {}).get("fps", 0) for s in series) / max(len(series), 1)
    delay = (last.get("burnt_delay_ms") or {}) if fps else {}
    return {
        "concealed": 100 * grown(first, last, ["voice", "concealed_ms"]) /
        max(grown(first, last, ["voice", "played_ms"]), 1),
        "silence_ms": last.get("voice", {}).get("longest_silence_ms"),
        "freeze": min(100 * grown(first, last, ["video", "camera", "frozen_ms"]) /
                      max(1000 * grown(first, last, ["t_s"]), 1), 100) if fps else 100,
        "fps": fps,
        "height": camera.get("height"),
        "delay_ms": [delay.get("p50"), delay.get("p95")],
        "slides_ms": [(last.get("slides_delay_ms") or {}).get(q) for q in ("p50", "p95")],
        "skew_ms": last.get("skew_ms"),
        "rungs": dict(sorted(collections.Counter(s["rung"] for s in series).items())),
        "series": series,
    }
