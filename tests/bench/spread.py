#!/usr/bin/env python3
"""spread.py - a lesson on two workers with real sockets: every byte right on both, nothing lost by a
link, and a clean end. A test, and the one that shows races of links to ThreadSanitizer.

spread.py RELAY LOAD
"""
import re
import signal
import sys
import time
import urllib.request

import servers

VIEWERS = 40
MEMBERS = 2


def counters(relay):
    request = urllib.request.Request(f"{relay.url}/metrics",
                                     headers={"Authorization": f"Bearer {relay.token('admin', '*')}"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        text = answer.read().decode()
    return {(name, int(worker)): float(value) for name, worker, value in
            re.findall(r'^liangshi_media_(\w+)\{worker="(\d+)"\} (\S+)$', text, re.M)}


def look(got, count):
    wrong = []
    if got["joined"] != VIEWERS + MEMBERS or got["failed"]:
        wrong.append(f"{got['joined']} of {VIEWERS + MEMBERS} joined, {got['failed']} failed")
    if got["bad_payload"] or got["duplicates"] or not got["checked"]:
        wrong.append(f"checked {got['checked']}, other bytes {got['bad_payload']}, "
                     f"twice {got['duplicates']}")
    for worker in (0, 1):
        if count["rtp_out_total", worker] < 1000:
            wrong.append(f"worker {worker} sent {count['rtp_out_total', worker]:.0f} packets")
        if count["link_packets_lost_total", worker]:
            wrong.append(f"the link of worker {worker} lost packets")
    return wrong


def end(relay):
    relay.process.send_signal(signal.SIGTERM)
    code = relay.process.wait(30)
    return [] if code == 0 else [f"the relay ended with {code}: {relay.said()[-3000:]}"]


def main():
    load = servers.Load(sys.argv[2], 5, 1, 6, 50)
    with servers.Relay(sys.argv[1], 2) as relay:
        got = load.run(relay, VIEWERS, members=MEMBERS)
        time.sleep(1.1)  # the counters are those of the last whole second
        wrong = look(got, counters(relay))
        wrong += end(relay)
    print(got)
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
