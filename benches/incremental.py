#!/usr/bin/env python3
"""Measures what one changed day costs beside attribution from scratch.

    cargo build --workspace --bin lakeledger
    python3 benches/incremental.py path/to/lakeledger [--scale 10] [--steps 12]

A month of landed data is made at the scale (100: 10 million bill lines, 1 million runs, 100,000
tables) in a directory that is removed afterwards, and attributed from scratch. Then the logs of
one day tell of more use, and the whole bill is delivered anew with another quantity on the lines
of one day: each is attributed of the last mart. Needs Python's duckdb. Nothing fails here:
measures stand beside their limit. On a machine that has other things to do compare the CPU
seconds, user and system together.
"""

import argparse
import json
import os
import re
import shutil
import sys
import tempfile

import duckdb
from attribution import run, show

DAY = "2026-10-16"


def change(ledger, dataset, column, day, expression):
    """Lands a dataset anew, with this value in the column of the day's rows; the totals stay."""
    path = os.path.join(ledger, "manifest.json")
    with open(path, encoding="utf-8") as file:
        manifest = json.load(file)
    manifest["commit"] += 1
    for entry in (entry for entry in manifest["entries"] if entry["dataset"] == dataset):
        for part in entry["parts"]:
            old = os.path.join(ledger, part["path"])
            part["path"] = re.sub(r"[^/]+$", f"commit-{manifest['commit']}.parquet", part["path"])
            duckdb.execute(
                f"copy (select * replace (case when cast({day} as date) = date '{DAY}' then {expression}"
                f" else {column} end as {column}) from '{old}') to '{os.path.join(ledger, part['path'])}'"
            )
            os.remove(old)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(manifest, file)


def attribute(program, config, *options):
    """Seconds, CPU seconds, how the mart was made, and the slowest steps."""
    seconds, cpu, mib, said = run(
        program, "--config", config, "attribute", *options, environment={"LAKELEDGER_LOG": "attribution=debug"}
    )
    made = re.search(r"checks passed \((.*)\)", said)
    steps = re.findall(r'(?:model|check|operation)="?([^"\n]+?)"? elapsed_ms=(\d+)', said)
    return seconds, cpu, mib, made.group(1) if made else "nothing published", [(int(ms), name) for name, ms in steps]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--scale", type=int, default=10)
    parser.add_argument("--steps", type=int, default=12, help="slowest steps to name (default 12)")
    options = parser.parse_args()
    program = os.path.abspath(options.program)
    directory = tempfile.mkdtemp()
    try:
        demo = os.path.join(directory, "demo")
        run(program, "demo", "--generate-only", "--landed", "--end", "2026-10-31", "--scale", str(options.scale), "--dir", demo)
        config, ledger = os.path.join(demo, "lakeledger.toml"), os.path.join(demo, "ledger")
        full, full_cpu = None, None
        for what, before in (
            ("from scratch", None),
            ("logs of one day", ("run_hours", "memory_mib_ms", "hour", "memory_mib_ms + 1")),
            ("bill of one day", ("charges", "consumed_quantity", "charge_period_start", "coalesce(consumed_quantity, 0) + 1")),
        ):
            if before:
                change(ledger, *before)
            seconds, cpu, mib, made, steps = attribute(program, config)
            show(what, f"{seconds:.1f} s, {cpu:.1f} s CPU, {mib:,.0f} MiB")
            print(f"    {made}")
            for ms, name in sorted(steps, reverse=True)[: options.steps]:
                print(f"    {ms / 1000:8.2f} s  {name}")
            if full is None:
                full, full_cpu = seconds, cpu
            else:
                show(f"{what}: of the time from scratch", f"{seconds / full:.3f}, CPU {cpu / full_cpu:.3f}", "0.1")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
