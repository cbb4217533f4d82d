#!/usr/bin/env python3
"""test_tunlink.py - real sockets over the weak link see what its description says.

test_tunlink.py TUNLINK LINKS_CONF; wants root.
"""
import hashlib
import os
import pathlib
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import netns

TUNLINK, LINKS = sys.argv.pop(1), sys.argv.pop(1)
IP_UDP = 28
SO_RCVBUFFORCE = 33
OWN = """
link measured
    delay 50
    down delay 30
    down rate 1000
    down queue 200
link bursts
    delay 5
    burst 100 5 45
link steps
    delay 10
    at 0.5 delay 60
    outage 1 2
link tcp
    rate 4000
    queue 200
    delay 10
    loss 0.1
"""


class Packets:
    """Numbered packets with the time of sending from one side to the other."""

    def __init__(self, a, b, to):
        self.tx, self.rx = netns.socket_in(a), netns.socket_in(b)
        self.rx.bind((to, 0))
        self.rx.setblocking(False)
        self.rx.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
        self.to = self.rx.getsockname()
        self.got = []  # (number, seconds on the way, when)

    def send(self, count, size, each):
        """One packet after the other, `each` seconds apart; what comes meanwhile is taken."""
        begin = time.monotonic()
        for number in range(count):
            self.take(begin + number * each)
            head = struct.pack("!Id", number, time.monotonic())
            self.tx.sendto(head + bytes(size - IP_UDP - len(head)), self.to)
        return self

    def take(self, until):
        while True:
            wait = until - time.monotonic()
            if not select.select([self.rx], [], [], max(wait, 0))[0]:
                return
            now = time.monotonic()
            number, sent = struct.unpack("!Id", self.rx.recv(2048)[:12])
            self.got.append((number, now - sent, now))

    def rest(self, seconds=0.5):
        """What is still on its way."""
        self.take(time.monotonic() + seconds)
        self.tx.close()
        self.rx.close()
        return self


class Link(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pair = netns.pair()
        try:
            cls.village, cls.school = cls.pair.__enter__()
        except RuntimeError as e:
            sys.exit(f"no network namespaces (root, iproute2 and CAP_SYS_ADMIN are needed): {e}")
        cls.addClassCleanup(cls.pair.__exit__, None, None, None)
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.own = pathlib.Path(folder.name, "own.conf")
        cls.own.write_text(OWN)

    def tunnel(self, name, seed=1):
        return netns.Tunnel(TUNLINK, self.own, name, self.village, self.school, seed)

    def down(self):
        return Packets(self.school, self.village, netns.A)

    def up(self):
        return Packets(self.village, self.school, netns.B)

    def test_rate_queue_and_delay_are_as_described(self):
        with self.tunnel("measured") as link:
            there = self.up().send(20, 100, 0.005).rest(0.2)
            link.restart()
            way = self.down().send(625, 1000, 0.004).rest()  # 2 Mbit/s for 2.5 s
            self.assertEqual(link.close(), 0)
        first, last = way.got[0], way.got[-1]
        rate = (len(way.got) - 1) * 8 / (last[2] - first[2])
        self.assertAlmostEqual(rate, 1000, delta=40)
        delays = sorted(d for _, d, _ in way.got)
        self.assertAlmostEqual(delays[0], 0.038, delta=0.008)
        self.assertAlmostEqual(delays[-len(delays) // 20], 0.230, delta=0.020)
        self.assertEqual([n for n, _, _ in way.got], sorted(n for n, _, _ in way.got))
        self.assertEqual(len(there.got), 20)
        self.assertAlmostEqual(sorted(d for _, d, _ in there.got)[10], 0.050, delta=0.008)

        told = link.seconds[1]["down"]  # the second second, filled to the brim
        self.assertAlmostEqual(told["in_kbps"], 2000, delta=100)
        self.assertAlmostEqual(told["out_kbps"], 1000, delta=50)
        self.assertAlmostEqual(told["queue_max_ms"], 200, delta=15)
        self.assertAlmostEqual(told["dropped"], 125, delta=15)
        self.assertEqual(told["lost"], 0)
        self.assertEqual(told["rate_kbps"], 1000)

    def test_losses_come_in_bursts_and_the_seed_repeats_them(self):
        def lost(seed):
            with self.tunnel("bursts", seed) as link:
                way = self.down().send(6000, 100, 0.0002).rest(0.2)
                self.assertEqual(link.close(), 0)
            return sorted(set(range(6000)) - {n for n, _, _ in way.got})

        gone = lost(7)
        self.assertAlmostEqual(len(gone), 600, delta=150)
        bursts = sum(n - 1 not in gone for n in gone)
        self.assertAlmostEqual(len(gone) / bursts, 5, delta=1)
        self.assertEqual(gone, lost(7))
        self.assertNotEqual(gone, lost(8))

    def test_steps_happen_when_they_should_and_begin_anew(self):
        with self.tunnel("steps") as link:
            link.restart()
            began = time.monotonic()
            way = self.up().send(250, 100, 0.01).rest(0.2)
            self.assertEqual(link.close(), 0)
        sent = [(when - delay - began, delay) for _, delay, when in way.got]
        self.assertFalse([t for t, _ in sent if 1.05 < t < 1.95])
        self.assertGreater(len(sent), 140)
        for lower, upper, delay in ((0.03, 0.47, 0.010), (0.53, 0.97, 0.060), (2.03, 2.4, 0.060)):
            delays = sorted(d for t, d in sent if lower < t < upper)
            self.assertAlmostEqual(delays[len(delays) // 2], delay, delta=0.008)

    def test_tcp_goes_through_whole(self):
        data = os.urandom(700_000)
        server = netns.socket_in(self.school, socket.SOCK_STREAM)
        client = netns.socket_in(self.village, socket.SOCK_STREAM)
        server.bind((netns.B, 0))
        server.listen()
        for s in (server, client):
            s.settimeout(10)

        def serve():
            with server.accept()[0] as peer:
                peer.sendall(data)

        with self.tunnel("tcp") as link, server, client:
            thread = threading.Thread(target=serve)
            thread.start()
            client.connect((netns.B, server.getsockname()[1]))
            begin, got = time.monotonic(), b""
            while piece := client.recv(65536):
                got += piece
            seconds = time.monotonic() - begin
            thread.join()
            self.assertEqual(link.close(), 0)
        self.assertEqual(hashlib.sha256(got).digest(), hashlib.sha256(data).digest())
        self.assertLess(len(data) * 0.008 / seconds, 4000)
        self.assertGreater(len(data) * 0.008 / seconds, 1500)

    def test_wrong_words_are_answered_in_one_line(self):
        good = {"--links": LINKS, "--link": "village", "--a": self.village, "--b": self.school}
        for change, code, said in (({"--link": "vilage"}, 2, "there is no link vilage"),
                                   ({"--links": "/nowhere"}, 2, "/nowhere: cannot be read"),
                                   ({"--seed": "x"}, 2, "usage: "),
                                   ({"--a": "nowhere"}, 1, "network namespace nowhere: No such file")):
            words = [w for pair in {**good, **change}.items() for w in pair]
            done = subprocess.run([TUNLINK, *words], capture_output=True, text=True, timeout=10)
            self.assertEqual(done.returncode, code)
            self.assertIn(said, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1)

    def test_what_a_killed_run_left_is_swept(self):
        script = ("import netns, sys\nwith netns.pair() as p:\n"
                  " print(*p, flush=True)\n sys.stdin.read()")
        child = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, text=True,
                                 stdout=subprocess.PIPE, cwd=pathlib.Path(__file__).parent)
        names = child.stdout.readline().split()
        inner = subprocess.Popen(netns.inside(names[0]) + ["sh", "-c", "echo in; exec sleep 60"],
                                 stdout=subprocess.PIPE, text=True)
        self.assertEqual(inner.stdout.readline(), "in\n")
        self.assertTrue(all((netns.FOLDER / n).exists() for n in names))
        netns.sweep()
        self.assertTrue(all((netns.FOLDER / n).exists() for n in names), "its maker lives")
        child.kill()
        child.communicate()
        netns.sweep()
        self.assertFalse([n for n in names if (netns.FOLDER / n).exists()])
        self.assertEqual(inner.wait(timeout=5), -signal.SIGKILL)
        inner.stdout.close()


if __name__ == "__main__":
    unittest.main()
