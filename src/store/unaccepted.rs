//! Inputs that were not accepted, and that nothing has brought since.
//!
//! A part of the customers says nothing of what another part said: one that was refused stays missing, whatever was accepted
//! after it, until it comes again or a complete input does.

use std::collections::BTreeSet;

use super::{PastRun, Store, StoreError};

/// Whether an input is missing: one that was not accepted and has not come since.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MissingInput {
    /// Before the run.
    pub before: bool,
    /// After it.
    pub now: bool,
}

impl Store {
    /// The runs whose input was not accepted and has not come since, oldest first. A complete input that was not accepted
    /// takes the place of all before it. `at_work` is the run that goes on.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be read.
    pub fn unaccepted(&self, at_work: Option<&str>) -> Result<Vec<PastRun>, StoreError> {
        let runs = self.inputs_asked_for()?.into_iter();
        Ok(without_input(runs.filter(|run| Some(run.id.as_str()) != at_work)))
    }

    /// Whether an input was missing before this run, and whether one is missing after it.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be read.
    pub fn missing_input(&self, run: &str) -> Result<MissingInput, StoreError> {
        let runs = self.inputs_asked_for()?;
        let before = !without_input(runs.iter().filter(|earlier| earlier.id != run).cloned()).is_empty();
        Ok(MissingInput { before, now: !without_input(runs.into_iter()).is_empty() })
    }

    /// The latest runs that were to take an input in, but those whose input a person has dismissed, newest first.
    fn inputs_asked_for(&self) -> Result<Vec<PastRun>, StoreError> {
        let mut runs = self.runs_of_inputs()?;
        runs.retain(|run| !run.input.as_ref().is_some_and(|input| input.is_dismissed));
        Ok(runs)
    }

    /// Notes that the input of a run, which was not accepted, is not to come again; false where there is no such run.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be written.
    pub fn dismiss_input(&mut self, run: &str) -> Result<bool, StoreError> {
        let sql = "UPDATE run SET input = json_set(input, '$.is_dismissed', json('true'))
                   WHERE id = ?1 AND input IS NOT NULL AND input_time IS NULL";
        Ok(self.connection.execute(sql, [run])? == 1)
    }
}

/// See [`Store::unaccepted`]; of runs that read files, newest first.
fn without_input(runs: impl Iterator<Item = PastRun>) -> Vec<PastRun> {
    let (mut missing, mut later) = (Vec::<PastRun>::new(), Vec::new());
    for run in runs {
        let is_complete = run.input.as_ref().is_none_or(|input| input.is_complete);
        let files = run.input.as_ref().map(|input| input.files.iter().cloned().collect::<BTreeSet<_>>());
        // Of what an earlier version ran, nobody knows whether it came again.
        let came_later = if files.is_none() { !later.is_empty() } else { later.contains(&files) };
        if came_later && !run.accepted {
            continue;
        }
        later.push(files);
        if !run.accepted {
            missing.push(run);
        }
        if is_complete {
            break;
        }
    }
    missing.reverse();
    missing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::Timestamp;
    use crate::store::RunInput;

    /// A run of an input: "full a", "delta b refused", "none" for one of an earlier version.
    fn run((number, told): (usize, &str)) -> PastRun {
        let words: Vec<&str> = told.split(' ').collect();
        let input = (words[0] != "none").then(|| RunInput {
            files: vec![words[1].to_owned()],
            arguments: Vec::new(),
            is_complete: words[0] == "full",
            is_dismissed: false,
        });
        PastRun {
            id: number.to_string(),
            command: "sync".to_owned(),
            started_at: Timestamp(0),
            finished_at: None,
            exit_code: None,
            outcome: None,
            accepted: words.last() != Some(&"refused"),
            input,
        }
    }

    #[test]
    fn an_input_is_missing_until_it_comes_again_or_a_complete_one_does() {
        let cases: [(&[&str], &[usize]); 12] = [
            (&["full a"], &[]),
            (&["full a refused"], &[0]),
            (&["full a refused", "full a"], &[]),
            (&["delta a refused", "delta b"], &[0]),
            (&["delta a refused", "delta b", "delta a"], &[]),
            (&["delta a refused", "delta b refused", "delta c"], &[0, 1]),
            (&["delta a refused", "delta a refused"], &[1]),
            (&["delta a refused", "full b"], &[]),
            (&["delta a refused", "full b refused", "delta c refused", "delta d"], &[1, 2]),
            (&["full a refused", "delta b"], &[0]),
            (&["none x refused", "delta b"], &[]),
            (&["delta a refused", "none x"], &[]),
        ];
        for (told, missing) in cases {
            let found = without_input(told.iter().copied().enumerate().map(run).rev());
            let found: Vec<usize> = found.iter().map(|run| run.id.parse().expect("a number")).collect();
            assert_eq!(found, missing, "{told:?}");
        }
    }
}
