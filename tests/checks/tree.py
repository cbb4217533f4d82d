#!/usr/bin/env python3
"""tree.py - rules about the source tree that no compiler knows. `tree.py layers` runs one of them;
`tree.py layers FOLDER` runs it over another tree.

Each rule is a function that yields what is wrong, a line each: "path:line: what". Only files that
git knows, or would know, are looked at.
"""
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(sys.argv[2] if len(sys.argv) == 3 else __file__).resolve()
if len(sys.argv) != 3:
    ROOT = ROOT.parents[2]

# A folder may include itself and what stands here. The longest matching folder counts.
LAYERS = {
    "engine/base": [],
    "engine/wire": ["engine/base"],
    "engine/io": ["engine/base"],
    "engine/journal": ["engine/base"],
    "engine/media": ["engine/base", "engine/wire"],
    "engine/peer": ["engine/base", "engine/wire"],
    "codecs": ["engine/base", "engine/wire"],
    "config": ["engine/base"],
    "relay/media": ["engine", "codecs"],
    "relay/lesson": ["engine", "relay/media"],
    "relay/library": ["engine", "config", "relay/media", "relay/lesson"],
    "relay/control": ["engine", "config", "relay/media", "relay/lesson", "relay/library"],
    "relay": ["engine", "codecs", "config"],
    "client": ["engine", "codecs", "config"],
    "tests": ["engine", "codecs", "config", "relay", "client"],
}

# Only these read a clock or the system's randomness; everybody else is told.
MAY_READ_CLOCKS = ("engine/io/", "tests/")
CLOCKS = re.compile(r"\b(clock_gettime|gettimeofday|time|getrandom|getentropy|rand|rand_r|random|"
                    r"RAND_bytes|g_get_monotonic_time|g_get_real_time|g_random_int)\s*\(")

# What runs for each packet. Functions that make, size or take down an object may use the heap.
PACKET_PATH = re.compile(r"engine/base/(heap|outq|pkt)\.c|engine/media/\w+\.c|"
                         r"engine/wire/(rtp|rtcp|twcc|vp8|opus|classify|red)\.c|engine/peer/seal\w*\.c|"
                         r"relay/media/(forward|egress|feedback)\.c")
NOT_PER_PACKET = re.compile(r"(^|_)(new|init|free|fini|open|close|reserve|alloc|grow)$")
SLOW = re.compile(r"\b(malloc|calloc|realloc|reallocarray|free|strdup|strndup|asprintf|"
                  r"\w*printf|log_(line|error|warn|info|debug)|pthread_mutex_lock)\s*\(")

FUNCTION_LINES, FUNCTION_LIMIT = 60, 100
FILE_LINES, FILE_LIMIT = 600, 1000

# Written in pieces, so that this file does not find itself.
LEFT_OVER = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b|not imple" r"mented")
MACHINE = re.compile(r"/wo" r"rk/|/tmp/w" r"t/|/tmp/b" r"-\w|/home/\w+/|/ro" r"ot/")


def tracked():
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0:
        names = [n for n in listed.stdout.split("\0") if n]
    else:  # an unpacked archive: everything but what a build leaves
        names = [str(p.relative_to(ROOT)) for p in ROOT.rglob("*")]
        names = [n for n in names if not re.match(r"build|\.git/|node_modules/|data/", n)]
    return sorted(n for n in set(names) if (ROOT / n).is_file())


def text_of(name):
    """The text of a file, None if it is not text."""
    data = (ROOT / name).read_bytes()
    if b"\0" in data[:8192]:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def without_comments(code):
    """C code with comments and the contents of strings blanked, lines kept."""
    def blank(match):
        piece = match.group(0)
        if piece.startswith(("/*", "//")):
            return re.sub(r"[^\n]", " ", piece)
        return piece[0] + " " * (len(piece) - 2) + piece[-1]
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, code,
                  flags=re.S)


def c_files(*folders):
    return [n for n in tracked() if n.endswith((".c", ".h"))
            and (not folders or n.startswith(folders))]


def functions(code):
    """(name, first line, last line) of each function. clang-format puts its braces in column 0."""
    lines = code.split("\n")
    name, start = None, None
    for number, line in enumerate(lines, 1):
        head = re.match(r"(?!typedef|struct \w+ \{|enum|union)[A-Za-z].*?\b(\w+)\s*\(", line)
        if head and not line.rstrip().endswith(";"):
            name = head.group(1)
        if line == "{" and name:
            start = number
        elif line == "}" and start:
            yield name, start, number
            name, start = None, None


def layer_of(path):
    return max((l for l in LAYERS if path.startswith(l + "/")), key=len, default=None)


def check_layers():
    for name in c_files():
        layer = layer_of(name)
        if layer is None:
            yield f"{name}: no folder of LAYERS in tests/checks/tree.py holds this file"
            continue
        for number, line in enumerate((text_of(name) or "").split("\n"), 1):
            found = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not found:
                continue
            other = found.group(1)
            if not (ROOT / other).is_file() or other.startswith("."):
                yield f"{name}:{number}: \"{other}\" is not a path from the root"
            elif not any(other.startswith(l + "/") for l in [layer] + LAYERS[layer]):
                yield f"{name}:{number}: {layer} must not know {other}"


def check_clocks():
    for name in c_files():
        if name.startswith(MAY_READ_CLOCKS):
            continue
        for number, line in enumerate(without_comments(text_of(name) or "").split("\n"), 1):
            found = CLOCKS.search(line)
            if found:
                yield (f"{name}:{number}: {found.group(1)}() is read in engine/io only; "
                       "take time and randomness as arguments")


def check_packet_path():
    seen = 0
    for name in c_files("engine/", "relay/"):
        if not PACKET_PATH.fullmatch(name):
            continue
        seen += 1
        code = without_comments(text_of(name) or "")
        lines = code.split("\n")
        for function, first, last in functions(code):
            if NOT_PER_PACKET.search(function):
                continue
            for number in range(first, last):
                found = SLOW.search(lines[number - 1])
                if found:
                    yield f"{name}:{number}: {found.group(1)}() for each packet, in {function}()"
    if seen < 3:
        yield "PACKET_PATH in tests/checks/tree.py matches hardly a file: nothing was checked"


def check_sizes():
    for name in c_files():
        code = text_of(name) or ""
        count = code.count("\n")
        if count > FILE_LINES:
            line = f"{name}: {count} lines"
            if count > FILE_LIMIT:
                yield line + f", more than {FILE_LIMIT}"
            else:
                print("long:", line)
        for function, first, last in functions(without_comments(code)):
            size = last - first + 1
            line = f"{name}:{first}: {function}() has {size} lines"
            if size > FUNCTION_LIMIT:
                yield line + f", more than {FUNCTION_LIMIT}"
            elif size > FUNCTION_LINES:
                print("long:", line)


def check_first_line():
    for name in c_files():
        base = pathlib.PurePath(name).name
        first = (text_of(name) or "").split("\n")[0]
        # A C file with a header of its own name is explained there.
        if name.endswith(".c") and (ROOT / (name[:-2] + ".h")).is_file():
            continue
        if not re.match(rf"/\* {re.escape(base)} - \S", first):
            yield f"{name}:1: does not begin with \"/* {base} - what it is for */\""
        if name.endswith(".h") and "#pragma once" not in (text_of(name) or ""):
            yield f"{name}: no #pragma once"


def check_text():
    tabs_meant = ("Makefile", ".mk", ".tsv")
    for name in tracked():
        text = text_of(name)
        if text is None or "/corpus/" in name or name.endswith((".svg", ".sdp", "-lock.json")):
            continue
        if text and not text.endswith("\n"):
            yield f"{name}: no newline at its end"
        for number, line in enumerate(text.split("\n"), 1):
            if line != line.rstrip() and not name.endswith(".md"):
                yield f"{name}:{number}: blanks at the end of the line"
            if "\t" in line and not name.endswith(tabs_meant):
                yield f"{name}:{number}: a tab"
            if MACHINE.search(line):
                yield f"{name}:{number}: a path of one machine: {MACHINE.search(line).group(0)}"
            if LEFT_OVER.search(line) and not name.endswith(".md"):
                yield f"{name}:{number}: left over: {LEFT_OVER.search(line).group(0)}"


def check_large():
    for name in tracked():
        size = (ROOT / name).stat().st_size
        if size > 1 << 20:
            yield f"{name}: {size} bytes; nothing over 1 MiB belongs into the tree"


def check_npm_lock():
    lock = ROOT / "package-lock.json"
    package = json.loads((ROOT / "package.json").read_text())
    for kind in ("dependencies", "devDependencies"):
        for name, version in package.get(kind, {}).items():
            if not re.fullmatch(r"\d+\.\d+\.\d+", version):
                yield f"package.json: {name} is not pinned to one version: {version}"
    for path, entry in json.loads(lock.read_text())["packages"].items():
        if "resolved" in entry:
            yield f"package-lock.json: {path} names a registry; npm's omit-lockfile-registry-resolved"
        if path and "integrity" not in entry:
            yield f"package-lock.json: {path} has no integrity value"


def leaves(value, path=""):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else key)
    else:
        yield path, value


def check_messages():
    """The catalogues of the web pages have the same keys, and the same {places} in each text."""
    catalogues = {}
    for name in tracked():
        if re.fullmatch(r"client/web/i18n/[\w-]+\.json", name):
            catalogues[name] = dict(leaves(json.loads(text_of(name))))
    if (ROOT / "client/web/i18n").is_dir() and len(catalogues) < 2:
        yield "client/web/i18n: fewer than two catalogues"
    for name, messages in catalogues.items():
        for other, others in catalogues.items():
            for key in sorted(set(others) - set(messages)):
                yield f"{name}: no \"{key}\", which {other} has"
        for key, value in messages.items():
            first = next(iter(catalogues.values())).get(key)
            if not isinstance(value, str) or not value.strip():
                yield f"{name}: \"{key}\" is empty or no text"
            elif isinstance(first, str) and \
                    set(re.findall(r"\{\w+\}", value)) != set(re.findall(r"\{\w+\}", first)):
                yield f"{name}: \"{key}\" has other {{places}} than the first catalogue"


def check_readme():
    """The README names no file that is not there. That it names all is readme.py's part."""
    readme = (ROOT / "README.md").read_text()
    for path in re.findall(r"(?:`|\()((?:engine|codecs|config|relay|client|scripts|tests|docs)/"
                           r"[\w./-]+)(?:`|\))", readme):
        if not (ROOT / path).exists():
            yield f"README.md: names {path}, which is not there"


RULES = {name[6:]: rule for name, rule in sorted(globals().items()) if name.startswith("check_")}


def main():
    if len(sys.argv) not in (2, 3) or sys.argv[1] not in RULES:
        sys.exit(f"usage: tree.py {'|'.join(RULES)} [FOLDER]")
    wrong = list(RULES[sys.argv[1]]())
    print("\n".join(wrong))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
