"""All that Spark SQL needs to run the models as they stand: settings and spellings.

The models are written in what DuckDB and Spark SQL have in common; the other half of this
list is PRELUDE in attribution/src/engine.rs, which gives DuckDB functions by Spark's names.
"""

import re

SETTINGS = {
    # Times are UTC, and a landed timestamp has no zone in its type.
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "false",
    # A rule without an end is valid until 9999-12-31, one without a start from 0001-01-01.
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    # An overflow or a bad cast is an error, not a null.
    "spark.sql.ansi.enabled": "true",
    # Sums and differences of DECIMAL(38, 18) keep all 18 digits.
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",
}

SPELLINGS = [
    # Spark's VARCHAR wants a length; its type of any length is STRING.
    (re.compile(r"\bas varchar\)"), "as string)"),
    # Spark's LIKE escapes by a backslash without being told, and cannot be told in this spelling.
    (re.compile(r" escape '\\'"), ""),
]


# Functions of attribution/sql/functions.sql: Spark wants to be told their types.
FUNCTIONS = {
    "cut_units": ("cost decimal(38, 18)", "double"),
    "cut_unit": ("cost decimal(38, 18)", "decimal(13, 12)"),
    "bucket_of": ("resource_id string", "string"),
    "storage_class_of": ("usage_type string", "string"),
    "stored_bytes_of": ("quantity double, unit string, day timestamp", "double"),
    "subject_kind": ("part string", "string"),
    "subject_engine": ("part string, engine string, consumer_kind string", "string"),
    "subject_run": ("part string, run_id string, consumer string", "string"),
    "subject_table": ("part string, table_id string", "string"),
    "subject_cluster": ("part string, method string, cluster_id string", "string"),
    "subject_fact": ("part string, fact string", "string"),
    "cut_part": ("units double, unit decimal(13, 12), share double", "decimal(38, 12)"),
}


def prepare(spark, functions):
    """Makes a session read the models; `functions` is the text of functions.sql."""
    for key, value in SETTINGS.items():
        spark.conf.set(key, value)
    for name, body in re.findall(r"create or replace macro (\w+)\([^)]*\) as\n(.*?);", functions, re.DOTALL):
        if name in FUNCTIONS:
            arguments, result = FUNCTIONS[name]
            spark.sql(f"create or replace temporary function {name}({arguments}) returns {result} return {body}")


def spelled(sql):
    """A model's text as Spark spells it."""
    for pattern, word in SPELLINGS:
        sql = pattern.sub(word, sql)
    return sql


def steps(sql):
    """A model's CTEs as (name, query) in order, and its last query.

    Spark puts a CTE's text wherever it is read, so that one read twice is planned and run
    twice, and those below it four times. Whoever runs a model keeps such a step as a view.
    """
    code = re.sub(r"--[^\n]*", "", sql).strip()
    found, at = [], 0
    opening = re.compile(r"(?:with\s+|\s*,\s*)(\w+) as \(")
    while match := opening.match(code, at):
        depth, end = 1, match.end()
        while depth:
            quote = code[end] == "'"
            if quote:
                end = code.index("'", end + 1)
            depth += {"(": 1, ")": -1}.get(code[end], 0)
            end += 1
        found.append((match[1], code[match.end() : end - 1]))
        at = end
    return found, code[at:]
