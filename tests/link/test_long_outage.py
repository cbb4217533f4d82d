#!/usr/bin/env python3
"""test_long_outage.py - a point that has the floor is cut off for longer than the relay keeps its sessions
(GONE_AFTER, 30 s), and everything comes back: pictures and voice both ways, the site, the role, the
slots, and the floor as the lesson has it.

test_long_outage.py TUNLINK ROOM RELAY; wants root. It prints how long after the link's return each came.
"""
import argparse
import contextlib
import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "room")]
import netns  # noqa: E402
from room import LESSON, wait_for  # noqa: E402
from rooms import Rooms  # noqa: E402

TUNLINK, ROOM, RELAY = sys.argv[1:4]
LINK = """
link whole
    delay 25
link gone-40s
    delay 25
    outage 0 40
link gone-70s
    delay 25
    outage 0 70
"""
LIMIT = 3  # seconds after the link's return until everything is there again
SPEAKS = "now speaking"
READ_SNAPSHOT = """
import sys, urllib.request
q = urllib.request.Request(sys.argv[1], headers={"Authorization": "Bearer " + sys.argv[2]})
event = ""
with urllib.request.urlopen(q, timeout=10) as stream:
    for line in stream:
        word, _, text = line.decode().rstrip().partition(": ")
        if word == "event":
            event = text
        elif word == "data" and event == "snapshot":
            print(text)
            break
"""


def sent_back(room, what, since):
    """When the room's log first says after `since` that it was there again, s since 1970; None: not yet."""
    stamps = re.findall(rf"^(\S+) .*\bthe {what} is back\b", room.err.read_text(), re.M)
    times = [datetime.datetime.fromisoformat(s.replace("Z", "+00:00")).timestamp() for s in stamps]
    return min((t for t in times if t >= since), default=None)


class LongOutage(unittest.TestCase):
    def lesson(self, stack):
        """Rooms that have come in over a whole link, and how to put another in its place."""
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "links.conf").write_text(LINK)
        village, school = stack.enter_context(netns.pair())
        rooms = Rooms(argparse.Namespace(relay=RELAY, room=ROOM, behind="point", content=None), folder, village,
                      school)

        def joined(link):
            return stack.enter_context(netns.Tunnel(TUNLINK, folder / "links.conf", link, village, school))
        whole = joined("whole")
        rooms.start()
        lead, point = rooms.room_of["lead"], rooms.room_of["point"]
        wait_for("the point sees and hears the lead", lambda: point.sees("camera", 5, 180) and point.hears(), 40)
        wait_for("the lead sees the class", lambda: lead.sees("wall/1", 5, 90), 40)
        self.act(rooms, "lead", {"action": "call_on", "site": "A"})
        wait_for("the lead hears the class", lead.hears, 20)
        wait_for("the point shows that it speaks", lambda: point.stats().get("state") == SPEAKS, 10)

        def swap(link):
            whole.close()
            joined(link)
        return rooms, swap

    def act(self, rooms, kind, body):
        return rooms.relay.post(f"/api/v1/lessons/{LESSON}/floor", body, rooms.relay.token_of(kind))

    def snapshot(self, rooms):
        relay = rooms.relay
        done = subprocess.run([*relay.inside, sys.executable, "-c", READ_SNAPSHOT,
                               relay.url(f"/api/v1/lessons/{LESSON}/events"),
                               relay.token("admin", "adm", "--lesson", "*")],
                              capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    def place(self, rooms):
        """What the relay knows of the point's site: its members, and what they send and are shown."""
        told = self.snapshot(rooms)
        site = next(s for s in told["sites"] if s["id"] == "A")
        members = {m["kind"]: {k: m[k] for k in ("sub", "role", "site", "state", "slots")} |
                   {"sources": sorted(m["sources"])}
                   for m in told["members"] if m["site"] == "A" and m["state"] != "gone"}
        return {"number": site["number"], "state": site["state"], "sources": sorted(site["sources"]),
                "people": site["people"], "members": members}

    def cut(self, link, seconds, meanwhile=None):
        """Cuts the link; what came back when, in seconds after the link."""
        with contextlib.ExitStack() as stack:
            rooms, swap = self.lesson(stack)
            lead, point = rooms.room_of["lead"], rooms.room_of["point"]
            before = self.place(rooms)
            self.assertEqual(set(before["members"]), {"publish", "play"}, before)
            self.assertEqual(before["members"]["publish"]["sources"], ["class", "voice"], before)
            returns = time.time() + seconds
            swap(link)
            wait_for("the relay has forgotten the site",
                     lambda: self.place(rooms)["state"] == "absent", seconds)
            self.assertLess(time.time(), returns)
            if meanwhile:
                meanwhile(rooms)
            wanted = {"the lead's picture": (point, "picture"), "the lead's voice": (point, "voice"),
                      "the class's picture": (lead, "picture"), "the class's voice": (lead, "voice")}
            if meanwhile:  # the floor is gone: who has none is heard by the lead all the same
                self.assertIsNone(self.snapshot(rooms)["floor"])
            came = {name: wait_for(name, lambda w=w: sent_back(*w, returns), seconds + 40) - returns
                    for name, w in wanted.items()}
            after = wait_for("the site is as it was", lambda: self.same_place(rooms, before), 20)
            self.assertEqual(after, before)
            self.check_floor(rooms, point, None if meanwhile else "A")
            for name, late in came.items():
                print(f"{link}: {name} back {late:.2f} s after the link (load {os.getloadavg()[0]:.1f})",
                      file=sys.stderr)
            self.assertLess(max(came.values()), LIMIT, point.err.read_text()[-3000:])

    def same_place(self, rooms, before):
        now = self.place(rooms)
        return now if now == before else None

    def check_floor(self, rooms, point, holder):
        told = self.snapshot(rooms)
        self.assertEqual(told["floor"], holder)
        self.assertEqual([s["id"] for s in told["sites"] if s["has_floor"]], [holder] if holder else [])
        wait_for("the room shows who has the floor as the lesson says it",
                 lambda: (point.stats().get("state") == SPEAKS) == (holder == "A"), 10)

    def test_the_floor_stays(self):
        self.cut("gone-70s", 70)

    def test_the_floor_was_taken_meanwhile(self):
        self.cut("gone-40s", 40, lambda rooms: self.act(rooms, "lead", {"action": "take"}))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
