#!/usr/bin/env python3
"""Measures full attribution beside what DuckDB needs to scan, join and group the same rows.

    cargo build --workspace --bin lakeledger
    python3 benches/attribution.py path/to/lakeledger [--scale 10] [--models 12]

A month of landed data is made at the scale and at ten times it (100: 10 million bill lines,
1 million runs, 100,000 tables), in a directory that is removed afterwards. Needs Python's
duckdb. Nothing fails here: measures stand beside their limits. On a machine that has other
things to do compare the CPU seconds, user and system together.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

# The bill by day, service and tag, and what runs held by hour, cluster and workload: each row
# that attribution reads in quantity is scanned once, joined once and grouped once.
PEER = """
import sys, duckdb
landed = sys.argv[1]
read = lambda dataset: f"read_parquet('{landed}/{dataset}/**/*.parquet')"
duckdb.execute(f'''
    create table bill as
    select date_trunc('day', c.charge_period_start) as day, c.billing_currency, c.service_name, c.sub_account_id,
        c.resource_id, t.value, sum(c.billed_cost), sum(c.effective_cost), sum(c.list_cost), sum(c.contracted_cost)
    from {read('charges')} c
    left join {read('tag_sets')} t on t.tag_set_id = c.tag_set_id and t.key = 'team'
    group by all''')
duckdb.execute(f'''
    create table held as
    select h.hour, h.host, r.cluster_id, r.name, sum(h.vcore_ms), sum(h.memory_mib_ms)
    from {read('run_hours')} h
    join {read('runs')} r on r.engine = h.engine and r.run_id = h.run_id
    group by all''')
"""


def run(*command, environment=None):
    """Seconds, CPU seconds, MiB at most, and what the command said."""
    started = time.monotonic()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})})
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{' '.join(command[:4])} failed:\n{said}")
    return time.monotonic() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, said


def show(what, measured, limit="-"):
    print(f"{what:<52} {measured:>28}   limit {limit}", flush=True)


def measure(program, scale, models):
    """Seconds and CPU seconds of attribution at one scale; prints all there is to say of it."""
    directory = tempfile.mkdtemp()
    try:
        demo = os.path.join(directory, "demo")
        run(program, "demo", "--generate-only", "--landed", "--end", "2026-10-31", "--scale", str(scale), "--dir", demo)
        config = os.path.join(demo, "lakeledger.toml")
        seconds, cpu, mib, said = run(
            program, "--config", config, "attribute", environment={"LAKELEDGER_LOG": "attribution=debug"}
        )
        peer, peer_cpu, peer_mib, _ = run(sys.executable, "-c", PEER, os.path.join(demo, "ledger", "landed"))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    show(f"scale {scale}: attribution", f"{seconds:.1f} s, {cpu:.1f} s CPU")
    show(f"scale {scale}: DuckDB's scan, join and group", f"{peer:.1f} s, {peer_cpu:.1f} s CPU")
    show(f"scale {scale}: ratio", f"{seconds / peer:.2f}, CPU {cpu / peer_cpu:.2f}", "5")
    show(f"scale {scale}: largest memory", f"{mib:,.0f} MiB (DuckDB {peer_mib:,.0f})", "4,096 MiB at scale 100")
    built = [(int(ms), name) for name, ms in re.findall(r'model="?(\w+)"? elapsed_ms=(\d+)', said)]
    for ms, name in sorted(built, reverse=True)[:models]:
        print(f"    {ms / 1000:8.2f} s  {name}")
    return seconds, cpu


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--scale", type=int, default=10, help="the smaller of the two (default 10)")
    parser.add_argument("--models", type=int, default=12, help="slowest models to name (default 12)")
    options = parser.parse_args()
    program = os.path.abspath(options.program)
    small, small_cpu = measure(program, options.scale, options.models)
    large, large_cpu = measure(program, options.scale * 10, options.models)
    show("ten times the rows take", f"{large / small:.2f} times, CPU {large_cpu / small_cpu:.2f}", "10.5")


if __name__ == "__main__":
    main()
