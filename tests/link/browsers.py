"""browsers.py - (b) and (c) of score.py: one Chromium publishes, one plays, by our relay's WHIP and WHEP or
through Janus. The work is done by browsers.mjs in the school.
"""
import contextlib
import json
import os
import pathlib
import subprocess
import sys

import netns
from room import LESSON, Trouble
from rooms import COME_IN, FarRelay

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "bench"))
from servers import Janus  # noqa: E402

CLIP = 20  # seconds of camera, again and again


class FarJanus(Janus):
    """Janus in the school."""

    def __init__(self, school):
        super().__init__(address=netns.B, inside=netns.inside(school))
        self.school = school

    def answers(self):
        self.need_alive()
        with netns.socket_in(self.school, netns.socket.SOCK_STREAM) as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0


def camera_file(args, folder):
    """The clip as Chromium's camera takes it, without the cost of a decoder."""
    path = folder / "camera.y4m"
    source = ["-i", args.content / "camera.mkv"] if args.content else ["-f", "lavfi", "-i", "testsrc2=r=25"]
    done = subprocess.run(["ffmpeg", "-v", "error", *source, "-t", str(CLIP), "-an", "-vf",
                           "scale=640:360,fps=25", "-pix_fmt", "yuv420p", path], capture_output=True, text=True)
    if done.returncode:
        raise Trouble(f"ffmpeg: {done.stderr.strip()[-300:]}")
    return path


def voice_file(args, folder):
    if args.content:
        return args.content / "speech.wav"
    path = folder / "tone.wav"
    tone = f"sine=440:r=48000:d={CLIP}"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", tone, path], check=True)
    return path


class Browsers:
    """Two browsers, and a server that those who inherit from here start."""

    def __init__(self, args, folder, village, school):
        self.args, self.folder, self.school = args, folder, school
        self.where = {"publisher": school, "viewer": village} if args.behind == "point" else \
            {"publisher": village, "viewer": school}
        self.process = None

    def serve(self):
        """Starts the server; what browsers.mjs must know of it."""
        raise NotImplementedError

    def start(self):
        conf = {**self.serve(), "video": str(camera_file(self.args, self.folder)),
                "audio": str(voice_file(self.args, self.folder)), "come_in": COME_IN,
                "chromium": {who: self.chromium(space) for who, space in self.where.items()}}
        with open(self.folder / "browsers.err", "wb") as err:
            command = [*netns.inside(self.school), "node", HERE / "browsers.mjs", json.dumps(conf)]
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err,
                                            text=True, env={**os.environ, "TMPDIR": str(self.folder)})
        self.heard()

    def chromium(self, space):
        """A program that is Chromium in a namespace."""
        path = self.folder / f"chromium-{space}"
        path.write_text(f'#!/bin/sh\nexec {" ".join(netns.inside(space))} /usr/bin/chromium "$@"\n')
        path.chmod(0o755)
        return str(path)

    def tell(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def heard(self):
        line = self.process.stdout.readline()
        if not line:
            raise Trouble(f"browsers.mjs ended: {(self.folder / 'browsers.err').read_text()[-600:]}")
        return json.loads(line)

    def begin(self):
        self.tell("begin")

    def end(self):
        self.tell("end")
        return {"slides_ms": [None, None], "skew_ms": None, "rungs": {}, **self.heard()}

    def close(self):
        if self.process:
            self.process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):  # it ends with its namespace
                self.process.wait(timeout=20)


class OverRelay(Browsers):
    """(b)"""

    def serve(self):
        relay = FarRelay(self.args.relay, self.folder, self.school)
        relay.start()
        return {"server": "relay", "url": relay.url(), "lead": relay.token_of("lead"),
                "point": relay.token_of("point"), "whip": f"/whip/{LESSON}?sources=camera",
                "whep": f"/whep/{LESSON}?slots=camera"}


class OverJanus(Browsers):
    """(c)"""
    janus = None

    def serve(self):
        self.janus = FarJanus(self.school)
        self.janus.__enter__()
        return {"server": "janus", "url": f"{self.janus.url}/janus", "bitrate": 1000 * self.args.janus_kbps}

    def close(self):
        super().close()
        if self.janus:
            self.janus.__exit__()
