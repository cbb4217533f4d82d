#!/usr/bin/env python3
"""headers.py - compiles each header of ours alone, so that including it needs no luck.

The flags are those of the build: what compile_commands.json says of the C files of the header's
own folder, or else of all C files.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys

FOLDERS = ["engine", "codecs", "config", "relay", "client", "tests"]


def wanted(flag):
    """Flags that decide how a header is read; not those about output and linking."""
    return flag.startswith(("-I", "-D", "-W", "-std", "-f", "-pthread"))


def read_flags(build):
    """{folder of a source file: (compiler, flags)} and the same for all files together."""
    per_folder, everything, compiler = {}, [], []
    for entry in json.loads((build / "compile_commands.json").read_text()):
        words = shlex.split(entry["command"])
        first = next(i for i, w in enumerate(words) if w.startswith("-"))
        compiler = [w for w in words[:first] if "ccache" not in w]
        flags = []
        for word, following in zip(words, words[1:] + [""]):
            if word == "-isystem":
                flags.append(word + following)
            elif wanted(word) and not word.startswith("-fsanitize"):
                flags.append(word)
        folder = os.path.dirname(os.path.normpath(os.path.join(entry["directory"], entry["file"])))
        known = per_folder.setdefault(folder, [])
        for store in (known, everything):
            store += [f for f in flags if f not in store]
    return compiler, per_folder, everything


def compile_alone(header, compiler, flags, build):
    command = compiler + flags + ["-fsyntax-only", "-x", "c", "-include", str(header), os.devnull]
    done = subprocess.run(command, cwd=build, capture_output=True, text=True)
    return header, done.returncode, done.stderr


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path, required=True)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    args = parser.parse_args()
    root = args.root.resolve()
    compiler, per_folder, everything = read_flags(args.build)
    headers = sorted(h for f in FOLDERS for h in (root / f).rglob("*.h")
                     if "node_modules" not in h.parts)
    if not headers or not compiler:
        sys.exit("no header or no compile command found: nothing was tested")

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(compile_alone, h, compiler,
                            per_folder.get(str(h.parent), everything), args.build)
                for h in headers]
        for job in jobs:
            header, code, errors = job.result()
            if code:
                failed += 1
                print(f"{header.relative_to(root)} does not compile alone:\n{errors}")
    print(f"{len(headers)} headers, {failed} do not compile alone")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
