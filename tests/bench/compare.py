#!/usr/bin/env python3
"""compare.py - our relay beside Janus and beside the floor of the machine, in one run, in turn.

compare.py --case video --case mix --rounds 3 --json figures.json

Each case starts the servers afresh for every measurement and takes them in turn, so that what else
the machine does hits all of them; the median of the rounds counts. Cases with a table of sizes:

  video voice mix   what is published: CPU per forwarded packet, memory, delay, loss, by viewers
  cm                the same mix with AES-CM-SHA1 instead of AES-GCM

and of our relay alone:

  members           delay of four members while a thousand observers watch
  lessons           many small lessons against one of as many people
  idle              what a member costs while nobody sends
  join              a thousand viewers within ten seconds
  floods            delay while somebody sends garbage

The lines at the end compare with what was asked: ok, MISS, or "not measured".
"""
import argparse
import collections
import json
import os
import pathlib
import platform
import resource
import statistics
import sys
import time

import servers
from servers import CORES, Janus, Missing, Relay, Trouble

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIZES = [1, 10, 50, 100, 200, 400, 800, 1200, 1600, 2000]
TABLES = ("video", "voice", "mix", "cm")
CASES = (*TABLES, "members", "lessons", "idle", "join", "floods")
FLOODS = ("garbage", "stun", "replay", "nack", "pli", "dtls")
OBSERVERS = 1000
CLIENT_FULL = 0.9  # of a core
LOST = 0.01  # a server that loses more is not asked for larger sizes

# label: how it stands in tables; server: of Bench.server
Run = collections.namedtuple("Run", "label server viewers members lessons flags",
                             defaults=(0, 0, ()))


def say(text):
    print(text, file=sys.stderr, flush=True)


def median_of(results):
    """The median of each number, through nested objects."""
    first = results[0]
    if isinstance(first, dict):
        return {k: median_of([r[k] for r in results if r.get(k) is not None] or [None])
                for k in first}
    numbers = [r for r in results if isinstance(r, (int, float)) and not isinstance(r, bool)]
    return statistics.median(numbers) if numbers else first


def warn_of_client(result):
    if (result.get("client_cpu_share") or 0) > CLIENT_FULL:
        say(f"  the load client was busy for {100 * result['client_cpu_share']:.0f} % of the time: "
            "delay and loss may be its own")


class Bench:
    """The servers, the load client and everything that was measured."""

    def __init__(self, args):
        self.args = args
        self.load = servers.Load(args.load, args.seconds, args.settle, args.sample, args.join_rate,
                                 args.key_every)
        self.kept = []
        self.floors = []
        self.verdicts = []

    def server(self, name, lessons):
        return {"relay": lambda: Relay(self.args.relay, self.args.workers, lessons),
                "relay-cores": lambda: Relay(self.args.relay, CORES, lessons),
                "janus": Janus, "janus-loops": lambda: Janus(CORES)}[name]()

    def wanted(self, name):
        """It was asked for, and is not a second relay that is like the first."""
        return name in self.args.servers and \
            not (name == "relay-cores" and self.args.workers == CORES)

    def once(self, run):
        with self.server(run.server, run.lessons) as server:
            return self.load.run(server, run.viewers, run.members, run.flags)

    def measure(self, case, runs):
        """{label: median of its rounds}; a run that failed is not in it."""
        runs = [run for run in runs if self.wanted(run.server)]
        results = {run.label: [] for run in runs}
        broken = {}
        for number in range(self.args.rounds):
            for run in runs:
                if run.label in broken:
                    continue
                say(f"{case}, round {number + 1}: {run.label}, {run.viewers} viewers")
                try:
                    got = self.once(run)
                except Missing as missing:
                    broken[run.label] = str(missing)
                    self.args.servers.remove(run.server)
                except Trouble as trouble:
                    broken[run.label] = str(trouble)
                else:
                    warn_of_client(got)
                    results[run.label].append(got)
        for label, why in broken.items():
            say(f"{case}: {label}: {why}")
        self.kept.append({"case": case, "broken": broken, "runs": [
            {**run._asdict(), "rounds": results[run.label]} for run in runs]})
        return {label: median_of(all_) for label, all_ in results.items()
                if all_ and label not in broken}

    def measure_floor(self):
        say("the floor of the machine")
        self.floors.append(servers.floor(self.args.floor))

    def floor(self, name):
        return statistics.mean(f[name] for f in self.floors)

    # -- what was asked -------------------------------------------------------------------------

    def check(self, what, value, limit, unit="", note="", at_least=False):
        """A line for the end; value None: not measured."""
        self.verdicts.append({"what": what, "value": value, "limit": limit, "unit": unit,
                              "note": note, "at_least": at_least,
                              "ok": None if value is None else
                              value >= limit if at_least else value <= limit})

    def print_verdicts(self):
        if self.verdicts:
            print("\nAsked, and measured:")
        for v in self.verdicts:
            if v["ok"] is None:
                print(f"  --    {v['what']}: not measured")
                continue
            sign = "≥" if v["at_least"] else "≤"
            unit, note = (f" {v['unit']}" if v["unit"] else "", f" ({v['note']})" if v["note"] else "")
            print(f"  {'ok  ' if v['ok'] else 'MISS'}  {v['what']}: {figure(v['value'])}{unit}, "
                  f"asked {sign} {figure(v['limit'])}{unit}{note}")
        missed = sum(v["ok"] is False for v in self.verdicts)
        unknown = sum(v["ok"] is None for v in self.verdicts)
        print(f"{sum(v['ok'] is True for v in self.verdicts)} ok, {missed} missed, "
              f"{unknown} not measured")


def figure(x):
    if isinstance(x, int) or x == int(x):
        return f"{int(x)}"
    return f"{x:.3f}" if abs(x) < 10 else f"{x:.1f}"


# -- tables of sizes -----------------------------------------------------------------------------

TABLE_RUNS = {
    "video": (["relay", "janus", "janus-loops"], ["--publish", "video"]),
    "voice": (["relay", "janus", "janus-loops"], ["--publish", "voice"]),
    "mix": (["relay", "relay-cores", "janus", "janus-loops"], ["--publish", "both"]),
    "cm": (["relay", "janus", "janus-loops"], ["--publish", "both", "--profile", "cm"]),
}
FLOOR_OF = {"video": "video_floor_us", "voice": "voice_floor_us", "mix": "mix_floor_us"}


def carried(result):
    return result["loss"] <= LOST and not result["failed"]


def table_of(bench, case):
    """{server: {size: result}}. Relay without CM stands in the table of CM as relay gcm."""
    names, flags = TABLE_RUNS[case]
    labels = {n: (n, flags) for n in names if bench.wanted(n)}
    if case == "cm" and "relay" in labels:
        labels["relay gcm"] = ("relay", ["--publish", "both"])
    table = {label: {} for label in labels}
    going = set(labels)
    for size in bench.args.viewers:
        runs = [Run(label, server, size, flags=tuple(more))
                for label, (server, more) in labels.items() if label in going]
        got = bench.measure(case, runs) if runs else {}
        for run in runs:
            if run.label in got:
                table[run.label][size] = got[run.label]
            if run.label not in got or not carried(got[run.label]):
                going.discard(run.label)
    return table


HEAD = (f"{'server':12} {'viewers':>7} {'us/pkt':>7} {'xfloor':>6} {'Janus x':>7} {'loops x':>7} "
        f"{'pkt/s':>8} {'KiB/v':>6} {'p50 ms':>7} {'p99 ms':>7} {'max ms':>7} {'loss %':>7} "
        f"{'join99':>6} {'failed':>6}")


def times(mine, other):
    """How often what I cost goes into what the other one costs."""
    cost = mine["cpu_us_per_packet"]
    return f"{other['cpu_us_per_packet'] / cost:.1f}" if other and cost else "-"


def row(label, size, r, table, floor):
    us, ms = r["cpu_us_per_packet"], {k: v / 1000 for k, v in r["latency_us"].items()}
    ours = label.startswith("relay")
    other = [table.get(n, {}).get(size) if ours else None for n in ("janus", "janus-loops")]
    return (f"{label:12} {size:7} {us:7.2f} {f'{us / floor:.2f}' if floor else '-':>6} "
            f"{times(r, other[0]):>7} {times(r, other[1]):>7} {r['pps']:8.0f} "
            f"{r['kib_per_viewer']:6.0f} {ms['p50']:7.2f} {ms['p99']:7.2f} {ms['max']:7.2f} "
            f"{100 * r['loss']:7.3f} {r['join_ms']['p99']:6.0f} {r['failed']:6.0f}")


def print_table(bench, case, table):
    floor = bench.floor(FLOOR_OF[case]) if case in FLOOR_OF else None
    print(f"\n{case}: {bench.args.workers} worker(s) of {CORES} cores; median of "
          f"{bench.args.rounds} round(s) of {bench.args.seconds} s"
          f"{f'; floor {floor:.2f} us' if floor else ''}\n{HEAD}")
    for label, by_size in table.items():
        for size, r in by_size.items():
            print(row(label, size, r, table, floor))


def largest(by_size):
    """The largest size that was carried without loss to speak of; None."""
    return max((s for s, r in by_size.items() if carried(r)), default=None)


def check_ratio(bench, case, table, other, limit, mine="relay"):
    """Our cost is at most so much of the other's, where both still carry all."""
    both = [s for s in table.get(mine, {}) if s in table.get(other, {}) and
            carried(table[mine][s]) and carried(table[other][s])]
    value = note = None
    if both:
        a, b = (table[n][max(both)]["cpu_us_per_packet"] for n in (mine, other))
        value, note = a / b if b else None, f"{a:.2f} of {b:.2f} us, {max(both)} viewers"
    bench.check(f"{case}: CPU per packet, {mine} as a share of {other}", value, limit,
                note=note or "")


def check_floor(bench, case, table, limit):
    size = largest(table.get("relay", {}))
    floor = bench.floor(FLOOR_OF[case])
    us = table["relay"][size]["cpu_us_per_packet"] if size else None
    bench.check(f"{case}: CPU per packet, times the floor", us / floor if size else None, limit,
                note=f"{us:.2f} of {floor:.2f} us, {size} viewers" if size else "")


def check_delay(bench, table, size, p50, p99):
    got = table.get("relay", {}).get(size) if bench.args.workers == 1 else None
    for name, limit in (("p50", p50), ("p99", p99)):
        if limit:
            bench.check(f"delay in the relay, one worker, {size} viewers, {name}",
                        got["latency_us"][name] / 1000 if got else None, limit, "ms")


def check_capacity(bench, table):
    """As many viewers as ever were without one lost packet and in time, on all cores."""
    by_size = table.get("relay" if bench.args.workers == CORES else "relay-cores", {})
    good = [s for s, r in by_size.items() if r["lost"] == 0 and not r["failed"] and
            r["latency_us"]["p99"] <= 20000]
    most = max(good, default=0)
    tried = max(by_size, default=0) >= 1200 or most < max(by_size, default=0)
    bench.check("viewers with no packet lost and p99 ≤ 20 ms, a worker for each core",
                most if tried else None, 1200, at_least=True)


def check_growth(bench, table):
    by_size = max((table.get(n, {}) for n in ("relay", "relay-cores")),
                  key=lambda b: largest(b) or 0)
    size = largest(by_size)
    value = note = None
    if size and size > 10 and 10 in by_size:
        a, b = by_size[10]["cpu_us_per_packet"], by_size[size]["cpu_us_per_packet"]
        value, note = b / a if a else None, f"{a:.2f} us at 10, {b:.2f} us at {size} viewers"
    bench.check("growth of CPU per packet from 10 to 2000 viewers, times", value, 1.2,
                note=note or "")


def check_mix(bench, table):
    relay = table.get("relay", {})
    size = largest(relay)
    bench.check("mix: CPU per packet", relay[size]["cpu_us_per_packet"] if size else None, 3.0,
                "us", f"{size} viewers" if size else "")
    bench.check("memory of a viewer", relay[size]["kib_per_viewer"] if size else None, 48, "KiB",
                f"{size} viewers" if size else "")
    check_delay(bench, table, 100, 1, 3)
    check_delay(bench, table, 400, None, 12)
    check_capacity(bench, table)
    check_growth(bench, table)


def check_table(bench, case, table):
    if case == "video":
        check_floor(bench, case, table, 1.5)
        check_ratio(bench, case, table, "janus", 1 / 10)
        check_ratio(bench, case, table, "janus-loops", 1 / 6)
    elif case == "voice":
        check_floor(bench, case, table, 1.5)
        check_ratio(bench, case, table, "janus", 1 / 5)
    elif case == "mix":
        check_mix(bench, table)
    else:
        check_ratio(bench, case, table, "relay gcm", 1.5)
        check_ratio(bench, case, table, "janus", 1 / 8)


# -- single cases --------------------------------------------------------------------------------

def show(case, got):
    """The figures of a single case, a line each."""
    print(f"\n{case}:")
    for label, r in got.items():
        print(f"  {label:24} {r['cpu_us_per_packet'] or 0:6.2f} us/pkt  p50 "
              f"{r['latency_us']['p50'] / 1000:.2f}  p99 {r['latency_us']['p99'] / 1000:.2f}  max "
              f"{r['latency_us']['max'] / 1000:.2f} ms  loss {100 * r['loss']:.3f} %  joined "
              f"{r['joined']:.0f}, failed {r['failed']:.0f}")


def case_members(bench):
    got = bench.measure("members", [Run("members", "relay", OBSERVERS, members=4),
                                    Run("members, all cores", "relay-cores", OBSERVERS, members=4)])
    show("members", got)
    for label, r in got.items():
        theirs = r["members_latency_us"]
        bench.check(f"{label}: their delay, p99, while {OBSERVERS} observe",
                    theirs["p99"] / 1000 if theirs else None, 1, "ms")


def case_lessons(bench):
    """Voice only: a thousand pictures that come in would be more than a small machine can take."""
    n, voice = bench.args.lessons, ("--publish", "voice")
    got = bench.measure("lessons", [
        Run(f"{n} lessons of 3", "relay", 2 * n, lessons=n, flags=voice),
        Run(f"1 lesson of {3 * n}", "relay", 3 * n - 1, flags=voice)])
    show("lessons", got)
    many, one = (r["cpu_us_per_packet"] for r in got.values()) if len(got) == 2 else (None, None)
    bench.check(f"CPU per packet, {n} lessons of 3 to 1 of {3 * n}, times",
                many / one if one else None, 1.5)


def case_idle(bench):
    got = bench.measure("idle", [Run("idle", "relay", OBSERVERS, flags=("--publish", "none"))])
    r = got.get("idle")
    us = r["server_cpu_us"] / r["joined"] / r["seconds"] if r and r["joined"] else None
    bench.check("idle: CPU of a member and second", us, 20, "us",
                f"{r['joined']:.0f} members" if r else "")


def case_join(bench):
    got = bench.measure("join", [Run("join", "relay", 1000, flags=("--join-rate", "100"))])
    show("join", got)
    r = got.get("join")
    for name in ("join_ms", "first_key_ms"):
        if r:
            print(f"  {name:13} p50 {r[name]['p50']:.0f}  p99 {r[name]['p99']:.0f}  max "
                  f"{r[name]['max']:.0f}")
    bench.check("join: 1000 viewers in 10 s, failed", r["failed"] if r else None, 0)
    bench.check("join: first key frame, p99", r["first_key_ms"]["p99"] if r else None, 500, "ms")
    bench.check("join: key frames asked of the lead, at most",
                r["plis_per_second_max"] if r else None, 1, "a second")


def case_floods(bench):
    size = bench.args.flood_viewers
    got = bench.measure("floods", [Run("quiet", "relay", size)] + [
        Run(f"flood: {kind}", "relay", size, flags=("--flood", kind)) for kind in FLOODS])
    show("floods", got)
    quiet = got.get("quiet")
    for kind in FLOODS:
        r = got.get(f"flood: {kind}")
        bench.check(f"flood of {kind}: delay p99, times that without",
                    r["latency_us"]["p99"] / quiet["latency_us"]["p99"] if r and quiet else None,
                    2, note=f"lost {r['lost']:.0f}" if r else "")


SINGLE = {"members": case_members, "lessons": case_lessons, "idle": case_idle, "join": case_join,
          "floods": case_floods}


# -- the run -------------------------------------------------------------------------------------

def numbers(text):
    return [int(n) for n in text.split(",")]


def read_args():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    build = ROOT / "build"
    add("--case", action="append", choices=(*CASES, "all"), help="repeatable (default: mix)")
    add("--viewers", type=numbers, default=SIZES, metavar="N,N,…", help="sizes of the tables")
    add("--servers", type=lambda t: t.split(","), metavar="NAME,…",
        default=["relay", "relay-cores", "janus", "janus-loops"],
        help="relay: --workers; relay-cores: one for each core; janus: a thread for each "
             "connection; janus-loops: event_loops = cores (default: all)")
    add("--workers", type=int, default=1, help="of the relay (default 1)")
    add("--rounds", type=int, default=3, help="of each measurement (default 3)")
    add("--seconds", type=int, default=10, help="that one takes (default 10)")
    add("--settle", type=int, default=6, help="seconds between the last join and it (default 6)")
    add("--sample", type=int, default=4, help="viewers that check every byte (default 4)")
    add("--join-rate", type=int, default=100, help="viewers a second that join (default 100)")
    add("--key-every", type=int, default=10,
        help="seconds between key frames that nobody asked for; 0: none, as cameras do (default 10)")
    add("--lessons", type=int, default=1000, help="of the case lessons (default 1000)")
    add("--flood-viewers", type=int, default=100, help="of the case floods (default 100)")
    add("--relay", type=pathlib.Path, default=build / "relay/liangshi-relay", metavar="PROGRAM")
    add("--load", type=pathlib.Path, default=build / "tests/bench/load/bench_load",
        metavar="PROGRAM", help="the load client")
    add("--floor", type=pathlib.Path, default=build / "tests/bench/bench_floor", metavar="PROGRAM")
    add("--json", type=pathlib.Path, metavar="FILE", help="keeps every round of everything")
    args = parser.parse_args()
    args.case = list(CASES) if "all" in (args.case or []) else args.case or ["mix"]
    unknown = set(args.servers) - {"relay", "relay-cores", "janus", "janus-loops"}
    if unknown:
        parser.error(f"no server {', '.join(sorted(unknown))}")
    for program in (args.relay, args.load, args.floor):
        if not program.exists():
            parser.error(f"{program} is not there: ninja -C build")
    return args


def processor():
    found = [line.partition(":")[2].strip() for line in
             pathlib.Path("/proc/cpuinfo").read_text().splitlines()
             if line.startswith("model name")]
    return found[0] if found else platform.machine()


def machine():
    return {"cores": CORES, "processor": processor(), "kernel": platform.release(),
            "load": os.getloadavg()}


def run_cases(bench):
    tables = {}
    bench.measure_floor()
    for case in bench.args.case:
        if case in TABLES:
            tables[case] = table_of(bench, case)
        else:
            SINGLE[case](bench)
    bench.measure_floor()
    for case, table in tables.items():
        print_table(bench, case, table)
        check_table(bench, case, table)


def keep(bench, before):
    settings = {k: str(v) if isinstance(v, pathlib.Path) else v
                for k, v in vars(bench.args).items()}
    bench.args.json.write_text(json.dumps({
        "date": time.strftime("%Y-%m-%d"), "machine": before, "machine_after": machine(),
        "settings": settings, "floors": bench.floors, "cases": bench.kept,
        "verdicts": bench.verdicts}, indent=1) + "\n")


def main():
    args = read_args()
    before = machine()
    bench = Bench(args)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # a socket for each viewer of Janus
    print(f"{before['processor']}, {CORES} cores, Linux {before['kernel']}, load "
          f"{before['load'][0]:.1f}")
    if before["load"][0] > CORES / 2:
        say("this machine is busy: delays will be long, ratios still mean something")
    try:
        run_cases(bench)
    except Trouble as trouble:
        say(f"compare.py: {trouble}")
        return 1
    finally:
        if args.json:
            keep(bench, before)
    for name, text in (("video_floor_us", "a video packet, frames of 7.3"),
                       ("voice_floor_us", "a voice packet"), ("mix_floor_us", "their mix")):
        print(f"floor of {text}: first {bench.floors[0][name]:.2f}, last "
              f"{bench.floors[-1][name]:.2f} us")
    bench.print_verdicts()
    return 0


if __name__ == "__main__":
    sys.exit(main())
