//! One stream of gradient evaluations for all wanted methods and images.
//!
//! Every method is a sum of input gradients. The inputs of all methods are listed once each ([`Plan`]), evaluated in
//! batches that mix methods and images, and folded in the order of their definition. The values of an input do not
//! depend on its batch (a promise of [`Executor`]), so the maps depend neither on the batch size nor on what else is
//! wanted.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use crate::network::{self, Batch, Executor, NodeId, Pass, PassOutput, Target};

use super::case::{Case, ConstantResult, Constants};
use super::display::extremes;
use super::error::{Error, Result};
use super::explanation::Explanation;
use super::inputs::Inputs;
use super::map::{Common, Maker};
use super::method::Method;
use super::plan::{Constant, Plan, Point, Use};
use super::provenance::NoiseOrigin;
use super::request::{ClassChoice, ImageInput, Request, Watch};

/// Gradients of constant images kept from one group of images to the next.
const CONSTANTS_KEPT: usize = 64;

/// Explains every image of `request` with every wanted method; explanations come in the order of the images.
///
/// Equal images are explained once. Images of one size share batches.
///
/// # Errors
/// When the request contradicts itself, an input does not fit the network, the device fails, or `watch` cancels.
pub fn explain(executor: &dyn Executor, request: &Request, watch: &dyn Watch) -> Result<Vec<Explanation>> {
    let mut schedule = Schedule::new(executor, request, watch)?;
    let mut found: Vec<Option<Explanation>> = vec![None; request.images.len()];
    for shape in distinct_shapes(&request.images) {
        schedule.explain_shape(shape, &mut found)?;
    }
    Ok(found.into_iter().flatten().collect())
}

/// One evaluation to be done for one case.
struct Task {
    case: usize,
    point: Point,
    uses: Use,
}

struct Schedule<'a> {
    executor: &'a dyn Executor,
    request: &'a Request,
    watch: &'a dyn Watch,
    common: Arc<Common>,
    target: Target<'static>,
    node: NodeId,
    /// Inputs a pass, of the images at hand.
    batch: usize,
    /// Room for the inputs of a pass.
    buffer: Vec<f32>,
    done: usize,
    total: usize,
}

impl<'a> Schedule<'a> {
    fn new(executor: &'a dyn Executor, request: &'a Request, watch: &'a dyn Watch) -> Result<Self> {
        let mut methods = request.methods.clone();
        methods.sort_unstable();
        methods.dedup();
        request.parameters.check(&methods)?;
        if request.batch == Some(0) {
            return Err(Error::Parameter { parameter: "batch", value: "0".to_owned(), accepted: "at least 1" });
        }
        check_images(&request.images)?;
        check_noise(request, &methods)?;
        check_classes(request)?;
        let target = match request.class {
            ClassChoice::Predicted => Target::Predicted,
            ClassChoice::Positive => Target::Class(request.positive_class.ok_or(Error::NoPositiveClass)?),
            ClassChoice::Index(class) => Target::Class(class),
        };
        let graph = executor.graph();
        let node = match &request.parameters.gcam.node {
            Some(name) => graph.find(name)?,
            None => graph.features(),
        };
        let noise = request
            .noise
            .as_ref()
            .map_or(NoiseOrigin::Seed(request.seed), |noise| NoiseOrigin::Given { samples: noise.samples() });
        let common = Common {
            methods,
            parameters: request.parameters.clone(),
            preset: request.preset,
            class_choice: request.class,
            noise,
            executor: executor.describe(),
            tensor: graph.node(node).name.clone(),
            intermediates: request.intermediates,
            segments: request.segments.clone(),
        };
        let mut schedule = Self {
            executor,
            request,
            watch,
            common: Arc::new(common),
            target,
            node,
            batch: 1,
            buffer: Vec::new(),
            done: 0,
            total: 0,
        };
        for positions in distinct_images(request).values() {
            let image = &request.images[positions[0]];
            schedule.total += schedule.plan(image, extremes(image.values.values()))?.points.len();
        }
        Ok(schedule)
    }

    fn plan(&self, image: &ImageInput, range: [f32; 2]) -> Result<Plan> {
        Plan::new(&self.common.methods, &self.common.parameters, image_shape(image)[0], range)
    }

    /// Explains the images of one shape, as many at a time as fill a batch.
    fn explain_shape(&mut self, shape: [usize; 3], found: &mut [Option<Explanation>]) -> Result<()> {
        let [_, height, width] = shape;
        self.batch = self.request.batch.unwrap_or_else(|| self.executor.preferred_batch(height, width)).max(1);
        let distinct = distinct_images(self.request);
        let mut groups: Vec<&Vec<usize>> =
            distinct.values().filter(|positions| image_shape(&self.request.images[positions[0]]) == shape).collect();
        groups.sort_unstable();
        let mut constants = Constants::new();
        for window in groups.chunks(self.batch) {
            let mut cases = Vec::with_capacity(window.len());
            for positions in window {
                let image = &self.request.images[positions[0]];
                let inputs = Inputs::new(image, self.request.seed, self.request.noise.as_deref());
                let maker = Maker::new(self.common.clone());
                let plan = self.plan(image, inputs.range())?;
                cases.push(Some(Case::new(inputs, (*positions).clone(), shape, plan, maker)));
            }
            self.explain_window(&mut cases, shape, &mut constants, found)?;
            if constants.len() > CONSTANTS_KEPT {
                constants.clear();
            }
        }
        Ok(())
    }

    fn explain_window(
        &mut self,
        cases: &mut [Option<Case<'a>>],
        shape: [usize; 3],
        constants: &mut Constants,
        found: &mut [Option<Explanation>],
    ) -> Result<()> {
        self.pass_images(cases, shape)?;
        let mut tasks = self.constant_tasks(cases, constants);
        // One past the last task of each case: a case is finished when all tasks up to there are.
        let mut ends = Vec::with_capacity(cases.len());
        for (index, case) in cases.iter().enumerate() {
            let points = case.iter().flat_map(|case| &case.plan().points);
            let own = points.filter(|(point, _)| !matches!(point, Point::Image | Point::Constant(_)));
            tasks.extend(own.map(|(point, uses)| Task { case: index, point: point.clone(), uses: *uses }));
            ends.push(tasks.len());
        }
        let mut next = 0;
        let mut first_open = 0;
        loop {
            // Later cases wait, so that the sums of few images are in memory at any time.
            while let Some(slot) = cases.get_mut(first_open) {
                if let Some(case) = slot {
                    case.advance(constants, self.watch)?;
                }
                if ends[first_open] > next {
                    break;
                }
                if let Some(case) = slot.take() {
                    let positions = case.positions.clone();
                    let explanation = case.into_explanation();
                    for position in positions {
                        found[position] = Some(explanation.clone());
                    }
                }
                first_open += 1;
            }
            if next == tasks.len() {
                return Ok(());
            }
            next += self.pass_tasks(&tasks[next..], cases, shape, constants)?;
        }
    }

    /// The pass of the images themselves: logits, class, and everything that one forward pass can give.
    fn pass_images(&mut self, cases: &mut [Option<Case<'a>>], shape: [usize; 3]) -> Result<()> {
        let wants = |wanted: &[Method]| wanted.iter().any(|method| self.common.methods.contains(method));
        let gradient = wants(&[Method::Grad, Method::Ig, Method::Xrai]);
        let guided_gradient = wants(&[Method::Gbp, Method::Ggcam]);
        let activation = wants(&[Method::Gcam, Method::Ggcam]).then_some(self.node);
        let classes: Option<Vec<usize>> = self.request.classes.as_ref().map(|classes| {
            cases.iter().map(|case| case.as_ref().map_or(0, |case| classes[case.positions[0]])).collect()
        });
        let mut first = 0;
        while first < cases.len() {
            let rest = &mut cases[first..];
            let start = Instant::now();
            let fill = |index: usize, out: &mut [f32]| {
                if let Some(case) = &rest[index] {
                    case.inputs.write(&Point::Image, out);
                }
            };
            let wanted = self.target;
            let (len, mut output) = self.pass(rest.len(), shape, fill, |input, len| {
                let target = classes.as_ref().map_or(wanted, |classes| Target::Classes(&classes[first..first + len]));
                self.executor.run(&Pass { input, target, gradient, guided_gradient, activation })
            })?;
            let seconds = start.elapsed().as_secs_f64() / len as f64;
            let gradients = output.gradient.take().map(Arc::new);
            for (index, case) in rest.iter_mut().flatten().take(len).enumerate() {
                case.take_first_pass(&output, gradients.as_ref(), index, seconds, self.watch);
            }
            first += len;
            self.advance_progress(len);
        }
        Ok(())
    }

    /// Tasks for constant images that no earlier image needed.
    fn constant_tasks(&mut self, cases: &mut [Option<Case<'a>>], constants: &Constants) -> Vec<Task> {
        let mut tasks = Vec::new();
        let mut queued: HashSet<(usize, Constant)> = HashSet::new();
        let mut borrowed = 0;
        for (index, case) in cases.iter_mut().enumerate() {
            let Some(case) = case else { continue };
            for at in 0..case.plan().points.len() {
                let (point, uses) = &case.plan().points[at];
                let Point::Constant(constant) = point else { continue };
                let key = (case.class(), constant.clone());
                if constants.contains_key(&key) || !queued.insert(key.clone()) {
                    case.borrow(&key.1);
                    borrowed += 1;
                } else {
                    tasks.push(Task { case: index, point: point.clone(), uses: *uses });
                }
            }
        }
        self.advance_progress(borrowed);
        tasks
    }

    /// Evaluates as many of the first `tasks` as fit into one batch and says how many these were.
    #[expect(clippy::expect_used, reason = "the contract of Executor::run")]
    fn pass_tasks(
        &mut self,
        tasks: &[Task],
        cases: &mut [Option<Case<'a>>],
        shape: [usize; 3],
        constants: &mut Constants,
    ) -> Result<usize> {
        let start = Instant::now();
        let class = |task: &Task| cases[task.case].as_ref().map_or(0, Case::class);
        let classes: Vec<usize> = tasks.iter().take(self.batch).map(class).collect();
        let fill = |index: usize, out: &mut [f32]| {
            let task = &tasks[index];
            if let Some(case) = &cases[task.case] {
                case.inputs.write(&task.point, out);
            }
        };
        let (len, output) = self.pass(tasks.len(), shape, fill, |input, len| {
            let target = Target::Classes(&classes[..len]);
            self.executor.run(&Pass { input, target, gradient: true, guided_gradient: false, activation: None })
        })?;
        let seconds = start.elapsed().as_secs_f64() / len as f64;
        let gradients = Arc::new(output.gradient.expect("a pass gives the gradient it is asked for"));
        let logits = output.logits.chunks_exact(output.logits.len() / len);
        for (index, (task, logits)) in tasks.iter().zip(logits).enumerate() {
            let Some(case) = &mut cases[task.case] else { continue };
            case.spend(seconds, task.uses.methods);
            match &task.point {
                Point::Constant(constant) => {
                    let class = case.class();
                    let result = ConstantResult { gradient: gradients.image(index).into(), logit: logits[class] };
                    constants.insert((class, constant.clone()), result);
                }
                point => case.keep(point.clone(), &gradients, index, task.uses),
            }
        }
        self.advance_progress(len);
        Ok(len)
    }

    /// Runs one batch of at most `wanted` inputs; where the device has too little memory, half as many, and so on.
    fn pass(
        &mut self,
        wanted: usize,
        [c, h, w]: [usize; 3],
        fill: impl Fn(usize, &mut [f32]),
        run: impl Fn(&Batch, usize) -> network::Result<PassOutput>,
    ) -> Result<(usize, PassOutput)> {
        let mut len = wanted.min(self.batch);
        loop {
            if self.watch.cancelled() {
                return Err(Error::Cancelled);
            }
            let mut values = std::mem::take(&mut self.buffer);
            values.resize(len * c * h * w, 0.0);
            let mut input = Batch::new([len, c, h, w], values);
            for index in 0..len {
                fill(index, input.image_mut(index));
            }
            let output = run(&input, len);
            self.buffer = input.into_values();
            match output {
                Ok(output) => return Ok((len, output)),
                Err(error) if len > 1 && is_out_of_memory(&error) => {
                    len /= 2;
                    self.batch = len;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn advance_progress(&mut self, evaluations: usize) {
        self.done += evaluations;
        self.watch.progress(self.done, self.total);
    }
}

/// Whether a device ran out of memory, by the words that CUDA, Metal and candle use for it.
fn is_out_of_memory(error: &network::Error) -> bool {
    let network::Error::Candle { source, .. } = error else { return false };
    let words = source.to_string().to_lowercase().replace('_', " ");
    words.contains("out of memory") || words.contains("outofmemory")
}

fn image_shape(image: &ImageInput) -> [usize; 3] {
    let [_, c, h, w] = image.values.shape();
    [c, h, w]
}

/// The shapes of the images in the order in which they first appear.
fn distinct_shapes(images: &[ImageInput]) -> Vec<[usize; 3]> {
    let mut shapes = Vec::new();
    for shape in images.iter().map(image_shape) {
        if !shapes.contains(&shape) {
            shapes.push(shape);
        }
    }
    shapes
}

/// Positions of equal images of which the same class is explained, by the position of the first.
fn distinct_images(request: &Request) -> HashMap<usize, Vec<usize>> {
    let images = &request.images;
    let class = |position: usize| request.classes.as_ref().map(|classes| classes[position]);
    let mut by_seed: HashMap<u64, Vec<usize>> = HashMap::new();
    let mut distinct: HashMap<usize, Vec<usize>> = HashMap::new();
    for (position, image) in images.iter().enumerate() {
        let candidates = by_seed.entry(image.id_seed).or_default();
        let same = |first: &usize| images[*first] == *image && class(*first) == class(position);
        let first = candidates.iter().copied().find(same).unwrap_or(position);
        if first == position {
            candidates.push(position);
        }
        distinct.entry(first).or_default().push(position);
    }
    distinct
}

fn check_images(images: &[ImageInput]) -> Result<()> {
    for (index, image) in images.iter().enumerate() {
        let shape = image.values.shape();
        if shape[0] != 1 || shape.contains(&0) {
            return Err(Error::ImageShape { index, shape });
        }
        if image.values.values().iter().any(|value| !value.is_finite()) {
            return Err(Error::ImageNotFinite { index });
        }
    }
    Ok(())
}

fn check_classes(request: &Request) -> Result<()> {
    match &request.classes {
        Some(classes) if classes.len() != request.images.len() => {
            let value = format!("{} for {} images", classes.len(), request.images.len());
            Err(Error::Parameter { parameter: "classes", value, accepted: "one for each image" })
        }
        _ => Ok(()),
    }
}

fn check_noise(request: &Request, methods: &[Method]) -> Result<()> {
    let Some(noise) = &request.noise else { return Ok(()) };
    let samples = |method: &Method| match method {
        Method::Sg => request.parameters.sg.samples,
        Method::Sig => request.parameters.sig.noise.samples,
        _ => 0,
    };
    let needed = methods.iter().map(samples).max().unwrap_or(0);
    if needed > noise.samples() {
        return Err(Error::NoiseSamples { available: noise.samples(), needed });
    }
    let [_, c, h, w] = noise.shape();
    let other = request.images.iter().position(|image| image_shape(image) != [c, h, w]);
    match other {
        Some(index) if needed > 0 => {
            Err(Error::NoiseShape { noise: [c, h, w], index, image: image_shape(&request.images[index]) })
        }
        _ => Ok(()),
    }
}
