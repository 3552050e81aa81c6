#!/usr/bin/env python3
"""Measures how long the weekly reports of 200 teams take, beside the limit; exit 1 where it is missed.

    cargo build --workspace --bin lakeledger
    python3 benches/reports.py path/to/lakeledger [--teams 200] [--scale 4] [--days 28]

Makes a demo in a directory that is removed afterwards, gives its workflows to so many teams of
about equal number, and writes every team's report and the platform's to files.
"""

import argparse
import csv
import os
import re
import shutil
import subprocess
import tempfile
import time


LIMIT_SECONDS = 30


def run(program, directory, *arguments):
    """Seconds, CPU seconds, MB at most, and what was printed."""
    started = time.monotonic()
    output = open(os.path.join(directory, "printed"), "w+")
    process = subprocess.Popen([program, *arguments], cwd=directory, stdout=output, stderr=subprocess.PIPE, text=True)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    # 1: something of the demo's logs is cut off, which it names.
    if status not in (0, 1 << 8):
        raise SystemExit(f"{' '.join(arguments)} failed:\n{said}")
    output.seek(0)
    seconds = time.monotonic() - started
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6, output.read()


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--teams", type=int, default=200)
    parser.add_argument("--scale", type=int, default=4, help="of the demo: it needs as many workflows as teams")
    parser.add_argument("--days", type=int, default=28, help="of the demo")
    options = parser.parse_args()
    program = os.path.abspath(options.program)
    directory = tempfile.mkdtemp()
    try:
        demo = ["demo", "--no-serve", "--end", "2026-11-08", "--dir", "demo"]
        run(program, directory, *demo, "--days", str(options.days), "--scale", str(options.scale))
        config = os.path.join(directory, "demo/lakeledger.toml")
        costs = run(program, directory, "--config", config, "export", "costs", "--by", "workload")[3]
        workloads = [row["workload"] for row in csv.DictReader(costs.splitlines())]
        workflows = sorted({name.split("/")[0] for name in workloads if "/" in name})
        if len(workflows) < options.teams:
            print(f"only {len(workflows)} workflows: as many teams; a larger --scale has more")
        teams = min(options.teams, len(workflows))
        # The sources alone: teams, their rules, budgets and alerts make way.
        with open(config) as file:
            tables = re.split(r"(?m)^(?=\[)", file.read())
        text = "".join(table for table in tables if re.match(r"\[ledger\]|\[\[source\]\]|\[source", table))
        text += "".join(f"[[team]]\nname = \"team-{nth:03}\"\n" for nth in range(teams))
        for nth, workflow in enumerate(workflows):
            text += f"[[owner_rule]]\nteam = \"team-{nth % teams:03}\"\nworkflow = {quoted(workflow)}\n"
        with open(config, "w") as file:
            file.write(text)
        run(program, directory, "--config", config, "run")
        seconds, cpu, memory, printed = run(
            program, directory, "--config", config, "report", "weekly", "--out", "reports"
        )
        reports = sum(line.endswith(".txt") for line in printed.splitlines())
        is_kept = seconds <= LIMIT_SECONDS and reports > options.teams
        print(
            f"{reports} weekly reports: {seconds:.1f} s, {cpu:.1f} CPU s, {memory:,.0f} MB   "
            f"limit {LIMIT_SECONDS} s for {options.teams} teams and the platform{'' if is_kept else '   MISSED'}"
        )
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    raise SystemExit(0 if is_kept else 1)


if __name__ == "__main__":
    main()
