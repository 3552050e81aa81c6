#!/usr/bin/env python3
"""Holds the anomaly alerts of a demo of half a year to their limits; exit 1 where one is missed.

    cargo build --workspace --bin lakeledger
    python3 benches/anomalies.py path/to/lakeledger [--days 180] [--seed 1]

Every planted dear day must be told of on it or on the next closed day, and in no 91 days more than
one false alarm of the quiet team, by itself or by what it runs, nor of any team as a whole. False
alarms of all workloads are told beside the bound that the documentation names. A test does the
same on a quarter.
"""

import argparse
import datetime
import json
import os
import shutil
import subprocess
import tempfile
import time

QUARTER = datetime.timedelta(days=91)


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    return done.stdout


def most_in_a_quarter(days):
    return max((sum(first <= day < first + QUARTER for day in days) for first in days), default=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--days", type=int, default=180)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    program = os.path.abspath(options.program)
    directory = tempfile.mkdtemp()
    missed = 0

    def show(what, measured, limit, is_kept):
        nonlocal missed
        missed += not is_kept
        print(f"{what:<58} {measured:>16}   limit {limit}{'' if is_kept else '   MISSED'}", flush=True)

    try:
        demo = os.path.join(directory, "demo")
        started = time.monotonic()
        run(program, "demo", "--no-serve", "--days", str(options.days), "--seed", str(options.seed),
            "--end", "2026-11-08", "--dir", demo)
        print(f"made a demo of {options.days} days in {time.monotonic() - started:.0f} s", flush=True)
        with open(os.path.join(demo, "truth/platform.json")) as file:
            truth = json.load(file)

        def fired(rule):
            found = json.loads(run(program, "--config", os.path.join(demo, "lakeledger.toml"), "alerts", "test",
                                   "--rule", rule, "--from", "2026-01-01", "--format", "json"))
            told = [one for one in found if one["happened"] == "fired" and one["told"]]
            return [(datetime.date.fromisoformat(one["day"]), one["subject"], one["team"]) for one in told]

        workloads, teams = fired("unusual workloads"), fired("unusual teams")
        planted = [(datetime.date.fromisoformat(one["day"]), one["subject"]) for one in truth["anomalies"]]

        def is_of(alarm, one):
            return alarm[1] == one[1] and datetime.timedelta() <= alarm[0] - one[0] <= datetime.timedelta(days=1)

        found = sum(any(is_of(alarm, one) for alarm in workloads) for one in planted)
        show("planted days told of within a closed day", f"{found} of {len(planted)}", "all", found == len(planted))
        alarms = [alarm for alarm in workloads if not any(is_of(alarm, one) for one in planted)]
        quarters = options.days / QUARTER.days
        show("false alarms of all workloads", len(alarms), f"{20 * quarters:.0f}", len(alarms) <= 20 * quarters)
        quiet = truth["quiet_teams"][0]
        of_quiet = [alarm[0] for alarm in alarms if alarm[2] == quiet]
        of_quiet += [alarm[0] for alarm in teams if alarm[1] == quiet]
        most = most_in_a_quarter(of_quiet)
        show(f"false alarms of the quiet team ({quiet}), most in a quarter", most, "1", most <= 1)
        of_teams = {name: [alarm[0] for alarm in teams if alarm[1] == name] for _, name, _ in teams}
        most = max(map(most_in_a_quarter, of_teams.values()), default=0)
        show("false alarms of any team as a whole, most in a quarter", most, "1", most <= 1)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    raise SystemExit(1 if missed else 0)


if __name__ == "__main__":
    main()
