#!/usr/bin/env python3
"""Measures what has a limit, and prints it beside the limit: nothing fails here.

    cargo build --workspace --bin lakeledger
    python3 benches/limits.py path/to/lakeledger [--scale 100]

Every command runs in a directory of its own that is removed afterwards. Memory is the
largest resident set of the process; the machine should have nothing else to do.
"""

import argparse
import os
import re
import shutil
import subprocess
import tempfile
import time


def run(program, *arguments):
    """Seconds, MiB at most, and what the command said."""
    directory = tempfile.mkdtemp()
    try:
        started = time.monotonic()
        process = subprocess.Popen(
            [program, *arguments, "--dir", os.path.join(directory, "demo")],
            stderr=subprocess.PIPE,
            text=True,
        )
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        if status != 0:
            raise SystemExit(f"{' '.join(arguments)} failed:\n{said}")
        return seconds, usage.ru_maxrss / 1024, said
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def show(what, measured, limit):
    print(f"{what:<58} {measured:>16}   limit {limit}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--scale", type=int, default=100, help="of the landed month (100: 10 million lines)")
    parser.add_argument("--copies", type=int, default=9, help="of the demo that is attributed as a whole")
    options = parser.parse_args()
    program = os.path.abspath(options.program)

    seconds, mib, said = run(program, "demo", "--no-serve", "--end", "2026-11-08")
    show("demo, six weeks, to a full dashboard", f"{seconds:.1f} s", "30 s on 2 cores")
    show("  largest memory, attribution included", f"{mib:,.0f} MiB", "1,024 MiB")
    made = re.search(r"wrote .* in ([0-9.]+) s", said)
    published = re.search(r"published mart \S+ in ([0-9.]+) s", said)
    print(f"  of which {made[1]} s writing raw exports and {published[1]} s attributing")

    seconds, mib, said = run(program, "demo", "--generate-only", "--end", "2026-11-08")
    show("raw exports alone, scale 1: largest memory", f"{mib:,.0f} MiB", "1,024 MiB at any scale")
    seconds, mib, said = run(program, "demo", "--generate-only", "--end", "2026-11-08", "--scale", "8")
    show("raw exports alone, scale 8: largest memory", f"{mib:,.0f} MiB", "1,024 MiB at any scale")

    seconds, mib, said = run(
        program, "demo", "--no-serve", "--end", "2026-11-08", "--scale", str(options.copies)
    )
    show(f"demo of {options.copies} copies, attribution included: largest memory", f"{mib:,.0f} MiB", "1,024 MiB")

    seconds, mib, said = run(
        program, "demo", "--generate-only", "--landed", "--end", "2026-10-31", "--scale", str(options.scale)
    )
    lines = re.search(r"([0-9,]+) bill lines a second", said)[1]
    show(f"landed month, scale {options.scale}: bill lines a second", lines, "500,000 at least")
    show(f"landed month, scale {options.scale}: largest memory", f"{mib:,.0f} MiB", "1,024 MiB at any scale")


if __name__ == "__main__":
    main()
