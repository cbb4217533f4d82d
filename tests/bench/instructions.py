#!/usr/bin/env python3
"""instructions.py - instructions that a hub spends per forwarded packet, in all and by stage.

instructions.py [--bench build/tests/bench/bench_forward] [--viewers 100] [--seconds 5]
                [--publish both] [--json]

Runs bench_forward under callgrind. Instructions do not depend on what else the machine does, so
that a change of a few in a hundred is seen; memory and the kernel are not in them.
"""
import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINE = re.compile(r"^\s*([\d,]+) \([ \d.]+%\)\s+(\S+?):([\w.]+)(?: \[.*\])?$")


class Trouble(Exception):
    """What went wrong, in one sentence."""


def run(command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Trouble(f"{command[0]} ended with {done.returncode}: {done.stderr[-500:]}")
    return done.stdout


def collect(args, folder):
    """What bench_forward says, and the inclusive instructions of each function."""
    out = folder / "callgrind.out"
    said = run(["valgrind", "--tool=callgrind", "--collect-atstart=no",
                f"--callgrind-out-file={out}", args.bench, "--viewers", args.viewers,
                "--seconds", args.seconds, "--publish", args.publish, "--json"])
    cost = {}
    for line in run(["callgrind_annotate", "--inclusive=yes", "--threshold=100",
                     out]).splitlines():
        found = LINE.match(line)
        if found:
            # one function may stand there twice, with and without the object it is in
            number, name = int(found[1].replace(",", "")), found[3].partition(".")[0]
            cost[name] = max(cost.get(name, 0), number)
    return json.loads(said), cost


def stages(cost):
    """Instructions of each stage; they add up to hub_input and hub_tick."""
    def of(*names):
        return sum(cost.get(n, 0) for n in names)
    push, pop = of("pacer_push"), of("pacer_pop", "pacer_next")
    forward, seal, egress = of("forward_packet"), of("seal_rtp"), of("egress_flush")
    given = of("burst_step", "burst_tick")  # by the tick; burst_input is reached by hub_input
    return {
        "receive, open, store": of("hub_input") - of("burst_input"),
        "rounds over the viewers": of("burst_input") + given - forward,
        "forward": forward - push,
        "pacer": push + pop,
        "seal": seal,
        "egress: header, patch, send buffer": egress - seal - of("pacer_pop"),
        "deadlines, reports, the rest of the tick": of("hub_tick") - given - egress - of("pacer_next"),
    }


def read_args():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--bench", type=pathlib.Path,
                        default=ROOT / "build/tests/bench/bench_forward")
    parser.add_argument("--viewers", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--publish", choices=("both", "video", "voice"), default="both")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def report(said, cost, as_json):
    packets = said["packets_out"]
    total = cost.get("hub_input", 0) + cost.get("hub_tick", 0)
    if not packets or not total:
        raise Trouble("nothing was collected: bench_forward was built without "
                      "valgrind/callgrind.h, or forwarded nothing")
    each = {name: n / packets for name, n in stages(cost).items()}
    if as_json:
        print(json.dumps({"viewers": said["viewers"], "packets": packets,
                          "instructions_per_packet": total / packets, "stages": each}))
        return
    print(f"{said['viewers']} viewers, {packets} packets forwarded: "
          f"{total / packets:.0f} instructions each")
    for name, n in each.items():
        print(f"  {name:42} {n:7.0f}  {100 * n * packets / total:5.1f} %")


def main():
    args = read_args()
    for program in ("valgrind", "callgrind_annotate"):
        if not shutil.which(program):
            print(f"{program} is not installed: scripts/setup test", file=sys.stderr)
            return 77
    try:
        if not args.bench.exists():
            raise Trouble(f"{args.bench} is not there: ninja -C build")
        with tempfile.TemporaryDirectory() as folder:
            report(*collect(args, pathlib.Path(folder)), args.json)
    except Trouble as trouble:
        print(f"instructions.py: {trouble}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
