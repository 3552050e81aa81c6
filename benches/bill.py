#!/usr/bin/env python3
"""Measures how many bill lines a second are read, made and written, beside the limit.

    cargo build --workspace --bin lakeledger --example bill_export
    python3 benches/bill.py target/debug [--scale 16] [--repeat 3]

`lakeledger ingest` reads a Cost and Usage Report 2.0 into an empty ledger; before, a bill of EMR
clusters that stay a month is made on one core and written as such a report on the other; and
`demo --landed` writes a month straight as landed data (bill, nodes, runs and tables). Each runs a
few times, and the best counts: the worst is told too, with the processor seconds and the largest
memory of the best. Exit status 1 when one of them misses the limit.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

LIMIT = 500_000

CONFIG = """[ledger]
path = "ledger"

[[source]]
name = "aws-bill"
kind = "aws-cur2"
uri = "{exports}"
"""


def measure(command, lines_of, exports):
    """Lines a second, lines, processor seconds, and MiB at most."""
    directory = tempfile.mkdtemp()
    try:
        with open(os.path.join(directory, "lakeledger.toml"), "w", encoding="utf-8") as file:
            file.write(CONFIG.format(exports=exports))
        started = time.monotonic()
        process = subprocess.Popen(
            [part.replace("DIR", directory) for part in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "TMPDIR": directory},
        )
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        if status != 0:
            raise SystemExit(f"{' '.join(command)} failed:\n{said}")
        lines = int(lines_of(said).replace(",", ""))
        return lines / seconds, lines, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def show(what, command, lines_of, repeat, exports=""):
    """Whether the limit is held."""
    runs = sorted(measure(command, lines_of, exports) for _ in range(repeat))
    worst, best = runs[0], runs[-1]
    held = best[0] >= LIMIT
    print(
        f"{what:<24} {best[1]:>12,} lines {best[0]:>12,.0f} a second (worst {worst[0]:,.0f})"
        f"   limit {LIMIT:,} {'held' if held else 'MISSED'}"
        f"   {best[2]:.1f} processor seconds, {best[3]:,.0f} MiB",
        flush=True,
    )
    return held


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binaries", help="directory of the built binaries")
    parser.add_argument("--scale", type=int, default=16)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    export = os.path.abspath(os.path.join(options.binaries, "examples", "bill_export"))
    program = os.path.abspath(os.path.join(options.binaries, "lakeledger"))
    scale, repeat = options.scale, options.repeat
    exports = tempfile.mkdtemp()
    try:
        subprocess.run([export, str(scale), "31", exports], check=True, stdout=subprocess.DEVNULL)
        held = [
            show(
                f"CUR 2.0 read, scale {scale}",
                [program, "--config", "DIR/lakeledger.toml", "ingest"],
                lambda said: re.search(r"^aws-bill .* landed ([0-9,]+) rows", said, re.MULTILINE)[1],
                repeat,
                exports,
            )
        ]
    finally:
        shutil.rmtree(exports, ignore_errors=True)
    held += [
        show(
            f"CUR 2.0 written, scale {scale}",
            [export, str(scale)],
            lambda said: re.search(r"(\d+) lines", said)[1],
            repeat,
        ),
        show(
            f"landed, scale {scale}",
            [program, "demo", "--generate-only", "--landed", "--end", "2026-10-31", "--dir", "DIR/demo"]
            + ["--scale", str(scale)],
            lambda said: re.search(r"^charges\s+([0-9,]+) rows", said, re.MULTILINE)[1],
            repeat,
        ),
    ]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
