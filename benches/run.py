#!/usr/bin/env python3
"""Measures whole commands and prints ratios of what was measured in the same run.

    benches/run.py [--customers N] [--rounds N] [--no-peers] [JOB…]

Jobs: unchanged night mapping jsonl fill status dispatch rates; all, when none is named. Data is generated once into
target/bench. What is compared is run in turns, so that neighbours on the machine disturb both alike; figures are
medians. Peak memory is the kernel's (`ru_maxrss`). Standard library only; what others do (peers.py) is installed into a
temporary environment where pip can reach it. `CRMSYNC` and `CRMSYNC_FLOOR` name other binaries than the release build.
"""

import argparse
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import data
import peers

ROOT = Path(__file__).resolve().parent.parent
SECRETS = {f"{name}_{what}": "bench" for name in ("WSONE", "LEMONWAY", "SAFEDEBIT") for what in ("USERNAME", "LOGIN", "PASSWORD")}
JOBS = "unchanged night mapping jsonl fill status dispatch rates".split()
COMPLETE, BUDGET_USED = (0,), (0, 10)
# Customers of the dispatch jobs: one call each.
CALLS = int(os.environ.get("CRMSYNC_BENCH_CALLS", 20_000))

CONFIG = """
[input]
order_by = "updated_at"
null_values = [{nulls}]
[state]
path = "{state}"
runs = "{runs}"
[providers.wsone]
base_url = "http://127.0.0.1:{port}"
username = {{ env = "WSONE_USERNAME" }}
password = {{ env = "WSONE_PASSWORD" }}
identifier_type = 1
on_new = "update"
rate_per_second = {rate}
concurrency = {concurrency}
titles = {{ M = 1, F = 2 }}
street_types = {{ RUE = 1 }}
"""
OTHERS = """
[providers.lemonway]
base_url = "http://127.0.0.1:{port}/mb/demo/dev"
login = {{ env = "LEMONWAY_LOGIN" }}
password = {{ env = "LEMONWAY_PASSWORD" }}
[providers.safedebit]
base_url = "http://127.0.0.1:{port}/ssp"
username = {{ env = "SAFEDEBIT_USERNAME" }}
password = {{ env = "SAFEDEBIT_PASSWORD" }}
"""


# Started by a small process: the kernel counts the memory of whoever starts a program as the program's own peak.
LAUNCHER = """
import json, os, sys, time
started = time.perf_counter()
child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
wall = time.perf_counter() - started
with open(sys.argv[1], "w") as out:
    json.dump([os.waitstatus_to_exitcode(status), wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024], out)
"""


class Measured:
    """One run of a process: wall and processor seconds, peak memory in MiB, what it printed."""

    def __init__(self, command, codes=COMPLETE, cwd=None):
        words = [str(word) for word in command]
        with tempfile.NamedTemporaryFile("r") as usage:
            launch = [sys.executable, "-S", "-E", "-c", LAUNCHER, usage.name, *words]
            ran = subprocess.run(launch, cwd=cwd, env={**os.environ, **SECRETS}, capture_output=True, text=True, check=True)
            code, self.wall, self.cpu, self.peak = json.load(usage)
        self.out, self.err = ran.stdout, ran.stderr
        if code not in codes:
            sys.exit(f"{' '.join(words)}: exit code {code}\n{self.out}{self.err}")


class World:
    """A folder with a configuration and a state."""

    def __init__(self, bench, name, port=9, rate=1e6, concurrency=64, all_providers=True, fresh=True):
        self.bench, self.folder = bench, bench.folder / "worlds" / name
        if fresh and self.folder.exists():
            shutil.rmtree(self.folder)
        (self.folder / "state").mkdir(parents=True, exist_ok=True)
        self.state = self.folder / "state" / "crmsync.db"
        text = CONFIG + (OTHERS if all_providers else "")
        values = {"state": self.state, "runs": self.folder / "runs", "port": port, "rate": rate, "concurrency": concurrency}
        self.config = self.folder / "crmsync.toml"
        self.config.write_text(text.format(nulls='"", "NULL"', **values))
        self.other_config = self.folder / "other.toml"
        self.other_config.write_text(text.format(nulls='"", "NULL", "n/a"', **values))

    def copy(self, name):
        """The same state in another folder, so that a job can change it."""
        other = World(self.bench, name, fresh=True)
        for path in self.state.parent.iterdir():
            if path.is_file():
                shutil.copy2(path, other.state.parent / path.name)
        other.settle()
        return other

    def settle(self):
        """Brings what is here to the disk, so that the syncs of a job have nothing to write but what the job wrote."""
        for path in self.folder.rglob("*"):
            if path.is_file():
                with open(path, "rb") as file:
                    os.fsync(file.fileno())

    def run(self, *words, codes=COMPLETE, config=None):
        return Measured([self.bench.program, "--config", config or self.config, "--progress", "never", *words], codes)

    def tell(self, *words, codes=COMPLETE):
        """The same with what the run tells of itself: `report.json`."""
        run = self.run("--json", *words, codes=codes)
        run.told = json.loads(run.out)
        return run


class Bench:
    def __init__(self, arguments):
        self.customers, self.rounds, self.peers = arguments.customers, arguments.rounds, not arguments.no_peers
        self.folder = ROOT / "target" / "bench" / str(self.customers)
        self.program, self.floor = Path(os.environ.get("CRMSYNC", ROOT / "target" / "release" / "crmsync")), floor_binary()
        self.paths = data.make(self.folder, self.customers, with_json=not arguments.jobs or "jsonl" in arguments.jobs)
        self.seeded_world = None
        self.rows = []

    def tell(self, job, figure, ratio="", peak=None):
        peak = "" if peak is None else f"{peak:.0f} MiB"
        self.rows.append((job, figure, ratio, peak))
        print(f"{job:<58} {figure:>16} {peak:>9}  {ratio}", flush=True)

    def floor_of(self, what, threads=2):
        """How long a floor took for the sorted file, by its own clock: without the start of the process."""
        return json.loads(Measured([self.floor, what, self.paths["sorted.csv"], threads]).out)["seconds"]

    def seeded(self):
        """A state that holds sorted.csv for all three providers; seeding it is measured on the way."""
        if self.seeded_world is None:
            self.seeded_world = World(self, "seeded")
            run = self.seeded_world.run("seed", self.paths["sorted.csv"])
            size = self.seeded_world.state.stat().st_size / self.customers
            self.tell("seed, three providers (once)", f"{run.wall:.2f} s", f"{size:.0f} bytes of state a customer", run.peak)
        return self.seeded_world

    def turns(self, **work):
        """Runs the named pieces of work in turns; gives the median wall seconds and peak of each."""
        found = {name: [] for name in work}
        for _ in range(self.rounds):
            for name, one in work.items():
                found[name].append(one())
        return {name: self.median(runs) for name, runs in found.items()}

    @staticmethod
    def median(runs):
        if isinstance(runs[0], float):
            return statistics.median(runs), None, runs
        return statistics.median(run.wall for run in runs), max(run.peak for run in runs), [run.wall for run in runs]

    def compare(self, found, name, job, base, base_name):
        wall, peak, walls = found[name]
        ratios = [one / other for one, other in zip(walls, found[base][2])]
        self.tell(job, f"{wall:.3f} s", f"{statistics.median(ratios):.2f} × {base_name}", peak)

    def unchanged(self):
        world, csv = self.seeded(), self.paths
        found = self.turns(
            least=lambda: self.floor_of("pass"),
            floor=lambda: self.floor_of("csv"),
            unchanged=lambda: world.run("sync", csv["sorted.csv"], "--allow-older"),
            shuffled=lambda: world.run("sync", csv["shuffled.csv"], "--allow-older"),
        )
        self.tell("read, split and hash it on two threads, nothing else", f"{found['least'][0]:.3f} s")
        self.tell("csv crate, two threads, the same file", f"{found['floor'][0]:.3f} s")
        self.compare(found, "unchanged", "sync of an unchanged file", "floor", "the csv crate")
        self.compare(found, "unchanged", "the same", "least", "the bare pass")
        self.compare(found, "shuffled", "the same rows shuffled", "unchanged", "unchanged")

    def night(self):
        world, csv = self.seeded(), self.paths
        inner = []

        def ingest():
            run = self.ingest()
            inner.append(run.told["input"]["seconds"])
            return run

        found = self.turns(
            unchanged=lambda: world.run("sync", csv["sorted.csv"], "--allow-older"),
            plan=lambda: world.run("plan", csv["night.csv"], "--allow-older"),
            ingest=ingest,
        )
        self.compare(found, "plan", "plan, 1 % changed, 0.1 % new", "unchanged", "unchanged")
        self.compare(found, "ingest", "its ingest, committed, nothing sent", "unchanged", "unchanged")
        self.tell("of that without the backup", f"{statistics.median(inner):.3f} s")

    def ingest(self):
        """The night into the outbox of a fresh copy of the state."""
        world = self.seeded().copy("night")
        return world.tell("sync", self.paths["night.csv"], "--max-calls", "0", "--allow-older", codes=BUDGET_USED)

    def mapping(self):
        world, csv = self.seeded(), self.paths

        def mapped():
            other = world.copy("mapping")
            return other.run("sync", csv["sorted.csv"], "--max-calls", "0", "--allow-older", config=other.other_config, codes=BUDGET_USED)

        found = self.turns(unchanged=lambda: world.run("sync", csv["sorted.csv"], "--allow-older"), mapped=mapped)
        self.compare(found, "mapped", "every row through mapping, nothing to send", "unchanged", "unchanged")

    def jsonl(self):
        csv = self.paths
        world = self.seeded()
        other = world.copy("jsonl")
        other.run("sync", csv["sorted.jsonl"], "--max-calls", "0", "--allow-older", codes=BUDGET_USED)
        found = self.turns(
            csv=lambda: world.run("sync", csv["sorted.csv"], "--allow-older"),
            jsonl=lambda: other.run("sync", csv["sorted.jsonl"], "--allow-older"),
        )
        self.compare(found, "jsonl", "JSONL, unchanged", "csv", "the unchanged CSV")

    def fill(self):
        world = World(self, "filled")
        run = world.run("sync", self.paths["sorted.csv"], "--allow-mass-change", "--max-calls", "0", "--allow-older", codes=BUDGET_USED)
        size = world.state.stat().st_size / self.customers
        self.tell("first sync into the outbox, three providers (once)", f"{run.wall:.2f} s", f"{size:.0f} bytes of state a customer", run.peak)

    def status(self):
        worlds = {"seeded": self.seeded()}
        if (self.folder / "worlds" / "filled" / "state" / "crmsync.db").exists():
            worlds["filled"] = World(self, "filled", fresh=False)
        for name, world in worlds.items():
            wall, peak, _ = self.median([world.run("status") for _ in range(self.rounds)])
            self.tell(f"status, {name} state", f"{wall * 1000:.0f} ms", "", peak)

    def dispatch(self):
        for delay in (0, 20):
            with Server(self.floor, delay) as server:
                found = self.turns(
                    bare=lambda: self.bare(server, CALLS),
                    ours=lambda: self.sent(server, CALLS),
                )
                bare, ours = found["bare"][0], found["ours"][0]
                self.tell(f"bare reqwest, 64 in flight, {delay} ms server", f"{CALLS / bare:.0f} calls/s")
                share = statistics.median(b / o for b, o in zip(found["bare"][2], found["ours"][2]))
                self.tell(f"resume, 64 in flight, {delay} ms server", f"{CALLS / ours:.0f} calls/s", f"{share:.0%} of bare reqwest")
        with Server(self.floor, 0) as server:
            world, run = self.queued(server, CALLS), None
            run = world.run("resume")
            self.tell("calls per processor second", f"{CALLS / run.cpu:.0f}", "", run.peak)
            paths = data.make(ROOT / "target" / "bench" / str(CALLS), CALLS, with_json=False)
            found = self.turns(through=lambda: self.through(server, CALLS, paths))
            self.tell("from the file to the provider, whole command", f"{found['through'][0]:.2f} s")
            if self.peers:
                peers.compare_calls(self, server, CALLS, paths)

    def through(self, server, calls, paths):
        """How long a first sync took, from its start to its report."""
        world = World(self, "through", port=server.port, all_providers=False)
        server.stats()
        run = world.run("sync", paths["sorted.csv"], "--allow-mass-change", "--allow-older")
        if (seen := server.stats()["count"]) != calls:
            sys.exit(f"{seen} calls arrived of {calls}")
        return run.wall

    def rates(self):
        for rate in (50, 500, 5000):
            with Server(self.floor, 5) as server:
                world = self.queued(server, min(rate * 11, 60_000), rate=rate)
                server.stats()
                world.run("resume", "--max-calls", str(rate * 10 + 1), codes=BUDGET_USED)
                seen = server.stats()
            used = (seen["count"] - 1) / seen["seconds"] / rate
            self.tell(f"{rate} a second over 10 s", f"{used:.1%} used", f"fullest second at arrival: {seen['fullest_second']}")

    def queued(self, server, calls, rate=1e6):
        """A state with so many calls for one provider in its outbox."""
        paths = data.make(ROOT / "target" / "bench" / str(calls), calls, with_json=False)
        world = World(self, f"queued-{calls}", port=server.port, rate=rate, all_providers=False)
        world.run("sync", paths["sorted.csv"], "--allow-mass-change", "--max-calls", "0", "--allow-older", codes=BUDGET_USED)
        world.settle()
        return world

    def bare(self, server, calls):
        """How long bare `reqwest` took, by the server's clock as well."""
        server.stats()
        Measured([self.floor, "load", server.url, calls, 64])
        return server.stats()["seconds"]

    def sent(self, server, calls):
        """How long the lane worked, by the server's clock."""
        world = self.queued(server, calls)
        server.stats()
        world.run("resume")
        with sqlite3.connect(world.state) as state:
            left = state.execute("SELECT count(*) FROM call WHERE state <> 'acknowledged'").fetchone()[0]
        seen = server.stats()
        if left or seen["count"] != calls:
            sys.exit(f"{left} calls are not acknowledged, {seen['count']} arrived of {calls}")
        return seen["seconds"]


class Server:
    """`floor serve` as a process."""

    def __init__(self, floor, delay):
        self.child = subprocess.Popen([floor, "serve", str(delay)], stdout=subprocess.PIPE)
        self.port = json.loads(self.child.stdout.readline())["port"]
        self.url = f"http://127.0.0.1:{self.port}/rest/2.0/personWebService/updatePerson"

    def stats(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/stats") as answer:
            return json.load(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()


def floor_binary():
    """The bench target, built like the program."""
    if found := os.environ.get("CRMSYNC_FLOOR"):
        return Path(found)
    command = ["cargo", "bench", "--bench", "floor", "--no-run", "--message-format=json", "--quiet", "--locked"]
    built = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    targets = (json.loads(text) for text in built.splitlines() if text.startswith("{"))
    return next(t["executable"] for t in targets if t.get("executable") and t["target"]["name"] == "floor")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("jobs", nargs="*", metavar="JOB")
    arguments = parser.parse_args()
    if unknown := set(arguments.jobs) - set(JOBS):
        parser.error(f"unknown job {', '.join(sorted(unknown))}; there are {', '.join(JOBS)}")
    bench = Bench(arguments)
    print(f"{arguments.customers} customers × {len(data.COLUMNS)} columns, {os.cpu_count()} processors, medians of {arguments.rounds}\n")
    for job in arguments.jobs or JOBS:
        getattr(bench, job)()
    if bench.peers and (not arguments.jobs or "unchanged" in arguments.jobs):
        peers.compare_nights(bench)


if __name__ == "__main__":
    main()
