#!/usr/bin/env python3
"""whole_lesson.py - plays the demonstration lesson and looks at what came of it.

Real programs, real media, real time: 80 seconds, in which point B is asked and answers.
"""
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECONDS = 78

wrong = []


def expect(condition, text):
    if not condition:
        wrong.append(text)


def play(data):
    subprocess.run([ROOT / "scripts" / "demo-content"], check=True)
    summary = ROOT / "build" / "demo" / "summary.json"
    summary.unlink(missing_ok=True)
    done = subprocess.run([sys.executable, ROOT / "scripts" / "lesson.py",
                           "--minutes", str(SECONDS / 60), "--data", data,
                           "--http", "127.0.0.1:0", "--https", "127.0.0.1:0",
                           "--media", "127.0.0.1:18290"], timeout=300)
    expect(done.returncode == 0, f"lesson.py ended with {done.returncode}")
    if not summary.exists():
        sys.exit("no summary: the lesson did not come to its end")
    return json.loads(summary.read_text())


def look_at_room(site, stats, shown):
    """By the whole lesson: a machine that does something else for a second is no fault."""
    for name, of, least in (("camera", statistics.median, 15), ("slides", statistics.mean, 0.2)):
        seconds = shown.get(name, [])
        fps = of(seconds) if seconds else 0
        expect(fps >= least, f"{site}: {name} is shown with {fps} frames per second: {seconds}")
    concealed = stats.get("voice", {}).get("concealed_ratio", 1)
    expect(concealed < 0.05, f"{site}: {concealed:.0%} of the voice was concealed, with no loss at all")
    for way in ("up", "down"):
        loss = stats.get(way, {}).get("loss")
        expect(loss is not None and loss < 0.01, f"{site}: loss {way} is {loss} on loopback")


def look_at_events(happened):
    floors = [(e["how"], e["floor"]) for e in happened if e["event"] == "floor"]
    expect(floors == [("give", "B"), ("take", None)], f"the floor went {floors}")
    raised = [e["site"] for e in happened if e["event"] == "hand" and e["up"]]
    expect(raised == ["B"], f"hands were raised by {raised}")
    marks = [e["mark"]["text"] for e in happened if e["event"] == "mark"]
    expect(len(marks) >= 4, f"only these chapters were marked: {marks}")


def look_at_recording(resource):
    expect(abs(resource["duration_ms"] / 1000 - SECONDS) < 3,
           f"{resource['duration_ms']} ms were recorded of {SECONDS} s")
    expect(resource["bytes"] > SECONDS * 20000, f"only {resource['bytes']} bytes were recorded")
    expect(resource["ready_after_s"] <= 10, f"ready {resource['ready_after_s']:.1f} s after the bell")


def main():
    with tempfile.TemporaryDirectory() as data:
        summary = play(data)
    for site in ("A", "B"):
        look_at_room(site, summary["rooms"][site], summary["shown"][site])
    look_at_events(summary["happened"])
    look_at_recording(summary["resource"])
    print("\n".join(wrong))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
