//! Looking through the files of a state that is open.

use std::os::unix::fs::MetadataExt;

use super::{World, customer_id};
use crate::store::Search;

/// The locks that this process has on a file by `fcntl`, as each of its open files tells: the list that the kernel has of
/// all locks is not read at one moment, and other tests take locks and let them go meanwhile.
fn locks_on(inode: u64) -> usize {
    let of_file = format!(":{inode} ");
    let is_lock =
        |line: &&str| line.starts_with("lock:") && line.contains(" POSIX ") && line.contains(&of_file);
    let open = std::fs::read_dir("/proc/self/fdinfo").expect("a list");
    // One that is closed meanwhile is not of this test.
    let told = open.filter_map(|file| std::fs::read_to_string(file.expect("a name").path()).ok());
    told.map(|text| text.lines().filter(is_lock).count()).sum()
}

#[test]
fn looking_through_a_state_leaves_it_locked() {
    let mut world = World::new();
    let path = world.folder.path().join("state").join("crmsync.db");
    let files = ["", "-wal", "-shm"].map(|suffix| path.with_file_name(format!("crmsync.db{suffix}")));
    let inodes = files.each_ref().map(|file| std::fs::metadata(file).expect("there").ino());
    let before = inodes.map(locks_on);
    assert!(before[0] > 0 && before[2] > 0, "SQLite has locks on file and index: {before:?}");
    let search = Search::of(&customer_id("nobody-of-that-name"));
    for file in &files {
        let found = world.store.look_through(&search, file).expect("readable");
        assert!(found.reveal().is_empty());
    }
    assert_eq!(inodes.map(locks_on), before);
}
