#!/usr/bin/env python3
"""test_stay.py - a lesson goes on when the link is cut for seconds, and when the village's address changes.

test_stay.py TUNLINK ROOM RELAY; wants root. The connections of before stay: the keys, the slots, the
floor. That is seen in the rooms' log, which tells of every new connection.
"""
import argparse
import contextlib
import pathlib
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
OTHER = "10.88.1.3"
LINK = """
link cut
    delay 25
    outage 5 10
link away
    delay 25
    outage 2 37
link whole
    delay 25
"""


def frames(looker):
    return looker.stats().get("video", {}).get("camera", {}).get("fps", 0)


class Stay(unittest.TestCase):
    def lesson(self, stack, link, udp=True):
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "links.conf").write_text(LINK)
        village, school = stack.enter_context(netns.pair())
        rooms = Rooms(argparse.Namespace(relay=RELAY, room=ROOM, behind="point", content=None), folder, village,
                      school)
        tunnel = stack.enter_context(netns.Tunnel(TUNLINK, folder / "links.conf", link, village, school,
                                                    udp=udp))
        rooms.start()
        wait_for("a picture", lambda: frames(rooms.looker) >= 5, 40)
        return rooms, tunnel, village

    def check_same_connections(self, rooms):
        log = rooms.looker.err.read_text()
        self.assertEqual(log.count("connection lost"), 0, log)
        self.assertEqual(log.count(" connected "), 2, log)

    def test_after_five_seconds_without_a_link(self):
        self.cut(udp=True)

    def test_after_five_seconds_without_a_link_by_tcp(self):
        self.cut(udp=False)

    def cut(self, udp):
        with contextlib.ExitStack() as stack:
            rooms, tunnel, _ = self.lesson(stack, "cut", udp)
            tunnel.restart()
            wait_for("the picture stops", lambda: frames(rooms.looker) == 0, 12)
            wait_for("the picture is back", lambda: frames(rooms.looker) >= 5, 20)
            wait_for("the voice is back", lambda: rooms.back("voice"), 10)
            self.check_same_connections(rooms)

    def test_after_longer_than_the_relay_waits(self):
        """It has forgotten the sessions (GONE_AFTER, 30 s); the place and the floor are the site's."""
        with contextlib.ExitStack() as stack:
            rooms, tunnel, _ = self.lesson(stack, "away")
            floor = f"/api/v1/lessons/{LESSON}/floor"
            rooms.relay.post(floor, {"action": "call_on", "site": "A"}, rooms.relay.token_of("lead"))
            returns = time.time() + 37
            tunnel.restart()
            wait_for("the picture stops", lambda: frames(rooms.looker) == 0, 12)
            wait_for("the picture is back", lambda: frames(rooms.looker) >= 5, 50)
            wait_for("the voice is back", lambda: rooms.back("voice"), 10)
            self.assertGreater(rooms.looker.err.read_text().count(" connected "), 2)
            for what in ("voice", "picture"):
                after = rooms.back(what)[-1] / 1000 - returns
                print(f"{what} back {after:.2f} s after the link", file=sys.stderr)
                self.assertLess(after, 5)
            # a release changes nothing when the site has not got the floor: then nobody had it
            given = rooms.relay.post(floor, {"action": "release"}, rooms.relay.token_of("point"))
            self.assertEqual(given.get("previous"), "A", given)

    def test_from_another_address(self):
        self.move(udp=True)

    def test_from_another_address_by_tcp(self):
        self.move(udp=False)

    def move(self, udp):
        with contextlib.ExitStack() as stack:
            rooms, _, village = self.lesson(stack, "whole", udp)
            device = netns.ip("-n", village, "-o", "-4", "address", "show", "scope", "global").split()[1]
            netns.ip("-n", village, "address", "add", f"{OTHER}/24", "dev", device)
            netns.ip("-n", village, "address", "del", f"{netns.A}/24", "dev", device)
            netns.ip("-n", village, "address", "replace", f"{OTHER}/24", "dev", device)
            netns.ip("-n", village, "route", "replace", "default", "via", netns.B)
            wait_for("both connections have another path",
                     lambda: rooms.looker.err.read_text().count("goes on over another path") >= 2, 30)
            wait_for("the picture is back", lambda: frames(rooms.looker) >= 5, 20)
            self.check_same_connections(rooms)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
