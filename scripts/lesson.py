#!/usr/bin/env python3
"""lesson.py - plays a whole lesson on this machine: relay, lead room, two village points.

Called by scripts/run, which has built everything. All media really goes through the relay; the
rooms are the programs that stand in classrooms, with files for cameras and microphones.
"""
import argparse
import http.client
import json
import os
import pathlib
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
DEMO = BUILD / "demo"
RELAY = BUILD / "relay" / "liangshi-relay"
ROOM = BUILD / "client" / "liangshi-room"

LEAD_SITE = {"id": "S0", "name": "中心校"}
POINTS = [{"id": "A", "name": "上河教学点"}, {"id": "B", "name": "下河教学点"}]
CLASSES = {"A": "class-a", "B": "class-b"}


class Trouble(Exception):
    """Something that ends the demonstration, in words for the person who started it."""


def say(text):
    print(text, flush=True)


class Program:
    """A child process whose lines of output are read as they come."""

    def __init__(self, name, command, log, **environment):
        self.name = name
        self.lines = queue.Queue()
        self.log = log
        with open(log, "wb") as errors:
            # a session of its own: Ctrl-C comes to us alone, we end our children in order
            self.process = subprocess.Popen([str(c) for c in command], cwd=ROOT, text=True,
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                            stderr=errors, start_new_session=True,
                                            env={**os.environ, **environment})
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line)

    def newest(self):
        """The last whole line since the last call, or None."""
        line = None
        while not self.lines.empty():
            line = self.lines.get()
        return line

    def code(self):
        return self.process.poll()

    def last_words(self):
        return "".join(open(self.log, errors="replace").readlines()[-8:])

    def stop(self, patience=10):
        """Asks it to end; kills it if it does not. True if it ended by itself, without fault."""
        if self.code() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(patience) in (0, -signal.SIGTERM)
        except subprocess.TimeoutExpired:
            say(f"{self.name} does not end; killed")
            self.process.kill()
            self.process.wait()
            return False


class Relay(Program):
    def __init__(self, options):
        self.data = options.data
        super().__init__("relay", [RELAY, "--data", options.data, "--http", options.http,
                                   "--https", options.https, "--media", options.media,
                                   "--web", ROOT / "client" / "web", "--lib", BUILD / "web" / "lib"],
                         DEMO / "relay.log")
        self.host, self.port = self._wait_until_ready()
        self.url = f"http://{self.host}:{self.port}"
        self.tokens = {}

    def _wait_until_ready(self):
        try:
            line = self.lines.get(timeout=20)
        except queue.Empty:
            line = ""
        found = re.match(r"ready .*\bhttp=(\S+):(\d+)", line)
        if not found:
            self.process.kill()
            raise Trouble(f"the relay does not start:\n{line}{self.last_words()}")
        return found.group(1), int(found.group(2))

    def token(self, role, sub, name, site=None, lesson=None):
        if sub not in self.tokens:
            command = [RELAY, "token", "--data", self.data, "--role", role, "--sub", sub,
                       "--name", name, "--ttl", "12h"]
            command += ["--site", site] if site else []
            command += ["--lesson", lesson] if lesson else []
            done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
            if done.returncode != 0:
                raise Trouble(f"no token for {sub}: {done.stderr.strip()}")
            self.tokens[sub] = done.stdout.strip()
        return self.tokens[sub]

    def call(self, method, path, token, body=None):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=10)
        try:
            headers = {"Authorization": f"Bearer {token}"}
            if body is not None:
                headers["Content-Type"] = "application/json"
                body = json.dumps(body).encode()
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            answer = json.loads(response.read() or b"{}")
        except (OSError, ValueError, http.client.HTTPException) as e:
            raise Trouble(f"{method} {path}: {e}") from e
        finally:
            connection.close()
        if response.status >= 300:
            raise Trouble(f"{method} {path}: {response.status} {answer.get('title', '')} "
                          f"{answer.get('detail', '')} {answer.get('field', '')}".rstrip())
        return answer


class Events(threading.Thread):
    """Follows the lesson's events; `sites`, `floor` and `hands` are what they said last."""

    def __init__(self, relay, lesson, token):
        super().__init__(daemon=True)
        self.relay, self.lesson, self.token = relay, lesson, token
        self.sites, self.floor, self.hands, self.state = {}, None, [], "planned"
        self.news, self.past = queue.Queue(), []
        self.start()

    def run(self):
        while self.state != "ended":
            try:
                self._follow()
            except (OSError, ValueError, http.client.HTTPException):
                pass
            time.sleep(1)

    def _follow(self):
        connection = http.client.HTTPConnection(self.relay.host, self.relay.port, timeout=30)
        connection.request("GET", f"/api/v1/lessons/{self.lesson}/events",
                           headers={"Authorization": f"Bearer {self.token}"})
        response = connection.getresponse()
        kind = ""
        while line := response.readline().decode():
            if line.startswith("event:"):
                kind = line[6:].strip()
            elif line.startswith("data:"):
                self._take(kind, json.loads(line[5:]))
        connection.close()

    def _take(self, kind, data):
        if kind in ("hand", "floor", "mark", "mode"):
            self.past.append({"event": kind, **data})
        if kind in ("snapshot", "lesson"):
            self.state = data["lesson"]["state"]
        if kind == "snapshot":
            self.sites = {s["id"]: s for s in data["sites"]}
            self.hands = [h["site"] for h in data["hands"]]
            self.floor = data["floor"]
        elif kind == "site":
            self.sites[data["site"]["id"]] = data["site"]
        elif kind == "hand":
            self.hands = [h["site"] for h in data["hands"]]
            self.news.put(f"{self.name_of(data['site'])} "
                          f"{'raises a hand' if data['up'] else 'has no hand up any more'}")
        elif kind == "floor":
            self.floor = data["floor"]
            self.news.put(f"{self.name_of(self.floor)} has the floor" if self.floor
                          else "the floor is the lead's again")
        elif kind == "mark":
            self.news.put(f"mark: {data['mark']['text']}")

    def name_of(self, site):
        return self.sites.get(site, {}).get("name", site)

    def is_open(self, site):
        return self.sites.get(site, {}).get("state") == "open"


def start_rooms(relay, lesson):
    """The three rooms, by their site."""
    def room(site, kind, token, *sources):
        return Program(f"room {site}", [ROOM, kind, "--relay", relay.url, "--lesson", lesson,
                                        "--display", "none", "--speaker", "none",
                                        "--journal", DEMO / "journal" / site, "--json", *sources],
                       DEMO / f"room-{site}.log", LIANGSHI_TOKEN=token)

    def file(name):
        return f"file:{DEMO / name}"

    rooms = {"S0": room("S0", "lead", lead_token(relay),
                        "--camera", file("camera.mkv"), "--slides", file("slides.mkv"),
                        "--mic", file("speech.wav"))}
    for point in POINTS:
        name = CLASSES[point["id"]]
        rooms[point["id"]] = room(point["id"], "point", point_token(relay, point),
                                  "--camera", file(f"{name}.mkv"), "--mic", file(f"{name}.wav"))
    return rooms


def lead_token(relay):
    return relay.token("lead", "wang", "王老师", site=LEAD_SITE["id"])


def point_token(relay, point):
    return relay.token("assistant", f"assistant-{point['id']}", f"{point['name']}助教",
                       site=point["id"])


def admin_token(relay):
    return relay.token("admin", "demo", "演示", lesson="*")


class Plan:
    """What people do in the lesson, and when: one round of the looped speech after the other."""

    def __init__(self, relay, lesson, content):
        self.relay, self.path, self.round = relay, f"/api/v1/lessons/{lesson}", content["duration_s"]
        question, end = content["question_s"], content["answer_by_s"]
        answering = POINTS[-1]
        self.steps = sorted(
            [(s["at_s"], lead_token(relay), "marks", {"kind": "chapter", "text": s["head"]})
             for s in content["slides"]] +
            [(question + 1, point_token(relay, answering), "hand", {"up": True}),
             (question + 5, lead_token(relay), "floor", {"action": "give", "site": answering["id"]}),
             (end, lead_token(relay), "floor", {"action": "take"})], key=lambda step: step[0])
        self.at = 0

    def due(self):
        return self.round * (self.at // len(self.steps)) + self.steps[self.at % len(self.steps)][0]

    def go_on(self, now):
        """Does what is due after `now` seconds of speech; what went wrong, in words, or None."""
        while self.due() <= now:
            _, token, what, body = self.steps[self.at % len(self.steps)]
            self.at += 1
            try:
                self.relay.call("POST", f"{self.path}/{what}", token, body)
            except Trouble as trouble:  # somebody at the lead's console had another idea
                return str(trouble)
        return None


def figure(value, form):
    return "-" if value is None else form.format(value)


def dig(stats, *path):
    for key in path:
        stats = stats.get(key) if isinstance(stats, dict) else None
    return stats


def pictures(stats):
    """"camera 25 fps, slides 5 fps" of whatever the room shows."""
    video = stats.get("video", stats) if isinstance(stats, dict) else {}
    shown = [f"{name} {v['fps']:.0f}" for name, v in video.items()
             if isinstance(v, dict) and isinstance(v.get("fps"), (int, float))]
    return ", ".join(shown) or "-"


TABLE = "{:<10} {:<10} {:>5} {:>4} {:>8} {:>8} {:>6} {:>7} {:>11}  {}"
HEADER = TABLE.format("room", "state", "hand", "floor", "up kb/s", "down kb/s", "loss", "rtt ms",
                      "delay ms", "frames per second shown")


def row(site, events, stats, room):
    known = events.sites.get(site, {})
    state = f"exit {room.code()}" if room.code() is not None else known.get("state", "-")
    loss = dig(stats, "down", "loss")
    return TABLE.format(
        {"S0": "lead"}.get(site, f"point {site}"), state, "up" if site in events.hands else "",
        "yes" if events.floor == site else "", figure(dig(stats, "up", "kbps"), "{:.0f}"),
        figure(dig(stats, "down", "kbps"), "{:.0f}"),
        figure(None if loss is None else 100 * loss, "{:.1f} %"),
        figure(stats.get("rtt_ms"), "{:.0f}"),
        figure(dig(stats, "delay_ms", "p50"), "{:.0f}") + "/" +
        figure(dig(stats, "delay_ms", "p95"), "{:.0f}"), pictures(stats))


class Screen:
    """The status table: drawn over itself on a terminal, every ten seconds otherwise."""

    def __init__(self):
        self.live = sys.stdout.isatty()
        self.drawn = 0
        self.next = 0.0

    def news(self, text):
        self._up()
        say(text)

    def _up(self):
        if self.live and self.drawn:
            sys.stdout.write(f"\033[{self.drawn}A\033[J")
        self.drawn = 0

    def draw(self, now, lines):
        if now < self.next:
            return
        self.next = now + (1 if self.live else 10)
        self._up()
        width = shutil.get_terminal_size((200, 40)).columns if self.live else 200
        say("\n".join(line[:width - 1] for line in lines))
        self.drawn = len(lines)


def links(relay, lesson):
    observer = relay.token("observer", "observer", "教研员", lesson=lesson)
    assistant = relay.token("assistant", "assistant-browser", "李老师", site="A")
    say(f"""
Open in a browser on this machine (the links carry tokens that are good for 12 hours):
  lead's console   {relay.url}/lead.html#lesson={lesson}&token={lead_token(relay)}
  assistant, A     {relay.url}/assistant.html#lesson={lesson}&token={assistant}
  observer         {relay.url}/observer.html#lesson={lesson}&token={observer}
  library          {relay.url}/library.html#token={admin_token(relay)}
""")


def create_lesson(relay, content):
    body = {"title": content["title"], "subject": content["subject"], "grade": content["grade"],
            "teacher": content["teacher"], "type": "delivered", "lead_site": LEAD_SITE,
            "points": POINTS, "duration_min": 40, "record": True}
    return relay.call("POST", "/api/v1/lessons", admin_token(relay), body)["id"]


def wait_for_rooms(events, rooms, stop, seconds=30):
    """When the lead was first connected: about then her speech began."""
    end, lead_open = time.monotonic() + seconds, None
    while not all(events.is_open(site) for site in rooms):
        if lead_open is None and events.is_open(LEAD_SITE["id"]):
            lead_open = time.monotonic()
        for room in rooms.values():
            if room.code() is not None:
                raise Trouble(f"{room.name} ended with {room.code()}:\n{room.last_words()}")
        if stop.asked.is_set():
            raise Trouble("stopped before the lesson began")
        if time.monotonic() > end:
            missing = [s for s in rooms if not events.is_open(s)]
            raise Trouble(f"not connected after {seconds} s: {', '.join(missing)}; "
                          f"see {DEMO}/room-*.log")
        time.sleep(0.1)
    return lead_open or time.monotonic()


class Stop:
    """Set by Ctrl-C or a polite kill; the lesson is ended in order then."""

    def __init__(self):
        self.asked = threading.Event()
        signal.signal(signal.SIGINT, self._ask)
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, *_):
        if self.asked.is_set():
            raise KeyboardInterrupt
        self.asked.set()


def show_lesson(relay, events, rooms, plan, speech, minutes, stop):
    """Until the bell, here or at the lead's console, or Ctrl-C. The speech began at `speech`.
    The last statistics of each room, and how many frames a second it showed, second by second."""
    start, screen = time.monotonic(), Screen()
    stats, shown = {site: {} for site in rooms}, {site: {} for site in rooms}
    while not stop.asked.wait(0.2):
        now = time.monotonic() - start
        if (minutes and now >= minutes * 60) or events.state == "ended":
            break
        if relay.code() is not None:
            raise Trouble(f"the relay ended with {relay.code()}:\n{relay.last_words()}")
        trouble = plan.go_on(time.monotonic() - speech)
        if trouble:
            events.news.put(trouble)
        while not events.news.empty():
            screen.news(f"{int(now) // 60:02}:{int(now) % 60:02} {events.news.get()}")
        for site, room in rooms.items():
            line = room.newest()
            if line and line.startswith("{"):
                stats[site] = json.loads(line)
                for name, video in stats[site].get("video", {}).items():
                    shown[site].setdefault(name, []).append(video.get("fps", 0))
        left = f"the bell rings in {minutes * 60 - now:.0f} s" if minutes else "Ctrl-C ends the lesson"
        screen.draw(now, [f"lesson {int(now) // 60:02}:{int(now) % 60:02}, {left}", HEADER] +
                    [row(site, events, stats[site], room) for site, room in rooms.items()])
    return stats, shown


def end_lesson(relay, lesson, seconds=120):
    """Rings the bell and waits until the recording stands in the library; says what stands there."""
    say("\nthe bell: ending the lesson")
    relay.call("POST", f"/api/v1/lessons/{lesson}/end", admin_token(relay))
    bell, state = time.monotonic(), ""
    while time.monotonic() < bell + seconds:
        found = relay.call("GET", f"/api/v1/resources?lesson={lesson}", admin_token(relay))
        resource = next(iter(found["resources"]), {"state": "not yet known"})
        if resource["state"] != state:
            state = resource["state"]
            say(f"  {time.monotonic() - bell:4.1f} s after the bell: {state}")
        if state == "ready":
            say(f"the recording stands in the library: {resource['duration_ms'] / 1000:.0f} s, "
                f"{resource['bytes'] / 1e6:.1f} MB")
            return {"ready_after_s": time.monotonic() - bell, **resource}
        if state == "failed":
            raise Trouble(f"the recording failed: {resource.get('detail', '')}")
        time.sleep(0.2)
    raise Trouble(f"no recording in the library {seconds} s after the bell ({state})")


def run_lesson(options, relay, stop):
    content = json.loads((DEMO / "lesson.json").read_text())
    lesson = create_lesson(relay, content)
    say(f"lesson {lesson}: {content['title']}, {content['teacher']}")
    events = Events(relay, lesson, admin_token(relay))
    rooms = start_rooms(relay, lesson)
    faults = []
    try:
        say("waiting for the lead room and the points to connect")
        speech = wait_for_rooms(events, rooms, stop)
        relay.call("POST", f"/api/v1/lessons/{lesson}/start", lead_token(relay))
        links(relay, lesson)
        stats, shown = show_lesson(relay, events, rooms, Plan(relay, lesson, content), speech,
                                   options.minutes, stop)
        faults = [r.name for r in rooms.values() if r.code() is not None]
        resource = end_lesson(relay, lesson)
        (DEMO / "summary.json").write_text(json.dumps(
            {"lesson": lesson, "rooms": stats, "shown": shown, "happened": events.past, "resource": resource},
            ensure_ascii=False, indent=1) + "\n")
    finally:
        faults += [r.name for r in rooms.values() if not r.stop() and r.name not in faults]
    if faults:
        raise Trouble(f"ended with a fault: {', '.join(faults)}; see {DEMO}/*.log")


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/run", description="Plays a whole lesson on this machine.")
    parser.add_argument("--minutes", type=float, metavar="N",
                        help="ring the bell after N minutes; otherwise Ctrl-C does")
    parser.add_argument("--stay", action="store_true",
                        help="keep the relay and its library running after the lesson")
    parser.add_argument("--library", action="store_true",
                        help="no lesson: only the relay and the library of earlier ones")
    parser.add_argument("--data", type=pathlib.Path, default=ROOT / "data", metavar="DIR",
                        help="the relay's data (default: data/)")
    parser.add_argument("--http", default="127.0.0.1:8080", metavar="ADDR:PORT")
    parser.add_argument("--https", default="127.0.0.1:8443", metavar="ADDR:PORT")
    parser.add_argument("--media", default="127.0.0.1:8450", metavar="ADDR:PORT")
    options = parser.parse_args()
    if options.minutes is not None and options.minutes <= 0:
        parser.error("--minutes: a number above 0")
    return options


def main():
    options = parse_arguments()
    DEMO.mkdir(parents=True, exist_ok=True)
    stop, relay, code = Stop(), None, 0
    try:
        say("starting the relay")
        relay = Relay(options)
        if not options.library:
            run_lesson(options, relay, stop)
        if (options.stay or options.library) and not stop.asked.is_set():
            say(f"\nlibrary: {relay.url}/library.html#token={admin_token(relay)}\nCtrl-C ends it")
            stop.asked.wait()
    except Trouble as trouble:
        say(f"\n{trouble}")
        code = 1
    except KeyboardInterrupt:
        say("\nstopped at once; the lesson is still open and goes on when the relay starts again")
        code = 1
    if relay and not relay.stop():
        say(f"the relay did not end as it should:\n{relay.last_words()}")
        code = 1
    say("all programs have ended" if code == 0 else "ended with a fault")
    sys.exit(code)


if __name__ == "__main__":
    main()
