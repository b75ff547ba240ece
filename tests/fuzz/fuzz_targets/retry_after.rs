//! Any text as a Retry-After header: never a panic, never longer than the limit.

#![no_main]

use crmsync::domain::clock::Timestamp;
use crmsync::providers::transport::{RETRY_AFTER_SECONDS_MAX, retry_after};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: (i64, &str)| {
    let (now, header) = data;
    if let Some(wait) = retry_after(header, Timestamp(now)) {
        assert!(wait.as_secs() <= RETRY_AFTER_SECONDS_MAX);
    }
});
