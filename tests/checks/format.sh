#!/usr/bin/env bash
# format.sh - every C file is as clang-format leaves it.
set -euo pipefail
cd "$(dirname "$0")/../.."
if ! command -v clang-format >/dev/null; then
    echo "clang-format is not installed: apt-get install clang-format"
    [ "${CI:-}" = true ] && exit 1
    exit 77
fi
git ls-files -z --cached --others --exclude-standard -- '*.c' '*.h' |
    xargs -0 -P "$(nproc)" -n 16 clang-format --dry-run --Werror
