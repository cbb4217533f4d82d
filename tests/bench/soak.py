#!/usr/bin/env python3
"""soak.py - does the relay grow? Viewers come and go by the hundred on real sockets, again and again.

soak.py --minutes 15

Each round is one run of the load client with another number of viewers, so that members come and go;
the lead comes back in every round. When all have left, the relay is asked how much memory it has, how
many packets of the pool are in use and how many files are open. It fails if one of them has grown since
the third round, when everything has been there once.
"""
import argparse
import pathlib
import re
import sys
import time
import urllib.request

import servers
from servers import Relay, Trouble

ROOT = pathlib.Path(__file__).resolve().parents[2]
VIEWERS = (400, 50, 200, 350, 100, 300)  # in turn
SECONDS = 6  # of media in a round
QUIET = 18  # seconds after the last has left, until the relay has given memory back
LEARN = 3  # rounds
# a burst touches pages of the pools for the first time: 1.6 KiB for each packet that never was in use
GROWTH = {"resident KiB": 4096, "packets in use": 64, "open files": 2}


def resident(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^VmRSS:\s+([0-9]+) kB", text, re.M)[1])


def metric(relay, name):
    """The sum over all workers, or over all kinds."""
    with urllib.request.urlopen(f"{relay.url}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return sum(int(v) for v in re.findall(rf"^{name}(?:{{[^}}]*}})? ([0-9]+)$", text, re.M))


def look(relay):
    pid = relay.process.pid
    return {"resident KiB": resident(pid),
            "packets in use": metric(relay, "liangshi_media_packets_in_use"),
            "open files": len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))}


def one_round(relay, load, viewers):
    result = load.run(relay, viewers)
    if result["failed"] or result["died"]:
        raise Trouble(f"{result['failed']} of {viewers} viewers never joined, "
                      f"{result['died']} were lost")
    busy = resident(relay.process.pid)
    servers.wait_for("everybody has left", lambda: metric(relay, "liangshi_members") == 0, 60)
    time.sleep(QUIET)
    return busy, look(relay)


def say(number, viewers, busy, row):
    figures = ", ".join(f"{value} {name}" for name, value in row.items())
    print(f"round {number}: {viewers} viewers, {busy} KiB with them, then {figures}", flush=True)


def soak(args):
    """The looks of all rounds."""
    rows = []
    load = servers.Load(args.load, SECONDS, 2, 4, 100)
    with Relay(args.relay, args.workers) as relay:
        end = time.monotonic() + 60 * args.minutes
        while time.monotonic() < end or len(rows) <= LEARN:
            viewers = VIEWERS[len(rows) % len(VIEWERS)]
            busy, row = one_round(relay, load, viewers)
            rows.append(row)
            say(len(rows), viewers, busy, row)
        for name in ("rtp_in", "rtp_out", "pool_empty", "pressed", "send_errors"):
            print(f"{name}: {metric(relay, f'liangshi_media_{name}_total')}")
    return rows


def judge(rows):
    """What has grown, in sentences."""
    settled, last = rows[LEARN - 1], rows[-1]
    return [f"{name} grew from {settled[name]} to {last[name]}, by more than {most}"
            for name, most in GROWTH.items() if last[name] - settled[name] > most]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--relay", default=ROOT / "build/relay/liangshi-relay")
    parser.add_argument("--load", default=ROOT / "build/tests/bench/load/bench_load")
    args = parser.parse_args()
    try:
        grown = judge(soak(args))
    except Trouble as trouble:
        grown = [str(trouble)]
    for line in grown:
        print(line)
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
