#!/usr/bin/env python3
"""measure.py - a lesson of real programs, measured: delay, voice, what a kill of the relay and of the
lead's room costs, what the recording lacks, its lips and voice.

measure.py RELAY ROOM PACKAGE [SECONDS [PATIENCE]]: SECONDS of undisturbed lesson (default 30; 1800
for lips and voice after half an hour), limits PATIENCE times as wide (default 1). Exit code 77 if a program is not there.
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "room"))
from room import LESSON, Relay, Room, Trouble, lesson_at, wait_for  # noqa: E402

wrong = []
patience = int(sys.argv[5]) if len(sys.argv) > 5 else 1


def figure(what, limit, value, unit, more=""):
    """One line of the report; what misses its limit times the patience is told at the end."""
    print(f"{'ok  ' if value <= limit else 'MISS'} {what}: {value:.4g} {unit}{more} (asked: <= {limit})",
          flush=True)
    if value > limit * patience:
        wrong.append(what)


def fact(what, true, seen):
    print(f"{'ok  ' if true else 'WRONG'} {what}: {seen}", flush=True)
    if not true:
        wrong.append(what)


class Sites(threading.Thread):
    """Follows the lesson's events: when which site was in which state."""

    def __init__(self, relay, token):
        super().__init__(daemon=True)
        self.relay, self.token, self.past = relay, token, []
        self.start()

    def run(self):
        while True:
            with contextlib.suppress(OSError, ValueError):
                self._follow()
            time.sleep(0.2)

    def _follow(self):
        request = urllib.request.Request(self.relay.url(f"/api/v1/lessons/{LESSON}/events"),
                                         headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, timeout=30) as stream:
            kind = ""
            for line in stream:
                text = line.decode().strip()
                if text.startswith("event:"):
                    kind = text[6:].strip()
                elif text.startswith("data:") and kind in ("site", "snapshot"):
                    data = json.loads(text[5:])
                    for site in data["sites"] if kind == "snapshot" else [data["site"]]:
                        self.past.append((time.monotonic(), site["id"], site))

    def when(self, since, site, condition, seconds=60):
        """Seconds from `since` until the site was first told to be so."""
        def first():
            return next((t for t, i, s in self.past if t > since and i == site and condition(s)), 0)
        return wait_for(f"site {site} is told", first, seconds) - since


def get(relay, path, token):
    request = urllib.request.Request(relay.url(path), headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def rooms_of(relay, program, folder):
    def room(kind, token, number=0):
        return Room(f"{kind}{number}", program, folder, kind, "--relay", relay.url(), "--lesson", LESSON,
                    "--token", token, "--camera", "test", "--mic", "test", "--display", "none",
                    "--speaker", "none")
    lead_token = relay.token("lead", "wang", "--lesson", LESSON, "--site", "S0")
    point = room("point", relay.token("assistant", "li", "--lesson", LESSON, "--site", "A"))
    return (lambda n: room("lead", lead_token, n)), point


def steady(point, seconds):
    """The way from camera to screen and the voice of an undisturbed lesson."""
    wait_for("the point sees 720 lines", lambda: point.sees("camera", 15, 720), 60)
    time.sleep(seconds)
    s = point.stats()
    delay, voice, camera = s["burnt_delay_ms"], s["voice"], s["video"]["camera"]
    figure("capture to display, median", 150, delay["p50"], "ms")
    figure("capture to display, p95", 200, delay["p95"], "ms")
    figure("voice concealed", 1, voice["concealed_ratio"] * 100, "%",
           f", longest silence {voice['longest_silence_ms']} ms")
    figure("picture frozen since the point came in", 5, camera["freeze_ratio"] * 100, "%",
           f", {camera['fps']:.1f} fps, {camera['width']}x{camera['height']}")


def shown_again(point, since, seconds=60):
    wait_for("the picture is back", lambda: point.sees("camera", 5, 180), seconds)
    return time.monotonic() - since


def kill_lead(sites, make_lead, lead, point):
    killed = time.monotonic()
    lead.process.kill()
    lead.process.wait()
    away = sites.when(killed, "S0", lambda s: s["state"] != "open")
    figure("the lead's room killed: points are told", 3, away, "s")
    wait_for("the picture stops", lambda: not point.sees("camera", 1, 1), 10)
    again = time.monotonic()
    lead = make_lead(2)
    back = shown_again(point, again)
    figure("the lead's room started again: picture back", 3, back, "s")
    return lead


def kill_relay(relay, sites, point, admin):
    killed = time.time()
    relay.kill()
    wait_for("the picture stops", lambda: not point.sees("camera", 1, 1), 10)
    began = time.monotonic()
    relay.start()
    back = max(sites.when(began, site, lambda s: s["state"] == "open" and len(s["sources"]) > 1)
               for site in ("S0", "A"))
    figure("the relay killed and started: sites open, tracks there", 5, back, "s")
    seen = shown_again(point, began)
    figure("the same, picture shown at the point", 5, seen, "s")
    state = get(relay, f"/api/v1/lessons/{LESSON}", admin)["state"]
    fact("the lesson runs on after the kill", state == "running", state)
    return killed


def ended(relay, admin):
    relay.post(f"/api/v1/lessons/{LESSON}/end", None, admin)
    bell = time.monotonic()
    found = wait_for("the recording is in the library", lambda: [
        r for r in get(relay, "/api/v1/resources", admin)["resources"] if r["state"] == "ready"], 60)
    took = time.monotonic() - bell
    figure("replay after the bell (this short lesson)", 10, took, "s")
    fact("one resource is made", len(found) == 1, len(found))
    return get(relay, f"/api/v1/resources/{found[0]['id']}/manifest", admin)


def download(relay, base, name, folder):
    path = folder / name
    with urllib.request.urlopen(relay.url(base + name), timeout=30) as answer, open(path, "wb") as out:
        shutil.copyfileobj(answer, out)
    return path


def flashes(path):
    """Middle of each flash of the test card, in seconds: the white field in its upper left."""
    done = subprocess.run(["ffmpeg", "-hide_banner", "-nostats", "-i", path, "-fps_mode", "passthrough",
                           "-copyts", "-vf", "crop=iw/8:ih/8:iw/8:ih/8,scale=2:2,format=gray,showinfo",
                           "-f", "null", "-"], capture_output=True, text=True, check=True)
    lit = [(float(t), int(mean) > 128) for t, mean in
           re.findall(r"pts_time:([\d.]+).*?mean:\[(\d+)\]", done.stderr)]
    return middles(lit)


def beeps(path):
    done = subprocess.run(["ffmpeg", "-v", "error", "-copyts", "-i", path, "-ac", "1", "-ar", "8000",
                           "-af", "aresample=async=1:first_pts=0",
                           "-f", "s16le", "-"], capture_output=True, check=True)
    pcm = struct.unpack(f"<{len(done.stdout) // 2}h", done.stdout)
    return middles([(i / 8000, max(map(abs, pcm[i:i + 16])) > 1000) for i in range(0, len(pcm), 16)])


def middles(lit):
    """Middles of runs between 40 and 140 ms long."""
    out, run = [], []
    for at, on in lit:
        if on:
            run.append(at)
        elif run:
            if 0.04 <= run[-1] - run[0] <= 0.14:
                out.append((run[0] + run[-1]) / 2)
            run = []
    return out


def figure_skew(when, seen, heard):
    """Each flash against the beep nearest to it."""
    skews = [min((v - a for a in heard), key=abs) * 1000 for v in seen]
    skew = statistics.median(skews) if skews else 1e9
    fact(f"flashes are found in the recording, {when}", len(skews) >= 10, len(skews))
    figure(f"lips and voice in the recording, {when}, median", 40, abs(skew), "ms",
           f" over {len(skews)} flashes, worst {max(skews, key=abs, default=0):+.0f} ms")


def look_at_recording(relay, manifest, killed, started, steady_until, folder):
    base, m = manifest["base"], manifest["manifest"]
    top = max((t for t in m["tracks"] if t["source"] == "camera" and t["site"] == "S0"),
              key=lambda t: t["height"])
    seen = flashes(download(relay, base, top["file"], folder))
    heard = beeps(download(relay, base, "voice.webm", folder))
    figure_skew("at its start", seen[:20], heard)
    end = steady_until - started - 1
    if end > 60:
        figure_skew(f"after {end / 60:.0f} minutes", [v for v in seen if end - 21 < v < end], heard)
    restart = [g for g in m["gaps"] if g["reason"] == "restart"]
    fact("the recording tells of one restart", len(restart) == 1, json.dumps(m["gaps"]))
    missing = killed - started - restart[0]["from_ms"] / 1000
    figure("recording missing before the kill", 1, max(missing, 0), "s")


def measure(programs, folder, stack, seconds):
    relay = Relay(programs[0], folder)
    os.environ["PATH"] = f"{pathlib.Path(programs[2]).parent}:{os.environ['PATH']}"
    relay.start()
    stack.callback(lambda: relay.process.kill())
    admin = lesson_at(relay)
    lesson = get(relay, f"/api/v1/lessons/{LESSON}/state", admin)
    started = time.time() - lesson["clock_ms"] / 1000
    sites = Sites(relay, admin)
    make_lead, point = rooms_of(relay, programs[1], folder)
    lead = make_lead(1)
    stack.callback(lambda: [r.process.kill() for r in (lead, point)])
    steady(point, seconds)
    steady_until = time.time()
    lead = kill_lead(sites, make_lead, lead, point)
    stack.callback(lead.process.kill)
    killed = kill_relay(relay, sites, point, admin)
    manifest = ended(relay, admin)
    look_at_recording(relay, manifest, killed, started, steady_until, folder)


def main():
    programs = sys.argv[1:4]
    if not all(os.path.exists(p) for p in programs) or not shutil.which("ffmpeg"):
        print("a program is missing")
        return 77
    seconds = int(sys.argv[4]) if len(sys.argv) > 4 else 30
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        try:
            measure(programs, pathlib.Path(name), stack, seconds)
        except Trouble as e:
            wrong.append(str(e))
            for log in pathlib.Path(name).glob("*.err"):
                print(log.name, log.read_text()[-600:])
            print((pathlib.Path(name) / "relay.log").read_text()[-1500:])
    print("\n".join(f"missed: {w}" for w in wrong) or "all reached")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
