#!/usr/bin/env python3
"""webrtcbin.py - GStreamer's webrtcbin as a WHIP and a WHEP client: publishes a ball and a tone, plays
them back through the relay.

webrtcbin.py RELAY; exit code 77 if GStreamer or its python bindings are not there, or no network of our
own can be made: webrtcbin gathers no candidates of loopback.
"""
import contextlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "room"))
from room import LESSON, Relay, Trouble, lesson_at, wait_for  # noqa: E402

try:
    import gi
    gi.require_version("Gst", "1.0")
    gi.require_version("GstWebRTC", "1.0")
    gi.require_version("GstSdp", "1.0")
    from gi.repository import Gst, GstSdp, GstWebRTC
except (ImportError, ValueError) as e:
    print(f"no GstWebRTC for python: {e}")
    sys.exit(77)

ADDRESS = "10.77.0.1"
NETWORK = ("ip link set lo up && ip link add v0 type veth peer name v1 && ip link set v0 up && "
           f"ip link set v1 up && ip addr add {ADDRESS}/24 dev v0")
ALONE = ["unshare", "--map-root-user", "--net", "sh", "-c", NETWORK + ' && exec "$@"', "sh"]

SEND = """
 webrtcbin name=rtc bundle-policy=max-bundle
 audiotestsrc is-live=true wave=ticks volume=0.8 ! audio/x-raw,rate=48000,channels=1 ! audioconvert
   ! opusenc ! rtpopuspay pt=111 ! application/x-rtp,media=audio,encoding-name=OPUS,payload=111 ! rtc.
 videotestsrc is-live=true pattern=ball ! video/x-raw,width=640,height=360,framerate=15/1
   ! vp8enc deadline=1 cpu-used=8 target-bitrate=500000 keyframe-max-dist=1000 ! rtpvp8pay pt=96
   picture-id-mode=15-bit ! application/x-rtp,media=video,encoding-name=VP8,payload=96 ! rtc.
"""
SHOW = {
    "video": "rtpvp8depay ! vp8dec ! videoconvert ! video/x-raw,format=GRAY8 ! appsink name=eye "
             "max-buffers=1 drop=true sync=false",
    "audio": "rtpopusdepay ! opusdec ! audioconvert ! audio/x-raw,format=S16LE ! appsink name=ear "
             "max-buffers=50 drop=true sync=false",
}


class Peer:
    """A pipeline with one webrtcbin that offers, posts and takes the answer."""

    def __init__(self, name, pipeline, url, token):
        self.name, self.url, self.token = name, url, token
        self.trouble, self.session = None, None
        self.pipeline = pipeline
        self.rtc = pipeline.get_by_name("rtc")
        self.gathered = threading.Event()
        self.rtc.connect("notify::ice-gathering-state", self._look_at_gathering)
        pipeline.get_bus().set_sync_handler(self._listen)

    def _look_at_gathering(self, rtc, _):
        if rtc.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            self.gathered.set()

    def _listen(self, _, message):
        if message.type == Gst.MessageType.ERROR:
            self.trouble = str(message.parse_error())
        return Gst.BusSyncReply.PASS

    def _ask(self, action, *arguments):
        promise = Gst.Promise.new()
        self.rtc.emit(action, *arguments, promise)
        if promise.wait() != Gst.PromiseResult.REPLIED:
            raise Trouble(f"{self.name}: {action} was not answered")
        return promise.get_reply()

    def connect(self):
        self.pipeline.set_state(Gst.State.PLAYING)
        wait_for(f"{self.name} has its lines", self._ready_to_offer, 20)
        answer = self._ask("create-offer", None)  # the offer in it lives as long as it does
        self._ask("set-local-description", answer.get_value("offer"))
        if not self.gathered.wait(20):
            raise Trouble(f"{self.name}: candidates are not gathered")
        text = self.rtc.get_property("local-description").sdp.as_text()
        request = urllib.request.Request(self.url, method="POST", data=text.encode(),
                                         headers={"Content-Type": "application/sdp",
                                                  "Authorization": f"Bearer {self.token}"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                self.session, body = answer.headers["Location"], answer.read().decode()
        except urllib.error.HTTPError as e:
            raise Trouble(f"{self.name}: {e.code} {e.read().decode()}\n{text}") from e
        _, sdp = GstSdp.SDPMessage.new_from_text(body)
        self._ask("set-remote-description", GstWebRTC.WebRTCSessionDescription.new(
            GstWebRTC.WebRTCSDPType.ANSWER, sdp))
        wait_for(f"{self.name} is connected", self.connected, 20)

    def _ready_to_offer(self):
        pads = [p for p in self.rtc.sinkpads if p.get_current_caps()]
        return self.rtc.sinkpads == [] or len(pads) == len(self.rtc.sinkpads)

    def connected(self):
        if self.trouble:
            raise Trouble(f"{self.name}: {self.trouble}")
        state = self.rtc.get_property("connection-state")
        return state == GstWebRTC.WebRTCPeerConnectionState.CONNECTED

    def stop(self):
        self.pipeline.set_state(Gst.State.NULL)


class Player(Peer):
    """Two receiving lines; what comes is decoded and looked at."""

    def __init__(self, url, token):
        pipeline = Gst.Pipeline.new("player")
        rtc = Gst.ElementFactory.make("webrtcbin", "rtc")
        rtc.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        pipeline.add(rtc)
        super().__init__("player", pipeline, url, token)
        self.frames, self.light, self.pictures, self.loudest = 0, 0, set(), 0
        for media, encoding, payload, rate in (("audio", "OPUS", 111, 48000), ("video", "VP8", 96, 90000)):
            caps = f"application/x-rtp,media={media},encoding-name={encoding},payload={payload}," \
                   f"clock-rate={rate}"
            if media == "audio":
                caps += ",encoding-params=(string)2"
            else:
                caps += ",rtcp-fb-nack=(boolean)true,rtcp-fb-nack-pli=(boolean)true"
            rtc.emit("add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY,
                     Gst.Caps.from_string(caps))
        rtc.connect("pad-added", self._new_stream)

    def _new_stream(self, _, pad):
        if pad.direction != Gst.PadDirection.SRC:
            return
        media = pad.get_current_caps().get_structure(0).get_string("media")
        bin_ = Gst.parse_bin_from_description(SHOW[media], True)
        sink = bin_.get_by_name("eye" if media == "video" else "ear")
        sink.set_property("emit-signals", True)
        sink.connect("new-sample", self._see if media == "video" else self._hear)
        self.pipeline.add(bin_)
        bin_.sync_state_with_parent()
        pad.link(bin_.get_static_pad("sink"))

    def _see(self, sink):
        data = content(sink)
        self.frames += 1
        self.light = max(self.light, max(data[::97]))
        self.pictures.add(hash(data[::97]))
        return Gst.FlowReturn.OK

    def _hear(self, sink):
        data = memoryview(content(sink)).cast("h")
        self.loudest = max(self.loudest, max(map(abs, data[::7])))
        return Gst.FlowReturn.OK


def content(sink):
    buffer = sink.emit("pull-sample").get_buffer()
    return buffer.extract_dup(0, buffer.get_size())


class RelayOffLoopback(Relay):
    """Media at the address of the network of our own."""

    def start(self):
        log = self.folder / "relay.log"
        with open(log, "wb") as out:
            self.process = subprocess.Popen(
                [self.program, "--data", self.folder / "data", "--workers", "1", "--http",
                 "127.0.0.1:0", "--media", f"{ADDRESS}:0"], stdout=out, stderr=subprocess.STDOUT)
        line = wait_for("the relay is ready",
                        lambda: re.search(r"^ready .*$", log.read_text(), re.M), 20).group()
        self.ports["http"] = int(re.search(r"http=127\.0\.0\.1:(\d+)", line).group(1))


def lesson(relay):
    lesson_at(relay)
    lead = relay.token("lead", "wang", "--lesson", LESSON, "--site", "S0")
    point = relay.token("assistant", "li", "--lesson", LESSON, "--site", "A")
    publisher = Peer("publisher", Gst.parse_launch(SEND),
                     relay.url(f"/whip/{LESSON}?sources=camera"), lead)
    player = Player(relay.url(f"/whep/{LESSON}?slots=camera"), point)
    try:
        publisher.connect()
        player.connect()
        wait_for("60 frames are decoded", lambda: player.connected() and player.frames >= 60, 40)
        wait_for("the voice is heard", lambda: player.loudest > 3000, 20)
        if player.light < 100 or len(player.pictures) < 20:
            raise Trouble(f"black or still: light {player.light}, {len(player.pictures)} pictures")
        print(f"{player.frames} frames, {len(player.pictures)} different, brightest {player.light}, "
              f"loudest {player.loudest}")
    finally:
        player.stop()
        publisher.stop()


def main():
    Gst.init(None)
    if not Gst.ElementFactory.find("webrtcbin") or not Gst.ElementFactory.find("nicesrc"):
        print("no webrtcbin here")
        return 77
    if "ALONE" not in os.environ:
        if subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode != 0:
            print("no network of our own")
            return 77
        return subprocess.run([*ALONE, sys.executable, *sys.argv], check=False,
                              env={**os.environ, "ALONE": "yes"}).returncode
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        relay = RelayOffLoopback(sys.argv[1], pathlib.Path(name))
        relay.start()
        stack.callback(lambda: relay.process.kill())
        try:
            lesson(relay)
        except Trouble as e:
            print(e)
            print((pathlib.Path(name) / "relay.log").read_text()[-1500:])
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
