//! A client that others wrote drives the simulators: `@innocells/lemonway-client` from npm, unmodified, version and
//! hashes pinned by `tests/data/lemonway-client/package-lock.json`.
//!
//! It needs Node.js, npm and once the registry; where they cannot be had, the test says so on standard error and holds
//! nothing. It is installed below `target/`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use wait_timeout::ChildExt;

use crate::elsewhere::Elsewhere;
use crate::support::{World, customers};

/// How long the installation may take before the registry counts as out of reach.
const INSTALLATION_MAX: Duration = Duration::from_secs(90);
const FILES: [&str; 3] = ["package.json", "package-lock.json", "drive.js"];

/// The folder in which the client is installed, or why it cannot be had.
fn installed() -> Result<PathBuf, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/lemonway-client");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lemonway-client");
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    for name in FILES {
        std::fs::copy(source.join(name), folder.join(name)).map_err(|error| error.to_string())?;
    }
    if folder.join("node_modules/.package-lock.json").exists() {
        return Ok(folder);
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=0"])
        .current_dir(&folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = npm.spawn().map_err(|error| format!("npm does not start: {error}"))?;
    match child.wait_timeout(INSTALLATION_MAX) {
        Ok(Some(status)) if status.success() => Ok(folder),
        outcome => {
            child.kill().ok();
            child.wait().ok();
            Err(format!("npm ci failed or took too long: {outcome:?}"))
        }
    }
}

/// Runs the driver; it must not fail.
fn drive(folder: &Path, simulators: &Elsewhere, arguments: &[&str]) -> Value {
    let url = simulators.url();
    let output = Command::new("node")
        .args([&["drive.js", &url], arguments].concat())
        .current_dir(folder)
        .env_remove("http_proxy")
        .env_remove("HTTP_PROXY")
        .output()
        .expect("node runs where npm does");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn a_client_that_others_wrote_is_served_as_lemonway_serves_it() {
    let folder = match installed() {
        Ok(folder) => folder,
        Err(why) => {
            // Past the harness, which would swallow what a passing test prints.
            writeln!(
                std::io::stderr(),
                "\nNOT TESTED: @innocells/lemonway-client drives the simulators: {why}\n"
            )
            .ok();
            return;
        }
    };
    let simulators = Elsewhere::start(&[]);
    meets_answers_and_errors(&drive(&folder, &simulators, &[]));
    let ledger = simulators.ledger();
    assert_eq!(ledger.iter().filter(|entry| entry["applied"] == true).count(), 3);
    assert!(!ledger.iter().any(|entry| entry.to_string().contains("planted-secret")));
    reads_what_the_program_wrote(&folder, &simulators);
}

fn meets_answers_and_errors(gave: &Value) {
    assert_eq!(
        (&gave["registered"], &gave["second"], &gave["updated"]),
        (&json!(true), &json!(true), &json!(true))
    );
    for read in ["byWallet", "byEmail"] {
        let wallet = &gave[read];
        assert_eq!(
            (&wallet["ID"], &wallet["EMAIL"]),
            (&json!("W00001"), &json!("anne.roy@example.org")),
            "{read}"
        );
        assert_eq!((&wallet["FirstName"], &wallet["payerOrBeneficiary"]), (&json!("Anne"), &json!("1")));
    }
    // The client turns a 147 into a wallet of nulls.
    for nobody in ["byOldEmail", "unknown"] {
        assert_eq!((&gave[nobody]["ID"], &gave[nobody]["STATUS"]), (&Value::Null, &Value::Null), "{nobody}");
    }
    let codes = [("unknownUpdate", "147"), ("usedEmail", "204"), ("again", "152"), ("badDate", "247")];
    for (step, code) in codes {
        assert_eq!(gave[step], code, "{step}");
    }
    assert_eq!(gave["otherMethod"], "MoneyOut: Request failed with status code 404");
}

/// The program and the client meet at one wallet.
fn reads_what_the_program_wrote(folder: &Path, simulators: &Elsewhere) {
    let world = World::new();
    let own = world.url();
    let config = std::fs::read_to_string(world.path("crmsync.toml")).expect("a configuration");
    world.file("crmsync.toml", &config.replace(&own, &simulators.url()));
    let mut people = customers(2);
    people.iter_mut().for_each(|customer| {
        customer.person.clear();
        customer.reference.clear();
    });
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    let emails: Vec<&str> = people.iter().map(|customer| customer.email.as_str()).collect();
    let wallets = drive(folder, simulators, &[&["read"], emails.as_slice()].concat());
    for (customer, wallet) in people.iter().zip(wallets.as_array().expect("wallets")) {
        assert_eq!(wallet["ID"], customer.wallet.as_str());
        assert_eq!(wallet["LastName"], customer.last.as_str());
    }
}
