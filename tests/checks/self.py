#!/usr/bin/env python3
"""self.py - plants one fault for each rule of tree.py in an empty tree and sees that it is found."""
import pathlib
import subprocess
import sys
import tempfile

TREE = pathlib.Path(__file__).with_name("tree.py")

GOOD = {
    "engine/base/base.h": "/* base.h - words. */\n#pragma once\n",
    "engine/base/heap.c": "/* heap.c - a heap. */\nvoid heap_init(void)\n{\n    malloc(1);\n}\n",
    "engine/media/nack.c": "/* nack.c - lost ones. */\n#include \"engine/base/base.h\"\n",
    "engine/media/hist.c": "/* hist.c - sent ones; free( in a comment. */\nint hist_n;\n",
    "engine/io/clock.c": "/* clock.c - now. */\nint f(void)\n{\n    return time(0);\n}\n",
    "package.json": '{"dependencies": {"a": "1.2.3"}}\n',
    "package-lock.json": '{"packages": {"": {}, "node_modules/a": {"integrity": "x"}}}\n',
    "client/web/i18n/en.json": '{"a": {"b": "{n} rooms"}}\n',
    "client/web/i18n/zh-CN.json": '{"a": {"b": "{n} 个教室"}}\n',
    "README.md": "`engine/base`: `base`, `heap`; `engine/media`: `nack` `hist`; `engine/io`: `clock`\n",
}

# rule, file, its text, what the rule must say
FAULTS = [
    ("layers", "engine/media/nack.c", '/* nack.c - x. */\n#include "engine/io/clock.c"\n',
     "engine/media must not know engine/io/clock.c"),
    ("layers", "engine/media/nack.c", '/* nack.c - x. */\n#include "hist.c"\n',
     "not a path from the root"),
    ("layers", "stray/x.c", "/* x.c - x. */\n", "no folder"),
    ("clocks", "engine/media/nack.c", "/* nack.c - x. */\nlong t = time(NULL);\n", "time()"),
    ("clocks", "relay/x.c", "/* x.c - x. */\nint t = getrandom(b, 1, 0);\n", "getrandom()"),
    ("packet_path", "engine/media/nack.c",
     "/* nack.c - x. */\nvoid nack_add(int *a, int b)\n{\n    free(a);\n}\n",
     "free() for each packet, in nack_add()"),
    ("packet_path", "engine/media/nack.c",
     "/* nack.c - x. */\nstatic void say(\n    int a)\n{\n    log_info(a);\n}\n", "log_info()"),
    ("sizes", "engine/media/nack.c",
     "/* nack.c - x. */\nvoid f(void)\n{\n" + "    ;\n" * 120 + "}\n", "f() has 122 lines"),
    ("sizes", "engine/media/nack.c", "/* nack.c - x. */\n" + "int x;\n" * 1000, "1001 lines"),
    ("first_line", "engine/media/nack.c", "int x;\n", "does not begin with"),
    ("first_line", "engine/media/nack.h", "/* nack.h - x. */\n", "no #pragma once"),
    ("text", "a.sh", "\tx\n", "a tab"),
    ("text", "a.sh", "x \n", "blanks"),
    ("text", "a.sh", "x", "no newline"),
    ("text", "a.sh", "# TO" "DO\n", "left over"),
    ("text", "a.md", "see /wo" "rk/x\n", "one machine"),
    ("large", "a.bin", "x" * (1 << 20) + "\n", "1 MiB"),
    ("npm_lock", "package.json", '{"dependencies": {"a": "^1.2.3"}}\n', "not pinned"),
    ("npm_lock", "package-lock.json",
     '{"packages": {"node_modules/a": {"integrity": "x", "resolved": "http://x/"}}}\n', "registry"),
    ("npm_lock", "package-lock.json", '{"packages": {"node_modules/a": {}}}\n', "no integrity"),
    ("messages", "client/web/i18n/en.json", '{"a": {}}\n', 'no "a.b"'),
    ("messages", "client/web/i18n/en.json", '{"a": {"b": "rooms"}}\n', "{places}"),
    ("messages", "client/web/i18n/en.json", '{"a": {"b": " "}}\n', "empty"),
    ("readme", "README.md", "![x](docs/gone.png)\n", "names docs/gone.png"),
    ("readme", "README.md", "`engine/gone.c`\n", "names engine/gone.c"),
]


def run(rule, files):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        subprocess.run(["git", "init", "-q", folder], check=True)
        done = subprocess.run([sys.executable, str(TREE), rule, folder],
                              capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr


def main():
    failed = 0
    for rule in sorted({fault[0] for fault in FAULTS}):
        code, said = run(rule, GOOD)
        if code:
            failed += 1
            print(f"{rule}: finds fault with a tree that has none:\n{said}")
    for rule, name, text, expected in FAULTS:
        code, said = run(rule, {**GOOD, name: text})
        if not code or expected not in said:
            failed += 1
            print(f"{rule}: does not say \"{expected}\" of {name}, but:\n{said}")
    print(f"{len(FAULTS)} faults planted, {failed} wrong answers")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
