#!/usr/bin/env python3
"""Runs the models on Spark and compares every row with DuckDB's.

    python attribution/spark/run_models.py DIR...

A DIR holds what `attribution::engine::Builder::export` wrote: `inputs/` (landed datasets and
rule tables) and `models/` (the rows DuckDB made of them), one Parquet file a table, and
`models.txt`, the models' files in the order they are built in. Each model reads Spark's own
results of those before it. Rows are compared as sorted texts, to the last decimal digit.

Needs pyspark 4.1 or newer and Java 17 or newer. Exit status: 0 all rows are equal, 1 a model
failed or differs (each difference is a line), 2 nothing could be run.
"""

import argparse
import collections
import datetime
import decimal
import pathlib
import re
import sys
import time

import bridges
from pyspark.sql import SparkSession

SQL = pathlib.Path(__file__).resolve().parent.parent / "sql"
SHOWN = 3


def session():
    """One small Spark for all directories: most of a tiny query is planning and scheduling."""
    return (
        SparkSession.builder.master("local[2]")
        .appName("lakeledger models")
        .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.autoBroadcastJoinThreshold", "-1")
        .config("spark.sql.adaptive.enabled", "false")
        .config("spark.sql.codegen.wholeStage", "false")
        .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
        # A machine busy with other things is slow, not dead.
        .config("spark.executor.heartbeatInterval", "600s")
        .config("spark.network.timeout", "3600s")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )


def text(value):
    """A cell as text that does not depend on the engine's type for it."""
    if value is None:
        return "null"
    if isinstance(value, decimal.Decimal):
        return f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else f"{value:f}"
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ")
    return str(value)


def rows(frame):
    """Rows of a frame as sorted tuples of texts."""
    return sorted(tuple(map(text, row)) for row in frame.collect())


def differences(name, found, wanted):
    """Lines that say in what two results differ, and how many rows were compared."""
    if found.columns != wanted.columns:
        return [f"{name}: columns {found.columns}, DuckDB has {wanted.columns}"], 0
    ours, theirs = rows(found), rows(wanted)
    if ours == theirs:
        return [], len(ours)
    said = [f"{name}: {len(ours)} rows, DuckDB has {len(theirs)}"]
    mine, its = collections.Counter(ours), collections.Counter(theirs)
    for who, some in (("Spark", mine - its), ("DuckDB", its - mine)):
        said.append(f"  only {who}: {some.total()} rows")
        for row in sorted(some)[:SHOWN]:
            said.append("    " + ", ".join(f"{column}={cell}" for column, cell in zip(found.columns, row)))
    return said, len(ours)


def run(spark, sql):
    """A model's rows, kept; its steps that are read more than once are kept as views before."""
    steps, last = bridges.steps(bridges.spelled(sql))
    inline, kept = [], []
    for at, (name, query) in enumerate(steps):
        later = " ".join([query for _, query in steps[at + 1 :]] + [last])
        if len(re.findall(rf"\b(?:from|join)\s+{name}\b", later)) > 1:
            spark.sql(with_steps(inline, query)).coalesce(1).localCheckpoint().createTempView(name)
            kept.append(name)
        else:
            inline.append((name, query))
    found = spark.sql(with_steps(inline, last)).coalesce(1).localCheckpoint()
    for name in kept:
        spark.catalog.dropTempView(name)
    return found


def with_steps(steps, query):
    """A query with the steps it reads, and those they read, before it."""
    needed, texts = [], [query]
    for name, step in reversed(steps):
        if any(re.search(rf"\b(?:from|join)\s+{name}\b", text) for text in texts):
            needed.insert(0, f"{name} as ({step})")
            texts.append(step)
    return f"with {', '.join(needed)} {query}" if needed else query


def read(spark, file, schemas):
    """A Parquet file. A table has the same columns in every ledger: Spark looks for them once."""
    if file.stem not in schemas:
        schemas[file.stem] = spark.read.parquet(str(file)).schema
    return spark.read.schema(schemas[file.stem]).parquet(str(file)).coalesce(1)


def check(spark, directory, schemas, times):
    """Builds the models of one directory; lines of what differs, and how many rows there are."""
    for file in sorted((directory / "inputs").glob("*.parquet")):
        read(spark, file, schemas).createOrReplaceTempView(file.stem)
    said, compared = [], 0
    for path in (directory / "models.txt").read_text().split():
        name = pathlib.Path(path).stem
        started = time.monotonic()
        try:
            found = run(spark, (SQL / path).read_text())
            found.createOrReplaceTempView(name)
            wanted = read(spark, directory / "models" / f"{name}.parquet", schemas)
            lines, count = differences(name, found, wanted)
            said += lines
            compared += count
        except Exception as error:  # noqa: BLE001: whatever Spark says, the model does not run there
            return [*said, f"{name}: Spark cannot run it: {str(error)}"], compared
        times[name] = times.get(name, 0) + time.monotonic() - started
    return said, compared


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directories", nargs="+", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--times", action="store_true", help="show the seconds each ledger and each model took")
    options = parser.parse_args()
    spark = session()
    failed, total, schemas, times = 0, 0, {}, {}
    for directory in options.directories:
        own, started = spark.newSession(), time.monotonic()
        bridges.prepare(own, (SQL / "functions.sql").read_text())
        said, compared = check(own, directory, schemas, times)
        if options.times:
            print(f"{time.monotonic() - started:8.1f} s {directory.name}: {compared} rows", flush=True)
        total += compared
        failed += bool(said)
        for line in said:
            print(f"{directory.name}: {line}", flush=True)
    if options.times:
        for name, seconds in sorted(times.items(), key=lambda item: -item[1]):
            print(f"{seconds:8.1f} s {name}")
    print(f"{len(options.directories)} ledgers, {total} rows of models on Spark: {failed} ledgers differ from DuckDB")
    return 1 if failed else 2 if not total else 0


if __name__ == "__main__":
    sys.exit(main())
