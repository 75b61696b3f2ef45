//! The small protocol that the tests run.

use std::path::Path;

use saliscope::benchmark::{Options, Protocol, Result, Setup, Summary, run};
use saliscope::network::{DeviceChoice, Runtime, RuntimeOptions};
use saliscope::saliency::{Method, Preset};
use saliscope::truth::Task;

/// Every test, cheap methods, few images and states.
pub(crate) fn protocol() -> Protocol {
    let mut protocol = Protocol::demo(Preset::Arun2021, Task::PNEUMOTHORAX);
    "phantom:5:100".clone_into(&mut protocol.cohort.source);
    protocol.cohort.phantom_size_px = Some(160);
    protocol.methods = vec![Method::Grad, Method::Gcam];
    protocol.models.classifiers.truncate(2);
    protocol.randomization.states = vec!["Logits".to_owned(), "9".to_owned()];
    protocol.sample.utility = Some(3);
    protocol.sample.similarity = Some(2);
    protocol.sample.classification = Some(6);
    protocol
}

pub(crate) fn setup(protocol: &Protocol) -> Result<Setup> {
    Setup::open(protocol, None, &())
}

/// One thread of the processor.
pub(crate) fn runtime() -> Runtime {
    let options = RuntimeOptions { device: DeviceChoice::Cpu, threads: Some(1), ..RuntimeOptions::default() };
    Runtime::open(&options).unwrap()
}

pub(crate) fn run_plain(setup: &Setup, out: &Path) -> Result<Summary> {
    run(setup, out, &runtime(), &Options::default(), &())
}

/// Every row of the database of a run.
pub(crate) fn rows(path: &Path) -> Vec<String> {
    saliscope::benchmark::open(path).unwrap().dump().unwrap()
}

/// Says where rows differ before a test prints all of them.
pub(crate) fn same(found: &[String], expected: &[String]) {
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}
