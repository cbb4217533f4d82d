#!/usr/bin/env python3
"""room.py - a lead room and a point in a real lesson at a real relay: pictures and voice both ways,
the relay killed in the middle, the bell.

room.py RELAY ROOM [FLAG OF THE LEAD …]; exit code 77 if one of the programs is not there.
"""
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

LESSON = "L1"


class Trouble(Exception):
    """What went wrong, in one sentence."""


def wait_for(what, condition, seconds):
    """Polls until condition() gives something; names what did not come."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = condition()
        if got:
            return got
        time.sleep(0.05)
    raise Trouble(f"not within {seconds} s: {what}")


class Relay:
    """The relay; after a kill it comes back on the same ports with the same data. `inside`: what
    stands before its command, `host`: its address."""

    def __init__(self, program, folder, host="127.0.0.1", inside=(), config=None):
        self.program, self.folder, self.host, self.inside = program, folder, host, list(inside)
        self.config = config
        self.ports = {"http": 0, "https": 0, "media": 0}
        self.process = None

    def start(self):
        log = self.folder / "relay.log"
        command = [*self.inside, self.program, "--data", self.folder / "data", "--workers", "1",
                   "--plain-http-anywhere"]
        for name, port in self.ports.items():
            command += [f"--{name}", f"{self.host}:{port}"]
        if self.config:
            command += ["--config", self.config]
        with open(log, "wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        line = wait_for("the relay is ready",
                        lambda: re.search(r"^ready .*$", log.read_text(), re.M), 20).group()
        for name in self.ports:
            self.ports[name] = int(re.search(rf"{name}={re.escape(self.host)}:(\d+)", line).group(1))

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def url(self, path=""):
        return f"http://{self.host}:{self.ports['http']}{path}"

    def token(self, role, sub, *more):
        return subprocess.run([self.program, "token", "--data", self.folder / "data", "--role", role,
                               "--sub", sub, *more], check=True, capture_output=True,
                              text=True).stdout.strip()

    def post(self, path, body, token):
        request = urllib.request.Request(self.url(path), method="POST",
                                         data=json.dumps(body).encode() if body else b"",
                                         headers={"Authorization": f"Bearer {token}"})
        if body:
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())


class Room:
    """A room program and what it said last."""

    def __init__(self, name, program, folder, *arguments, inside=()):
        self.name = name
        self.out, self.err = folder / f"{name}.out", folder / f"{name}.err"
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen([*inside, program, *arguments, "--json"], stdout=out,
                                            stderr=err)

    def stats(self):
        if self.process.poll() is not None:
            raise Trouble(f"{self.name} ended with {self.process.returncode}: "
                          f"{self.err.read_text()[-300:]}")
        lines = [line for line in self.out.read_text().splitlines() if line.endswith("}")]
        return json.loads(lines[-1]) if lines else {}

    def sees(self, slot, fps, height):
        video = self.stats().get("video", {}).get(slot, {})
        return video.get("fps", 0) >= fps and video.get("height", 0) >= height

    def hears(self):
        return self.stats().get("voice", {}).get("longest_silence_ms", 10000) < 5000 and \
            self.stats().get("down", {}).get("kbps", 0) > 20


def lesson_at(relay):
    admin = relay.token("admin", "adm", "--lesson", "*")
    relay.post("/api/v1/lessons", {"id": LESSON, "title": "test", "lead_site": "S0",
                                   "points": ["A"], "duration_min": 10}, admin)
    relay.post(f"/api/v1/lessons/{LESSON}/start", None, admin)
    return admin


def start_rooms(relay, program, folder, lead_flags):
    def room(kind, token, *more):
        return Room(kind, program, folder, kind, "--relay", relay.url(), "--lesson", LESSON,
                    "--token", token, "--camera", "test", "--mic", "test", "--display", "none",
                    "--speaker", "none", *more)
    lead = room("lead", relay.token("lead", "wang", "--lesson", LESSON, "--site", "S0"),
                "--slides", "test", "--journal", folder / "copy", *lead_flags)
    point = room("point", relay.token("assistant", "li", "--lesson", LESSON, "--site", "A"))
    return lead, point


def check_lesson(relay, lead, point, admin, height):
    wait_for("the point sees the teacher", lambda: point.sees("camera", 5, height), 30)
    wait_for("the point sees the slides", lambda: point.sees("slides", 0.5, 1080), 30)
    wait_for("the lead sees the class", lambda: lead.sees("wall/1", 5, 180), 30)
    wait_for("the point hears the teacher", point.hears, 10)
    wait_for("pictures are timed by their strip",
             lambda: point.stats().get("burnt_delay_ms", {}).get("p50", 0) > 0, 10)
    print("seen:", json.dumps(point.stats()))

    relay.kill()
    wait_for("the picture stops", lambda: not point.sees("camera", 1, 1), 10)
    relay.start()
    back = time.monotonic()
    wait_for("the picture is back", lambda: point.sees("camera", 5, height), 30)
    wait_for("the class is back", lambda: lead.sees("wall/1", 5, 180), 30)
    print(f"back {time.monotonic() - back:.1f} s after the relay")

    relay.post(f"/api/v1/lessons/{LESSON}/end", None, admin)
    for room in (lead, point):
        if room.process.wait(timeout=10) != 0:
            raise Trouble(f"{room.name} did not leave cleanly: {room.err.read_text()[-300:]}")


def check_refusals(relay, program):
    """Each wrong start ends with its code and a sentence that says what was wrong."""
    base = [program, "lead", "--relay", relay.url(), "--display", "none", "--speaker", "none",
            "--mic", "none"]
    cases = [(["--lesson", LESSON, "--token", "nonsense", "--camera", "test"], 1, "token"),
             (["--lesson", LESSON, "--token", "x", "--camera", "file:/no/film.mkv"], 1,
              "/no/film.mkv: No such file"),
             (["--lesson", LESSON, "--token", "x", "--camera", "webcam"], 2, "webcam")]
    for more, code, words in cases:
        done = subprocess.run([*base, *more], capture_output=True, text=True, timeout=20,
                              check=False)
        if done.returncode != code or words.lower() not in done.stderr.lower():
            raise Trouble(f"{more}: code {done.returncode}, {done.stderr[-300:]}")


def main():
    relay_program, room_program, *lead_flags = sys.argv[1:]
    height = 720 if "--vp9" in lead_flags else 180  # all layers of one stream
    if not os.path.exists(relay_program) or not os.path.exists(room_program):
        print("no relay or no room program here")
        return 77
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = pathlib.Path(name)
        relay = Relay(relay_program, folder)
        relay.start()
        stack.callback(lambda: relay.process.kill())
        check_refusals(relay, room_program)
        admin = lesson_at(relay)
        lead, point = start_rooms(relay, room_program, folder, lead_flags)
        stack.callback(lead.process.kill)
        stack.callback(point.process.kill)
        try:
            check_lesson(relay, lead, point, admin, height)
        except Trouble as trouble:
            print(trouble, lead.err.read_text()[-800:], point.err.read_text()[-800:], sep="\n")
            return 1
        copied = sum(f.stat().st_size for f in (folder / "copy").iterdir())
        print(f"the lead's own copy has {copied} bytes")
        codec = b"VP9" if "--vp9" in lead_flags else b"VP8"
        if not any(codec in f.read_bytes() for f in (folder / "copy").iterdir()):
            print(f"the lead's own copy has no {codec.decode()}")
            return 1
        return 0 if copied > 100000 else 1


if __name__ == "__main__":
    sys.exit(main())
