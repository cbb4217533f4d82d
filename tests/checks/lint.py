#!/usr/bin/env python3
"""lint.py - runs clang-tidy or cppcheck over each C file of the product, if it changed.

A file that was found good is remembered in the build folder under a hash of itself, of every
header of ours that it reaches, of the settings and of the tool's version, so that the next run
looks only at what changed.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

FOLDERS = ("engine/", "codecs/", "config/", "relay/", "client/")
INCLUDE = re.compile(rb'^\s*#\s*include\s+"([^"]+)"', re.M)

CPPCHECK = ["cppcheck", "--enable=warning,style,performance,portability", "--std=c11", "--quiet",
            "--inline-suppr", "--error-exitcode=1", "--suppress=missingIncludeSystem",
            "--suppress=unmatchedSuppression",
            # without the system's headers it guesses wrongly at these; compilers know them
            "--suppress=uninitvar", "--suppress=knownConditionTrueFalse",
            "--suppress=unusedStructMember", "--suppress=shadowFunction"]


def reached(root, name, seen):
    """The file and all files of ours that it includes, directly or not."""
    if name in seen or not (root / name).is_file():
        return seen
    seen.add(name)
    for other in INCLUDE.findall((root / name).read_bytes()):
        reached(root, other.decode(), seen)
    return seen


def tool_command(tool, root, entry, name):
    if tool == "tidy":
        return ["clang-tidy", "-p", entry["build"], "--quiet", str(root / name)]
    flags = [w for w in shlex.split(entry["command"]) if w.startswith("-D")]
    return CPPCHECK + flags + [f"-I{root}", str(root / name)]


def key_of(root, name, version, command):
    digest = hashlib.sha256(version + repr(command[1:]).encode())
    digest.update((root / ".clang-tidy").read_bytes())
    for part in sorted(reached(root, name, set())):
        digest.update(part.encode() + (root / part).read_bytes())
    return digest.hexdigest()


def look_at(root, name, command, stamp):
    if stamp.exists():
        return name, 0, stamp.read_text()
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    # clang-tidy says on stderr only how many warnings it hid, cppcheck says everything there
    said = done.stdout + (done.stderr if "cppcheck" in command[0] else "")
    if done.returncode == 0:
        stamp.write_text(said)
    return name, done.returncode, said


def sources(root, build):
    """{path from the root: its entry in compile_commands.json}, once each."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(os.path.normpath(os.path.join(entry["directory"], entry["file"])))
        if path.is_relative_to(root):
            name = str(path.relative_to(root))
            if name.startswith(FOLDERS):
                found.setdefault(name, {**entry, "build": str(build)})
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool", choices=["tidy", "cppcheck"])
    parser.add_argument("--root", type=pathlib.Path, required=True)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    args = parser.parse_args()
    root, build = args.root.resolve(), args.build.resolve()
    program = "clang-tidy" if args.tool == "tidy" else "cppcheck"
    try:
        version = subprocess.run([program, "--version"], capture_output=True, check=True).stdout
    except FileNotFoundError:
        print(f"{program} is not installed: apt-get install {program}")
        sys.exit(1 if os.environ.get("CI") == "true" else 77)

    stamps = build / "lint" / args.tool
    stamps.mkdir(parents=True, exist_ok=True)
    failed, files = 0, sources(root, build)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = []
        for name, entry in sorted(files.items()):
            command = tool_command(args.tool, root, entry, name)
            stamp = stamps / key_of(root, name, version, command)
            jobs.append(pool.submit(look_at, root, name, command, stamp))
        for job in concurrent.futures.as_completed(jobs):
            name, code, said = job.result()
            if code:
                failed += 1
                print(f"--- {name}\n{said}", flush=True)
            for advice in re.findall(r"^\S+: (warning: .*)$", said, re.M):
                print(f"{name}: {advice}")
    print(f"{program}: {len(files)} files, {failed} with findings")
    sys.exit(failed > 0 or not files)


if __name__ == "__main__":
    main()
