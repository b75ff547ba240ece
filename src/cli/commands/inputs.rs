//! The files of a command, opened as the configuration and the flags say.

use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use crate::cli::arguments::{IngestArguments, InputArguments, STANDARD_INPUT};
use crate::cli::config::{Config, InputKind};
use crate::ingest::{IngestError, Kind, Options};
use crate::reader::{FileError, InputFile, ReaderSettings};

/// Takes the files of one input in; `-` is standard input. Where a file is not in the encoding that was presumed, or
/// could be refused for that reason alone, all is done once more with every encoding settled.
///
/// # Errors
/// When one of the files cannot be opened, and as `take_in`.
pub(super) fn with_files<T>(
    config: &Config,
    typed: &InputArguments,
    mut take_in: impl FnMut(&[InputFile]) -> Result<T, IngestError>,
) -> Result<T, IngestError> {
    let settings = config.reader_settings();
    let open = |path: &PathBuf| match is_standard_input(path) {
        true => look_into(path, &settings),
        false => InputFile::open_presuming(path, &settings),
    };
    let files: Vec<InputFile> = typed.files.iter().map(open).collect::<Result<_, _>>()?;
    match take_in(&files) {
        Err(IngestError::File(_)) if files.iter().any(InputFile::is_presumed) => {
            let settled = files.into_iter().map(|file| file.settled(&settings));
            take_in(&settled.collect::<Result<Vec<_>, _>>()?)
        }
        taken => taken,
    }
}

/// Opens a file for whoever only looks at it; `-` is standard input.
///
/// # Errors
/// As [`InputFile::open`].
pub(super) fn look_into(path: &Path, settings: &ReaderSettings) -> Result<InputFile, FileError> {
    if is_standard_input(path) {
        return InputFile::from_reader(STANDARD_INPUT, std::io::stdin().lock(), settings);
    }
    InputFile::open(path, settings)
}

/// Whether a file that was typed is the standard input, which can be read once only.
pub(super) fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == STANDARD_INPUT
}

/// Whether a file that was typed comes from somebody who writes it meanwhile: the standard input, or a pipe with a name.
pub(super) fn is_written_meanwhile(path: &Path) -> bool {
    is_standard_input(path) || std::fs::metadata(path).is_ok_and(|file| file.file_type().is_fifo())
}

/// What the flags and the configuration say about accepting an input.
pub(super) fn options(config: &Config, typed: &IngestArguments) -> Options {
    Options {
        kind: match config.input.kind {
            InputKind::Full => Kind::Full,
            InputKind::Delta => Kind::Delta,
        },
        full_resync: typed.full_resync,
        allow_mass_change: typed.allow_mass_change,
        allow_older: typed.allow_older,
    }
}
