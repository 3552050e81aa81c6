#!/usr/bin/env python3
"""Measures exports of a million rows in every format: rows, seconds and the largest memory,
beside the limit of 300 MB; exit 1 where a format is above it, or has fewer than a million rows.

    cargo build --workspace --bin lakeledger
    python3 benches/exports.py path/to/lakeledger [--config lakeledger.toml] [--only csv,xlsx]

Without --config a demo is made first, in a directory that is removed afterwards. The rows of
costs are by as many dimensions as it takes; those of FOCUS are what the days of the ledger give.
Memory is the largest resident set of the process.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
import time

LIMIT_MB, LEAST_ROWS = 300, 1_000_000
BY = "day,run,table,workload,service,cluster,account,region,pool,category,method,engine,team"


def run(command, directory):
    """Seconds, CPU seconds, MB at most."""
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=directory, stderr=subprocess.PIPE, text=True)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{said}")
    return time.monotonic() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6


def lines(path):
    with open(path, "rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--config", help="of a ledger that has a mart; a demo is made where it is missing")
    parser.add_argument("--days", type=int, default=180, help="of the demo that is made")
    parser.add_argument("--scale", type=int, default=1, help="of the demo that is made")
    parser.add_argument("--only", default="csv,json,parquet,xlsx,focus,focus-parquet")
    options = parser.parse_args()
    program = os.path.abspath(options.program)
    directory = tempfile.mkdtemp()
    try:
        config = options.config and os.path.abspath(options.config)
        if not config:
            demo = ["demo", "--no-serve", "--end", "2026-11-08", "--days", str(options.days)]
            demo += ["--scale", str(options.scale), "--dir", "demo"]
            run([program, *demo], directory)
            config = os.path.join(directory, "demo/lakeledger.toml")
        print(f"{'format':<14} {'rows':>11} {'file MB':>9} {'seconds':>9} {'CPU s':>8} {'memory MB':>10}   limit")
        rows, missed = {}, 0
        for name in options.only.split(","):
            kind, _, ending = name.partition("-")
            output = os.path.join(directory, f"costs.{ending or kind}")
            command = [program, "--config", config, "export", "costs", "--format", kind, "-o", output]
            if kind != "focus":
                command += ["--by", BY]
            seconds, cpu, memory = run(command, directory)
            if name in ("csv", "json", "focus"):
                rows[kind] = lines(output) - (1 if name != "json" else 2)
            # Binary files have the rows of the texts they were asked for beside.
            count = rows.get(kind) or rows.get("csv") or rows.get("json")
            known = f"{count:,}" if count else "?"
            size = os.path.getsize(output) / 1e6
            mark = "" if memory <= LIMIT_MB else "   MISSED"
            if count and count < LEAST_ROWS:
                mark += f"   MISSED: fewer than {LEAST_ROWS:,} rows, a larger --days or --scale has more"
            missed += bool(mark)
            print(
                f"{name:<14} {known:>11} {size:>9,.0f} {seconds:>9.1f} {cpu:>8.1f} {memory:>10,.0f}   "
                f"{LIMIT_MB} MB{mark}",
                flush=True,
            )
            os.remove(output)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    raise SystemExit(1 if missed else 0)


if __name__ == "__main__":
    main()
