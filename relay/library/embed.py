#!/usr/bin/env python3
"""embed.py - writes a text file as a C string: embed.py IN OUT HEADER NAME"""
import pathlib
import sys

source, target, header, name = sys.argv[1:]
lines = ['    "' + line.replace("\\", "\\\\").replace('"', '\\"') + '\\n"'
         for line in pathlib.Path(source).read_text().splitlines()]
pathlib.Path(target).write_text(f'#include "{header}"\n\nconst char {name}[] =\n'
                                + "\n".join(lines) + ";\n")
