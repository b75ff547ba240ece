//! Which encoding a file is in, and its text as UTF-8.
//!
//! The byte order mark decides first. Without one the whole file is counted: more well-formed multi-byte
//! sequences of UTF-8 than malformed ones make it UTF-8 with a few bad rows; anything else would turn every
//! accent of the file into mojibake for the sake of one row. What cannot be decoded stays an invalid byte, so
//! that it spoils its own row.
//!
//! Whoever reads every record anyway may presume UTF-8, and has the file counted only when a record is none: a second
//! reading of a file of 300 MB costs a tenth of a night without changes.

use std::io::{self, Read, Write};

use encoding_rs::{DecoderResult, Encoding, ISO_8859_15, UTF_16BE, UTF_16LE, WINDOWS_1252};
use rayon::prelude::*;

use super::error::FileError;
use super::settings::EncodingSetting;
use super::source::{CHUNK_BYTES, Source, spool};

/// One may be a slip of the keyboard.
const STRANGERS_MIN: u64 = 2;
/// The longest character of UTF-8.
const CHARACTER_BYTES_MAX: usize = 4;

/// An encoding that was settled, or is presumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    Utf8,
    Windows1252,
    Iso885915,
    Utf16Le,
    Utf16Be,
}

impl Charset {
    /// The word of the configuration.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Windows1252 => "windows-1252",
            Self::Iso885915 => "iso-8859-15",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
        }
    }

    /// What has to be decoded; UTF-8 has not.
    fn foreign(self) -> Option<&'static Encoding> {
        match self {
            Self::Utf8 => None,
            Self::Windows1252 => Some(WINDOWS_1252),
            Self::Iso885915 => Some(ISO_8859_15),
            Self::Utf16Le => Some(UTF_16LE),
            Self::Utf16Be => Some(UTF_16BE),
        }
    }
}

/// What is done with a file whose encoding neither a mark nor a setting tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Untold {
    /// All of it is counted.
    Count,
    /// It is taken for UTF-8 if its beginning is; whoever goes through all of it finds out.
    Presume,
}

/// The text of a file and the encoding it was in.
#[derive(Debug)]
pub(super) struct Decoded {
    /// UTF-8, without byte order mark.
    pub(super) source: Source,
    pub(super) charset: Charset,
    /// Only its beginning was looked at.
    pub(super) is_presumed: bool,
}

/// The text of `source`.
pub(super) fn decoded(
    file: &str,
    mut source: Source,
    setting: EncodingSetting,
    untold: Untold,
) -> Result<Decoded, FileError> {
    let (mark, mark_bytes) = byte_order_mark(file, &source)?;
    source.start += mark_bytes;
    let settled = |source, charset| Decoded { source, charset, is_presumed: false };
    let charset = match (mark, configured(setting)) {
        (Some(mark), Some(wanted)) if mark != wanted => {
            return Err(FileError::Encoding {
                file: file.to_owned(),
                found: "its byte order mark contradicts the configured encoding",
                expected: mark.name(),
            });
        }
        (Some(mark), _) => mark,
        (None, Some(wanted)) => wanted,
        (None, None) if untold == Untold::Presume && begins_as_utf8(file, &source)? => {
            return Ok(Decoded { source, charset: Charset::Utf8, is_presumed: true });
        }
        (None, None) => counted(file, &source)?,
    };
    let Some(encoding) = charset.foreign() else { return Ok(settled(source, charset)) };
    let wide = matches!(charset, Charset::Utf16Le | Charset::Utf16Be);
    if wide && (source.end - source.start) % 2 == 1 {
        let what = "half a UTF-16 character";
        return Err(FileError::Cut { file: file.to_owned(), line: lines(file, &source)?, what });
    }
    let transcoder = Transcoder::new(source.reader(), source.at_most(CHUNK_BYTES), encoding);
    let decoded = spool(file, transcoder, |error| FileError::reading(file, error))?;
    Ok(settled(decoded, charset))
}

fn configured(setting: EncodingSetting) -> Option<Charset> {
    match setting {
        EncodingSetting::Auto => None,
        EncodingSetting::Utf8 => Some(Charset::Utf8),
        EncodingSetting::Windows1252 => Some(Charset::Windows1252),
        EncodingSetting::Iso885915 => Some(Charset::Iso885915),
        EncodingSetting::Utf16Le => Some(Charset::Utf16Le),
        EncodingSetting::Utf16Be => Some(Charset::Utf16Be),
    }
}

fn byte_order_mark(file: &str, source: &Source) -> Result<(Option<Charset>, u64), FileError> {
    let mut first = [0; 3];
    let read = source.read_at(&mut first, source.start).map_err(|error| FileError::reading(file, error))?;
    Ok(match &first[..read] {
        [0xef, 0xbb, 0xbf] => (Some(Charset::Utf8), 3),
        [0xff, 0xfe, ..] => (Some(Charset::Utf16Le), 2),
        [0xfe, 0xff, ..] => (Some(Charset::Utf16Be), 2),
        _ => (None, 0),
    })
}

/// The line on which a UTF-16 file ends.
fn lines(file: &str, source: &Source) -> Result<u64, FileError> {
    let mut count = 1;
    each_chunk(file, source, |chunk| count += chunk.iter().filter(|byte| **byte == b'\n').count() as u64)?;
    Ok(count)
}

fn each_chunk(file: &str, source: &Source, mut look: impl FnMut(&[u8])) -> Result<(), FileError> {
    let mut chunk = vec![0; source.at_most(CHUNK_BYTES)];
    let mut reader = source.reader();
    loop {
        match reader.read(&mut chunk).map_err(|error| FileError::reading(file, error))? {
            0 => return Ok(()),
            read => look(&chunk[..read]),
        }
    }
}

/// Counts the whole file when no mark and no setting says what it is.
fn counted(file: &str, source: &Source) -> Result<Charset, FileError> {
    refuse_unmarked_utf16(file, source)?;
    if is_utf8(file, source)? {
        return Ok(Charset::Utf8);
    }
    let mut census = Census::default();
    each_chunk(file, source, |chunk| census.take(chunk))?;
    census.malformed += u64::from(!census.carried.is_empty());
    if census.malformed == 0 || census.well_formed > census.malformed {
        return Ok(Charset::Utf8);
    }
    let mut latin = Latin::default();
    each_chunk(file, source, |chunk| latin.take(chunk))?;
    if latin.is_foreign() {
        return Err(FileError::ForeignEncoding { file: file.to_owned() });
    }
    Ok(if latin.is_iso_8859_15() { Charset::Iso885915 } else { Charset::Windows1252 })
}

/// Whether every byte of the file is UTF-8: most files are, and then nothing has to be counted. Looked at by all processors.
fn is_utf8(file: &str, source: &Source) -> Result<bool, FileError> {
    let chunks = (source.end - source.start).div_ceil(CHUNK_BYTES as u64);
    if chunks <= 1 {
        return is_chunk_utf8(file, source, &mut Vec::new(), 0);
    }
    let look = |buffer: &mut Vec<u8>, chunk| is_chunk_utf8(file, source, buffer, chunk);
    let found = (0..chunks).into_par_iter().map_init(Vec::new, look);
    found.try_reduce(|| true, |one, other| Ok(one && other))
}

fn begins_as_utf8(file: &str, source: &Source) -> Result<bool, FileError> {
    refuse_unmarked_utf16(file, source)?;
    is_chunk_utf8(file, source, &mut Vec::new(), 0)
}

/// A character that the end of a chunk cuts belongs to the chunk in which it begins.
fn is_chunk_utf8(file: &str, source: &Source, buffer: &mut Vec<u8>, chunk: u64) -> Result<bool, FileError> {
    let from = source.start + chunk * CHUNK_BYTES as u64;
    buffer.resize(source.at_most(CHUNK_BYTES + CHARACTER_BYTES_MAX - 1), 0);
    let read = source.read_at(buffer, from).map_err(|error| FileError::reading(file, error))?;
    let start = if chunk == 0 { 0 } else { continuation(&buffer[..read]) };
    let own = read.min(CHUNK_BYTES);
    let end = own + continuation(&buffer[own..read]);
    Ok(start <= end && simdutf8::basic::from_utf8(&buffer[start..end]).is_ok())
}

/// How many bytes that only continue a character stand in front, up to what one can have.
fn continuation(bytes: &[u8]) -> usize {
    let continues = |byte: &&u8| (0x80..0xc0).contains(*byte);
    bytes.iter().take(CHARACTER_BYTES_MAX - 1).take_while(continues).count()
}

/// UTF-16 text of Western Europe shows a zero in every second byte of its first letters.
fn refuse_unmarked_utf16(file: &str, source: &Source) -> Result<(), FileError> {
    let mut first = [1; 4];
    source.read_at(&mut first, source.start).map_err(|error| FileError::reading(file, error))?;
    let expected = match first.map(|byte| byte == 0) {
        [false, true, false, true] => Charset::Utf16Le.name(),
        [true, false, true, false] => Charset::Utf16Be.name(),
        _ => return Ok(()),
    };
    let found = "looks like UTF-16 without byte order mark";
    Err(FileError::Encoding { file: file.to_owned(), found, expected })
}

/// How many multi-byte sequences are UTF-8, and how many are not.
#[derive(Debug, Default)]
struct Census {
    well_formed: u64,
    malformed: u64,
    /// The beginning of a sequence that the last chunk cut, at most 3 bytes.
    carried: Vec<u8>,
}

impl Census {
    fn take(&mut self, chunk: &[u8]) {
        if self.carried.is_empty() {
            return self.count(chunk);
        }
        // A sequence has at most 4 bytes: with 3 more of this chunk the carried one is complete.
        let joint = chunk.len().min(3);
        let (head, tail) = chunk.split_at(joint);
        let mut joined = std::mem::take(&mut self.carried);
        joined.extend_from_slice(head);
        self.count(&joined);
        if tail.is_empty() {
            return;
        }
        let mut again = std::mem::take(&mut self.carried);
        if again.is_empty() {
            self.count(tail);
        } else {
            again.extend_from_slice(tail);
            self.count(&again);
        }
    }

    fn count(&mut self, mut bytes: &[u8]) {
        loop {
            let (valid, skipped) = match std::str::from_utf8(bytes) {
                Ok(_) => (bytes.len(), None),
                Err(error) => (error.valid_up_to(), Some(error.error_len())),
            };
            let (good, rest) = bytes.split_at(valid);
            self.well_formed += good.iter().filter(|byte| **byte >= 0xc0).count() as u64;
            match skipped {
                None => return,
                Some(None) => {
                    self.carried = rest.to_vec();
                    return;
                }
                Some(Some(length)) => {
                    self.malformed += 1;
                    bytes = &rest[length..];
                }
            }
        }
    }
}

/// Which of the two Western single-byte encodings it is.
///
/// They differ in eight letters and in 0x80–0x9F, which only windows-1252 uses for text. Where those stand in or behind words as no
/// sign of windows-1252 does, and more often than its letters do, they are letters of another encoding: of MS-DOS or of the
/// Macintosh, which some spreadsheets write.
#[derive(Debug, Default)]
struct Latin {
    windows_only: bool,
    euro_or_oe: bool,
    previous: [u8; 2],
    /// The letters of both encodings, and what is none in either and stands as if it were one.
    letters: u64,
    strangers: u64,
}

impl Latin {
    fn take(&mut self, chunk: &[u8]) {
        for &byte in chunk {
            let [first, middle] = self.previous;
            self.windows_only |= (0x80..=0x9f).contains(&byte);
            // 0xA4 is the euro sign there and ¤ here; 0xBC and 0xBD are Œ and œ there, ¼ and ½ here: after a
            // letter ("cœur") or before a "u" ("Œuvrard") only œ makes sense.
            let is_oe = |byte| matches!(byte, 0xbc | 0xbd);
            self.euro_or_oe |= byte == 0xa4
                || (is_oe(byte) && middle.is_ascii_alphabetic())
                || (is_oe(middle) && matches!(byte, b'u' | b'U'));
            self.letters += u64::from(byte >= 0xc0);
            let is_stranger = match byte {
                b'a'..=b'z' => first.is_ascii_alphabetic() && is_stranger(middle),
                b'A'..=b'Z' => first.is_ascii_uppercase() && is_stranger_in_capitals(middle),
                // A blank stands behind what is a comma, too.
                b' ' => false,
                0..0x80 => first.is_ascii_lowercase() && is_stranger_behind(middle),
                0x80.. => false,
            };
            self.strangers += u64::from(is_stranger);
            self.previous = [middle, byte];
        }
    }

    /// Whether most of its letters are letters in neither encoding.
    fn is_foreign(&self) -> bool {
        self.strangers >= STRANGERS_MIN && self.strangers > self.letters
    }

    fn is_iso_8859_15(&self) -> bool {
        self.euro_or_oe && !self.windows_only
    }
}

/// What does not stand between two letters of windows-1252: signs and capitals, and what it does not have. It is é, è, ê, ç and
/// the like in MS-DOS (code pages 437 and 850) and on the Macintosh. Marks of punctuation and small letters may stand there.
fn is_stranger(byte: u8) -> bool {
    matches!(byte, 0x81..=0x84 | 0x86..=0x8b | 0x8d..=0x90 | 0x98 | 0x9b | 0x9d)
}

/// What does not stand between two capitals of windows-1252. It is É, Ç and Ñ there. Signs that do (K€HT, L×H) tell nothing.
fn is_stranger_in_capitals(byte: u8) -> bool {
    matches!(byte, 0x81..=0x84 | 0x8d | 0x8f | 0x90 | 0x9d)
}

/// What does not stand behind a small letter at the end of a word of windows-1252. It is é, è, ê and à there. Signs that people put
/// behind words, such as † and ‰, may.
fn is_stranger_behind(byte: u8) -> bool {
    matches!(byte, 0x81..=0x84 | 0x88 | 0x8a | 0x8d..=0x90 | 0x98 | 0x9d)
}

/// Reads foreign bytes, gives UTF-8; a malformed sequence becomes the byte 0xFF, which is never UTF-8.
struct Transcoder<R> {
    reader: R,
    decoder: encoding_rs::Decoder,
    input: Vec<u8>,
    /// The part of `input` that is still to be decoded.
    pending: std::ops::Range<usize>,
    ended: bool,
    finished: bool,
}

impl<R: Read> Transcoder<R> {
    /// Decodes `ahead` bytes at a time.
    fn new(reader: R, ahead: usize, encoding: &'static Encoding) -> Self {
        Self {
            reader,
            decoder: encoding.new_decoder_without_bom_handling(),
            input: vec![0; ahead],
            pending: 0..0,
            ended: false,
            finished: false,
        }
    }
}

impl<R: Read> Read for Transcoder<R> {
    fn read(&mut self, mut output: &mut [u8]) -> io::Result<usize> {
        let mut written = 0;
        // A decoded character needs up to 4 bytes, and the spool always offers more.
        while written == 0 && !self.finished {
            if self.pending.is_empty() && !self.ended {
                let read = self.reader.read(&mut self.input)?;
                self.pending = 0..read;
                self.ended = read == 0;
            }
            let input = &self.input[self.pending.clone()];
            let (result, read, wrote) =
                self.decoder.decode_to_utf8_without_replacement(input, output, self.ended);
            self.pending.start += read;
            written = wrote;
            match result {
                DecoderResult::InputEmpty => self.finished = self.ended,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => {
                    output = &mut output[wrote..];
                    output.write_all(&[0xff])?;
                    written += 1;
                }
            }
        }
        Ok(written)
    }
}
