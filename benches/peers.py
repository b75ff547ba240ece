"""What others do with the same two files: a plain Python script, and DuckDB with row hashes kept in a table.

DuckDB is asked at its best: the hashes of the last night stand in a persistent table, tonight's are joined to them.
It keeps no outbox, no accounting and no keyed digests; the comparison is of reading and comparing alone.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

DUCKDB = """
import duckdb, json, sys, time
base, night, state = sys.argv[1:]
def rows(path):
    return f"(SELECT customer_id AS id, hash(line) AS h FROM (SELECT split_part(line, ';', 1) AS customer_id, line FROM read_csv('{path}', columns={{'line': 'VARCHAR'}}, delim='\\x01', header=true, quote='', escape='')))"
db = duckdb.connect(state)
db.execute(f"CREATE OR REPLACE TABLE snapshot AS SELECT * FROM {rows(base)}")
db.close()
started = time.perf_counter()
db = duckdb.connect(state)
changed = db.execute(f"SELECT count(*) FROM {rows(night)} n LEFT JOIN snapshot s USING (id) WHERE s.h IS DISTINCT FROM n.h").fetchone()[0]
print(json.dumps({"seconds": time.perf_counter() - started, "changed": changed}))
"""


def compare(bench):
    csv = bench.paths
    pairs = {"a plain Python script": lambda: plain_python(csv["sorted.csv"])}
    with tempfile.TemporaryDirectory() as folder:
        if python := duckdb_python(Path(folder)):
            script = Path(folder) / "peer.py"
            script.write_text(DUCKDB)
            command = [python, script, csv["sorted.csv"], csv["sorted.csv"], Path(folder) / "peer.db"]
            pairs["DuckDB, hashes kept"] = lambda: json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["seconds"]
        for name, peer in pairs.items():
            found = bench.turns(ours=lambda: bench.seeded().run("sync", csv["sorted.csv"], "--allow-older"), peer=peer)
            bench.tell(f"unchanged file: {name}", f"{found['peer'][0]:.2f} s", f"{found['peer'][0] / found['ours'][0]:.1f} × ours")


def plain_python(path):
    """Reads the file with `csv`, hashes each row, compares with the hashes of the last night."""
    import csv

    def hashes():
        with open(path, newline="") as lines:
            rows = csv.reader(lines, delimiter=";")
            next(rows)
            return {row[0]: hashlib.blake2b("\x1f".join(row).encode(), digest_size=16).digest() for row in rows}

    before = hashes()
    started = time.perf_counter()
    if any(before.get(key) != digest for key, digest in hashes().items()):
        sys.exit("a row differs from itself")
    return time.perf_counter() - started


def duckdb_python(folder):
    """The Python of an environment that has DuckDB; none, where pip cannot get it."""
    try:
        venv.create(folder / "venv", with_pip=True)
        python = folder / "venv" / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", "duckdb"], check=True, capture_output=True, timeout=120)
    except (OSError, subprocess.SubprocessError):
        print("DuckDB is not to be had here: left out", flush=True)
        return None
    return python
