//! Any bytes as the body of an answer. The first byte chooses provider, protocol and operation. Reading twice gives
//! the same, and no answer of Safedebit is taken for success that does not hold its word: the words of the others can
//! be escaped.

#![no_main]

use std::sync::{Arc, LazyLock};

use crmsync::cli::config::Config;
use crmsync::domain::call::Operation;
use crmsync::domain::provider::ProviderId;
use crmsync::domain::verdict::Verdict;
use crmsync::domain::wire::ProviderKey;
use crmsync::providers::{Answer, Provider};
use libfuzzer_sys::fuzz_target;

const CONFIGURATION: &str = include_str!("../../../samples/crmsync.toml");
const PROTOCOLS: [&str; 4] = ["directkitjson2", "directkitjson", "directkitxml", "directkit"];

static PROVIDERS: LazyLock<Vec<Arc<dyn Provider>>> = LazyLock::new(|| {
    let of_protocol = |protocol: &&str| {
        let text = CONFIGURATION.replace("protocol = \"directkitjson2\"", &format!("protocol = \"{protocol}\""));
        let config = Config::parse(&text, "samples/crmsync.toml").expect("the sample works");
        config.providers_without_secrets().expect("the sample works")
    };
    PROTOCOLS.iter().flat_map(of_protocol).collect()
});

fuzz_target!(|data: &[u8]| {
    let Some((&choice, body)) = data.split_first() else { return };
    let choice = usize::from(choice);
    let provider = &PROVIDERS[choice % PROVIDERS.len()];
    let is_create = provider.id() == ProviderId::Wsone && choice >= 128;
    let operation = if is_create { Operation::Create } else { Operation::Update };
    let content_type = Some("application/json".to_owned());
    let answer = Answer { status: 200, retry_after: None, content_type, body: body.to_vec() };
    let key = ProviderKey("W1".into());
    let verdict = provider.read(operation, &key, &answer);
    assert!(verdict == provider.read(operation, &key, &answer));
    if provider.id() == ProviderId::Safedebit && verdict == Verdict::Accepted {
        assert!(body.windows(4).any(|word| word == b"true"));
    }
});
