//! Generations of values, and what the ledger says about them.

use std::process::{Child, Command, Stdio};

use crmsync::domain::provider::ProviderId;
use serde_json::Value;

use crate::support::{Customer, Ran, World};

pub(crate) const PROVIDERS: [ProviderId; 3] = ProviderId::ALL;

/// Runs the program with a fault switched on (see `crmsync::domain::fault`).
pub(crate) fn run_with_fault(world: &World, fault: &str, arguments: &[&str]) -> Ran {
    let mut command = world.command(arguments);
    Ran::from(command.env("CRMSYNC_FAULT", fault).output().expect("the binary runs"))
}

/// Runs the program under a tool whose words stand before its own.
pub(crate) fn run_under(world: &World, tool: &[&str], fault: Option<&str>, arguments: &[&str]) -> Ran {
    let plain = world.command(arguments);
    let (name, words) = tool.split_first().expect("a tool");
    let mut command = Command::new(name);
    command.args(words).arg(plain.get_program()).args(plain.get_args());
    command.current_dir(plain.get_current_dir().expect("the world's folder")).stdin(Stdio::null());
    command.env_clear().env("PATH", "/usr/bin:/bin");
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.envs(fault.map(|fault| ("CRMSYNC_FAULT", fault)));
    Ran::from(command.output().expect("the tool runs"))
}

/// Starts the program, perhaps with a fault switched on, saying nothing, and does not wait.
pub(crate) fn start_silently(world: &World, fault: Option<&str>, arguments: &[&str]) -> Child {
    let mut command = world.command(arguments);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    if let Some(fault) = fault {
        command.env("CRMSYNC_FAULT", fault);
    }
    command.spawn().expect("the binary runs")
}

/// The customer with the values of a later generation: e-mail and last name, in different objects, change together.
pub(crate) fn newer(customer: &Customer, generation: usize) -> Customer {
    let mut customer = customer.clone();
    let rest = customer.email.split_once("-of-").map_or(customer.email.as_str(), |(_, rest)| rest);
    customer.email = format!("g{generation}-of-{rest}");
    let stem = customer.last.split(' ').next().expect("a name").to_owned();
    customer.last = format!("{stem} {}", word(generation));
    customer
}

/// Names hold no digits.
fn word(number: usize) -> String {
    number.to_string().bytes().map(|digit| char::from(b'a' + digit - b'0')).collect()
}

/// The customer, known to one provider only.
pub(crate) fn only_at(provider: ProviderId, customer: &Customer) -> Customer {
    let mut customer = customer.clone();
    match provider {
        ProviderId::Wsone => {
            customer.wallet.clear();
            customer.reference.clear();
        }
        ProviderId::Lemonway => {
            customer.person.clear();
            customer.reference.clear();
        }
        ProviderId::Safedebit => {
            customer.person.clear();
            customer.wallet.clear();
        }
    }
    customer
}

/// The key of a customer in the ledger.
pub(crate) fn key(provider: ProviderId, customer: &Customer) -> String {
    match provider {
        ProviderId::Wsone => format!("1:{}", customer.person),
        ProviderId::Lemonway => customer.wallet.clone(),
        ProviderId::Safedebit => customer.reference.clone(),
    }
}

/// E-mail and last name in a wire body, if it has them.
pub(crate) fn values(provider: ProviderId, fields: &Value) -> (Option<&str>, Option<&str>) {
    let get = |path: &str| fields.pointer(path).and_then(Value::as_str);
    let inner = |path: &str| get(path).or_else(|| get(&format!("/PersonProfilRequest{path}")));
    match provider {
        ProviderId::Wsone => {
            (inner("/ContactsRequest/EmailRequest/emailValue"), inner("/PersonRequest/lastName"))
        }
        ProviderId::Lemonway => (get("/newEmail"), get("/newLastName")),
        ProviderId::Safedebit => (get("/consumer_email"), get("/consumer_last_name")),
    }
}

/// What a provider holds of a customer, if anything was ever applied.
pub(crate) fn held_by(world: &World, provider: ProviderId, customer: &Customer) -> Option<Value> {
    let person = world.ledger().person(provider, &key(provider, customer))?;
    (!person.fields.is_empty()).then_some(Value::Object(person.fields))
}

/// Whether a provider holds exactly these values.
pub(crate) fn holds(world: &World, provider: ProviderId, customer: &Customer) -> bool {
    held_by(world, provider, customer).is_some_and(|fields| {
        values(provider, &fields) == (Some(customer.email.as_str()), Some(customer.last.as_str()))
    })
}

/// Refused and held calls, as the program lists them.
pub(crate) fn rejected(world: &World) -> Vec<Value> {
    let ran = world.run(&["rejects", "list", "--json"]).exits(0);
    serde_json::from_str(&ran.out).expect("JSON")
}
