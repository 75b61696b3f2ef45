//! One stream of gradient evaluations for all wanted methods and images.
//!
//! Most methods are sums of input gradients. The inputs of all methods are listed once each ([`Plan`]), evaluated in
//! batches that mix methods and images, and folded in the order of their definition. The values of an input do not
//! depend on its batch (a promise of [`Executor`]), so the maps depend neither on the batch size nor on what else is
//! wanted.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use crate::limits;
use crate::network::{self, Batch, Executor, Graph, NodeId, PassOutput, Target, Wanted, class_logit};

use super::case::{Case, ConstantResult, Constants};
use super::display::extremes;
use super::error::{Error, Result};
use super::explanation::Explanation;
use super::inputs::Inputs;
use super::map::{Common, Maker};
use super::methods::{Method, Reads};
use super::plan::{Constant, ImageFacts, Plan, Point, Use};
use super::provenance::NoiseOrigin;
use super::request::{ClassChoice, ImageInput, MapWatch, Request};

/// Evaluations that are listed for the images of a window together, unless one image alone has more: a million take a quarter of
/// a GiB.
const LISTED: usize = 1 << 18;

/// Gradients of constant images kept from one group of images to the next.
const CONSTANTS_KEPT: usize = 64;

/// Explains every image of `request` with every wanted method; explanations come in the order of the images.
///
/// Equal images are explained once. Images of one size share batches.
///
/// # Errors
/// When the request contradicts itself, an input does not fit the network, the device fails, or `watch` cancels.
pub fn explain(executor: &dyn Executor, request: &Request, watch: &dyn MapWatch) -> Result<Vec<Explanation>> {
    let preferred_batch = |height: usize, width: usize| executor.preferred_batch(height, width);
    let of = About { graph: executor.graph(), words: executor.describe(), preferred_batch: &preferred_batch };
    let mut explainer = Explainer::new(&of, request, watch)?;
    while let Some(input) = explainer.inputs()? {
        explainer.take(&input, |wanted| executor.run(&wanted.of(&input)))?;
        explainer.give_back(input);
    }
    Ok(explainer.finish())
}

/// What has to be known of an executor to plan its passes.
pub struct About<'a> {
    /// The network.
    pub graph: &'a Graph,
    /// The executor in its own words.
    pub words: String,
    /// The batch size at which it runs best for images of so many rows and columns.
    pub preferred_batch: &'a dyn Fn(usize, usize) -> usize,
}

/// One evaluation to be done for one case.
struct Task {
    case: usize,
    point: Point,
    uses: Use,
}

/// What [`explain`] does, a pass at a time: it says what goes into the next pass and takes what came out, and others run it.
/// So several networks can be asked about one batch before the next.
pub struct Explainer<'a> {
    request: &'a Request,
    watch: &'a dyn MapWatch,
    common: Arc<Common>,
    target: Target<'static>,
    node: NodeId,
    /// Inputs a pass, of the images at hand.
    batch: usize,
    /// Room for the inputs of a pass.
    buffer: Vec<f32>,
    /// Time that the inputs at hand took to be made.
    filling_secs: f64,
    done: usize,
    total: usize,
    /// Groups of images that are explained together, the next one last.
    waiting: Vec<Window>,
    open: Option<Open<'a>>,
    /// Of the shape at hand.
    constants: Constants,
    found: Vec<Option<Explanation>>,
}

/// Images of one shape that share batches: for each the positions in the request that hold it.
struct Window {
    shape: [usize; 3],
    /// Inputs a pass; none where an earlier window of the shape has settled it.
    batch: Option<usize>,
    positions: Vec<Vec<usize>>,
}

/// Images in the work.
struct Open<'a> {
    shape: [usize; 3],
    cases: Vec<Option<Case<'a>>>,
    /// Cases whose own image went through the network.
    seen: usize,
    /// The evaluations behind the images themselves, once all of these are seen.
    tasks: Vec<Task>,
    /// One past the last task of each case: a case is finished when all tasks up to there are.
    ends: Vec<usize>,
    next: usize,
    /// The first case that is not finished.
    first: usize,
}

impl<'a> Explainer<'a> {
    /// Prepares the passes of an executor.
    ///
    /// # Errors
    /// When the request contradicts itself.
    pub fn new(executor: &About<'_>, request: &'a Request, watch: &'a dyn MapWatch) -> Result<Self> {
        let mut methods = request.methods.clone();
        methods.sort_unstable();
        methods.dedup();
        if let Some(reason) = methods.iter().find_map(|method| method.undefined_for(executor.graph)) {
            return Err(Error::Undefined { reason });
        }
        request.parameters.check(&methods)?;
        if let Some(batch) = request.batch.filter(|batch| !limits::BATCH.contains(*batch)) {
            let accepted = limits::BATCH.to_string();
            return Err(Error::Parameter { parameter: "batch", value: batch.to_string(), accepted });
        }
        check_images(&request.images)?;
        check_noise(request, &methods)?;
        check_classes(request)?;
        let target = match request.class {
            ClassChoice::Predicted => Target::Predicted,
            ClassChoice::Positive => Target::Class(request.positive_class.ok_or(Error::NoPositiveClass)?),
            ClassChoice::Index(class) => Target::Class(class),
        };
        let graph = executor.graph;
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
            executor: executor.words.clone(),
            tensor: graph.node(node).name.clone(),
            intermediates: request.intermediates,
            segments: request.segments.clone(),
        };
        let mut explainer = Self {
            request,
            watch,
            common: Arc::new(common),
            target,
            node,
            batch: 1,
            buffer: Vec::new(),
            filling_secs: 0.0,
            done: 0,
            total: 0,
            waiting: Vec::new(),
            open: None,
            constants: Constants::new(),
            found: vec![None; request.images.len()],
        };
        let distinct = distinct_images(request);
        let mut evaluations = HashMap::with_capacity(distinct.len());
        for positions in distinct.values() {
            if watch.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let image = &request.images[positions[0]];
            let points = explainer.plan(image, extremes(image.values.values()))?.points.len();
            explainer.total += points;
            evaluations.insert(positions[0], points);
        }
        for shape in distinct_shapes(&request.images) {
            let [_, height, width] = shape;
            let batch = request.batch.unwrap_or_else(|| (executor.preferred_batch)(height, width)).max(1);
            let mut groups: Vec<&Vec<usize>> =
                distinct.values().filter(|positions| image_shape(&request.images[positions[0]]) == shape).collect();
            groups.sort_unstable();
            let most = groups.iter().map(|positions| evaluations[&positions[0]]).max().unwrap_or(1);
            let at_once = batch.min(LISTED / most.max(1)).max(1);
            for (index, groups) in groups.chunks(at_once).enumerate() {
                let positions = groups.iter().map(|positions| (*positions).clone()).collect();
                explainer.waiting.push(Window { shape, batch: (index == 0).then_some(batch), positions });
            }
        }
        explainer.waiting.reverse();
        Ok(explainer)
    }

    /// The inputs of the next pass, `[n, c, h, w]`; nothing where nothing is left to do.
    ///
    /// # Errors
    /// When the images and the request do not go together.
    pub fn inputs(&mut self) -> Result<Option<Batch>> {
        let Some(open) = self.opened()? else { return Ok(None) };
        let begun = Instant::now();
        let Open { shape: [c, h, w], seen, next, .. } = open;
        let len = if seen < open.cases.len() {
            self.batch.min(open.cases.len() - seen)
        } else {
            // Those that want a gradient, or those that want none.
            let tasks = open.tasks[next..].iter().take(self.batch);
            let first = open.tasks.get(next).is_none_or(|task| task.point.needs_gradient());
            tasks.take_while(|task| task.point.needs_gradient() == first).count()
        };
        let mut values = std::mem::take(&mut self.buffer);
        values.resize(len * c * h * w, 0.0);
        let mut input = Batch::new([len, c, h, w], values);
        for index in 0..len {
            let (case, point) = if seen < open.cases.len() {
                (seen + index, &Point::Image)
            } else {
                let task = &open.tasks[next + index];
                (task.case, &task.point)
            };
            if let Some(case) = &open.cases[case] {
                case.write(point, input.image_mut(index));
            }
        }
        self.filling_secs = begun.elapsed().as_secs_f64();
        self.open = Some(open);
        Ok(Some(input))
    }

    /// Has `run` run the pass over `input`, which are the inputs that this explainer, or another one of the same images and
    /// methods at the same place, gave last; folds what came. Where the device has too little memory nothing is taken, and
    /// the next inputs are half as many.
    ///
    /// # Errors
    /// When an input does not fit the network, the device fails, or the watch cancels. What is finished stays so.
    pub fn take(&mut self, input: &Batch, run: impl FnOnce(Wanted<'_>) -> network::Result<PassOutput>) -> Result<()> {
        if self.watch.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let Some(mut open) = self.opened()? else { return Ok(()) };
        let is_of_images = open.seen < open.cases.len();
        let taken = if is_of_images {
            self.take_images(&mut open, input.len(), run)
        } else {
            self.take_tasks(&mut open, input.len(), run)
        };
        self.filling_secs = 0.0;
        match taken {
            Err(Error::Network(error)) if input.len() > 1 && is_out_of_memory(&error) => {
                self.batch = input.len() / 2;
                self.open = Some(open);
                return Ok(());
            }
            other => other?,
        }
        self.advance_progress(input.len());
        if is_of_images && open.seen == open.cases.len() {
            self.plan_tasks(&mut open);
        }
        if open.seen < open.cases.len() || !self.advance(&mut open)? {
            self.open = Some(open);
        }
        Ok(())
    }

    /// Takes the room of inputs back, for those of the next pass.
    pub fn give_back(&mut self, input: Batch) {
        self.buffer = input.into_values();
    }

    /// Images in the work, or the next ones; nothing where none are left.
    fn opened(&mut self) -> Result<Option<Open<'a>>> {
        match self.open.take() {
            Some(open) => Ok(Some(open)),
            None => self.waiting.pop().map(|window| self.begin(window)).transpose(),
        }
    }

    /// Logits and class of the image at `position` of the request, as soon as its first pass is done.
    pub fn answer(&self, position: usize) -> Option<(&[f32], usize)> {
        if let Some(explanation) = self.found.get(position)? {
            return Some((&explanation.logits, explanation.class));
        }
        let mut cases = self.open.iter().flat_map(|open| open.cases.iter().flatten());
        cases.find(|case| case.positions.contains(&position)).map(Case::answer)
    }

    /// The explanations in the order of the images; those that are not finished are left out.
    pub fn finish(self) -> Vec<Explanation> {
        self.found.into_iter().flatten().collect()
    }

    fn plan(&self, image: &ImageInput, range: [f32; 2]) -> Result<Plan> {
        let facts = ImageFacts {
            shape: image_shape(image),
            range,
            image: image.values.values(),
            card: self.request.card.as_deref(),
        };
        Plan::new(&self.common.methods, &self.common.parameters, &facts)
    }

    /// Takes up the images of a window.
    fn begin(&mut self, window: Window) -> Result<Open<'a>> {
        let Window { shape, batch, positions } = window;
        if let Some(batch) = batch {
            self.batch = batch;
            self.constants.clear();
        } else if self.constants.len() > CONSTANTS_KEPT {
            self.constants.clear();
        }
        let mut cases = Vec::with_capacity(positions.len());
        for positions in positions {
            let image = &self.request.images[positions[0]];
            let inputs = Inputs::new(image, self.request.seed, self.request.noise.as_deref());
            let maker = Maker::new(self.common.clone());
            let plan = self.plan(image, inputs.range())?;
            cases.push(Some(Case::new(inputs, positions, shape, plan, maker)));
        }
        Ok(Open { shape, cases, seen: 0, tasks: Vec::new(), ends: Vec::new(), next: 0, first: 0 })
    }

    /// Lists the evaluations behind the images themselves, whose classes are known by now.
    fn plan_tasks(&mut self, open: &mut Open<'a>) {
        let mut tasks = self.constant_tasks(&mut open.cases);
        for (index, case) in open.cases.iter().enumerate() {
            let points = case.iter().flat_map(|case| &case.plan().points);
            let own = points.filter(|(point, _)| !matches!(point, Point::Image | Point::Constant(_)));
            tasks.extend(own.map(|(point, uses)| Task { case: index, point: point.clone(), uses: *uses }));
            open.ends.push(tasks.len());
        }
        open.tasks = tasks;
    }

    /// Folds what was evaluated and says whether all cases are finished.
    fn advance(&mut self, open: &mut Open<'a>) -> Result<bool> {
        // Later cases wait, so that the sums of few images are in memory at any time.
        while let Some(slot) = open.cases.get_mut(open.first) {
            if let Some(case) = slot {
                case.advance(&self.constants, self.watch)?;
            }
            if open.ends[open.first] > open.next {
                return Ok(false);
            }
            if let Some(case) = slot.take() {
                let positions = case.positions.clone();
                let explanation = case.into_explanation();
                for position in positions {
                    self.found[position] = Some(explanation.clone());
                }
            }
            open.first += 1;
        }
        Ok(true)
    }

    /// The pass of the images themselves: logits, class, and everything that one forward pass can give.
    fn take_images(
        &mut self,
        open: &mut Open<'a>,
        len: usize,
        run: impl FnOnce(Wanted<'_>) -> network::Result<PassOutput>,
    ) -> Result<()> {
        let wants = |what: Reads| self.common.methods.iter().any(|method| method.spec().reads(what));
        let gradient = wants(Reads::Gradient);
        let guided_gradient = wants(Reads::GuidedGradient);
        let activation = wants(Reads::Activation).then_some(self.node);
        let cases = &mut open.cases[open.seen..open.seen + len];
        let classes: Option<Vec<usize>> = self.request.classes.as_ref().map(|classes| {
            cases.iter().map(|case| case.as_ref().map_or(0, |case| classes[case.positions[0]])).collect()
        });
        let target = classes.as_ref().map_or(self.target, |classes| Target::Classes(classes));
        let begun = Instant::now();
        let mut output = run(Wanted { target, gradient, guided_gradient, activation })?;
        let seconds = (self.filling_secs + begun.elapsed().as_secs_f64()) / len as f64;
        let gradients = output.gradient.take().map(Arc::new);
        for (index, case) in cases.iter_mut().flatten().enumerate() {
            case.take_first_pass(&output, gradients.as_ref(), index, seconds, self.watch);
        }
        open.seen += len;
        Ok(())
    }

    /// Tasks for constant images that no earlier image needed.
    fn constant_tasks(&mut self, cases: &mut [Option<Case<'a>>]) -> Vec<Task> {
        let mut tasks = Vec::new();
        let mut queued: HashSet<(usize, Constant)> = HashSet::new();
        let mut borrowed = 0;
        for (index, case) in cases.iter_mut().enumerate() {
            let Some(case) = case else { continue };
            for at in 0..case.plan().points.len() {
                let (point, uses) = &case.plan().points[at];
                let Point::Constant(constant) = point else { continue };
                let key = (case.class(), constant.clone());
                if self.constants.contains_key(&key) || !queued.insert(key.clone()) {
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

    /// The pass of the next `len` tasks.
    #[expect(clippy::expect_used, reason = "the contract of Executor::run")]
    fn take_tasks(
        &mut self,
        open: &mut Open<'a>,
        len: usize,
        run: impl FnOnce(Wanted<'_>) -> network::Result<PassOutput>,
    ) -> Result<()> {
        let Open { cases, tasks, next, .. } = open;
        let tasks = &tasks[*next..*next + len];
        let class = |task: &Task| cases[task.case].as_ref().map_or(0, Case::class);
        let classes: Vec<usize> = tasks.iter().map(class).collect();
        let target = Target::Classes(&classes);
        let begun = Instant::now();
        let gradient = tasks.first().is_none_or(|task| task.point.needs_gradient());
        let output = run(Wanted { target, gradient, guided_gradient: false, activation: None })?;
        let seconds = (self.filling_secs + begun.elapsed().as_secs_f64()) / len as f64;
        let gradients = output.gradient.map(Arc::new);
        let gradients = || gradients.as_ref().expect("a pass gives the gradient it is asked for");
        let logits = output.logits.chunks_exact(output.logits.len() / len);
        for (index, (task, logits)) in tasks.iter().zip(logits).enumerate() {
            let Some(case) = &mut cases[task.case] else { continue };
            case.spend(seconds, task.uses.methods);
            match &task.point {
                Point::Constant(constant) => {
                    let class = case.class();
                    let result =
                        ConstantResult { gradient: gradients().image(index).into(), logit: class_logit(logits, class) };
                    self.constants.insert((class, constant.clone()), result);
                }
                Point::Changed { method, .. } => {
                    let logit = class_logit(logits, case.class());
                    case.take_logit(*method, logit);
                }
                point => case.keep(point.clone(), gradients(), index, task.uses),
            }
        }
        *next += len;
        Ok(())
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
            Err(Error::Parameter { parameter: "classes", value, accepted: "one for each image".to_owned() })
        }
        _ => Ok(()),
    }
}

fn check_noise(request: &Request, methods: &[Method]) -> Result<()> {
    let Some(noise) = &request.noise else { return Ok(()) };
    let samples = |method: &Method| request.parameters.used_by(*method).noise().map_or(0, |noise| noise.samples);
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
