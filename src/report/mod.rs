//! What a run leaves behind and what people see of it: run folder, `report.json`, `events.jsonl`, `rejects.csv`,
//! progress, closing summary, HTML page.
//!
//! Rank 1: knows the domain's words only. Writes to the writers and folders it is given; it never opens standard
//! output or standard error itself and never reads the clock.

mod bars;
mod board;
pub mod erase;
pub mod events;
mod guarded;
pub mod html;
pub mod listener;
mod log;
pub mod metrics;
pub mod next_step;
pub mod progress;
pub mod rejects;
pub mod report_json;
pub mod run_files;
pub mod shown;
pub mod table;
pub mod text;
