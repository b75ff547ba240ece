//! The project's own catalogue of difficult input, each case with its verdict: a file refused, a row invalid at its
//! line with its reason, a value understood or refused. No case panics, and all together stay within 64 MiB.

mod files;
mod values;

/// The most memory that the whole catalogue may take, in kibibytes: every case is smaller than all.
const PEAK_KIB_MAX: u64 = 64 * 1024;

#[test]
fn the_catalogue_is_large_and_takes_little_memory() {
    files::check();
    values::check();
    assert!(files::FILES.len() + values::VALUES.len() >= 120, "the catalogue shrank");
    // Linux says how much a process ever had in memory; elsewhere the verdicts alone are checked.
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return };
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line of Linux");
    let peak: u64 = peak.trim().trim_end_matches("kB").trim().parse().expect("a number");
    assert!(peak <= PEAK_KIB_MAX, "{peak} KiB");
}
