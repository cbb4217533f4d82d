"""turn.py - a coturn of our own in a namespace, and a firewall that leaves nothing but it."""
import contextlib
import os
import subprocess
import time

import netns
from room import Trouble, wait_for

SECRET = "north-of-the-river"
PORT, TLS_PORT = 13478, 15349


class Coturn:
    """Serves while the block lasts; `secret` is what it shares with the relay. Its log is in `log`."""

    def __init__(self, folder, host, inside=(), secret=SECRET):
        self.folder, self.host, self.inside = folder, host, list(inside)
        self.log = folder / "coturn.log"
        self.ca = folder / "turn.crt"
        conf = folder / "coturn.conf"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", "/CN=turn", "-addext", f"subjectAltName=IP:{host}", "-keyout",
                        folder / "turn.key", "-out", self.ca], check=True, capture_output=True)
        conf.write_text(f"listening-ip={host}\nrelay-ip={host}\nlistening-port={PORT}\ntls-listening-port={TLS_PORT}\n"
                        f"min-port=14000\nmax-port=14999\nrealm=liangshi\nuse-auth-secret\nstatic-auth-secret={secret}\n"
                        f"cert={self.ca}\npkey={folder / 'turn.key'}\nuserdb={folder / 'turn.db'}\n"
                        f"pidfile={folder / 'turn.pid'}\nlog-file=stdout\nsimple-log\nverbose\nno-cli\nno-dtls\n"
                        "no-multicast-peers\n")
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen([*self.inside, "turnserver", "-c", conf], stdout=out,
                                            stderr=subprocess.STDOUT)

    def __enter__(self):
        def listens():
            if self.process.poll() is not None:
                raise Trouble(f"coturn ended: {self.log.read_text()[-500:]}")
            done = subprocess.run([*self.inside, "ss", "-Hltn", "sport", "=", str(TLS_PORT)], capture_output=True,
                                  text=True, check=True)
            return done.stdout.strip()
        try:
            wait_for("coturn listens", listens, 20)
        except Trouble:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def config(*urls, secret=SECRET):
    """What the relay's configuration says of it."""
    return "turn:\n" + "".join(f'  - url: "{u}"\n    secret: "{secret}"\n' for u in urls)


def shut(space, village, *ports):
    """From `space` nothing goes to the village that comes from these ports, by UDP or by TCP."""
    for port in ports:
        for protocol in ("udp", "tcp"):
            netns.ip("-n", space, "rule", "add", "pref", "10", "to", village, "ipproto", protocol, "sport",
                     str(port), "blackhole")
