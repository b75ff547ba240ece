"""What others do with the same files: plain Python, csv-diff and DuckDB for the night; asyncio and dlt for the calls.

Each is asked at its best. DuckDB keeps the hashes of the last night in a persistent table. Its nightly job joins
tonight's to them and writes what changed into the table and into an outbox, in one transaction. asyncio acknowledges
its calls in SQLite, many at a time, dlt in its own way. None of them maps values, guards, accounts or compares fields.
"""

import csv
import hashlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROWS = """
def rows(path):
    return f"(SELECT split_part(line, ';', 1) AS id, hash(line) AS h, line FROM read_csv('{path}', columns={{'line': 'VARCHAR'}}, delim='\\x01', header=true, quote='', escape=''))"
"""

SNAPSHOT = (
    "import duckdb, sys"
    + ROWS
    + """
path, state = sys.argv[1:]
duckdb.connect(state).execute(f"CREATE TABLE snapshot AS SELECT id, h FROM {rows(path)}")
"""
)

COMPARE = (
    "import duckdb, sys"
    + ROWS
    + """
path, state = sys.argv[1:]
db = duckdb.connect(state, read_only=True)
print(db.execute(f"SELECT count(*) FROM {rows(path)} n LEFT JOIN snapshot s USING (id) WHERE s.h IS DISTINCT FROM n.h").fetchone()[0])
"""
)

NIGHT = (
    "import duckdb, sys"
    + ROWS
    + """
path, state = sys.argv[1:]
db = duckdb.connect(state)
db.execute("BEGIN")
db.execute(f"CREATE TEMP TABLE changed AS SELECT n.* FROM {rows(path)} n LEFT JOIN snapshot s USING (id) WHERE s.h IS DISTINCT FROM n.h")
db.execute("UPDATE snapshot SET h = c.h FROM changed c WHERE snapshot.id = c.id")
db.execute("INSERT INTO snapshot SELECT id, h FROM changed WHERE id NOT IN (SELECT id FROM snapshot)")
db.execute("CREATE TABLE outbox AS SELECT id, line FROM changed")
db.execute("COMMIT")
db.close()
"""
)

ASYNCIO = """
import aiohttp, asyncio, csv, json, sqlite3, sys
path, url, state = sys.argv[1:]
async def main():
    db = sqlite3.connect(state)
    db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE sent (id TEXT PRIMARY KEY, hash BLOB)")
    rows, done = csv.DictReader(open(path, newline=""), delimiter=";"), []
    async def commit():
        while True:
            await asyncio.sleep(0.01)
            write()
    def write():
        group, done[:] = done[:], []
        with db:
            db.executemany("INSERT INTO sent VALUES (?, ?)", group)
    async def send(session):
        for row in rows:
            async with session.post(url, json=row) as answer:
                if (await answer.json())["responseCode"] == "000":
                    done.append((row["customer_id"], str(hash(tuple(row.values())))))
    writer = asyncio.create_task(commit())
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)) as session:
        await asyncio.gather(*(send(session) for _ in range(64)))
    writer.cancel()
    write()
    print(db.execute("SELECT count(*) FROM sent").fetchone()[0])
asyncio.run(main())
"""

DLT = """
import csv, json, sys
from concurrent.futures import ThreadPoolExecutor
import dlt, requests
path, url, folder = sys.argv[1:]
session = requests.Session()
session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))
@dlt.destination(batch_size=64, name="provider")
def provider(items, table):
    with ThreadPoolExecutor(8) as pool:
        for answer in pool.map(lambda row: session.post(url, data=json.dumps(row, default=str)), items):
            answer.raise_for_status()
def rows():
    yield list(csv.DictReader(open(path, newline=""), delimiter=";"))
dlt.pipeline("calls", destination=provider, pipelines_dir=folder).run(rows(), table_name="customers")
print(sum(1 for _ in open(path)) - 1)
"""


class Peers:
    """An environment with what pip can get; what it cannot get is left out and told."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.python = self.folder / "venv" / "bin" / "python"
        venv.create(self.folder / "venv", with_pip=True)

    def has(self, *packages):
        command = [self.python, "-m", "pip", "install", "--quiet", *packages]
        if subprocess.run(command, capture_output=True, timeout=300).returncode == 0:
            return True
        print(f"{packages[0]} is not to be had here: left out", flush=True)
        return False

    def script(self, name, text):
        path = self.folder / f"peer_{name}.py"
        path.write_text(text)
        return path

    def run(self, script, *words):
        """Runs a script of this environment as a process; gives its wall seconds and what it printed."""
        started = time.perf_counter()
        done = subprocess.run([self.python, script, *map(str, words)], capture_output=True, text=True)
        seconds = time.perf_counter() - started
        if done.returncode:
            sys.exit(f"{script.name}: {done.stderr}")
        return seconds, done.stdout.strip()


def compare_nights(bench):
    """An unchanged file, and a night with changes."""
    paths = bench.paths
    unchanged = lambda: bench.seeded().run("sync", paths["sorted.csv"], "--allow-older")
    against(bench, "unchanged file: a plain Python script", lambda: plain_python(paths["sorted.csv"]), unchanged)
    command = [bench.floor, "csv-diff", paths["sorted.csv"], paths["sorted.csv"]]
    against(bench, "unchanged file: the csv-diff crate", lambda: seconds_of(command), unchanged)
    with tempfile.TemporaryDirectory() as folder:
        peers = Peers(folder)
        if not peers.has("duckdb"):
            return
        state, tonight = peers.folder / "peer.db", peers.folder / "tonight.db"
        peers.run(peers.script("snapshot", SNAPSHOT), paths["sorted.csv"], state)
        compare, night = peers.script("compare", COMPARE), peers.script("night", NIGHT)
        against(bench, "unchanged file: DuckDB, hashes kept", lambda: peers.run(compare, paths["sorted.csv"], state)[0], unchanged)

        def nightly():
            shutil.copy2(state, tonight)
            return peers.run(night, paths["night.csv"], tonight)[0]

        against(bench, "1 % changed, committed: DuckDB's nightly job", nightly, lambda: bench.ingest().told["input"]["seconds"])


def compare_calls(bench, server, calls, paths):
    """From a file to the provider."""
    with tempfile.TemporaryDirectory() as folder:
        peers = Peers(folder)
        scripts = {"asyncio, SQLite in groups": (ASYNCIO, ["aiohttp"]), "dlt, custom destination": (DLT, ["dlt", "requests"])}
        for name, (text, packages) in scripts.items():
            if not peers.has(*packages):
                continue
            script = peers.script(packages[0], text)

            def peer():
                state = Path(tempfile.mkdtemp(dir=folder)) / "state"
                seconds, told = peers.run(script, paths["sorted.csv"], server.url, state)
                if int(told) != calls or server.stats()["count"] != calls:
                    sys.exit(f"{name}: {told} calls told of {calls}")
                return seconds

            server.stats()
            against(bench, f"{calls} calls from the file: {name}", peer, lambda: bench.through(server, calls, paths))


def against(bench, what, peer, ours):
    found = bench.turns(peer=peer, ours=ours)
    times = [theirs / own for theirs, own in zip(found["peer"][2], found["ours"][2])]
    bench.tell(what, f"{found['peer'][0]:.2f} s", f"{statistics.median(times):.1f} × ours ({found['ours'][0]:.3f} s)")


def seconds_of(command):
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["seconds"]


def plain_python(path):
    """Reads the file with `csv`, hashes each row, compares with the hashes of the last night."""

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
