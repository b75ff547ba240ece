//! A disk that loses power: what was synced is there, of everything else any part may be.
//!
//! Stricter than any file system in use: a name is there for certain only when its folder was synced, later writes may
//! have reached the disk where earlier ones have not, and a write may be there by halves. What a disk does not do is
//! to spoil what it has confirmed, or bytes that nobody wrote.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rand::RngExt;
use rand::rngs::StdRng;

use super::trace::{Act, Step};

/// The files below one folder, as they would be found after the power has come back, and what is still on its way.
pub(crate) struct Disk {
    root: PathBuf,
    files: Vec<File>,
    /// Names as the program sees them.
    seen: BTreeMap<PathBuf, Node>,
    /// Names that were synced.
    synced: BTreeMap<PathBuf, Node>,
    names: Vec<(usize, Naming)>,
}

#[derive(Clone, Copy, Debug)]
enum Node {
    Folder,
    File(usize),
}

/// A change of names that its folder was not synced after.
#[derive(Clone, Debug)]
enum Naming {
    Is { path: PathBuf, node: Node },
    Gone { path: PathBuf },
    Moved { from: PathBuf, to: PathBuf, node: Node },
}

#[derive(Default)]
struct File {
    length: u64,
    synced: Vec<u8>,
    changes: Vec<(usize, Change)>,
}

#[derive(Clone)]
enum Change {
    Write { at: u64, bytes: Vec<u8> },
    Length(u64),
}

/// What becomes of what was not synced.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    Lost,
    Kept,
    /// Each sector and each name by itself.
    Chance(f64),
    /// In order up to a step, which is torn.
    TornAt(usize),
    /// Everything from a step on, and nothing before it.
    OnlySince(usize),
}

/// A loss of power: what it does, in pieces of which size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loss {
    pub(crate) fate: Fate,
    pub(crate) sector_bytes: u64,
}

impl Loss {
    /// One of the ways in which the last steps before `cut` can come out.
    pub(crate) fn draw(random: &mut StdRng, cut: usize) -> Self {
        let recently = cut - random.random_range(0..cut.min(40));
        let fate = match random.random_range(0..6) {
            0 => Fate::Lost,
            1 => Fate::Kept,
            2 | 3 => Fate::Chance([0.1, 0.5, 0.9][random.random_range(0..3_usize)]),
            4 => Fate::TornAt(recently),
            _ => Fate::OnlySince(recently),
        };
        Self { fate, sector_bytes: [512, 4096][random.random_range(0..2_usize)] }
    }

    fn keeps(self, random: &mut StdRng, step: usize) -> bool {
        match self.fate {
            Fate::Lost => false,
            Fate::Kept => true,
            Fate::Chance(chance) => random.random_bool(chance),
            Fate::TornAt(torn) => step < torn || (step == torn && random.random_bool(0.5)),
            Fate::OnlySince(first) => step >= first,
        }
    }
}

impl Disk {
    /// The disk after everything before `cut` was asked of it. The root itself is there for certain.
    pub(crate) fn after(root: &Path, steps: &[Step], cut: usize) -> Self {
        let mut disk = Self {
            root: root.to_owned(),
            files: Vec::new(),
            seen: BTreeMap::new(),
            synced: BTreeMap::new(),
            names: Vec::new(),
        };
        steps.iter().take_while(|step| step.at < cut).for_each(|step| disk.perform(step));
        disk
    }

    fn perform(&mut self, step: &Step) {
        match &step.act {
            Act::Folder { path } => self.name(step.at, path, Node::Folder),
            Act::File { path, emptied } => {
                if self.is_ours(path) && !self.seen.contains_key(path) {
                    self.files.push(File::default());
                    self.name(step.at, path, Node::File(self.files.len() - 1));
                }
                if *emptied {
                    self.change(step.at, path, |_| Change::Length(0));
                }
            }
            Act::Write { path, at, bytes } => self.change(step.at, path, |length| Change::Write {
                at: at.unwrap_or(length),
                bytes: bytes.clone(),
            }),
            Act::Length { path, length } => self.change(step.at, path, |_| Change::Length(*length)),
            Act::Rename { from, to } => {
                if let Some(node) = self.seen.remove(from) {
                    self.seen.insert(to.clone(), node);
                    self.names.push((step.at, Naming::Moved { from: from.clone(), to: to.clone(), node }));
                }
            }
            Act::Unlink { path } => {
                if self.seen.remove(path).is_some() {
                    self.names.push((step.at, Naming::Gone { path: path.clone() }));
                }
            }
            Act::Sync { path, since } => self.sync(path, *since),
            Act::Left { .. } | Act::Ended => {}
        }
    }

    /// The index of the log is a window into memory, and rebuilt; the files of runs promise nothing.
    fn is_ours(&self, path: &Path) -> bool {
        let name = path.to_string_lossy();
        path.starts_with(&self.root) && !name.ends_with("-shm") && !name.contains("/runs")
    }

    fn name(&mut self, at: usize, path: &Path, node: Node) {
        if self.is_ours(path) {
            self.seen.insert(path.to_owned(), node);
            self.names.push((at, Naming::Is { path: path.to_owned(), node }));
        }
    }

    fn change(&mut self, at: usize, path: &Path, change: impl FnOnce(u64) -> Change) {
        let Some(Node::File(number)) = self.seen.get(path) else { return };
        let file = &mut self.files[*number];
        let change = change(file.length);
        file.length = match &change {
            Change::Write { at, bytes } => file.length.max(at + bytes.len() as u64),
            Change::Length(length) => *length,
        };
        file.changes.push((at, change));
    }

    fn sync(&mut self, path: &Path, since: usize) {
        if let Some(Node::File(number)) = self.seen.get(path) {
            let File { synced, changes, .. } = &mut self.files[*number];
            let covered = changes.partition_point(|(at, _)| *at < since);
            for (_, change) in changes.drain(..covered) {
                change.apply(synced, u64::MAX, |_| true);
            }
            return;
        }
        let (covered, left) = std::mem::take(&mut self.names)
            .into_iter()
            .partition(|(at, naming)| *at < since && naming.folder() == Some(path));
        self.names = left;
        let covered: Vec<(usize, Naming)> = covered;
        covered.into_iter().for_each(|(_, naming)| naming.apply(&mut self.synced));
    }

    /// What is found, written below `target`, when the power fails now. Says where the state would be.
    pub(crate) fn fail_into(&self, target: &Path, loss: Loss, random: &mut StdRng) {
        let mut names = self.synced.clone();
        for (at, naming) in &self.names {
            if loss.keeps(random, *at) {
                naming.clone().apply(&mut names);
            }
        }
        // Folders come before what is in them; what lies in a folder that is not there cannot be found.
        for (path, node) in &names {
            let place = target.join(path.strip_prefix(&self.root).expect("ours"));
            match node {
                Node::Folder => drop(std::fs::DirBuilder::new().mode(0o700).create(place)),
                Node::File(number) if place.parent().is_some_and(Path::exists) => {
                    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(place);
                    let found = self.files[*number].found(loss, random);
                    made.and_then(|mut file| file.write_all(&found)).expect("written");
                }
                Node::File(_) => {}
            }
        }
    }
}

impl Naming {
    fn folder(&self) -> Option<&Path> {
        match self {
            Self::Is { path, .. } | Self::Gone { path } => path.parent(),
            Self::Moved { to, .. } => to.parent(),
        }
    }

    fn apply(self, names: &mut BTreeMap<PathBuf, Node>) {
        match self {
            Self::Is { path, node } => drop(names.insert(path, node)),
            Self::Gone { path } => drop(names.remove(&path)),
            Self::Moved { from, to, node } => {
                names.remove(&from);
                names.insert(to, node);
            }
        }
    }
}

impl File {
    fn found(&self, loss: Loss, random: &mut StdRng) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        for (at, change) in &self.changes {
            change.apply(&mut bytes, loss.sector_bytes, |_| loss.keeps(random, *at));
        }
        bytes
    }
}

impl Change {
    /// Lays the pieces over a file that `keeps` chooses.
    fn apply(&self, file: &mut Vec<u8>, sector_bytes: u64, mut keeps: impl FnMut(u64) -> bool) {
        let index = |place: u64| usize::try_from(place).expect("a small file");
        match self {
            Self::Length(length) => {
                if keeps(0) {
                    file.resize(index(*length), 0);
                }
            }
            Self::Write { at, bytes } => {
                let end = at + bytes.len() as u64;
                let mut from = *at;
                while from < end {
                    let border = (from / sector_bytes).saturating_add(1).saturating_mul(sector_bytes);
                    let to = border.min(end);
                    if keeps(from) {
                        file.resize(file.len().max(index(to)), 0);
                        file[index(from)..index(to)]
                            .copy_from_slice(&bytes[index(from - at)..index(to - at)]);
                    }
                    from = to;
                }
            }
        }
    }
}

#[test]
fn what_was_synced_is_found_and_the_rest_as_fate_has_it() {
    use rand::SeedableRng;
    let root = Path::new("/w");
    let path = || PathBuf::from("/w/a");
    let acts = [
        Act::File { path: path(), emptied: false },
        Act::Write { path: path(), at: Some(0), bytes: vec![1; 1024] },
        Act::Sync { path: path(), since: 2 },
        Act::Sync { path: root.to_owned(), since: 3 },
        Act::Write { path: path(), at: Some(512), bytes: vec![2; 1024] },
        Act::Length { path: path(), length: 100 },
    ];
    let steps: Vec<Step> = acts.into_iter().enumerate().map(|(at, act)| Step { at, act }).collect();
    let found = |cut, fate| {
        let folder = tempfile::tempdir().expect("a folder");
        let loss = Loss { fate, sector_bytes: 512 };
        Disk::after(root, &steps, cut).fail_into(folder.path(), loss, &mut StdRng::seed_from_u64(1));
        std::fs::read(folder.path().join("a")).ok()
    };
    assert_eq!(found(3, Fate::Lost), None, "a name that was not synced");
    assert_eq!(found(6, Fate::Lost), Some(vec![1; 1024]));
    assert_eq!(found(6, Fate::Kept), Some(vec![1; 100]));
    assert_eq!(found(6, Fate::OnlySince(5)), Some(vec![1; 100]));
    let torn = found(6, Fate::TornAt(4)).expect("there");
    assert!(torn[..512] == [1; 512] && torn.len() >= 1024, "{torn:?}");
}
