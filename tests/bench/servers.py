"""servers.py - what compare.py measures: our relay and Janus, each started afresh in a folder of its
own and reached on loopback only, the load client, and the floor of the machine.
"""
import fcntl
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "room"))
from room import Trouble, wait_for  # noqa: E402

LESSON = "bench"
ROOM = 1234
SIOCGIFADDR = 0x8915  # linux/sockios.h
CORES = len(os.sched_getaffinity(0))


def spawn(command, **options):
    """A process in a session of its own: the kernel shares the processors out among sessions
    (sched_autogroup_enabled), so that server and load client each get their part. With BENCH_NICE in
    the environment the session has that priority: other work waits."""
    process = subprocess.Popen([str(c) for c in command], start_new_session=True, **options)
    if "BENCH_NICE" in os.environ:
        try:
            pathlib.Path(f"/proc/{process.pid}/autogroup").write_text(os.environ["BENCH_NICE"])
        except OSError as e:
            print(f"BENCH_NICE: {e}", flush=True)
    return process


def said_by(command, patience=None):
    """Exit code, standard output and error of a program that ends."""
    process = spawn(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE, text=True)
    try:
        out, error = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise Trouble(f"{command[0]} was not done after {patience:.0f} s") from None
    return process.returncode, out, error


class Missing(Trouble):
    """A program that is not there: others can be measured without it."""


def ask(url, body=None, token=None):
    """JSON in, JSON out; a POST if there is a body (b"": an empty one)."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    if data:
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as e:
        raise Trouble(f"{url}: {e.code} {e.read(400).decode(errors='replace')}") from e


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def own_address():
    """An IPv4 address of this machine that is not of its loopback. What goes to it stays here."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for _, name in socket.if_nameindex():
            try:
                got = fcntl.ioctl(s, SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
            except OSError:  # it has none
                continue
            address = socket.inet_ntoa(got[20:24])
            if not address.startswith("127."):
                return address
    raise Missing("janus takes no loopback address for media, and this machine has no other")


class Server:
    """A process in a folder; `with` starts it and ends it."""
    kind = None

    def __init__(self):
        self.temporary = self.folder = self.process = None

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.temporary.name)
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.temporary.cleanup()

    def start(self):
        raise NotImplementedError

    def spawn(self, command):
        with open(self.folder / "log", "wb") as out:
            self.process = spawn(command, stdin=subprocess.DEVNULL, stdout=out,
                                 stderr=subprocess.STDOUT)

    def said(self):
        return (self.folder / "log").read_text(errors="replace")

    def need_alive(self):
        if self.process.poll() is not None:
            raise Trouble(f"{self.kind} ended with {self.process.returncode}: "
                          f"{self.said()[-400:]}")


class Relay(Server):
    """Our relay with a lesson that is not recorded, or with many."""
    kind = "relay"

    def __init__(self, program, workers, lessons=0):
        super().__init__()
        self.program, self.workers, self.lessons = program, workers, lessons
        self.url = None

    def start(self):
        limits = {"connections": 20000, "connections_per_address": 20000,
                  "members_per_lesson": 5000, "lessons_running": 1000}
        config = self.folder / "relay.yaml"
        # a voice keeps 128 packets for repairs, and a thousand lessons have a thousand
        packets = max(32768, 256 * self.lessons)
        config.write_text(f"media_packets: {packets}\nlimits:\n" +
                          "".join(f"  {k}: {v}\n" for k, v in limits.items()))
        self.spawn([self.program, "--config", config, "--data", self.folder / "data",
                    "--workers", str(self.workers), "--http", "127.0.0.1:0",
                    "--https", "127.0.0.1:0", "--media", "127.0.0.1:0"])
        line = wait_for("the relay is ready", self.ready, 20)
        self.url = f"http://127.0.0.1:{re.search(r'http=127.0.0.1:([0-9]+)', line)[1]}"
        self.open_lessons()

    def ready(self):
        self.need_alive()
        found = re.search(r"^ready .*$", self.said(), re.M)
        return found and found.group()

    def open_lessons(self):
        admin = self.token("admin", "*")
        names = [f"{LESSON}{i + 1}" for i in range(self.lessons)] or [LESSON]
        for name in names:
            ask(f"{self.url}/api/v1/lessons",
                {"id": name, "title": name, "lead_site": "S0", "points": ["A"],
                 "duration_min": 400, "record": False}, admin)
            ask(f"{self.url}/api/v1/lessons/{name}/start", b"", admin)

    def token(self, role, lesson, *more):
        done = subprocess.run([self.program, "token", "--data", self.folder / "data", "--role", role,
                               "--sub", role, "--lesson", lesson, *more], check=False,
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise Trouble(f"no token for {role}: {done.stderr.strip()}")
        return done.stdout.strip()

    def flags(self, members):
        lesson = "*" if self.lessons else LESSON
        out = ["--lesson", LESSON, "--lead-token", self.token("lead", lesson, "--site", "S0"),
               "--viewer-token", self.token("observer", lesson)]
        if self.lessons:
            out += ["--lessons", str(self.lessons)]
        if members:
            out += ["--members", str(members),
                    "--member-token", self.token("assistant", lesson, "--site", "A")]
        return out


class Janus(Server):
    """Debian's Janus with its videoroom. loops 0: a thread for each connection, its default. `address`:
    where it takes media, `inside`: what stands before its command."""
    kind = "janus"

    def __init__(self, loops=0, address=None, inside=()):
        super().__init__()
        self.loops, self.port = loops, None
        self.address, self.inside = address, inside
        self.url = None

    def start(self):
        program = shutil.which("janus")
        modules = sorted(pathlib.Path("/usr/lib").glob("*/janus"))
        if not program or not modules:
            raise Missing("janus is not installed: scripts/setup bench")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.write_config(modules[0])
        self.spawn([*self.inside, program, "-F", self.folder])
        wait_for("janus answers", self.answers, 20)

    def write_config(self, modules):
        # only what is needed is loaded: one plugin, one transport
        for folder, module in (("plugins", "libjanus_videoroom.so"),
                               ("transports", "libjanus_http.so"), ("events", None),
                               ("loggers", None)):
            (self.folder / folder).mkdir()
            if module:
                (self.folder / folder / module).symlink_to(modules / folder / module)
        address = self.address or own_address()
        loops = f"event_loops = {self.loops}" if self.loops else ""
        (self.folder / "janus.jcfg").write_text(f"""
general: {{
    configs_folder = "{self.folder}"
    plugins_folder = "{self.folder}/plugins"
    transports_folder = "{self.folder}/transports"
    events_folder = "{self.folder}/events"
    loggers_folder = "{self.folder}/loggers"
    interface = "{address}"
    debug_level = 2
    debug_colors = false
    session_timeout = 0
    {loops}
}}
nat: {{
    ice_lite = true
    full_trickle = false
    ice_enforce_list = "{address}"
}}
""")
        (self.folder / "janus.transport.http.jcfg").write_text(f"""
general: {{
    json = "compact"
    base_path = "/janus"
    http = true
    ip = "127.0.0.1"
    port = {self.port}
    https = false
}}
admin: {{
    admin_http = false
}}
""")
        # rooms are made by the load client: one publisher or so, no limit on the bit rate, VP8, Opus
        (self.folder / "janus.plugin.videoroom.jcfg").write_text("general: {\n    events = false\n}\n")

    def answers(self):
        self.need_alive()
        try:
            info = ask(f"{self.url}/janus", {"janus": "info", "transaction": "info"})
        except OSError:  # not listening yet
            return None
        if "janus.plugin.videoroom" not in info.get("plugins", {}):
            raise Trouble(f"janus has no videoroom: {self.said()[-400:]}")
        return info["version_string"]

    @staticmethod
    def flags(members):
        if members:
            raise Trouble("members are of our relay only")
        return ["--room", str(ROOM)]


class Load:
    """The load client: one run against one server."""

    def __init__(self, program, seconds, settle, sample, join_rate, key_every=10):
        self.program, self.key_every = program, key_every
        self.seconds, self.settle = seconds, settle
        self.sample, self.join_rate = sample, join_rate

    def run(self, server, viewers, members=0, flags=()):
        command = [self.program, "--server", server.kind, "--url", server.url,
                   *server.flags(members), "--viewers", viewers, "--seconds", self.seconds,
                   "--settle", self.settle, "--pid", server.process.pid, "--sample", self.sample,
                   "--key-every", self.key_every]
        if "--join-rate" not in flags:
            command += ["--join-rate", self.join_rate]
        patience = 120 + self.seconds + self.settle + 3 * viewers / self.join_rate
        code, out, error = said_by([*command, *flags], patience)
        server.need_alive()
        lines = [line for line in out.splitlines() if line.startswith("{")]
        if not lines:
            raise Trouble(f"the load client ended with {code}: {error.strip()[-300:]}")
        result = json.loads(lines[-1])
        check_sound(result, flags)
        return result


def check_sound(result, flags):
    """What makes a run worthless: other bytes than were published, or another cipher than asked."""
    asked = flags[flags.index("--profile") + 1] if "--profile" in flags else "gcm"
    got = result.get("profile")
    if got not in (None, asked):
        raise Trouble(f"{asked} was asked for, {got} was negotiated")
    if result.get("bad_payload"):
        raise Trouble(f"{result['bad_payload']} packets had another payload than was published")


def floor(program):
    code, out, error = said_by([program, "--json"])
    if code != 0:
        raise Trouble(f"{program}: {error.strip()}")
    return json.loads(out)
