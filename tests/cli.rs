//! The program as a process: usage, configuration, secrets, and what a user sees of each.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use tempfile::TempDir;

/// Long enough for a hash key.
const SECRET: &str = "pl4nted-s3cret-of-16";
const RUN: &str = "20261122T211626Z-3f2a";

/// A folder of its own for each test, and the program run in it without the environment of the machine.
struct World {
    home: TempDir,
}

impl World {
    fn new() -> Self {
        Self { home: tempfile::tempdir().expect("a temporary folder") }
    }

    fn with_config(text: &str) -> Self {
        let world = Self::new();
        world.write("crmsync.toml", text);
        world
    }

    fn path(&self) -> &Path {
        self.home.path()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).expect("a file in a temporary folder");
    }

    fn run(&self, arguments: &[&str]) -> Seen {
        self.run_with(arguments, &[])
    }

    fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Seen {
        let output = Command::new(env!("CARGO_BIN_EXE_crmsync"))
            .current_dir(self.path())
            .env_clear()
            .envs(variables.iter().copied())
            .args(arguments)
            .output()
            .expect("the program runs");
        Seen::of(&output)
    }
}

#[derive(Debug)]
struct Seen {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Seen {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).expect("standard output is JSON")
    }
}

#[test]
fn wrong_usage_exits_2_and_help_exits_0() {
    let world = World::new();
    let wrong: [&[&str]; 5] =
        [&["sink"], &["sync"], &["sync", "-"], &["resolve", "1"], &["status", "--progress", "maybe"]];
    for arguments in wrong {
        let seen = world.run(arguments);
        assert_eq!(seen.code, Some(2), "{arguments:?}: {seen:?}");
        assert!(seen.out.is_empty() && seen.err.starts_with("error:"), "{seen:?}");
    }
    let help = world.run(&["--help"]);
    assert_eq!(help.code, Some(0));
    assert!(help.out.contains("143  interrupted by SIGTERM"), "{}", help.out);
}

#[test]
fn a_missing_configuration_exits_2_and_says_what_to_do() {
    let seen = World::new().run(&["status"]);
    assert_eq!(seen.code, Some(2));
    assert!(seen.err.contains("crmsync.toml") && seen.err.contains("crmsync init"), "{seen:?}");
}

#[test]
fn an_unknown_key_exits_2_with_line_column_and_the_nearest_known_key() {
    let seen = World::with_config("[input]\nformat = \"csv\"\n  dilimiter = \";\"\n").run(&["check"]);
    assert_eq!(seen.code, Some(2));
    let expected = "crmsync.toml:3:3: unknown key `input.dilimiter`; did you mean `delimiter`?";
    assert!(seen.err.contains(expected), "{}", seen.err);
}

#[test]
fn a_configuration_error_can_be_read_by_a_machine() {
    let seen = World::with_config("[stat]\n").run(&["status", "--log-format", "json"]);
    assert_eq!(seen.code, Some(2));
    let line: serde_json::Value = serde_json::from_str(seen.err.trim()).expect("one object a line");
    assert_eq!(line["exit_code"], 2);
    assert!(line["message"].as_str().is_some_and(|text| text.contains("did you mean `state`?")), "{line}");
}

#[test]
fn the_environment_stands_in_for_flags_and_flags_win() {
    let world = World::new();
    world.write("from_environment.toml", "[nonsense]\n");
    world.write("from_flag.toml", "");
    let variables = [("CRMSYNC_CONFIG", "from_environment.toml"), ("CRMSYNC_JSON", "1")];
    assert_eq!(world.run_with(&["status"], &variables).code, Some(2));
    let seen = world.run_with(&["status", "--config", "from_flag.toml"], &variables);
    assert_eq!(seen.code, Some(0), "{seen:?}");
    assert_eq!(seen.json()["needs_a_person"], 0);
}

#[test]
fn a_typed_flag_wins_over_the_other_one_in_the_environment() {
    let world = World::with_config("");
    let cases = [
        ("status -v", "QUIET=1", 0),
        ("-q status", "VERBOSE=2", 0),
        ("status", "VERBOSE=0 QUIET=0", 0),
        // From one place they contradict each other.
        ("status", "VERBOSE=1 QUIET=1", 2),
        ("status -v -q", "JSON=0", 2),
        ("-v status -q", "JSON=0", 2),
    ];
    for (words, variables, code) in cases {
        let named = variables.split(' ').filter_map(|variable| variable.split_once('='));
        let named: Vec<_> = named.map(|(name, value)| (format!("CRMSYNC_{name}"), value)).collect();
        let set: Vec<_> = named.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let seen = world.run_with(&words.split(' ').collect::<Vec<_>>(), &set);
        assert_eq!(seen.code, Some(code), "{words} {variables}: {seen:?}");
    }
    // Talk is what a typed -v brings back, and a typed -q takes away.
    let seen = world.run_with(&["rejects", "export", "a.csv", "-v"], &[("CRMSYNC_QUIET", "1")]);
    assert!(seen.err.contains("wrote 0 lines"), "{seen:?}");
    let seen = world.run_with(&["rejects", "export", "b.csv", "-q"], &[("CRMSYNC_VERBOSE", "1")]);
    assert!(seen.code == Some(0) && seen.err.is_empty(), "{seen:?}");
}

#[test]
fn a_variable_that_is_set_to_nothing_says_nothing() {
    let names = ["CONFIG", "STATE", "JSON", "LOG_FORMAT", "VERBOSE", "QUIET", "PROGRESS", "NO_COLOR"];
    let names = names.map(|name| format!("CRMSYNC_{name}"));
    let variables: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let world = World::with_config("");
    let seen = world.run_with(&["status"], &variables);
    assert_eq!((seen.code, seen.out == world.run(&["status"]).out), (Some(0), true), "{seen:?}");
}

#[test]
fn usage_errors_have_no_colours_where_nobody_wants_any() {
    let world = World::new();
    let coloured = |more: &[(&str, &str)]| {
        let forced = [&[("CLICOLOR_FORCE", "1")], more].concat();
        world.run_with(&["bogus"], &forced).err.contains('\u{1b}')
    };
    assert!(coloured(&[]) && coloured(&[("CRMSYNC_NO_COLOR", "0")]));
    assert!(!coloured(&[("CRMSYNC_NO_COLOR", "1")]));
}

#[test]
fn secrets_are_found_and_never_printed() {
    let world = World::with_config("[state]\nhash_key = { env = \"KEY\" }\n");
    let found = world.run_with(&["check", "-vv"], &[("KEY", SECRET)]);
    assert_eq!(found.code, Some(0), "{found:?}");
    let missing = world.run(&["check"]);
    assert_eq!(missing.code, Some(2));
    assert!(missing.out.contains("state.hash_key") && missing.out.contains("KEY is not set"), "{missing:?}");
    let written = World::with_config(&format!("[state]\nhash_key = \"{SECRET}\"\n")).run(&["check", "-vv"]);
    assert_eq!(written.code, Some(2));
    for seen in [found, missing, written] {
        assert!(!seen.out.contains(SECRET) && !seen.err.contains(SECRET), "{seen:?}");
    }
}

#[test]
fn a_secret_that_others_may_read_is_warned_of() {
    let world = World::with_config("[state]\nhash_key = { file = \"key\" }\n");
    world.write("key", SECRET);
    fs::set_permissions(world.path().join("key"), fs::Permissions::from_mode(0o644)).expect("our own file");
    let seen = world.run(&["check"]);
    assert_eq!(seen.code, Some(0));
    assert!(seen.out.contains("WARNING") && seen.out.contains("chmod 600"), "{seen:?}");
}

#[test]
fn init_writes_a_private_file_once_and_check_likes_it() {
    let world = World::new();
    assert_eq!(world.run(&["init"]).code, Some(0));
    let written = fs::metadata(world.path().join("crmsync.toml")).expect("init wrote it");
    assert_eq!(written.permissions().mode() & 0o777, 0o600);
    assert_eq!(world.run(&["check"]).code, Some(0));
    let again = world.run(&["init"]);
    assert_eq!(again.code, Some(2));
    assert!(again.err.contains("is there already"), "{again:?}");
}

#[test]
fn the_schema_is_json_and_knows_every_section() {
    let schema = World::new().run(&["check", "--schema"]).json();
    for section in ["input", "columns", "state", "guard", "dispatch", "providers"] {
        assert!(schema["properties"][section].is_object(), "{section}");
    }
    assert_eq!(schema["additionalProperties"], false);
}

#[test]
fn without_a_run_there_is_nothing_to_tell() {
    let world = World::with_config("");
    let place = world.path().canonicalize().expect("there").join("state/crmsync.db");
    let expected = format!("no run yet: there is no state at {}\n\nnext: crmsync check\n", place.display());
    assert_eq!(world.run(&["status"]).out, expected);
    assert_eq!(world.run(&["history"]).out, "no runs yet\n");
    assert_eq!(world.run(&["rejects", "list"]).out, "nothing is refused or held\n");
    assert_eq!(world.run(&["report", "--html", "run.html"]).code, Some(2));
    let told = format!("warning: there is no state at {} yet", place.display());
    let asking: [&[&str]; 6] = [
        &["rejects", "list"],
        &["explain", "C1"],
        &["rejects", "release"],
        &["resolve", "3", "--abandon"],
        &["doctor", "--end-probing"],
        &["forget", "C1", "--undo"],
    ];
    for arguments in asking {
        let ran = world.run(arguments);
        let code = if arguments[0] == "resolve" { 2 } else { 0 };
        assert!(ran.code == Some(code) && ran.err.starts_with(&told), "{arguments:?}: {ran:?}");
    }
    assert!(!world.path().join("state").exists(), "neither looking nor asking makes a state");
}

#[test]
fn an_earlier_run_is_shown_as_text_as_json_and_as_a_page() {
    let world = World::with_config("");
    let folder = world.path().join("state/runs").join(RUN);
    fs::create_dir_all(&folder).expect("a folder");
    fs::create_dir_all(world.path().join("state/runs/20261123T211626Z-0001")).expect("a folder");
    let report = r#"{"schema_version": 1,
        "run": {"id": "20261122T211626Z-3f2a", "command": "sync", "version": "0.1.0",
                "started_at": "2026-11-22T21:16:26.000Z", "finished_at": "2026-11-22T21:17:26.000Z",
                "outcome": "complete", "exit_code": 0},
        "input": {"files": ["a\u001b[2J.csv"], "bytes": 0, "rows": 3, "customers": 3, "new": 3, "changed": 0,
                  "unchanged": 0, "duplicates": 0, "invalid": 0, "stale": 0, "forgotten": 0, "missing": 0,
                  "seconds": 0.5},
        "providers": {}, "balanced": true}"#;
    fs::write(folder.join("report.json"), report).expect("a file");
    let list = world.run(&["history"]);
    assert!(list.out.contains("complete"), "{list:?}");
    let killed = list.out.lines().find(|line| line.contains("no report")).expect("listed");
    assert_eq!(killed.matches(" ?").count(), 7, "what it did is not known: {killed}");
    let one = world.run(&["history", RUN]);
    assert!(one.out.contains("3 rows") && !one.out.contains('\u{1b}'), "{one:?}");
    let json = world.run(&["history", RUN, "--json"]).json();
    assert_eq!(json["run"]["started_at"], "2026-11-22T21:16:26.000Z");
    let page = world.run(&["report", RUN, "--html", "run.html"]);
    assert_eq!(page.code, Some(0), "{page:?}");
    let html = fs::read_to_string(world.path().join("run.html")).expect("report wrote it");
    assert!(html.starts_with("<!doctype html>") && !html.contains("<script"), "{html}");
}

#[test]
fn packagers_get_completions_and_a_manual() {
    let world = World::new();
    assert!(world.run(&["completions", "bash"]).out.contains("_crmsync"));
    let man = world.run(&["man"]).out;
    assert!(man.contains(".SH NAME") && man.contains("crmsync sync"), "{man}");
    assert!(man.contains("crmsync rejects release") && man.contains("include\\-values"), "{man}");
}

#[test]
fn a_file_proposes_its_configuration_and_is_checked_without_showing_values() {
    let world = World::new();
    let file = "CODE_CLIENT;PRENOM;EMAIL;TEL PORTABLE\n1;Jeanne;jeanne@example.org;0612345678\n\
                2;Paul;paul-at-nowhere;O612345678\n;Nobody;x@example.org;0612345679\n";
    world.write("clients.csv", file);
    let seen = world.run(&["init", "--from", "clients.csv"]);
    assert_eq!(seen.code, Some(0));
    assert!(seen.err.ends_with("next: crmsync check clients.csv\n"), "{seen:?}");
    let seen = world.run(&["check", "clients.csv"]);
    assert_eq!(seen.code, Some(0), "{seen:?}");
    assert!(seen.out.contains("(1 row)"), "{seen:?}");
    assert!(
        seen.out.contains("customer_id = CODE_CLIENT") && seen.out.contains("3 looked at, 1 without fault"),
        "{seen:?}"
    );
    assert!(seen.out.contains("column EMAIL") && seen.out.contains("column CODE_CLIENT"), "{seen:?}");
    for value in ["Jeanne", "paul-at-nowhere", "0612345678", "O612345678", "example.org"] {
        assert!(!seen.out.contains(value), "{value}: {}", seen.out);
    }
}

#[test]
fn init_tells_how_days_are_written_and_that_no_key_was_found() {
    let world = World::new();
    world.write("us.csv", "Contact ID,Birthdate\n1,2/1/1980\n2,12/31/1981\n");
    assert!(!world.run(&["init", "--from", "us.csv"]).err.contains("no column looks like"));
    let written = fs::read_to_string(world.path().join("crmsync.toml")).expect("init wrote it");
    assert!(written.contains("date_formats = [\"%m/%d/%Y\"]\n"), "{written}");
    let seen = world.run(&["check", "us.csv"]);
    assert!(seen.out.contains("2 looked at, 2 without fault"), "{seen:?}");

    world.write("titled.csv", "Clients du 24/11/2026;\nCode client;Nom\n1;Petit\n");
    let seen = world.run(&["init", "--from", "titled.csv", "--config", "titled.toml"]);
    assert!(seen.err.contains("no column looks like the customer's key"), "{seen:?}");
}

#[test]
fn check_shows_three_mapped_rows_as_shapes_and_their_values_when_asked() {
    let world =
        World::with_config("[columns]\ncustomer_id = \"CODE\"\nstreet = \"RUE\"\nbirth_date = \"NE LE\"\n");
    let file = "CODE;first_name;NE LE;RUE;country;mobile_phone;iban;siren;sms_opt_in;couleur\n\
                ;Nobody;;;;;;;;\n\
                C-12;Zo\u{e9}-Anne;01/02/1980;12 bis av. de la Paix;Belgique;0470123456;\
                FR1420041010050500013M02606;73282932000074;oui;bleu\n\
                C-13;;32/02/1980;Le Bourg;France;0612345678;;;non;\n\
                C-14;Paul;;;;;;;;\nC-15;Luc;;;;;;;;\n";
    world.write("crm.csv", file);
    let seen = world.run(&["check", "crm.csv"]);
    assert_eq!(seen.code, Some(0), "{seen:?}");
    let table =
        |text: &str| text.split_once(" field ").map(|(_, table)| format!(" field {table}")).expect("a table");
    let shapes = table(&seen.out);
    for value in ["Zo", "Paix", "1980", "12", "Bourg", "Paul", "26", "Luc", "line 6"] {
        assert!(!shapes.contains(value), "{value}: {shapes}");
    }
    insta::assert_snapshot!("check_shapes", shapes);
    let seen = world.run(&["check", "crm.csv", "--include-values"]);
    insta::assert_snapshot!("check_values", table(&seen.out));

    let json = world.run(&["check", "crm.csv", "--json"]).json();
    let told =
        |word: &str| json.as_array().expect("a list").iter().find(|found| found["what"] == word).cloned();
    let line = told("line 3").expect("the first customer stands on line 3");
    assert!(line["detail"].as_str().is_some_and(|text| text.starts_with("customer_id = X-99, ")), "{line}");
    assert_eq!(told("line 6"), None, "three rows are enough");
    assert_eq!(world.run(&["check", "--include-values"]).code, Some(2), "there is no file to show");
}

#[test]
fn a_file_without_its_key_column_exits_4() {
    let world = World::with_config("");
    world.write("clients.csv", "a;b\n1;2\n");
    let seen = world.run(&["check", "clients.csv"]);
    assert_eq!(seen.code, Some(4), "{seen:?}");
    assert!(seen.out.contains("customer_id"), "{seen:?}");
}

#[test]
fn a_file_without_its_key_column_is_the_wrong_file_whatever_else_it_lacks() {
    for key in ["customer_id = \"ID_CLIENT\"\n", ""] {
        // `birth_city` comes before `customer_id` in the order of the alphabet.
        let world =
            World::with_config(&format!("[columns]\nbirth_city = \"VILLE\"\n{key}email = \"EMAIL\"\n"));
        world.write("nokey.csv", "a;b\n1;2\n");
        for command in ["check", "plan", "sync"] {
            let seen = world.run(&[command, "nokey.csv"]);
            assert_eq!(seen.code, Some(4), "{command}: {seen:?}");
            let told = format!("{}{}", seen.out, seen.err);
            assert!(told.contains("customer_id") && !told.contains("birth_city"), "{command}: {told}");
            let said = told.lines().map(|line| line.matches("the file ").count()).max();
            assert_eq!(said, Some(1), "{command}: {told}");
        }
        // With its key, another column that is missing is a matter of the configuration.
        world.write("key.csv", "ID_CLIENT;customer_id\n1;2\n");
        let seen = world.run(&["sync", "key.csv"]);
        assert!(seen.code == Some(2) && seen.err.contains("birth_city"), "{seen:?}");
    }
}

#[test]
fn rejects_are_exported_with_their_header_into_a_private_new_file() {
    let world = World::with_config("");
    assert_eq!(world.run(&["rejects", "export", "out.csv"]).code, Some(0));
    let path = world.path().join("out.csv");
    assert!(fs::read_to_string(&path).expect("export wrote it").starts_with("_row,_customer_id,_provider,"));
    assert_eq!(fs::metadata(&path).expect("export wrote it").permissions().mode() & 0o777, 0o600);
    assert_eq!(world.run(&["rejects", "export", "out.csv"]).code, Some(1), "nothing is overwritten");
}

#[test]
fn a_state_in_use_exits_11_and_is_left_alone() {
    let world = World::with_config("");
    fs::create_dir(world.path().join("state")).expect("a folder");
    let lock = fs::File::create(world.path().join("state/crmsync.db.lock")).expect("a lock file");
    lock.lock().expect("nobody else has it");
    let seen = world.run(&["rejects", "release"]);
    assert_eq!(seen.code, Some(11), "{seen:?}");
    assert_eq!(world.run(&["status"]).code, Some(0), "looking works all the same");
    assert!(!world.path().join("state/crmsync.db").exists());
}

#[test]
fn codes_and_fields_explain_themselves() {
    let world = World::new();
    assert!(world.run(&["explain-code", "lemonway", "147"]).out.contains("no such wallet"));
    let fields = world.run(&["fields", "--json"]).json();
    let iban = fields.as_array().and_then(|all| all.iter().find(|line| line["field"] == "iban")).cloned();
    assert_eq!(iban.map(|line| line["sensitivity"].clone()), Some("secret".into()));
    assert!(world.run(&["fields", "safedebit"]).out.contains("consumer_first_name"));
}

#[test]
fn each_error_is_printed_with_a_code_that_is_explained() {
    let world = World::with_config("[columns]\ncustomer_id = \"id\"\n");
    world.write("cut.csv", "id,email\n1,\"a@example.org");
    world.write("nobody.csv", "name,email\nA,a@example.org\n");
    world.write("wrong.toml", "[inputt]\n");
    let cases: [(&[&str], i32, &str); 10] = [
        (&["report", "--html", "x.html"], 2, "error[E104]"),
        (&["history", RUN], 2, "error[E108]"),
        (&["report", RUN, "--html", "x.html"], 2, "error[E108]"),
        (&["doctor", "--restore", "absent.db"], 2, "error[E109]"),
        (&["sync", "cut.csv"], 4, "error[E210]"),
        (&["sync", "nobody.csv"], 4, "error[E231]"),
        (&["sync", "absent.csv"], 4, "error[E200]"),
        (&["plan", "nobody.csv", "--config", "absent.toml"], 2, "error[E110]"),
        (&["plan", "nobody.csv", "--config", "wrong.toml"], 2, "error[E111]"),
        (&["sink"], 2, "code: E100"),
    ];
    for (words, exit, printed) in cases {
        let seen = world.run(words);
        assert!(seen.err.contains(printed) && seen.code == Some(exit), "{words:?}: {seen:?}");
        let code = printed.trim_start_matches("error[").trim_start_matches("code: ").trim_end_matches(']');
        let explained = world.run(&["explain-code", code]);
        assert!(explained.code == Some(0) && explained.out.contains("advice: "), "{explained:?}");
    }
    let seen = world.run(&["sync", "absent.csv", "--log-format", "json"]);
    let line = seen.err.lines().find(|line| line.contains("cannot be opened")).expect("told");
    let logged: serde_json::Value = serde_json::from_str(line).expect("JSON");
    assert!(logged.to_string().contains("E200"), "{logged}");
    assert_eq!(
        world.run(&["explain-code", "--json"]).json().as_array().map(Vec::len),
        Some(crmsync::cli::error_code::ErrorCode::ALL.len())
    );
}

#[test]
fn what_would_silently_send_nothing_is_said() {
    let world = World::with_config("[columns]\ncustomer_id = \"id\"\n");
    world.write("crm.csv", "id,email\n1,a@example.org\n");
    for words in [["check", "crm.csv"], ["plan", "crm.csv"], ["sync", "crm.csv"]] {
        let seen = world.run(&words);
        assert!(
            seen.code == Some(0) && seen.out.contains("none is on, so that nothing"),
            "{words:?}: {seen:?}"
        );
    }
    let seen = world.run(&["check", "crm.csv"]);
    assert!(seen.out.ends_with("next: crmsync check crm.csv\n"), "{seen:?}");

    world.write(
        "one.toml",
        "[columns]\ncustomer_id = \"id\"\n[providers.lemonway]\nbase_url = \"https://lemonway.example/x\"\n\
         login = { env = \"KEY\" }\npassword = { env = \"KEY\" }\n",
    );
    let seen = world.run_with(&["check", "crm.csv", "--config", "one.toml"], &[("KEY", SECRET)]);
    assert!(seen.out.contains("no column gives wallet_id"), "{seen:?}");
    world.write("crm.csv", "id,Réf. wallet\n1,W1\n");
    world.write(
        "two.toml",
        "[columns]\ncustomer_id = \"id\"\nwallet_id = \"Réf. wallet\"\n[providers.lemonway]\n\
         base_url = \"https://lemonway.example/x\"\nlogin = { env = \"KEY\" }\npassword = { env = \"KEY\" }\n",
    );
    let seen = world.run_with(&["check", "crm.csv", "--config", "two.toml"], &[("KEY", SECRET)]);
    assert!(!seen.out.contains("no column gives"), "{seen:?}");
    assert!(seen.out.ends_with("next: crmsync plan crm.csv --config two.toml\n"), "{seen:?}");
}
