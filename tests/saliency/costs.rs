//! What a method says it costs is what it costs.

use std::sync::Mutex;

use saliscope::network::{Executor, Graph, Pass, PassOutput, Result};
use saliscope::saliency::methods::{Cost, Occlusion};
use saliscope::saliency::{Baseline, Method, Parameters, Preset, Request, explain};

use crate::analytic::Analytic;
use crate::schedule::image;

/// Counts inputs by whether anything has to go back for them.
struct Counting {
    inner: Analytic,
    /// Inputs that go forward and back, inputs that go forward alone.
    inputs: Mutex<[usize; 2]>,
}

impl Executor for Counting {
    fn graph(&self) -> &Graph {
        self.inner.graph()
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn preferred_batch(&self, height: usize, width: usize) -> usize {
        self.inner.preferred_batch(height, width)
    }

    fn run(&self, pass: &Pass<'_>) -> Result<PassOutput> {
        let goes_back = pass.gradient || pass.guided_gradient || pass.activation.is_some();
        self.inputs.lock().unwrap()[usize::from(!goes_back)] += pass.input.len();
        self.inner.run(pass)
    }
}

fn check(method: Method, parameters: &Parameters, [height, width]: [usize; 2]) {
    let mut request = Request::new(vec![image(1, height, width, false)], vec![method], Preset::Arun2021);
    request.parameters = parameters.clone();
    let executor = Counting { inner: Analytic::new(), inputs: Mutex::default() };
    let explanation = explain(&executor, &request, &()).unwrap().remove(0);
    let Cost { needed, with_gradient, forward_alone } = method.spec().cost(parameters, [height, width]);
    assert_eq!(executor.inputs.into_inner().unwrap(), [with_gradient, forward_alone], "{method}: {parameters:?}");
    let evaluations = explanation.maps[0].provenance.evaluations;
    assert_eq!(evaluations.needed, needed, "{method}");
    assert!(evaluations.distinct <= with_gradient + forward_alone, "{method}: {evaluations:?}");
}

#[test]
fn the_schedule_makes_the_passes_that_the_method_says() {
    let small = |samples: usize, steps: usize, baselines: Vec<Baseline>| {
        let mut parameters = Parameters::default();
        parameters.sg.samples = samples;
        parameters.ig.steps = steps;
        parameters.sig.noise.samples = samples + 1;
        parameters.sig.path.steps = steps + 1;
        parameters.xrai.ig_steps = steps + 2;
        parameters.xrai.baselines = baselines;
        parameters.xrai.segments.resize_px = Some([48, 48]);
        parameters.occlusion = Occlusion { patch_px: 9 * samples.min(4), stride_px: steps, fill: Baseline::ImageMean };
        parameters
    };
    let repeated = vec![Baseline::ImageMinimum, Baseline::Value(0.25), Baseline::ImageMinimum];
    let all = [
        Parameters::default(),
        small(1, 2, vec![Baseline::Value(-0.5)]),
        small(2, 5, repeated),
        small(7, 3, vec![Baseline::ImageMaximum, Baseline::Channels(vec![0.0, 0.1, 0.2])]),
    ];
    for parameters in &all {
        for method in Method::ALL {
            check(method, parameters, [40, 36]);
        }
    }
}

/// The study's own numbers, written down once more.
#[test]
fn the_study_counts_488() {
    let needed = |method: Method| method.spec().cost(&Parameters::default(), [320, 320]).needed;
    let counts = Method::STUDY.map(needed);
    assert_eq!(counts, [1, 25, 10, 250, 1, 200, 1, 2]);
    let own = Method::STUDY.into_iter().zip(counts).filter(|(method, _)| *method != Method::Ggcam);
    assert_eq!(own.map(|(_, count)| count).sum::<usize>(), 488);
}
