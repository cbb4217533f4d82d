#!/usr/bin/env python3
"""test_uplinks.py - a point with two ways to the relay, of which one falls silent in mid-lesson: the lesson goes
on over the other one, with the sessions of before. Its interface stays up, as when something fails behind it.

test_uplinks.py TUNLINK ROOM RELAY; wants root. Each way is a tunnel of its own from the village: the first to the
school itself, the second to a mobile network beside it.
"""
import argparse
import contextlib
import pathlib
import re
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "room")]
import netns  # noqa: E402
from room import Relay, wait_for  # noqa: E402
from rooms import Rooms  # noqa: E402

TUNLINK, ROOM, RELAY = sys.argv[1:4]
SILENT_AT, SILENT_FOR = 10, 25  # by then everybody is in
LINK = f"""
link first
    delay 25
    outage {SILENT_AT} {SILENT_AT + SILENT_FOR}
link steady
    delay 25
link second
    delay 60
    rate 2000
    queue 300
"""


def frames(looker):
    return looker.stats().get("video", {}).get("camera", {}).get("fps", 0)


@contextlib.contextmanager
def second_way(village, school):
    """A namespace with a way of its own from the village, which routes to the school."""
    mobile = f"ls-mobile-{village.rsplit('-', 1)[1]}"
    device = mobile[-15:]
    try:
        netns.ip("netns", "add", mobile)
        netns.ip("-n", mobile, "link", "set", "lo", "up")
        for name, other, address in ((village, mobile, "10.88.2.2"), (mobile, village, "10.88.2.1")):
            netns.ip("-n", name, "tuntap", "add", other[-15:], "mode", "tun")
            netns.ip("-n", name, "address", "add", f"{address}/24", "dev", other[-15:])
            netns.ip("-n", name, "link", "set", other[-15:], "up", "mtu", "1500", "txqueuelen", "5000")
        netns.ip("-n", mobile, "link", "add", "far", "type", "veth", "peer", "name", "near", "netns", school)
        for name, end, address in ((mobile, "far", "10.88.3.2"), (school, "near", "10.88.3.1")):
            netns.ip("-n", name, "address", "add", f"{address}/24", "dev", end)
            netns.ip("-n", name, "link", "set", end, "up")
        netns.ip("netns", "exec", mobile, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        netns.ip("-n", mobile, "route", "add", "10.88.1.0/24", "via", "10.88.3.1")
        netns.ip("-n", school, "route", "add", "10.88.2.0/24", "via", "10.88.3.2")
        # both ways have a default route, as DHCP gives it; the second one is worse
        netns.ip("-n", village, "route", "add", "default", "via", "10.88.2.1", "metric", "500")
        yield mobile, device
    finally:
        netns.down(mobile)


class Uplinks(unittest.TestCase):
    def lesson(self, stack, link):
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "links.conf").write_text(LINK)
        village, school = stack.enter_context(netns.pair())
        self.first = school[-15:]
        mobile, self.second = stack.enter_context(second_way(village, school))
        first = stack.enter_context(netns.Tunnel(TUNLINK, folder / "links.conf", link, village, school))
        stack.enter_context(netns.Tunnel(TUNLINK, folder / "links.conf", "second", village, mobile))
        rooms = Rooms(argparse.Namespace(relay=RELAY, room=ROOM, behind="point", content=None), folder, village,
                      school)
        rooms.start()
        wait_for("a picture", lambda: frames(rooms.looker) >= 5, 40)
        return rooms, first

    def told(self, rooms):
        return rooms.looker.err.read_text()

    def moves(self, rooms):
        return re.findall(r"goes on over another path.*over=(\S+)", self.told(rooms))

    def test_one_of_two_ways_falls_silent(self):
        with contextlib.ExitStack() as stack:
            rooms, first = self.lesson(stack, "first")
            try:
                self.falls_silent(rooms, first)
            except BaseException:
                print(self.told(rooms)[-3000:], file=sys.stderr)
                raise

    def test_a_restarted_relay_moves_nobody(self):
        """The silence is the relay's, not the first way's."""
        with contextlib.ExitStack() as stack:
            rooms, _ = self.lesson(stack, "steady")
            rooms.relay.kill()
            wait_for("the silence is noticed", lambda: "nothing heard" in self.told(rooms), 10)
            Relay.start(rooms.relay)
            wait_for("both connections again", lambda: self.told(rooms).count(" connected ") >= 4, 20)
            wait_for("a picture", lambda: frames(rooms.looker) >= 5, 20)
            over = re.findall(r" connected .*over=(\S+)", self.told(rooms))
            self.assertEqual(set(over), {self.first}, self.told(rooms))

    def falls_silent(self, rooms, first):
        silent = time.time() + SILENT_AT
        first.restart()
        wait_for("both connections are over the other way", lambda: len(self.moves(rooms)) >= 2, SILENT_AT + 15)
        wait_for("the picture is back", lambda: rooms.back("picture"), 10)
        wait_for("the voice is back", lambda: rooms.back("voice"), 10)
        for what, most in (("voice", 5), ("picture", 8)):
            took = rooms.back(what)[0] / 1000 - silent
            print(f"{what} back {took:.2f} s after the first way fell silent", file=sys.stderr)
            self.assertGreater(took, 0)
            self.assertLess(took, most)
        self.assertEqual(self.moves(rooms), [self.second] * 2)
        # the first one returns: nothing is interrupted for it
        wait_for("the first way is there again", lambda: time.time() > silent + SILENT_FOR + 1, SILENT_FOR + 5)
        before = rooms.looker.stats()
        wait_for("ten seconds of the lesson", lambda: time.time() > silent + SILENT_FOR + 11, 15)
        after = rooms.looker.stats()
        self.assertGreaterEqual(frames(rooms.looker), 5)
        played, concealed = (after["voice"][k] - before["voice"][k] for k in ("played_ms", "concealed_ms"))
        self.assertGreater(played, 8000)
        self.assertLess(concealed, played / 50)
        self.assertEqual(len(self.moves(rooms)), 2, self.told(rooms))
        self.assertEqual(self.told(rooms).count("connection lost"), 0, self.told(rooms))
        self.assertEqual(self.told(rooms).count(" connected "), 2, self.told(rooms))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
