//! One image in the work: its inputs, the sums being made for it, and its maps as they are finished.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use crate::network::{Batch, PassOutput, class_logit};

use super::canvas::{Canvas, FirstPass, Made};
use super::error::Result;
use super::explanation::Explanation;
use super::inputs::Inputs;
use super::map::{Common, Maker};
use super::methods::{Method, MethodSet, Reads, Way};
use super::parameters::Parameters;
use super::plan::{Changes, Constant, Plan, Point, Use};
use super::provenance::{Completeness, Evaluations};
use super::request::{FinishedMap, MapWatch, PartialMap};
use super::sum::Sum;

/// What evaluating a constant image gave.
pub(super) struct ConstantResult {
    /// Gradient, `[c, h, w]`.
    pub(super) gradient: Arc<[f32]>,
    /// What speaks for the class explained.
    pub(super) logit: f32,
}

/// Results for constant images by class and value; they serve all images of one size.
pub(super) type Constants = HashMap<(usize, Constant), ConstantResult>;

/// A gradient that waits for its turn in one or more sums.
struct Kept {
    batch: Arc<Batch>,
    index: usize,
    /// Sums it has yet to be added to.
    summands: usize,
}

/// What the changed copies of the image have said so far.
struct Changed {
    changes: Changes,
    /// What speaks for the class in each copy, in their order.
    logits: Vec<f32>,
    /// How many of them the map that was last shown is of.
    shown: usize,
}

impl Changed {
    fn is_complete(&self) -> bool {
        self.logits.len() == self.changes.inputs.len()
    }
}

/// One image in the work.
pub(super) struct Case<'a> {
    inputs: Inputs<'a>,
    /// Positions in the request that hold this image.
    pub(super) positions: Vec<usize>,
    /// `[c, h, w]`.
    shape: [usize; 3],
    plan: Plan,
    logits: Vec<f32>,
    class: usize,
    sums: Vec<Sum>,
    changes: Vec<Changed>,
    gradients: HashMap<Point, Kept>,
    /// Constants that were evaluated for another image.
    borrowed: Vec<Constant>,
    seconds: [f64; Method::ALL.len()],
    maker: Maker,
}

impl<'a> Case<'a> {
    pub(super) fn new(inputs: Inputs<'a>, positions: Vec<usize>, shape: [usize; 3], plan: Plan, maker: Maker) -> Self {
        let sums = plan.recipes.iter().cloned().map(Sum::new).collect();
        let changed = |changes: &Changes| Changed { changes: changes.clone(), logits: Vec::new(), shown: 0 };
        let changes = plan.changes.iter().map(changed).collect();
        Self {
            inputs,
            positions,
            shape,
            plan,
            logits: Vec::new(),
            class: 0,
            sums,
            changes,
            gradients: HashMap::new(),
            borrowed: Vec::new(),
            seconds: [0.0; Method::ALL.len()],
            maker,
        }
    }

    pub(super) fn class(&self) -> usize {
        self.class
    }

    /// Logits and class, once the first pass is done.
    pub(super) fn answer(&self) -> (&[f32], usize) {
        (&self.logits, self.class)
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Notes that a constant comes from another image.
    pub(super) fn borrow(&mut self, constant: &Constant) {
        self.borrowed.push(constant.clone());
    }

    /// Splits the time of an evaluation evenly between the methods it served.
    pub(super) fn spend(&mut self, seconds: f64, methods: MethodSet) {
        let served = f64::from(methods.len().max(1));
        for method in Method::ALL {
            if methods.contains(method) {
                self.seconds[method as usize] += seconds / served;
            }
        }
    }

    /// Writes the input at `point`, `[c, h, w]`.
    pub(super) fn write(&self, point: &Point, out: &mut [f32]) {
        self.inputs.write(point, &self.plan.changes, out);
    }

    /// Takes what speaks for the class in the next changed copy of `method`.
    pub(super) fn take_logit(&mut self, method: Method, logit: f32) {
        if let Some(changed) = self.changes.iter_mut().find(|changed| changed.changes.method == method) {
            changed.logits.push(logit);
        }
    }

    /// Keeps a gradient until all its summands are folded.
    pub(super) fn keep(&mut self, point: Point, batch: &Arc<Batch>, index: usize, uses: Use) {
        if uses.summands > 0 {
            self.gradients.insert(point, Kept { batch: batch.clone(), index, summands: uses.summands });
        }
    }

    /// Takes the first pass, that of the image itself, and makes the maps that need no other.
    ///
    /// `gradient` is that of `output`, which the caller took out so that it can wait for its sums.
    pub(super) fn take_first_pass(
        &mut self,
        output: &PassOutput,
        gradient: Option<&Arc<Batch>>,
        index: usize,
        seconds: f64,
        watch: &dyn MapWatch,
    ) {
        let logit_count = output.logits.len() / output.classes.len();
        self.logits = output.logits[index * logit_count..(index + 1) * logit_count].to_vec();
        self.class = output.classes[index];
        self.spend(seconds, self.plan.image().methods);
        if let Some(gradient) = gradient {
            self.keep(Point::Image, gradient, index, self.plan.image());
        }
        let common = Arc::clone(self.maker.common());
        let canvas = self.canvas(&common);
        let pass = FirstPass {
            gradient: gradient.map(|gradient| gradient.image(index)),
            guided_gradient: output.guided_gradient.as_ref().map(|gradient| gradient.image(index)),
            activation: output.activation.as_ref(),
            index,
        };
        for method in &common.methods {
            let Way::Pass(way) = &method.spec().way else { continue };
            let start = Instant::now();
            if let Some(made) = (way.make)(&canvas, &pass) {
                self.finish(*method, made, &canvas, None, start, watch);
            }
        }
    }

    /// The image, ready for its maps.
    fn canvas<'c>(&self, common: &'c Common) -> Canvas<'c>
    where
        'a: 'c,
    {
        Canvas { common, image: self.inputs.image(), shape: self.shape, class: self.class }
    }

    /// Folds every gradient whose turn has come and makes the maps whose sums are complete.
    pub(super) fn advance(&mut self, constants: &Constants, watch: &dyn MapWatch) -> Result<()> {
        let before: Vec<usize> = self.sums.iter().map(Sum::next).collect();
        for sum in &mut self.sums {
            while !sum.is_complete() {
                let point = sum.recipe().point(sum.next());
                if let Point::Constant(constant) = &point {
                    let Some(result) = constants.get(&(self.class, constant.clone())) else { break };
                    sum.fold(&result.gradient, &self.inputs);
                    continue;
                }
                let Some(kept) = self.gradients.get_mut(&point) else { break };
                sum.fold(kept.batch.image(kept.index), &self.inputs);
                kept.summands -= 1;
                if kept.summands == 0 {
                    self.gradients.remove(&point);
                }
            }
        }
        let mut moved: Vec<Method> = Vec::new();
        for (sum, before) in self.sums.iter().zip(before) {
            let method = sum.recipe().method;
            if sum.next() > before && !moved.contains(&method) {
                moved.push(method);
            }
        }
        for method in moved {
            if self.sums_of(method).all(Sum::is_complete) {
                self.complete(method, constants, watch)?;
            } else if watch.wants_partial_maps() {
                self.publish_partial(method, watch);
            }
        }
        self.advance_changes(watch);
        Ok(())
    }

    /// Makes or shows the maps of changed copies that have said something new.
    fn advance_changes(&mut self, watch: &dyn MapWatch) {
        let common = Arc::clone(self.maker.common());
        let canvas = self.canvas(&common);
        let of_image = class_logit(&self.logits, self.class);
        let size = self.inputs.image().len() / self.shape[0];
        for mut changed in std::mem::take(&mut self.changes) {
            let start = Instant::now();
            let Changes { method, inputs } = &changed.changes;
            let known = changed.logits.len();
            let raw = || inputs.raw(of_image, &changed.logits);
            if changed.is_complete() {
                let made = inputs.make(&canvas, raw());
                debug_assert_eq!(made.raw.len(), size, "a raw map has the size of the image");
                self.finish(*method, made, &canvas, None, start, watch);
                continue;
            }
            if known > changed.shown && watch.wants_partial_maps() {
                self.publish(*method, &raw(), known + 1, inputs.len() + 1, watch);
            }
            changed.shown = known;
            self.changes.push(changed);
        }
    }

    /// What was found; every sum must be complete.
    pub(super) fn into_explanation(self) -> Explanation {
        debug_assert!(self.sums.is_empty() && self.gradients.is_empty(), "every gradient was folded");
        debug_assert!(self.changes.is_empty(), "every changed copy was asked");
        Explanation { logits: self.logits, class: self.class, maps: self.maker.into_maps() }
    }

    fn sums_of(&self, method: Method) -> impl Iterator<Item = &Sum> {
        self.sums.iter().filter(move |sum| sum.recipe().method == method)
    }

    /// Mean over the sums of `method` that have begun, `[c, h, w]`: one sum, or one a baseline of XRAI.
    fn attribution(&self, method: Method) -> Vec<f64> {
        let mut begun = self.sums_of(method).filter(|sum| sum.next() > 0);
        let Some(first) = begun.next() else { return Vec::new() };
        let mut total = first.value(&self.inputs);
        let mut count = 1.0;
        for sum in begun {
            for (total, value) in total.iter_mut().zip(sum.value(&self.inputs)) {
                *total += value;
            }
            count += 1.0;
        }
        for total in &mut total {
            *total /= count;
        }
        total
    }

    fn publish_partial(&self, method: Method, watch: &dyn MapWatch) {
        let Way::Sums(way) = &method.spec().way else { return };
        let raw = (way.flatten)(&self.attribution(method), self.shape[0]);
        let k = self.sums_of(method).map(Sum::next).sum();
        let n = self.sums_of(method).map(|sum| sum.recipe().len()).sum();
        self.publish(method, &raw, k, n, watch);
    }

    fn publish(&self, method: Method, raw: &[f32], k: usize, n: usize, watch: &dyn MapWatch) {
        let [_, height, width] = self.shape;
        for image in &self.positions {
            watch.partial(&PartialMap { image: *image, method, raw, height, width, k, n });
        }
    }

    fn complete(&mut self, method: Method, constants: &Constants, watch: &dyn MapWatch) -> Result<()> {
        let Way::Sums(way) = &method.spec().way else { return Ok(()) };
        let start = Instant::now();
        let attribution = self.attribution(method);
        let completeness = way.is_complete.then(|| self.completeness(method, &attribution, constants)).flatten();
        let common = Arc::clone(self.maker.common());
        let canvas = self.canvas(&common);
        let made = (way.make)(&canvas, &attribution)?;
        self.finish(method, made, &canvas, completeness, start, watch);
        self.sums.retain(|sum| sum.recipe().method != method);
        Ok(())
    }

    fn completeness(&self, method: Method, attribution: &[f64], constants: &Constants) -> Option<Completeness> {
        let sum = self.sums_of(method).next()?;
        let baseline = sum.recipe().path.as_ref()?.baseline.clone();
        let black = constants.get(&(self.class, baseline))?.logit as f64;
        Some(Completeness::new(attribution.iter().sum(), f64::from(class_logit(&self.logits, self.class)) - black))
    }

    fn finish(
        &mut self,
        method: Method,
        made: Made,
        canvas: &Canvas<'_>,
        completeness: Option<Completeness>,
        start: Instant,
        watch: &dyn MapWatch,
    ) {
        let evaluations = self.evaluations(method, &canvas.common.parameters);
        let n = evaluations.needed;
        self.publish(method, &made.raw, n, n, watch);
        let seconds = self.seconds[method as usize] + start.elapsed().as_secs_f64();
        let map = self.maker.finish(method, made, canvas, evaluations, seconds, completeness);
        for image in &self.positions {
            watch.finished(&FinishedMap { image: *image, map, logits: &self.logits });
        }
    }

    fn evaluations(&self, method: Method, parameters: &Parameters) -> Evaluations {
        let spec = method.spec();
        let needed = spec.cost(parameters, [self.shape[1], self.shape[2]]).needed;
        let mut evaluations = Evaluations { needed, ..Evaluations::default() };
        for (point, uses) in &self.plan.points {
            if uses.methods.contains(method) {
                evaluations.distinct += 1;
                let borrowed = matches!(point, Point::Constant(constant) if self.borrowed.contains(constant));
                evaluations.shared += usize::from(borrowed || uses.methods.len() > 1);
            }
        }
        if spec.reads(Reads::Forward) {
            evaluations.forward_alone = evaluations.distinct;
        }
        evaluations
    }
}
