#!/usr/bin/env python3
"""Measures how fast the dashboard answers, alone and under load, and prints it beside the limits.

    lakeledger demo --dir demo --days 365 --no-serve
    lakeledger --config demo/lakeledger.toml serve &
    python3 benches/dashboard.py http://127.0.0.1:8420 [--users 100] [--think 5] [--seconds 60] [--pid PID]

Alone: each kind of page is asked for a few times, of days nobody asked for before, one request
at a time. Under load: users pause about as long as a person reads between random pages of random
teams, days, bases and filters; half of the addresses are of a small set that everybody opens, the
other half nobody asked for before. With --pid the server's resident memory is told before and
after, and beside each time alone the processor time that the server took, which other work on
the machine does not lengthen. Only the standard library is needed.
"""

import argparse
import collections
import datetime
import http.client
import json
import os
import random
import threading
import time
import urllib.parse

ALONE_MS, LOADED_MS, EXPLORE_MS = 30, 200, 500
DIMENSIONS = ["day", "week", "team", "workload", "run", "table", "cluster", "service", "region", "pool", "engine", "method"]


class Site:
    """A server's address, and what can be asked of it."""

    def __init__(self, base, token):
        self.address = urllib.parse.urlsplit(base)
        self.headers = {"Accept-Encoding": "gzip"}
        if token:
            self.headers["Authorization"] = f"Bearer {token}"
        connection = self.connect()
        self.names = {by: self.values(connection, by) for by in ("team", "workload", "table", "cluster", "service")}
        days = self.values(connection, "day")
        self.findings = self.listed(connection, "findings", "finding")
        newest = datetime.date.fromisoformat(days[-1])
        self.runs = self.listed(connection, f"runs?from={newest - datetime.timedelta(days=2)}&limit=500", "run")
        self.first, self.last = (datetime.date.fromisoformat(day) for day in (days[0], days[-1]))

    def connect(self):
        return http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=60)

    def get(self, connection, path):
        """Milliseconds and bytes; what is no success ends the measurement."""
        started = time.perf_counter()
        connection.request("GET", path, headers=self.headers)
        answer = connection.getresponse()
        body = answer.read()
        elapsed = (time.perf_counter() - started) * 1000
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}: {body[:300]}")
        return elapsed, body

    def values(self, connection, by):
        connection.request("GET", f"/api/v1/costs?by={by}", headers={**self.headers, "Accept-Encoding": "identity"})
        rows = json.load(connection.getresponse())["rows"]
        return sorted({row[by] for row in rows if row[by] != "(none)"})

    def listed(self, connection, resource, key):
        connection.request("GET", f"/api/v1/{resource}", headers={**self.headers, "Accept-Encoding": "identity"})
        return [row[key] for row in json.load(connection.getresponse())["rows"]]


def span(site, rng):
    """Random days, most often a week or a month of the newest."""
    length = rng.choice([7, 7, 14, 30, 30, 30, 90, rng.randint(2, 120)])
    length = min(length, (site.last - site.first).days)
    end = site.last - datetime.timedelta(days=rng.randint(0, max(0, (site.last - site.first).days - length)))
    return {"from": str(end - datetime.timedelta(days=length - 1)), "to": str(end + datetime.timedelta(days=1))}


def lens(site, rng):
    query = span(site, rng)
    if rng.random() < 0.2:
        query["basis"] = rng.choice(["billed", "list", "contracted"])
    if rng.random() < 0.15:
        query["idle"] = rng.choice(["keep", "proportional"])
    if rng.random() < 0.1:
        query["shared"] = rng.choice(["even", "proportional"])
    return query


def kinds(site):
    """A path for each kind of page, and how often it is opened."""
    quoted = lambda name: urllib.parse.quote(name, safe="")
    one = lambda place, by: lambda rng: f"/{place}/{quoted(rng.choice(site.names[by]))}"
    known = {
        "overview": (lambda rng: "/", 20),
        "teams": (lambda rng: "/teams", 8),
        "team": (one("teams", "team"), 16),
        "workloads": (lambda rng: "/workloads", 8),
        "workload": (one("workloads", "workload"), 10),
        "tables": (lambda rng: "/tables", 6),
        "table": (one("tables", "table"), 8),
        "clusters": (lambda rng: "/clusters", 4),
        "cluster": (one("clusters", "cluster"), 6),
        "waste": (lambda rng: "/waste", 6),
        "finding": (lambda rng: f"/waste/{rng.choice(site.findings)}", 3),
        "runs": (lambda rng: "/runs", 4),
        "run": (lambda rng: f"/runs/{quoted(rng.choice(site.runs))}", 4),
        "explain": (lambda rng: "/explain", 6),
        "alerts": (lambda rng: "/alerts", 2),
        "data": (lambda rng: "/data", 2),
        "api costs": (lambda rng: "/api/v1/costs", 4),
        "explore": (lambda rng: "/explore", 8),
    }
    known = {name: kind for name, kind in known.items() if name != "finding" or site.findings}
    return {name: kind for name, kind in known.items() if name != "run" or site.runs}


def address(site, kind, path, rng):
    query = lens(site, rng)
    if kind in ("overview", "teams", "workloads", "tables", "clusters") and rng.random() < 0.4:
        query["team"] = rng.choice(site.names["team"])
    if kind == "api costs":
        query["by"] = ",".join(rng.sample(["day", "team", "workload", "service", "category", "table"], 2))
    if kind == "explore":
        query["by"] = ",".join(rng.sample(DIMENSIONS, rng.randint(1, 2)))
        if rng.random() < 0.3:
            query["pivot"] = rng.choice([by for by in ("team", "category", "month") if by not in query["by"].split(",")])
    if kind == "runs":
        query["sort"] = rng.choice(["-cost", "-started", "workload", "-duration_ms"])
    if kind in ("explore", "explain", "runs") and rng.random() < 0.6:
        query["team"] = rng.choice(site.names["team"])
    if kind == "explain":
        by = rng.choice(["workload", "table", "cluster", "service"])
        query["where"] = f"{by}={rng.choice(site.names[by])}"
    if kind in ("finding", "alerts"):
        query = {}
    if kind == "waste":
        query = {"team": rng.choice(site.names["team"])} if rng.random() < 0.5 else {}
    return path + ("?" + urllib.parse.urlencode(query) if query else "")


def percentile(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * part))]


def resident(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmRSS"))


def processor_ms(pid):
    """Milliseconds that all threads of a process ran."""
    spent = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/schedstat") as stat:
                spent += int(stat.read().split()[0])
        except FileNotFoundError:
            pass  # It ended meanwhile.
    return spent / 1e6


def alone(site, pages, pid):
    print(f"{'alone':<12} {'median ms':>10} {'most ms':>10} {'cpu ms':>8} {'KB':>8}   limit {ALONE_MS} ms")
    rng = random.Random(1)
    connection = site.connect()
    for kind, (path, _) in pages.items():
        times, spent, sizes = [], [], []
        for _ in range(7):
            before = processor_ms(pid) if pid else 0
            elapsed, body = site.get(connection, address(site, kind, path(rng), rng))
            spent.append(processor_ms(pid) - before if pid else elapsed)
            times.append(elapsed)
            sizes.append(len(body))
        median = percentile(times, 0.5)
        taken = percentile(spent, 0.5)
        over = "" if taken < ALONE_MS else "   OVER"
        print(f"{kind:<12} {median:>10.1f} {max(times):>10.1f} {taken:>8.1f} {max(sizes) / 1000:>8.1f}{over}", flush=True)


def loaded(site, pages, users, think, seconds):
    times = collections.defaultdict(list)
    faults = []
    fixed = random.Random(7)
    names, weights = list(pages), [weight for _, weight in pages.values()]
    everybody = []
    for _ in range(60):
        kind = fixed.choices(names, weights)[0]
        everybody.append((kind, address(site, kind, pages[kind][0](fixed), fixed)))
    end = time.monotonic() + seconds

    def user(seed):
        rng = random.Random(f"{seed} {time.time_ns()}")
        connection = site.connect()
        time.sleep(rng.uniform(0, think))
        while time.monotonic() < end:
            if rng.random() < 0.5:
                kind, path = rng.choice(everybody)
            else:
                kind = rng.choices(names, weights)[0]
                path = address(site, kind, pages[kind][0](rng), rng)
            try:
                times[kind].append(site.get(connection, path)[0])
            except (RuntimeError, OSError, http.client.HTTPException) as fault:
                faults.append(str(fault))
                connection = site.connect()
            time.sleep(rng.expovariate(1 / think))

    threads = [threading.Thread(target=user, args=(seed,)) for seed in range(users)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    count = sum(map(len, times.values()))
    print(f"\n{users} users, {think:g} s of thought, {seconds:g} s: {count} pages, {count / seconds:.1f} a second")
    print(f"{'under load':<12} {'pages':>6} {'p50 ms':>10} {'p99 ms':>10}")
    for kind in names:
        if times[kind]:
            limit = EXPLORE_MS if kind == "explore" else LOADED_MS
            p99 = percentile(times[kind], 0.99)
            over = "" if p99 < limit else "   OVER"
            p50 = percentile(times[kind], 0.5)
            print(f"{kind:<12} {len(times[kind]):>6} {p50:>10.1f} {p99:>10.1f}   limit {limit} ms{over}")
    everything = [elapsed for kind in times.values() for elapsed in kind]
    print(f"{'all':<12} {count:>6} {percentile(everything, 0.5):>10.1f} {percentile(everything, 0.99):>10.1f}   limit {LOADED_MS} ms")
    print(f"faults: {len(faults)} (limit 0)", *faults[:5], sep="\n  ")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base")
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--think", type=float, default=5)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--token", help="where the dashboard asks for one")
    parser.add_argument("--pid", type=int, help="of the server, to tell its memory")
    options = parser.parse_args()
    site = Site(options.base, options.token)
    pages = kinds(site)
    print(f"{(site.last - site.first).days + 1} days, " + ", ".join(f"{len(names)} {by}s" for by, names in site.names.items()))
    alone(site, pages, options.pid)
    before = resident(options.pid) if options.pid else 0
    loaded(site, pages, options.users, options.think, options.seconds)
    if options.pid:
        print(f"resident memory: {before} MiB before, {resident(options.pid)} MiB after (limit: flat)")


if __name__ == "__main__":
    main()
