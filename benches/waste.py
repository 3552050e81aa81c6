#!/usr/bin/env python3
"""Measures how long the waste detectors take, together and one by one.

    cargo build --workspace --bin lakeledger
    python3 benches/waste.py path/to/lakeledger [--scale 100] [--steps 8]

The default demo is made and attributed, and a month of landed data at the scale (100: 10 million
bill lines, 1 million runs, 100,000 tables), each in a directory that is removed afterwards. What
is measured is every model of `attribution/sql/waste`: prices, detectors, claims and findings.
Of the demo two models are made at a time, so that their times together are above what passes.
Nothing fails here: measures stand beside their limit. The machine should have nothing else to do.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile

from attribution import run, show

MODELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "attribution", "sql", "waste")
HELPERS = "waste_"


def measure(program, what, limit, steps, *demo):
    """Makes a demo, and prints what its waste took."""
    directory = tempfile.mkdtemp()
    try:
        seconds, cpu, mib, said = run(
            program, "demo", *demo, "--dir", os.path.join(directory, "demo"), environment={"LAKELEDGER_LOG": "attribution=debug"}
        )
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    names = {file.removesuffix(".sql") for file in os.listdir(MODELS) if file.endswith(".sql")}
    took = re.findall(r'model="?([^"\n]+?)"? elapsed_ms=(\d+)', said)
    took = sorted(((int(ms), name) for name, ms in took if name in names), reverse=True)
    if {name for _, name in took} != names:
        raise SystemExit(f"nothing was told of {', '.join(sorted(names - {name for _, name in took}))}:\n{said}")
    detectors = sum(ms for ms, name in took if not name.startswith(HELPERS))
    show(f"{what}: waste in all", f"{sum(ms for ms, _ in took) / 1000:.2f} s", limit)
    print(f"    of which detectors {detectors / 1000:.2f} s; all of it {seconds:.1f} s, {cpu:.1f} s CPU, {mib:,.0f} MiB")
    for ms, name in took[:steps]:
        print(f"    {ms / 1000:8.2f} s  {name}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--scale", type=int, default=100)
    parser.add_argument("--steps", type=int, default=8, help="slowest models to name (default 8)")
    options = parser.parse_args()
    program = os.path.abspath(options.program)
    measure(program, "demo, six weeks", "5 s", options.steps, "--no-serve", "--end", "2026-11-08")
    landed = ("--no-serve", "--landed", "--end", "2026-10-31", "--scale", str(options.scale))
    measure(program, f"landed month, scale {options.scale}", "60 s at scale 100", options.steps, *landed)


if __name__ == "__main__":
    sys.exit(main())
