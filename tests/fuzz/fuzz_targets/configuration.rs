//! Any text as crmsync.toml: parsed, or refused with words.

#![no_main]

use crmsync::cli::config::Config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(error) = Config::parse(text, "fuzz") {
        assert!(!error.to_string().is_empty());
    }
});
