#!/usr/bin/env python3
"""readme.py - the README's list of files says what the files say of themselves in their first line.

`readme.py` compares, `readme.py --write` writes the list anew: after a file was added, renamed or
given another first line. The reading order stands below; what is not named there comes last.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- files: written by tests/checks/readme.py -->\n", "<!-- end of files -->\n"

# folder, what it is, its files in reading order
FOLDERS = [
    ("engine/base", "what everything else uses",
     "base bytes addr pkt outq heap table rng log"),
    ("engine/io", "the only place with sockets, threads and a clock",
     "clock loop udp frame tcp mailbox thread"),
    ("engine/wire", "parsers and writers: pure functions, each fuzzed",
     "classify stun rtp rtcp twcc sdp sdp_write opus vp8 vp9 video"),
    ("engine/peer", "one connection to a browser or a room",
     "peer nego ice dtls dtls_cert dtls_rest seal sealer srtcp rollover"),
    ("engine/media", "what is done to streams of packets",
     "recvstat arrival hist nack remap pick kfgate pacer jitter clockmap speaker"),
    ("engine/journal", "the recording on disk", "record journal append recover read"),
    ("codecs", "voice and pictures, and how they are cut into packets",
     "opus_enc opus_dec i420 vp8_enc vp8_dec vp8_payload vp9_enc vp9_dec vp9_payload"),
    ("config", "settings of the programs", ""),
    ("relay/media", "the relay's packets, in the order of their way",
     "cmd worker hub member room track burst forward egress feedback link tap"),
    ("relay/lesson", "the rules of a lesson: pure, without keeping or telling",
     "lesson describe role want problem text"),
    ("relay/control", "the relay's people: HTTP, lessons, floor, events",
     "control core http gate first route lessons rooms sessions whip calls slots events sites acts polls library "
     "files ops auth cert"),
    ("relay/library", "the relay's recordings: catalogue, packaging, delivery",
     "schema.sql catalogue search package serve"),
    ("relay", "`liangshi-relay`, the program", "main node net"),
    ("client", "`liangshi-room`, the classroom", "main conf session"),
    ("client/web/js", "the pages: plain modules, no build step, types in JSDoc", ""),
    ("client/web/js/pages", "one module for each page", ""),
]
ENDINGS = {".c", ".h", ".js", ".sql"}


def tracked():
    done = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                          cwd=ROOT, capture_output=True, text=True, check=True)
    return [pathlib.PurePath(n) for n in sorted(set(done.stdout.split("\n")))
            if n and (ROOT / n).is_file()]


def opening(path):
    """What the opening comment says after "name - ", up to the end of its first sentence."""
    lines = (ROOT / path).read_text().split("\n")
    found = re.match(r"\s*(?:/\*+|--|//)(.*?)(?:\*/|\n\s*\n|\n(?!\s*(?:\*|--|//|\s{2,}\S)))",
                     "\n".join(lines[:12]) + "\n\n", re.S)
    text = re.sub(r"\s*\n\s*(?:\*|--|//)?\s*", " ", found.group(1)) if found else ""
    text = re.sub(rf"^\s*{re.escape(path.name)} - ", "", text).strip()
    return re.split(r"(?<=[a-z)\d\"])[.:] (?=[A-Z`])", text + " ")[0].strip().rstrip(".")


def sentences(folder, files):
    """{name as the list gives it: its sentence}; a header speaks for its C file."""
    said = {}
    for path in files:
        if str(path.parent) != folder or path.suffix not in ENDINGS:
            continue
        name = path.stem if path.suffix in (".c", ".h") else path.name
        if path.suffix == ".h" or name not in said:
            said[name] = opening(path)
    return said


def the_list():
    files, out = tracked(), []
    for folder, what, order in FOLDERS:
        said = sentences(folder, files)
        names = [n for n in order.split() if n in said]
        names += sorted(n for n in said if n not in names)
        if names:
            out.append(f"**`{folder}`**: {what}.\n")
            out += [f"- `{n}`: {said[n]}" for n in names] + [""]
    return "\n".join(out)


def main():
    readme = (ROOT / "README.md").read_text()
    before, _, rest = readme.partition(BEGIN)
    old, _, after = rest.partition(END)
    new = "\n" + the_list()
    if sys.argv[1:] == ["--write"]:
        (ROOT / "README.md").write_text(before + BEGIN + new + END + after)
        return
    if not after:
        sys.exit("README.md: the marks around the list of files are missing")
    for line in sorted(set(new.split("\n")) ^ set(old.split("\n"))):
        print(("missing: " if line in new else "no longer true: ") + line)
    sys.exit(old != new and "README.md: run tests/checks/readme.py --write")


if __name__ == "__main__":
    main()
