#!/usr/bin/env python3
"""netns.py - network namespaces with the ends of a weak link in them, and the link (tunlink.c).

netns.py up A B     makes the namespaces A and B: 10.88.1.2 in A (the village), 10.88.1.1 in B
netns.py down A B   ends what runs in them and takes them away

From Python, with names that no other run has, and gone whatever happens:

    with netns.pair() as (village, school), \\
            netns.Tunnel(tunlink, links_conf, "village", village, school) as link:
        subprocess.Popen(netns.inside(school) + [relay, "--http", f"{netns.B}:8080"])
        ...
        link.restart()      # the link's steps begin now
        link.seconds        # what tunlink told so far, a dictionary a second
"""
import contextlib
import ctypes
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading

A, B = "10.88.1.2", "10.88.1.1"
FOLDER = pathlib.Path("/run/netns")
CLONE_NEWNET = 0x40000000


def ip(*words, check=True):
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if check and done.returncode:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def inside(name):
    """What stands before a command that runs in the namespace."""
    return ["ip", "netns", "exec", name]


def up(a, b):
    """Makes both, each with a device called like the other one, or the end of its name."""
    for name, other, address in ((a, b, A), (b, a, B)):
        device = other[-15:]
        ip("netns", "add", name)
        ip("-n", name, "link", "set", "lo", "up")
        ip("-n", name, "tuntap", "add", device, "mode", "tun")
        no_ipv6 = "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6"
        subprocess.run(inside(name) + ["sh", "-c", no_ipv6], stderr=subprocess.DEVNULL)
        ip("-n", name, "address", "add", f"{address}/24", "dev", device)
        # the queue that counts is in tunlink: nothing is to be lost on the way there
        ip("-n", name, "link", "set", device, "up", "mtu", "1500", "txqueuelen", "5000")
        ip("-n", name, "route", "add", "default", "via", B if address == A else A)


def down(*names):
    """Ends what runs in them; a namespace that is not there is fine."""
    for name in names:
        for pid in ip("netns", "pids", name, check=False).split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        ip("netns", "delete", name, check=False)


def sweep():
    """Takes away what runs left behind that were killed."""
    for path in FOLDER.glob("ls-*-*"):
        maker = re.fullmatch(r"ls-(?:village|school|mobile)-(\d+)", path.name)
        if maker and not pathlib.Path("/proc", maker[1]).exists():
            down(path.name)


@contextlib.contextmanager
def pair():
    """The names of a village's namespace and of a school's."""
    sweep()
    names = [f"ls-{role}-{os.getpid()}" for role in ("village", "school")]
    try:
        up(*names)
        yield names
    finally:
        down(*names)


def socket_in(name, kind=socket.SOCK_DGRAM):
    """An IPv4 socket that lives in the namespace; the caller stays where he is."""
    made = []

    def make():  # setns concerns this thread only
        with open(FOLDER / name) as space:
            if ctypes.CDLL(None, use_errno=True).setns(space.fileno(), CLONE_NEWNET):
                made.append(OSError(ctypes.get_errno(), f"setns {name}"))
            else:
                made.append(socket.socket(socket.AF_INET, kind))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if not made or isinstance(made[0], OSError):
        raise made[0] if made else RuntimeError(f"no namespace {name}")
    return made[0]


class Tunnel:
    """A link between two namespaces; packets pass from the beginning to close()."""

    def __init__(self, program, links, link, a, b, seed=1, udp=True):
        self.process = subprocess.Popen([program, "--links", links, "--link", link, "--a", a, "--b", b,
                                         "--seed", str(seed), *([] if udp else ["--no-udp"])], stdout=subprocess.PIPE, text=True)
        self.seconds = []
        if not self.process.stdout.readline():
            raise RuntimeError(f"tunlink ended with {self.process.wait()}")
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.seconds.append(json.loads(line))

    def restart(self):
        """The link's steps begin now."""
        self.process.send_signal(signal.SIGUSR1)

    def close(self):
        """Its exit code, 0 if all went well."""
        self.process.terminate()
        code = self.process.wait(timeout=10)
        self.reader.join()
        self.process.stdout.close()
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.returncode is None:
            self.close()


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("up", "down"):
        print("usage: netns.py up|down A B", file=sys.stderr)
        return 2
    try:
        (up if sys.argv[1] == "up" else down)(*sys.argv[2:])
    except RuntimeError as e:
        print(f"netns.py: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
