//! Writes and syncs that fail, injected into the built binary by strace: a clean end with advice, nothing accepted is
//! lost, nothing is written through a handle whose sync failed, and the next run heals.
//!
//! Limit: strace counts each thread's calls for itself, so that one run can meet the fault once in each thread.

use std::process::Command;

use crate::table::Row;
use crate::world::{Ran, World, is_deep};

/// A fault of the disk.
#[derive(Clone, Copy, Debug)]
struct Fault {
    /// Which system call fails.
    call: &'static str,
    /// How.
    error: &'static str,
    /// On which files: those whose path ends so below the state's folder; on all, when there are none.
    files: &'static [&'static str],
}

const STATE_FILES: &[&str] = &["crmsync.db", "crmsync.db-wal", "crmsync.db-journal"];
/// No small run makes more calls of one kind: a loop that gets here has stopped injecting.
const CALLS_MAX: usize = 2_000;
const SYNC: &[&str] = &["sync", "crm.csv", "--allow-mass-change", "-q"];
const ADVICE: &str = "free the disk or mend it";

/// Whether strace can be had and may trace; says so aloud if not.
#[expect(clippy::print_stderr, reason = "a test that tests nothing has to say so")]
fn may_trace() -> bool {
    let tried =
        Command::new("strace").args(["-o", "/dev/null", "-e", "inject=fsync:error=EIO", "true"]).status();
    let may = tried.is_ok_and(|status| status.success());
    if !may {
        eprintln!("NOT TESTED: strace is missing or may not trace; faults of the disk were not injected");
    }
    may
}

/// Runs the program while the `fault` hits the calls that `when` names (`3`: the third, `3+`: all from the third on).
/// The log tells which calls were made to which files.
fn run_with(world: &World, fault: Fault, when: &str, arguments: &[&str]) -> (Ran, String) {
    let log = world.path("strace.log");
    let log_name = log.display().to_string();
    let inject = format!("inject={}:error={}:when={when}", fault.call, fault.error);
    let paths: Vec<String> =
        fault.files.iter().map(|name| world.path("state").join(name).display().to_string()).collect();
    let mut words = vec!["strace", "-f", "-qq", "-y", "-s", "0", "-o", &log_name];
    paths.iter().for_each(|path| words.extend(["-P", path]));
    words.extend(["-e", "trace=write,pwrite64,fsync,ftruncate", "-e", &inject]);
    let ran = Ran::from(&world.command(&words, arguments).output().expect("strace runs"));
    (ran, std::fs::read_to_string(log).unwrap_or_default())
}

/// The calls that failed, each with the file that it was made to.
fn injected(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.contains("(INJECTED)")).collect()
}

/// A failed sync is the last thing that is done with the file or its log: what reached the disk is unknown. As long as the
/// file has a rollback journal instead, while it is made and filled for the first time, SQLite makes it from that what it
/// was before, and syncs it.
#[track_caller]
fn nothing_follows(log: &str, what: &str) {
    let (mut has_log, mut failed) = (false, false);
    let is_of = |line: &&str| STATE_FILES.iter().any(|name| line.contains(&format!("{name}>")));
    for line in log.lines().filter(is_of) {
        has_log = line.contains("crmsync.db-wal>") || has_log && !line.contains("crmsync.db-journal>");
        assert!(!failed || !line.contains("pwrite64("), "{what}: written after a failed sync: {line}");
        failed |= has_log && line.contains("fsync(") && line.contains("(INJECTED)");
    }
}

/// One run that meets the fault; says whether there was such a call.
fn fails_cleanly(fault: Fault, nth: usize) -> bool {
    let what = format!("{fault:?}, call {nth}");
    let world = World::new(4);
    let (ran, log) = run_with(&world, fault, &nth.to_string(), SYNC);
    let hit = injected(&log);
    if hit.is_empty() {
        ran.exits(0, &what);
        return false;
    }
    let what = format!("{what}\n{}", hit.join("\n"));
    let told = format!("{}{}", ran.err, ran.out);
    assert!(!told.contains("panicked"), "{what}: {told}");
    // What SQLite can do without (a checkpoint that comes later) need not fail the run.
    if ran.code != 0 {
        assert_eq!(ran.code, 1, "{what}: {told}");
        // Either what to do about the state, or which of the other files it was.
        assert!(told.contains(ADVICE) || told.contains("cannot "), "{what}: no advice in: {told}");
    }
    nothing_follows(&log, &what);
    heals(&world, &what);
    true
}

/// Tries the fault at every `stride`-th call of a first night, at each in deep runs, until there are no more.
fn every_call_fails_once(place: usize, name: &'static str, fault: Fault, stride: usize) {
    if !may_trace() {
        return;
    }
    let stride = if is_deep() { 1 } else { stride };
    let mut calls = (1..CALLS_MAX).step_by(stride);
    let tried = calls.by_ref().take_while(|nth| fails_cleanly(fault, *nth)).count();
    assert!(tried > 0 && calls.next().is_some(), "{fault:?} hit {tried} calls");
    Row::kept(place, name, tried).enter();
}

/// The next run delivers everything, once.
#[track_caller]
fn heals(world: &World, what: &str) {
    world.configure(&world.healthy(), "retry = { attempts = 4, initial = \"5ms\", max = \"20ms\" }");
    world.sync().exits(0, what);
    world.all_delivered(what);
    world.state_is_sound(what);
    let sent = world.ledger().entries().len();
    world.sync().exits(0, what);
    assert_eq!(world.ledger().entries().len(), sent, "{what}: something was sent again");
}

#[test]
fn every_sync_that_fails_ends_the_run_and_the_next_one_heals() {
    let fault = Fault { call: "fsync", error: "EIO", files: &[] };
    every_call_fails_once(60, "the nth sync fails", fault, 2);
}

#[test]
fn every_write_that_fails_ends_the_run_and_the_next_one_heals() {
    let fault = Fault { call: "pwrite64", error: "EIO", files: STATE_FILES };
    every_call_fails_once(61, "the nth write fails", fault, 13);
}

#[test]
fn a_disk_that_is_full_at_any_write_ends_the_run_and_the_next_one_heals() {
    let fault = Fault { call: "pwrite64", error: "ENOSPC", files: STATE_FILES };
    every_call_fails_once(62, "the disk is full at the nth write", fault, 17);
}

#[test]
fn a_disk_that_fills_up_while_calls_are_acknowledged_stops_the_sending() {
    if !may_trace() {
        return;
    }
    let world = World::new(60);
    world.configure(&world.healthy(), "rate_per_second = 100\nburst = 1\nconcurrency = 4");
    world.run(&["sync", "crm.csv", "--allow-mass-change", "--max-calls", "0"]).exits(10, "queued");
    // The thread that writes acknowledgements meets it at its thirtieth write, and ever after.
    let fault = Fault { call: "pwrite64", error: "ENOSPC", files: &["crmsync.db-wal"] };
    let (ran, log) = run_with(&world, fault, "30+", &["resume"]);
    assert!(!injected(&log).is_empty(), "the disk was not full");
    let ran = ran.exits(1, "full");
    let told = format!("{}{}", ran.err, ran.out);
    assert!(told.contains(ADVICE) && told.contains("[E413]"), "{told}");
    let states = world.lane_states();
    assert!(states.iter().any(|state| state == "failed"), "{states:?}");
    assert!(!states.iter().any(|state| state == "drained"), "a lane said that it was done: {states:?}");
    // Of 120 calls few had left, and only those that were leased before could still leave.
    let sent = world.ledger().entries().len();
    assert!(sent > 0 && sent < 60, "{sent} calls were sent");
    heals(&world, "full");
    // Where the disk is slow to say that it is full, all that was leased leaves before: in each lane three times its
    // concurrency. That is what is repeated at most. A create among them is probed twice first.
    let (in_all, leased) = (world.ledger().entries().len(), 4 * 3);
    assert!(in_all <= 120 + leased + leased * 3, "{in_all} calls in all, {sent} before");
    Row::kept(63, "the disk fills up while acknowledging", 1).enter();
}

/// The lock file tells an older state from the one that was sent from. While it is written it must not forget that.
#[test]
fn a_lock_file_that_cannot_be_written_still_refuses_an_older_state() {
    if !may_trace() {
        return;
    }
    let mut world = World::new(3);
    world.sync().exits(0, "delivered");
    std::fs::copy(world.path("state/crmsync.db"), world.path("older.db")).expect("copied");
    world.change_everybody();
    world.sync().exits(0, "delivered");
    world.change_everybody();
    for call in ["write", "ftruncate"] {
        let fault = Fault { call, error: "ENOSPC", files: &["crmsync.db.lock"] };
        let (ran, log) = run_with(&world, fault, "1+", &["sync", "crm.csv", "-q"]);
        assert!(!injected(&log).is_empty(), "{call}: the lock file was not written");
        ran.exits(1, call);
    }
    std::fs::copy(world.path("older.db"), world.path("state/crmsync.db")).expect("put in place");
    let ran = world.sync().exits(7, "an older state");
    assert!(ran.err.contains("[E417]"), "{}", ran.err);
}

/// The files of a run are for people. Where they cannot be made, nothing is taken in and nothing is sent.
#[test]
fn a_run_that_can_leave_no_files_does_not_begin() {
    let world = World::new(3);
    std::fs::create_dir(world.path("state")).expect("made");
    std::fs::write(world.path("state/runs"), "in the way").expect("written");
    let ran = world.sync().exits(1, "no folder");
    assert!(ran.err.contains("state/runs"), "{}", ran.err);
    assert_eq!(world.ledger().entries().len(), 0);
    std::fs::remove_file(world.path("state/runs")).expect("removed");
    heals(&world, "no folder");
}

/// Runs the program where a script of mounts has been at work on the folder of the state; nothing where nobody may mount.
fn mounted<'w>(world: &'w World, script: &'w str) -> Option<impl Fn(&[&str]) -> Ran + 'w> {
    let state = world.path("state").display().to_string();
    let may = Command::new("unshare").args(["-rm", "sh", "-c", script, &state, "true"]).status();
    may.is_ok_and(|status| status.success()).then_some(move |arguments: &[&str]| {
        let command = ["unshare", "-rm", "sh", "-c", script, &state];
        Ran::from(&world.command(&command, arguments).output().expect("unshare runs"))
    })
}

/// Whoever looks makes an index of the log, for which a full disk has no room.
#[test]
fn a_state_on_a_full_disk_can_still_be_looked_at() {
    const FULL: &str = "cp -a \"$0\" \"$0.copy\" && mount -t tmpfs -o size=4m none \"$0\" && cp -a \"$0.copy/.\" \"$0\" && \
                        rm -rf \"$0.copy\" && { dd if=/dev/zero of=\"$0/filler\" bs=4k 2>/dev/null; exec \"$@\"; }";
    let world = World::new(3);
    world.sync().exits(0, "delivered");
    let Some(run) = mounted(&world, FULL) else {
        eprintln!("NOT TESTED: unshare is missing or may not mount; no state was read from a full disk");
        return;
    };
    let told = run(&["status"]).exits(0, "status").out;
    assert!(told.contains("complete (exit code 0)"), "{told}");
    run(&["explain", "C1"]).exits(0, "explain");
    run(&["rejects", "list"]).exits(0, "rejects list");
    let planned = run(&["plan", "crm.csv"]).exits(0, "plan").out;
    assert!(planned.contains("3 unchanged"), "{planned}");
    run(&["sync", "crm.csv"]).exits(1, "sync");
    let told = run(&["doctor"]).exits(7, "doctor").out;
    assert!(told.contains("the disk has 0 MB left"), "{told}");
}

/// What `ulimit -f` allows is too little for the state, or for its log in the middle of the sending.
#[test]
fn a_limit_on_the_length_of_files_ends_a_run_like_a_full_disk() {
    for limit in ["100", "200", "400"] {
        let world = World::new(60);
        let limited = format!("ulimit -f {limit} && exec \"$0\" \"$@\"");
        let mut sync = world.command(&["sh", "-c", &limited], &["sync", "crm.csv", "-q"]);
        let ran = Ran::from(&sync.output().expect("sh runs")).exits(1, limit);
        assert!(ran.err.contains("error[E4"), "{limit}: {}", ran.err);
        heals(&world, limit);
    }
    let world = World::new(60);
    world.sync().exits(0, "delivered");
    let mut page =
        world.command(&["sh", "-c", "ulimit -f 1 && exec \"$0\" \"$@\""], &["report", "--html", "page.html"]);
    Ran::from(&page.output().expect("sh runs")).exits(1, "a page");
}

/// What is of no use to anybody would keep the disk full for what comes next.
#[test]
fn a_backup_for_which_there_is_no_room_leaves_nothing() {
    let mut world = World::new(60);
    world.sync().exits(0, "delivered");
    world.change_everybody();
    let mut sync =
        world.command(&["sh", "-c", "ulimit -f 100 && exec \"$0\" \"$@\""], &["sync", "crm.csv", "-q"]);
    let ran = Ran::from(&sync.output().expect("sh runs")).exits(1, "no room");
    assert!(ran.err.contains("error[E4"), "{}", ran.err);
    let unfinished = world.path("state/backups/crmsync.db.unfinished");
    assert!(world.path("state/backups").is_dir() && !unfinished.exists());
    heals(&world, "no room");
}

/// A disk in trouble is often mounted anew for reading alone.
#[test]
fn a_state_on_a_disk_that_takes_no_writes_can_still_be_looked_at() {
    const READ_ONLY: &str = "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\" && exec \"$@\"";
    let world = World::new(3);
    world.sync().exits(0, "delivered");
    let Some(run) = mounted(&world, READ_ONLY) else {
        eprintln!("NOT TESTED: unshare is missing or may not mount; no state was read from a read-only disk");
        return;
    };
    let told = run(&["status"]).exits(0, "status").out;
    assert!(told.contains("complete (exit code 0)"), "{told}");
    run(&["explain", "C1"]).exits(0, "explain");
    run(&["history"]).exits(0, "history");
    let planned = run(&["plan", "crm.csv"]).exits(0, "plan").out;
    assert!(planned.contains("3 unchanged"), "{planned}");
    let refused = run(&["sync", "crm.csv"]).exits(1, "sync").err;
    assert!(refused.contains("Read-only file system"), "{refused}");
    let told = run(&["doctor"]).exits(7, "doctor").out;
    assert!(told.contains("its file system is read-only"), "{told}");
}
