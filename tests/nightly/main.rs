//! The program as a process, against the simulators over real sockets; the simulators' ledger is the oracle.

mod care;
mod columns;
mod conformance;
mod conformance_table;
mod corrected;
mod documents;
mod elsewhere;
mod exports;
mod first_night;
mod forget;
mod guide;
mod inputs;
mod keys;
mod limits;
mod lost;
mod moved;
mod names;
mod other_client;
mod outcomes;
mod page;
mod persons;
mod policies;
mod private;
mod quiet;
mod readme;
mod refusals;
mod rehearsal;
mod restored;
mod stale;
mod stopped;
mod support;
mod switched_off;
#[path = "../deep/table.rs"]
mod table;
mod telling;
