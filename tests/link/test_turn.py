#!/usr/bin/env python3
"""test_turn.py - a village whose firewall leaves nothing but a TURN server: its room takes part through that, by
UDP, TCP and TLS. A server that is dead, or refuses us, keeps nobody from a direct way and is told of.

test_turn.py TUNLINK LINKS_CONF RELAY ROOM; wants root and coturn.
"""
import contextlib
import pathlib
import re
import shutil
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "room")]
import netns  # noqa: E402
import turn  # noqa: E402
from room import LESSON, Room, wait_for  # noqa: E402
from rooms import FarRelay, sources  # noqa: E402

TUNLINK, LINKS, RELAY, ROOM = sys.argv[1:5]
AT = f"{netns.B}:{turn.PORT}"
TLS_AT = f"{netns.B}:{turn.TLS_PORT}"


class Turn(unittest.TestCase):
    def set_up(self, stack, config, secret=turn.SECRET, shut=True, coturn=True):
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        village, school = stack.enter_context(netns.pair())
        stack.enter_context(netns.Tunnel(TUNLINK, LINKS, "dsl", village, school))
        self.coturn = stack.enter_context(turn.Coturn(folder, netns.B, netns.inside(school), secret)) if coturn else None
        (folder / "relay.yaml").write_text(config)
        self.relay = FarRelay(RELAY, folder, school, config=folder / "relay.yaml")
        self.relay.start()
        stack.callback(self.relay.kill)
        if shut:
            turn.shut(school, netns.A, self.relay.ports["media"], self.relay.ports["https"])
        self.rooms = []
        for kind, space in (("lead", school), ("point", village)):
            more = ["--ca", str(self.coturn.ca)] if kind == "point" and coturn else []
            room = Room(kind, ROOM, folder, kind, "--relay", self.relay.url(), "--lesson", LESSON, "--token",
                        self.relay.token_of(kind), *sources(kind, None), "--display", "none", "--speaker", "none",
                        *more, inside=netns.inside(space))
            stack.callback(room.process.kill)
            self.rooms.append(room)
        self.began = time.monotonic()
        return self.rooms

    def told(self, room):
        return room.err.read_text()

    def no_secret_is_told(self):
        for text in [self.told(r) for r in self.rooms] + [(self.relay.folder / "relay.log").read_text()]:
            self.assertNotIn(turn.SECRET, text)
            self.assertNotRegex(text, r"credential|password=")

    def takes_part(self, lead, point, way):
        wait_for("both of the point's connections", lambda: len(re.findall(r" connected .*by=", self.told(point))) >= 2
                 or point.stats() is None, 40)
        took = time.monotonic() - self.began
        wait_for("the point sees the teacher", lambda: point.sees("camera", 5, 180), 40)
        wait_for("the lead sees the class", lambda: lead.sees("wall/1", 5, 180), 40)
        wait_for("the point hears the teacher", point.hears, 20)
        ways = re.findall(r" connected .*by=(\w+)", self.told(point))
        self.assertEqual(set(ways), {way}, self.told(point))
        before = point.stats()["voice"]
        time.sleep(6)
        after = point.stats()["voice"]
        played = after["played_ms"] - before["played_ms"]
        self.assertGreater(played, 4000)
        self.assertLess(after["concealed_ms"] - before["concealed_ms"], played / 50)
        self.no_secret_is_told()
        print(f"by {way}: both connections after {took:.1f} s", flush=True)

    def through(self, url):
        with contextlib.ExitStack() as stack:
            lead, point = self.set_up(stack, turn.config(url))
            try:
                self.takes_part(lead, point, "turn")
            except BaseException:
                print(self.told(point)[-1500:], self.coturn.log.read_text()[-1500:])
                raise
            self.assertIn("ALLOCATE processed, success", self.coturn.log.read_text())

    def test_by_udp(self):
        self.through(f"turn:{AT}?transport=udp")

    def test_by_tcp(self):
        self.through(f"turn:{AT}?transport=tcp")

    def test_by_tls(self):
        self.through(f"turns:{TLS_AT}?transport=tcp")

    def test_who_comes_directly_asks_no_server(self):
        with contextlib.ExitStack() as stack:
            lead, point = self.set_up(stack, turn.config(f"turn:{AT}"), shut=False)
            self.takes_part(lead, point, "udp")
            self.assertNotIn("ALLOCATE", self.coturn.log.read_text())

    def refused(self, stack, config, words, **more):
        _, point = self.set_up(stack, config, **more)
        wait_for(f"the room tells of it: {words}", lambda: words in self.told(point), 40)
        self.no_secret_is_told()

    def test_a_false_secret_is_told_of(self):
        with contextlib.ExitStack() as stack:
            self.refused(stack, turn.config(f"turn:{AT}"), "no TURN server serves us", secret="another one")

    def test_a_dead_server_is_told_of_and_the_next_one_serves(self):
        with contextlib.ExitStack() as stack:
            dead = [f"turn:{netns.B}:9", f"turn:{netns.B}:9?transport=tcp", f"turns:{netns.B}:9"]
            lead, point = self.set_up(stack, turn.config(*dead, f"turn:{AT}"))
            self.takes_part(lead, point, "turn")
            self.assertIn("the TURN server is not reached by TLS", self.told(point))

    def test_a_certificate_that_nobody_knows_is_refused(self):
        with contextlib.ExitStack() as stack:
            self.set_up(stack, turn.config(f"turns:{TLS_AT}"), coturn=False)
            stack.enter_context(turn.Coturn(self.relay.folder, netns.B, self.relay.inside))
            wait_for("the room tells of it", lambda: "not reached by TLS" in self.told(self.rooms[1]), 40)
            self.assertNotIn("by=turn", self.told(self.rooms[1]))


if __name__ == "__main__":
    if not shutil.which("turnserver"):
        sys.exit("no coturn here: scripts/setup test")
    unittest.main(argv=sys.argv[:1] + sys.argv[5:], verbosity=2)
