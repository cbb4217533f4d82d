#!/usr/bin/env python3
"""scripts.py - the scripts parse, the package list is in order, and the tally tells the truth."""
import ast
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"


def wrong_syntax():
    for script in sorted(SCRIPTS.iterdir()):
        if not script.is_file() or script.name == "packages":
            continue
        first = script.read_text().split("\n")[0]
        if "python3" in first:
            try:
                ast.parse(script.read_text(), str(script))
            except SyntaxError as e:
                yield f"{script.name}: {e}"
        elif "bash" in first or script.suffix == ".sh":
            done = subprocess.run(["bash", "-n", script], capture_output=True, text=True)
            if done.returncode:
                yield f"{script.name}: {done.stderr}"
        else:
            yield f"{script.name}: neither bash nor python3"
        if "#!" in first and not os.access(script, os.X_OK):
            yield f"{script.name}: not executable"


def wrong_packages():
    seen = set()
    for number, line in enumerate((SCRIPTS / "packages").read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        found = re.fullmatch(r"(build|node|run|test|bench) +([a-z0-9][a-z0-9+.-]+) +(\S.*)", line)
        if not found:
            yield f"packages:{number}: not \"group package what for\": {line}"
        elif found.group(2) in seen:
            yield f"packages:{number}: {found.group(2)} stands there twice"
        else:
            seen.add(found.group(2))


def tally(results, broken=0, ci=""):
    """Last line and exit code for tests with these (result, output)."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as log:
        for i, (result, output) in enumerate(results):
            log.write(json.dumps({"name": f"t{i}", "result": result, "stdout": output}) + "\n")
        log.flush()
        done = subprocess.run([sys.executable, SCRIPTS / "tally", str(broken), log.name],
                              capture_output=True, text=True, env={**os.environ, "CI": ci})
    return done.stdout.splitlines()[-1], done.returncode


def wrong_sums():
    cases = [
        (([("OK", ""), ("OK", "")],), ("2 passed, 0 failed, 0 skipped", 0)),
        (([("OK", ""), ("FAIL", "")],), ("1 passed, 1 failed, 0 skipped", 1)),
        (([("TIMEOUT", ""), ("ERROR", ""), ("OK", "")],), ("1 passed, 2 failed, 0 skipped", 1)),
        (([("OK", ""), ("SKIP", "no firefox")],), ("1 passed, 0 failed, 1 skipped", 0)),
        (([("OK", ""), ("SKIP", "no firefox")], 0, "true"), ("1 passed, 1 failed, 0 skipped", 1)),
        (([("OK", ""), ("SKIP", "cannot here: no TUN")], 0, "true"),
         ("1 passed, 0 failed, 1 skipped", 0)),
        (([("OK", "")], 1), ("1 passed, 1 failed, 0 skipped", 1)),
        (([],), ("0 passed, 0 failed, 0 skipped", 1)),
    ]
    for arguments, expected in cases:
        found = tally(*arguments)
        if found != expected:
            yield f"tally{arguments}: {found}, not {expected}"


def main():
    wrong = [*wrong_syntax(), *wrong_packages(), *wrong_sums()]
    print("\n".join(wrong))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
