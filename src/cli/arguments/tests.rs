//! What may be typed and what may not.

use clap::error::ErrorKind;

use super::*;

fn parsed(line: &str) -> Result<Arguments, ErrorKind> {
    parse(line.split(' '), &Environment::with(&[])).map_err(|error| error.kind())
}

#[test]
fn the_definition_is_sound() {
    command().debug_assert();
}

#[test]
fn every_command_of_the_contract_is_understood() {
    for line in [
        "crmsync init --from clients.csv",
        "crmsync check clients.csv",
        "crmsync check --schema",
        "crmsync plan a.csv b.csv --json --detailed-exitcode",
        "crmsync sync a.csv --provider wsone --provider lemonway --only 12 --max-duration 2h --max-calls 10 \
         --max-errors 5% --max-changes 100 --allow-mass-change --allow-older --full-resync --format csv --kind delta -n",
        "crmsync sync - --format jsonl",
        "crmsync check -",
        "crmsync init --from -",
        "crmsync resume --provider wsone,safedebit --max-errors 10",
        "crmsync seed a.csv",
        "crmsync status --json",
        "crmsync history",
        "crmsync history 20261122T211626Z-3f2a --json",
        "crmsync rejects list --provider wsone --code 101 --customer 12",
        "crmsync rejects export out.csv --include-values",
        "crmsync rejects release --customer 12",
        "crmsync resolve 12 --not-applied",
        "crmsync explain 12",
        "crmsync explain-code lemonway 147",
        "crmsync explain-code exit 7",
        "crmsync explain-code E209",
        "crmsync explain-code --markdown",
        "crmsync fields wsone --markdown",
        "crmsync forget 12 --undo",
        "crmsync doctor --restore state/backup.db",
        "crmsync report --html run.html",
        "crmsync rehearse a.csv --scenario s.toml --ledger calls.jsonl",
        "crmsync sandbox --port 0 --populate a.csv b.csv --accept-unknown",
        "crmsync completions bash",
        "crmsync man",
        "crmsync --config c.toml --state s.db --log-format json -vv --progress never --no-color status",
        "crmsync status --state s.db -q",
    ] {
        if let Err(kind) = parsed(line) {
            unreachable!("{line}: {kind:?}");
        }
    }
}

#[test]
fn wrong_usage_is_refused() {
    let cases = [
        ("crmsync", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
        ("crmsync sink", ErrorKind::InvalidSubcommand),
        ("crmsync sync", ErrorKind::MissingRequiredArgument),
        ("crmsync sync -", ErrorKind::ValueValidation),
        ("crmsync sync - - --format csv", ErrorKind::ValueValidation),
        ("crmsync sync a.csv --provider paypal", ErrorKind::ValueValidation),
        ("crmsync sync a.csv --max-errors many", ErrorKind::ValueValidation),
        ("crmsync history ../../etc/passwd", ErrorKind::ValueValidation),
        ("crmsync explain-code paypal 1", ErrorKind::ValueValidation),
        ("crmsync resolve 12", ErrorKind::MissingRequiredArgument),
        ("crmsync resolve 12 --applied --abandon", ErrorKind::ArgumentConflict),
        ("crmsync report", ErrorKind::MissingRequiredArgument),
        ("crmsync status -v -q", ErrorKind::ArgumentConflict),
    ];
    for (line, kind) in cases {
        assert_eq!(parsed(line).err(), Some(kind), "{line}");
    }
}

#[test]
fn what_operators_read_first() {
    insta::assert_snapshot!(command().render_help());
}

#[test]
fn several_names_may_follow_one_flag_and_so_may_a_file() {
    use ProviderId::{Lemonway, Safedebit, Wsone};
    let cases: [(&str, &[ProviderId], &str); 5] = [
        ("crmsync sync a.csv --provider wsone lemonway", &[Wsone, Lemonway], "a.csv"),
        ("crmsync sync --provider wsone a.csv", &[Wsone], "a.csv"),
        ("crmsync sync --provider wsone ./lemonway", &[Wsone], "./lemonway"),
        ("crmsync sync --provider=wsone safedebit lemonway a.csv", &[Wsone, Safedebit, Lemonway], "a.csv"),
        ("crmsync sync lemonway --provider wsone -n --provider safedebit", &[Wsone, Safedebit], "lemonway"),
    ];
    for (line, providers, file) in cases {
        let Command::Sync(typed) = parsed(line).expect(line).command else { unreachable!("{line}") };
        assert_eq!(
            (&typed.dispatch.providers[..], &typed.input.files[..]),
            (providers, &[file.into()][..]),
            "{line}"
        );
    }
    let Command::Resume(typed) =
        parsed("crmsync resume --only A B --provider wsone lemonway").expect("fits").command
    else {
        unreachable!("typed so")
    };
    assert_eq!(typed.dispatch.only, ["A", "B"]);
    assert_eq!(typed.dispatch.providers, [Wsone, Lemonway]);
}
