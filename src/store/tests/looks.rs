//! Looking through the files of a state that is open.

use std::os::unix::fs::MetadataExt;

use super::{World, customer_id};
use crate::store::Search;

/// The locks that this process has on a file by `fcntl`, as the kernel lists them.
fn locks_on(inode: u64) -> Vec<String> {
    let (all, own) =
        (std::fs::read_to_string("/proc/locks").expect("a list"), std::process::id().to_string());
    let is_ours = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.get(1) == Some(&"POSIX")
            && words.get(4) == Some(&own.as_str())
            && line.contains(&format!(":{inode} "))
    };
    all.lines().filter(is_ours).map(str::to_owned).collect()
}

#[test]
fn looking_through_a_state_leaves_it_locked() {
    let mut world = World::new();
    let path = world.folder.path().join("state").join("crmsync.db");
    let files = ["", "-wal", "-shm"].map(|suffix| path.with_file_name(format!("crmsync.db{suffix}")));
    let inodes = files.each_ref().map(|file| std::fs::metadata(file).expect("there").ino());
    let before = inodes.map(|inode| locks_on(inode).len());
    assert!(before[0] > 0 && before[2] > 0, "SQLite has locks on file and index: {before:?}");
    let search = Search::of(&customer_id("nobody-of-that-name"));
    for file in &files {
        let found = world.store.look_through(&search, file).expect("readable");
        assert!(found.reveal().is_empty());
    }
    assert_eq!(inodes.map(|inode| locks_on(inode).len()), before);
}
