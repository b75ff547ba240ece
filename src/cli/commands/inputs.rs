//! The files of a command, opened as the configuration and the flags say.

use crate::cli::arguments::{IngestArguments, InputArguments, STANDARD_INPUT};
use crate::cli::config::{Config, InputKind};
use crate::ingest::{IngestError, Kind, Options};
use crate::reader::InputFile;

/// Opens the files of one input; `-` is standard input.
///
/// # Errors
/// When one of them cannot be taken in.
pub(super) fn open(config: &Config, typed: &InputArguments) -> Result<Vec<InputFile>, IngestError> {
    let settings = config.reader_settings();
    let open = |path: &std::path::PathBuf| {
        if path.as_os_str() == STANDARD_INPUT {
            return InputFile::from_reader(STANDARD_INPUT, std::io::stdin().lock(), &settings);
        }
        InputFile::open(path, &settings)
    };
    Ok(typed.files.iter().map(open).collect::<Result<_, _>>()?)
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
