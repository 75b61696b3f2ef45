//! The findings that are asked of a set which names its findings.

use super::error::{Error, Result};
use super::spec::CohortOptions;
use crate::truth::Task;

/// What is asked for, as the set calls it. `several` says that nothing was asked for and there are several.
///
/// # Errors
/// When it is not clear what is asked for, or it is not there.
pub(super) fn chosen(options: &CohortOptions, known: &[String], several: &str) -> Result<Vec<Task>> {
    let fail = |problem: String| Error::Tasks { problem, known: known.to_vec() };
    let named = |name: &String| Task::named(name).map_err(|problem| Error::Options(problem.to_string()));
    let find = |task: &Task| match task.find(known.iter().map(String::as_str)) {
        Ok(Some(position)) => named(&known[position]),
        Ok(None) => Err(fail(format!("no finding of the set is called {task}"))),
        Err(count) => Err(fail(format!("{count} findings are called {task} but for blanks, case and signs"))),
    };
    match (options.findings.as_slice(), &options.task, known) {
        ([], None, [only]) => Ok(vec![named(only)?]),
        ([], None, _) => Err(fail(several.to_owned())),
        ([], Some(task), _) => Ok(vec![find(task)?]),
        (findings, _, _) => findings.iter().map(find).collect(),
    }
}
