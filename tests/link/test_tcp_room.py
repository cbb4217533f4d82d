#!/usr/bin/env python3
"""test_tcp_room.py - a village whose firewall lets no UDP out: its room takes part by TCP alone, and pictures
and voice come and go.

test_tcp_room.py TUNLINK LINKS_CONF RELAY ROOM; wants root.
"""
import contextlib
import pathlib
import re
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "room"))

import netns  # noqa: E402
from room import LESSON, Room, Trouble, wait_for  # noqa: E402
from rooms import FarRelay, sources  # noqa: E402


def room(kind, program, folder, relay, space):
    return Room(kind, program, folder, kind, "--relay", relay.url(), "--lesson", LESSON, "--token",
                relay.token_of(kind), *sources(kind, None), "--display", "none", "--speaker", "none",
                inside=netns.inside(space))


def figure(relay, name):
    """A figure of the relay's metrics, read where it is."""
    code = ("import sys,urllib.request as u;print(u.urlopen(u.Request(sys.argv[1],"
            "headers={'Authorization':'Bearer '+sys.argv[2]}),timeout=10).read().decode())")
    text = subprocess.run([*relay.inside, sys.executable, "-c", code, relay.url("/metrics"),
                           relay.token("admin", "adm", "--lesson", "*")],
                          capture_output=True, text=True, check=True).stdout
    return sum(int(n) for n in re.findall(rf"^{name}\S* (\d+)$", text, re.M))


def check(relay, lead, point):
    wait_for("the point sees the teacher", lambda: point.sees("camera", 5, 180), 40)
    wait_for("the point sees the slides", lambda: point.sees("slides", 0.5, 1080), 40)
    wait_for("the lead sees the class", lambda: lead.sees("wall/1", 5, 180), 40)
    wait_for("the point hears the teacher", point.hears, 20)
    time.sleep(10)
    voice = point.stats()["voice"]
    print("seen:", point.out.read_text().splitlines()[-1])
    if voice["concealed_ratio"] > 0.01 or voice["longest_silence_ms"] > 1500:
        raise Trouble("the voice is not whole")
    came, sent = (figure(relay, f"liangshi_media_tcp_{way}_total") for way in ("received", "sent"))
    print(f"by TCP {came} datagrams came and {sent} went")
    if min(came, sent) < 500:
        raise Trouble("it was not TCP that carried them")


def main():
    tunlink, links, relay_program, room_program = sys.argv[1:5]
    if not pathlib.Path(relay_program).exists() or not pathlib.Path(room_program).exists():
        print("no relay or no room program here")
        return 77
    with tempfile.TemporaryDirectory() as name, netns.pair() as (village, school), \
            netns.Tunnel(tunlink, links, "dsl", village, school, udp=False), contextlib.ExitStack() as stack:
        folder = pathlib.Path(name)
        relay = FarRelay(relay_program, folder, school)
        relay.start()
        stack.callback(relay.kill)
        lead = room("lead", room_program, folder, relay, school)
        stack.callback(lead.process.kill)
        point = room("point", room_program, folder, relay, village)
        stack.callback(point.process.kill)
        try:
            check(relay, lead, point)
        except Trouble as trouble:
            print(trouble, point.err.read_text()[-1500:], sep="\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
