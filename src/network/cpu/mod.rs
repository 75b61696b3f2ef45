//! The fast executor: our own kernels for the processor, a crate of their own in the folder `kernel`, so that they are
//! compiled once and optimized whole whatever the profile.
//!
//! A graph is lowered once ([`lower`]), planned once for each image size ([`plan`]), and run step by step
//! ([`kernel::Step`]). Tensors are pixel-major with channels padded to whole vectors.

mod checkpoint;
mod family;
mod lower;
mod pack;
mod plan;
mod ties;
mod train;

use std::sync::Arc;

use super::class_logit::logit_of;
use super::executor::{
    Activation, Batch, Executor, ForwardWork, Pass, PassOutput, Target, check_classifier, check_pass, resolve_classes,
};
use super::family::Joining;
use super::graph::Graph;
use super::weights::Weights;
use super::{Error, Result};
use checkpoint::Recorder;
use family::{Family, Layout, Member};
use plan::{Capture, Plan};
use saliscope_kernels as kernel;
pub use saliscope_kernels::Isa;
use saliscope_kernels::{Memory, Mode, Tensor};
pub use train::{CpuForward, CpuTrainer};

/// How a [`CpuExecutor`] runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuOptions {
    /// Threads; `None` takes one for each core.
    pub threads: Option<usize>,
    /// Instruction set; `None` takes the best this machine has.
    pub isa: Option<Isa>,
    /// Winograd's filtering where it pays. Without it sums round a little less and passes take about 1.7 times as long.
    pub winograd: bool,
    /// Bytes that activations may take which are kept for networks that differ in some weights only
    /// ([`super::Family`]). What does not fit is computed again.
    pub kept_bytes: usize,
}

impl Default for CpuOptions {
    fn default() -> Self {
        Self { threads: None, isa: None, winograd: true, kept_bytes: 1 << 30 }
    }
}

impl CpuOptions {
    /// The instruction set and the threads.
    pub(super) fn start(&self) -> Result<(Isa, rayon::ThreadPool)> {
        let isa = self.isa.unwrap_or_else(|| Isa::available()[0]);
        if !isa.is_available() {
            return Err(Error::IsaUnavailable { isa });
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.threads.unwrap_or(0))
            .thread_name(|index| format!("kernel-{index}"))
            .build()
            .map_err(|source| Error::Threads { source })?;
        Ok((isa, pool))
    }
}

/// Runs a graph on the processor with kernels made for it.
pub struct CpuExecutor {
    family: Arc<Family>,
    member: Member,
}

impl CpuExecutor {
    /// Prepares `graph` with `weights`.
    ///
    /// # Errors
    /// When the graph is no classifier or holds an operation without a kernel, a tensor is missing, the instruction set
    /// is not available here, or threads cannot be started.
    pub fn new(graph: Graph, weights: &Weights, options: CpuOptions) -> Result<Self> {
        check_classifier(&graph)?;
        let (isa, pool) = options.start()?;
        let family = Arc::new(Family::new(graph, isa, options.winograd, pool, options.kept_bytes));
        let member = family.join(weights)?;
        Ok(Self { family, member })
    }

    /// The instruction set in use.
    pub fn isa(&self) -> Isa {
        self.family.isa
    }

    fn run_layout(&self, pass: &Pass<'_>, layout: Layout) -> Result<PassOutput> {
        let family = &self.family;
        // The features Grad-CAM reads are in memory anyway, so one plan serves passes with and without them.
        let pinned = pass.activation.unwrap_or_else(|| family.graph.features());
        let form = family.form(pinned, self.member)?;
        let plan = family.plan(layout, pinned, self.member, &form)?;
        let mut memory = family.take_memory();
        memory.prepare(plan.sizes, pass.input.len());
        let kept = family.checkpoint(layout, pinned, pass.input);
        let start = kept.map_or(0, |kept| kept.restore(&form, &plan, &mut memory));
        let mut recorder = None;
        if wants_gradient(pass) {
            let mut steps = family.boundaries(pinned, self.member, &form, &plan);
            steps.retain(|step| *step > start);
            recorder = Recorder::new(&steps, &plan, pass.input, family.kept_bytes);
        }
        let output = family.pool.install(|| self.run_plan(&plan, &mut memory, pass, start, recorder.as_mut()));
        if let Some(recorder) = recorder {
            family.keep(layout, pinned, recorder.finish(layout, pinned, form, pass.input, &memory));
        }
        family.give_memory(memory);
        let [reused, done] = plan.split_multiply_adds(start).map(|count| count * pass.input.len() as u64);
        family.add_work(done, reused);
        Ok(output)
    }

    /// Runs a plan from forward step `start` on, what lies before being in memory.
    fn run_plan(
        &self,
        plan: &Plan,
        memory: &mut Memory,
        pass: &Pass<'_>,
        start: usize,
        mut recorder: Option<&mut Recorder>,
    ) -> PassOutput {
        let kernels = self.isa().kernels();
        let mode = Mode { keep_bits: wants_gradient(pass), guided: false };
        if start == 0 {
            write_image(pass.input, &plan.image, memory);
        }
        let mut value = None;
        for index in start..=plan.forward.len() {
            if let Some(recorder) = &mut recorder {
                recorder.before(index, plan, memory);
            }
            if pass.activation.is_some() && plan.value_capture.after == index {
                value = Some(read(&plan.value_capture, memory));
            }
            if let Some(step) = plan.forward.get(index) {
                step.run(kernels, memory, mode);
            }
        }
        let logit_count = self.family.graph.logit_count();
        let logits = read_logits(&plan.logits, logit_count, memory);
        let classes = resolve_classes(&pass.target, &logits, logit_count);
        let mut output = PassOutput { logits, classes, gradient: None, guided_gradient: None, activation: None };
        if pass.gradient || pass.activation.is_some() {
            let mode = Mode { keep_bits: false, guided: false };
            let wanted = (pass.gradient, pass.activation.is_some());
            let (image, captured) = self.run_backward(plan, memory, mode, &output.classes, wanted);
            output.gradient = image;
            output.activation = value.zip(captured).map(|(value, gradient)| Activation { value, gradient });
        }
        if pass.guided_gradient {
            let mode = Mode { keep_bits: false, guided: true };
            output.guided_gradient = self.run_backward(plan, memory, mode, &output.classes, (true, false)).0;
        }
        output
    }

    /// Gradients of the image and of the captured node, as far as they are wanted.
    fn run_backward(
        &self,
        plan: &Plan,
        memory: &mut Memory,
        mode: Mode,
        classes: &[usize],
        (wants_image, wants_activation): (bool, bool),
    ) -> (Option<Batch>, Option<Batch>) {
        let kernels = self.isa().kernels();
        write_target(&plan.logits_gradient, classes, self.family.graph.logit_count(), memory);
        let mut captured = None;
        for index in 0..=plan.backward.len() {
            if wants_activation && plan.gradient_capture.after == index {
                captured = Some(read(&plan.gradient_capture, memory));
                if !wants_image {
                    return (None, captured);
                }
            }
            if let Some(step) = plan.backward.get(index) {
                step.run(kernels, memory, mode);
            }
        }
        let image = &plan.image_gradient;
        let map: Vec<usize> = (0..image.channels).collect();
        let image = Capture { tensor: *image, map, after: 0 };
        (Some(read(&image, memory)), captured)
    }
}

impl Drop for CpuExecutor {
    fn drop(&mut self) {
        self.family.leave(self.member);
    }
}

fn wants_gradient(pass: &Pass<'_>) -> bool {
    pass.gradient || pass.guided_gradient || pass.activation.is_some()
}

impl Executor for CpuExecutor {
    fn graph(&self) -> &Graph {
        &self.family.graph
    }

    fn describe(&self) -> String {
        format!("cpu ({}, {} threads)", self.isa(), self.family.pool.current_num_threads())
    }

    fn with_weights(&self, weights: &Weights, _: Joining) -> Option<Result<Box<dyn Executor>>> {
        let family = Arc::clone(&self.family);
        Some(family.join(weights).map(|member| Box::new(Self { family, member }) as Box<dyn Executor>))
    }

    fn forward_work(&self) -> ForwardWork {
        self.family.work()
    }

    fn preferred_batch(&self, height: usize, width: usize) -> usize {
        // About eight images of 320 x 320 pixels: enough to keep late layers busy, little enough for the caches.
        (8 * 320 * 320 / (height * width).max(1)).clamp(1, 32)
    }

    fn run(&self, pass: &Pass<'_>) -> Result<PassOutput> {
        check_pass(&self.family.graph, pass)?;
        let [batch, _, height, width] = pass.input.shape();
        let px = [height, width];
        let exact: Vec<bool> = match self.family.tie_rule(px)? {
            Some(rule) => (0..batch).map(|index| rule.applies(pass.input.image(index), height, width)).collect(),
            None => vec![false; batch],
        };
        if exact.iter().all(|image| *image == exact[0]) {
            return self.run_layout(pass, Layout { px, exact: exact.first().is_some_and(|image| *image) });
        }
        // Images with ties and images without, each group by itself.
        let mut parts = Vec::new();
        for wanted in [false, true] {
            let positions: Vec<usize> = (0..batch).filter(|index| exact[*index] == wanted).collect();
            let input = pass.input.select(&positions);
            let classes: Vec<usize>;
            let target = if let Target::Classes(list) = pass.target {
                classes = positions.iter().map(|position| list[*position]).collect();
                Target::Classes(&classes)
            } else {
                pass.target
            };
            let output = self.run_layout(&Pass { input: &input, target, ..*pass }, Layout { px, exact: wanted })?;
            parts.push((positions, output));
        }
        Ok(join(batch, &parts))
    }
}

/// Puts outputs of parts of a batch back into its order; every image is in one part.
fn join(batch: usize, parts: &[(Vec<usize>, PassOutput)]) -> PassOutput {
    let mut order: Vec<(usize, usize)> = vec![(0, 0); batch];
    for (part, (positions, _)) in parts.iter().enumerate() {
        for (index, position) in positions.iter().enumerate() {
            order[*position] = (part, index);
        }
    }
    let images = |of: &dyn Fn(&PassOutput) -> Option<&Batch>| -> Option<Batch> {
        let [_, c, h, w] = of(&parts[0].1)?.shape();
        let mut joined = Batch::zeros([batch, c, h, w]);
        for (position, (part, index)) in order.iter().enumerate() {
            joined.image_mut(position).copy_from_slice(of(&parts[*part].1)?.image(*index));
        }
        Some(joined)
    };
    let logits = order.iter().flat_map(|(part, index)| {
        let (positions, output) = &parts[*part];
        let classes = output.logits.len() / positions.len();
        output.logits[index * classes..(index + 1) * classes].iter().copied()
    });
    let activation = images(&|output| output.activation.as_ref().map(|activation| &activation.value))
        .zip(images(&|output| output.activation.as_ref().map(|activation| &activation.gradient)))
        .map(|(value, gradient)| Activation { value, gradient });
    PassOutput {
        logits: logits.collect(),
        classes: order.iter().map(|(part, index)| parts[*part].1.classes[*index]).collect(),
        gradient: images(&|output| output.gradient.as_ref()),
        guided_gradient: images(&|output| output.guided_gradient.as_ref()),
        activation,
    }
}

/// Writes images `[n, c, h, w]` as `[n, h, w, c]`.
fn write_image(input: &Batch, tensor: &Tensor, memory: &mut Memory) {
    let (batch, pixels, channels) = (memory.batch, tensor.pixels(), tensor.channels);
    let values = &mut memory.values_mut()[tensor.offset * batch..][..batch * pixels * channels];
    for (index, image) in values.chunks_exact_mut(pixels * channels).enumerate() {
        for (channel, plane) in input.image(index).chunks_exact(pixels).enumerate() {
            for (pixel, value) in plane.iter().enumerate() {
                image[pixel * channels + channel] = *value;
            }
        }
    }
}

/// Reads a tensor as `[n, c, h, w]`.
fn read(capture: &Capture, memory: &Memory) -> Batch {
    let tensor = &capture.tensor;
    let (batch, pixels) = (memory.batch, tensor.pixels());
    let values = &memory.values()[tensor.offset * batch..][..batch * pixels * tensor.stride];
    let mut output = Batch::zeros([batch, capture.map.len(), tensor.px[0], tensor.px[1]]);
    for (index, image) in values.chunks_exact(pixels * tensor.stride).enumerate() {
        for (plane, at) in output.image_mut(index).chunks_exact_mut(pixels).zip(&capture.map) {
            for (pixel, value) in plane.iter_mut().enumerate() {
                *value = image[pixel * tensor.stride + tensor.first + at];
            }
        }
    }
    output
}

fn read_logits(tensor: &Tensor, logit_count: usize, memory: &Memory) -> Vec<f32> {
    let start = tensor.offset * memory.batch;
    let rows = memory.values()[start..][..memory.batch * tensor.stride].chunks_exact(tensor.stride);
    rows.flat_map(|row| row[tensor.first..tensor.first + logit_count].to_vec()).collect()
}

/// Sets the gradient of the logits: 1 at the logit of each image's class, or -1 where the single logit speaks against it.
fn write_target(tensor: &Tensor, classes: &[usize], logit_count: usize, memory: &mut Memory) {
    let start = tensor.offset * memory.batch;
    let len = memory.batch * tensor.stride;
    let rows = &mut memory.values_mut()[start..][..len];
    rows.fill(0.0);
    for (row, class) in rows.chunks_exact_mut(tensor.stride).zip(classes) {
        let (index, sign) = logit_of(*class, logit_count);
        row[tensor.first + index] = sign;
    }
}
