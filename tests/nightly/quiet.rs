//! No secret and no customer value anywhere but in requests and in the files meant for them.

use crate::support::{PASSWORD, World, customers, files_below};

#[test]
fn planted_secrets_and_values_are_in_no_log_event_error_or_report() {
    let world = World::new();
    let mut people = customers(4);
    world.populate(&people);
    for customer in &mut people {
        customer.first = "Plantedfirst".to_owned();
        customer.street = "7 rue Plantedstreet".to_owned();
    }
    people[0].email = "planted-not-an-address".to_owned();
    people[1].mobile = "O6plantedphone".to_owned();
    // Refusals quote the customer's data in their texts, unreadable answers too; a code may be nothing else.
    let echo = |provider: &str, nth: u32, code: &str| {
        format!(
            "[[rule]]\nprovider = \"{provider}\"\nnth = {nth}\neffect = {{ refuse = {{ code = \"{code}\" }} }}\n"
        )
    };
    let echoes = [
        echo("wsone", 1, "Plantedfirst"),
        echo("wsone", 3, &format!("login-{PASSWORD}")),
        echo("safedebit", 2, "FR7630006000011234567890189"),
        echo("lemonway", 2, PASSWORD),
    ];
    world.play(
        &(echoes.concat()
            + "[[rule]]\nprovider = \"lemonway\"\nnth = 1\neffect = { refuse = { code = \"178\" } }\n\
         [[rule]]\nprovider = \"safedebit\"\nnth = 1\neffect = { garbage = { body = \"html\" } }\n\
         [[rule]]\nprovider = \"wsone\"\nnth = 2\neffect = { status = { code = 500 } }\n"),
    );
    let file = world.csv("crm.csv", &people);
    let path = file.to_str().expect("utf-8");
    let mut said = Vec::new();
    for (arguments, logged) in [
        (&["-vv", "plan", path, "--json"][..], "input read"),
        (&["-vv", "sync", path, "--allow-mass-change"], "answer"),
        (&["-vv", "--log-format", "json", "resume"], "\"message\":\"run ends\""),
        (&["status"], ""),
        (&["rejects", "list"], ""),
    ] {
        let ran = world.run(arguments);
        // A log that says nothing would be quiet for nothing.
        assert!(ran.err.contains(logged), "{arguments:?}: {}", ran.err);
        said.push(ran.out);
        said.push(ran.err);
    }
    for file in files_below(&world.path("state/runs")) {
        if file.file_name().is_some_and(|name| name != "rejects.csv") {
            said.push(std::fs::read_to_string(file).expect("text"));
        }
    }
    let withheld = said.iter().map(|text| text.matches("code_withheld").count()).max();
    assert!(withheld >= Some(4), "{withheld:?}");
    for text in said {
        let lower = text.to_lowercase();
        assert!(!lower.contains("planted") && !text.contains(PASSWORD), "{text}");
        assert!(!text.contains("FR7630006000011234567890189") && !text.contains("elise."), "{text}");
    }
}

#[test]
fn the_log_says_what_is_done_and_at_its_second_level_each_answer() {
    let people = customers(2);
    let said = |more: &[&str]| {
        let world = World::new();
        world.populate(&people);
        let file = world.csv("crm.csv", &people);
        let words = [&["--allow-mass-change", "--progress", "never"], more].concat();
        world.on("sync", &file, &words).exits(0).err
    };
    assert_eq!(said(&[]), "");
    let once = said(&["-v"]);
    for done in
        ["state path=", "run begins", "input read and accepted", "lane sends", "lane ends", "run ends"]
    {
        assert!(once.contains(done) && !once.contains("answer"), "{done}: {once}");
    }
    let twice = said(&["-vv", "--log-format", "json"]);
    let lines = twice.lines().map(|line| serde_json::from_str(line).expect("one object a line"));
    let lines: Vec<serde_json::Value> = lines.collect();
    let answers: Vec<_> = lines.iter().filter(|line| line["message"] == "answer").collect();
    assert_eq!(answers.len(), 6, "three providers and two customers: {twice}");
    assert!(answers.iter().all(|answer| answer["class"] == "accepted" && answer["attempt"] == 1), "{twice}");
}

#[test]
fn the_state_holds_no_delivered_value_and_no_secret() {
    let world = World::new();
    let mut people = customers(3);
    world.populate(&people);
    people.iter_mut().for_each(|customer| customer.first = "Plantedfirst".to_owned());
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    for file in files_below(&world.path("state")) {
        let bytes = std::fs::read(&file).expect("readable");
        for planted in ["Plantedfirst", PASSWORD, "elise.", "FR7630006000011234567890189"] {
            let found = bytes.windows(planted.len()).any(|window| window == planted.as_bytes());
            assert!(!found, "{planted} in {}", file.display());
        }
    }
}

#[test]
fn where_the_log_is_json_so_is_all_that_is_said() {
    let people = customers(2);
    let world = World::new();
    world.populate(&people);
    let file = world.csv("crm.csv", &people);
    let path = file.to_str().expect("utf-8");
    let said = |words: &[&str], code: i32| -> Vec<serde_json::Value> {
        let err = world.run(&[&["--log-format", "json"], words].concat()).exits(code).err;
        err.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect()
    };
    let has = |lines: &[serde_json::Value], level: &str, text: &str| {
        lines.iter().any(|line| {
            line["level"] == level && line["message"].as_str().is_some_and(|message| message.contains(text))
        })
    };
    let lines = said(&["resume", "--state", "state/other.db"], 0);
    assert!(has(&lines, "WARN", "there is no state at "), "{lines:?}");
    let lines = said(&["sync", path, "--allow-mass-change", "--max-calls", "0"], 10);
    assert!(has(&lines, "INFO", "read 2 rows: 2 new"), "progress: {lines:?}");
    let lines = said(&["--json", "resume"], 0);
    assert!(has(&lines, "INFO", "next: "), "the summary, beside the report: {lines:?}");
    assert!(has(&said(&["rejects", "release", "--code", "none"], 0), "INFO", "nothing is refused"));
    assert_eq!(said(&["-q", "rejects", "release"], 0), [] as [serde_json::Value; 0]);
}

/// What sync says to do next, the morning after is told as well.
#[test]
fn status_points_to_what_the_last_run_could_not_take() {
    let world = World::new();
    let mut people = customers(2);
    world.populate(&people);
    "nobody".clone_into(&mut people[0].email);
    let ran = world.sync(&world.csv("crm.csv", &people)).exits(3);
    let next = |told: &str| told.lines().last().map(str::to_owned);
    let told = world.run(&["status"]).exits(0).out;
    assert!(next(&told).is_some_and(|line| line.starts_with("next: less ")), "{told}");
    assert_eq!(next(&told), next(&ran.out));
    world.run(&["resume"]).exits(0);
    assert_eq!(next(&world.run(&["status"]).exits(0).out).as_deref(), Some("next: nothing to do"));
}

#[test]
fn status_does_not_point_to_what_others_show() {
    let world = World::new();
    let mut people = customers(1);
    world.populate(&people);
    world.sync(&world.csv("crm.csv", &people)).exits(0);
    people[0].person = "8800000001".to_owned();
    world.sync(&world.csv("crm.csv", &people)).exits(3);
    let listed = crate::care::json(&world.run(&["rejects", "list", "--json"]).exits(0));
    world.run(&["resolve", &listed[0]["call"].to_string(), "--abandon"]).exits(0);
    let told = world.run(&["status"]).exits(0).out;
    assert!(told.ends_with("next: nothing to do\n"), "{told}");
}

/// Whom a run was limited to stays so, but for the log, which knows no customers.
#[test]
fn limits_stand_in_the_next_step_and_customers_in_no_log() {
    let world = World::new();
    let people = customers(3);
    world.populate(&people);
    let file = world.csv("crm.csv", &people);
    let limits = ["--only", "C00002", "--max-calls", "0", "--provider", "wsone"];
    let ran = world.on("sync", &file, &[&["--allow-mass-change"], &limits[..]].concat()).exits(10);
    assert!(ran.out.contains("next: crmsync resume --provider wsone --only C00002"), "{}", ran.out);
    world.configure("[guard]\nfloor = 1\nmax_new = \"1%\"\n", &[]);
    let more = world.csv("more.csv", &customers(9));
    let ran = world.on("sync", &more, &limits).exits(4);
    assert!(ran.out.contains("next: crmsync sync -n ") && ran.out.contains("--only C00002"), "{}", ran.out);
    let logged = [&limits[..], &["--json", "--log-format", "json"]].concat();
    let ran = world.on("sync", &more, &logged).exits(4);
    assert!(ran.err.contains("--only CUSTOMER") && !ran.err.contains("C00002"), "{}", ran.err);
}
