//! Looking through the files of a state that is open.

use std::os::unix::fs::MetadataExt;

use super::*;

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

/// What waits for a person stays, and what was settled behind it goes all the same.
#[test]
fn old_calls_go_however_many_parked_ones_stand_before_them() {
    let mut world = World::new();
    world.queue("c1", Operation::Update, false);
    let parked = "WITH RECURSIVE n (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n < 100100)";
    let columns = "customer, provider, operation, state, priority, place, planned_in, settled_in, created_at, changed_at, payload";
    let fill = format!(
        "BEGIN; {parked} INSERT INTO customer (id, customer_id) SELECT n, 'p' || n FROM n;
         {parked} INSERT INTO call (id, {columns})
             SELECT n, n, 0, 'update', 'refused', 1, n, 1, 1, 0, 0, x'00' FROM n;
         COMMIT"
    );
    world.store.connection.execute_batch(&fill).expect("filled");
    let call = world.queue("last", Operation::Update, false);
    for leased in world.lease(2) {
        world.settle(&leased, Happening::Accepted).expect("settled");
    }
    for _ in 0..3 {
        world.recover();
    }
    assert_eq!(world.store.prune(world.run, 9).expect("written"), 0);
    assert_eq!(world.store.prune(world.run, 2).expect("written"), 2, "{call:?} too");
    let left: i64 = world
        .store
        .connection
        .query_row("SELECT count(*) FROM call", [], |row| row.get(0))
        .expect("readable");
    assert_eq!(left, 100_099);
}

/// Files of a run and of the CRM have the identifier alone. Of other providers a colon is a part of the key.
#[test]
fn an_identifier_is_looked_for_without_its_type() {
    let mut world = World::new();
    let intake = world.store.intake(world.run, world.now).expect("begun");
    let customer = intake.add_customer(&customer_id("c1"), None, ToldFields::default()).expect("written");
    for (provider, key) in [(WSONE, "1:7700000001"), (ProviderId::Lemonway, "wallet:1")] {
        let account = PackedAccount::of(&Account::new(ProviderKey(key.into())), &[]);
        intake.put_account(customer, provider, account).expect("written");
    }
    intake.commit().expect("accepted");
    let mut search = Search::of(&customer_id("c1"));
    world.store.add_to_search(&mut search, &customer_id("c1")).expect("readable");
    let file = world.folder.path().join("crm.csv");
    std::fs::write(&file, "person_identifier;wallet_id\n7700000001;wallet:1\n").expect("written");
    let found = search.found_in(&file).expect("readable");
    assert_eq!(found.reveal(), &["7700000001", "wallet:1"]);
}
