//! Real files, a real state and the real providers; only the network is missing.

mod changes;
mod compounds;
mod guards;
mod keys;
mod laws;
mod meddling;
mod named;
mod older;
mod rows;
mod seeding;
mod turned_away;
mod world;
