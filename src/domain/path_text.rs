//! Paths as text, for those who read what is printed as JSON: a name that is no UTF-8 is shown with what can be shown of it, and
//! keeps nothing of the rest from being told.

use std::path::{Path, PathBuf};

use serde::Serializer;

/// A path.
///
/// # Errors
/// Those of the serializer; so for every function here.
pub fn one<S: Serializer>(path: impl AsRef<Path>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.as_ref().display())
}

/// A path that may be missing.
///
/// # Errors
/// Those of the serializer.
pub fn maybe<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) => one(path, serializer),
        None => serializer.serialize_none(),
    }
}

/// Several paths.
///
/// # Errors
/// Those of the serializer.
pub fn all<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| path.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[derive(serde::Serialize)]
    struct Told {
        #[serde(serialize_with = "one")]
        one: PathBuf,
        #[serde(serialize_with = "maybe")]
        maybe: Option<PathBuf>,
        #[serde(serialize_with = "all")]
        all: Vec<PathBuf>,
    }

    #[test]
    fn a_name_that_is_no_text_is_told_all_the_same() {
        let path = PathBuf::from(OsString::from_vec(b"caf\xe9.csv".to_vec()));
        let told = Told { one: path.clone(), maybe: None, all: vec![path] };
        let told = serde_json::to_value(told).expect("JSON");
        let shown = "caf\u{fffd}.csv";
        assert_eq!(told, serde_json::json!({ "one": shown, "maybe": null, "all": [shown] }));
    }
}
