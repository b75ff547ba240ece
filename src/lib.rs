//! crmsync: customer changes out of a CRM, into the providers that hold those customers' accounts.
//!
//! Ingest fills the outbox; dispatch drains it; they share nothing else. The rooms, from the bottom up:
//! [`domain`] holds the words; [`reader`], [`diff`], [`store`], [`providers`], [`report`] and [`sandbox`] each
//! know one thing; [`mapping`] turns rows into customers; [`ingest`] and [`dispatch`] are the two halves of a
//! run; [`cli`] is what a person types. Imports point down only.

pub mod cli;
pub mod diff;
pub mod dispatch;
pub mod domain;
pub mod ingest;
pub mod mapping;
pub mod providers;
pub mod reader;
pub mod report;
pub mod sandbox;
pub mod store;
