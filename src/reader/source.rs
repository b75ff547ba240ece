//! The decoded bytes of an input: the file itself, or an unlinked temporary copy (mode 0600).
//!
//! Everything is read by position and nothing is held in memory. Decompression and the spooling of pipes happen
//! here; what the bytes mean is decided elsewhere.

use std::fs::{File, Metadata, Permissions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::time::SystemTime;

use super::error::FileError;

/// The most decoded bytes of one file: a night's export stays far below, a decompression bomb does not.
const DECODED_BYTES_MAX: u64 = 1 << 38;

/// How much is copied at a time, in bytes.
pub(super) const CHUNK_BYTES: usize = 256 * 1024;

/// How much is copied at first, in bytes, doubled as long as there is more: a small file needs no large buffer.
const FIRST_CHUNK_BYTES: usize = 8 * 1024;

/// A stretch of a file that is read by position.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) file: File,
    /// Where the text begins, after a byte order mark.
    pub(super) start: u64,
    /// Where it ends.
    pub(super) end: u64,
}

impl Source {
    /// The whole of `file`.
    pub(super) fn whole(file: File) -> io::Result<Self> {
        let end = file.metadata()?.len();
        Ok(Self { file, start: 0, end })
    }

    /// Fills as much of `buffer` as there are bytes from `offset` to the end; 0 means the end.
    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let mut filled = 0;
        while filled < wanted {
            let at = offset + filled as u64;
            match self.file.read_at(&mut buffer[filled..wanted], at) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    /// Its length, or `bytes` where it is longer: what a buffer for its beginning needs.
    pub(super) fn at_most(&self, bytes: usize) -> usize {
        usize::try_from(self.end.saturating_sub(self.start)).map_or(bytes, |length| length.min(bytes))
    }

    /// Reads the stretch from its start to its end.
    pub(super) fn reader(&self) -> SourceReader<'_> {
        SourceReader { source: self, offset: self.start }
    }
}

/// [`Source`] as a [`Read`].
#[derive(Debug)]
pub(super) struct SourceReader<'a> {
    source: &'a Source,
    offset: u64,
}

impl Read for SourceReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

/// What tells whether a file was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) bytes: u64,
    pub(super) modified: Option<SystemTime>,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { bytes: metadata.len(), modified: metadata.modified().ok() }
    }
}

/// Copies what `reader` gives into an unlinked temporary file. `broken` names a failure of the reader.
pub(super) fn spool(
    file: &str,
    mut reader: impl Read,
    broken: impl Fn(io::Error) -> FileError,
) -> Result<Source, FileError> {
    let full = |source| FileError::Spool { file: file.to_owned(), source };
    let mut writer = BufWriter::with_capacity(CHUNK_BYTES, unlinked().map_err(full)?);
    let mut chunk = vec![0; FIRST_CHUNK_BYTES];
    let mut copied: u64 = 0;
    loop {
        let read = match reader.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(broken(error)),
        };
        copied += read as u64;
        if copied > DECODED_BYTES_MAX {
            return Err(FileError::TooLarge { file: file.to_owned(), bytes_max: DECODED_BYTES_MAX });
        }
        writer.write_all(&chunk[..read]).map_err(full)?;
        if read == chunk.len() && read < CHUNK_BYTES {
            chunk.resize(2 * read, 0);
        }
    }
    let spooled = writer.into_inner().map_err(|error| full(error.into_error()))?;
    Source::whole(spooled).map_err(full)
}

/// A file without a name, for its owner only before the first byte is in it.
fn unlinked() -> io::Result<File> {
    let file = tempfile::tempfile()?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Decompresses by content: gzip and zstd, also in several members; anything else stays as it is.
pub(super) fn decompressed(file: &str, source: Source) -> Result<Source, FileError> {
    let broken = |form: &'static str| {
        move |error| FileError::Compressed { file: file.to_owned(), form, source: error }
    };
    match form_of(file, &source)? {
        Form::Plain => Ok(source),
        Form::Gzip => spool(file, flate2::read::MultiGzDecoder::new(source.reader()), broken("gzip")),
        Form::Zstd => {
            let decoder = zstd::stream::read::Decoder::new(source.reader()).map_err(broken("zstd"))?;
            spool(file, decoder, broken("zstd"))
        }
    }
}

enum Form {
    Plain,
    Gzip,
    Zstd,
}

fn form_of(file: &str, source: &Source) -> Result<Form, FileError> {
    let mut magic = [0; 6];
    let read = source.read_at(&mut magic, source.start).map_err(|error| FileError::reading(file, error))?;
    let foreign = |what| Err(FileError::NotText { file: file.to_owned(), what });
    match &magic[..read] {
        [0x1f, 0x8b, ..] => Ok(Form::Gzip),
        // A frame, or one that is skipped, which pzstd begins with.
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Ok(Form::Zstd),
        [b'P', b'K', 3 | 5 | 7, ..] => foreign("a zip archive or an Excel workbook"),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => foreign("an old Excel workbook"),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => foreign("compressed with xz"),
        [b'B', b'Z', b'h', b'1'..=b'9', b'1', ..] => foreign("compressed with bzip2"),
        [b'%', b'P', b'D', b'F', ..] => foreign("a PDF"),
        _ => Ok(Form::Plain),
    }
}
