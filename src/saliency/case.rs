//! One image in the work: its inputs, the sums being made for it, and its maps as they are finished.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use crate::network::{Batch, PassOutput, class_logit};

use super::error::Result;
use super::explanation::Explanation;
use super::grad_cam::Grid;
use super::inputs::Inputs;
use super::map::{Made, Maker, flattened};
use super::method::Method;
use super::plan::{Constant, Plan, Point, Recipe, Use};
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

/// One image in the work.
pub(super) struct Case<'a> {
    /// Maker of its inputs.
    pub(super) inputs: Inputs<'a>,
    /// Positions in the request that hold this image.
    pub(super) positions: Vec<usize>,
    /// `[c, h, w]`.
    shape: [usize; 3],
    plan: Plan,
    logits: Vec<f32>,
    class: usize,
    sums: Vec<Sum>,
    gradients: HashMap<Point, Kept>,
    /// Constants that were evaluated for another image.
    borrowed: Vec<Constant>,
    seconds: [f64; Method::ALL.len()],
    maker: Maker,
}

impl<'a> Case<'a> {
    pub(super) fn new(inputs: Inputs<'a>, positions: Vec<usize>, shape: [usize; 3], plan: Plan, maker: Maker) -> Self {
        let sums = plan.recipes.iter().cloned().map(Sum::new).collect();
        Self {
            inputs,
            positions,
            shape,
            plan,
            logits: Vec::new(),
            class: 0,
            sums,
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
    pub(super) fn spend(&mut self, seconds: f64, methods: u8) {
        let served = f64::from(methods.count_ones().max(1));
        for method in Method::ALL {
            if methods & method.bit() != 0 {
                self.seconds[method as usize] += seconds / served;
            }
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
        let [_, h, w] = self.shape;
        for method in self.maker.methods().to_vec() {
            let start = Instant::now();
            let made = match method {
                Method::Grad => gradient.map(|g| self.maker.gradient(method, g.image(index), self.shape)),
                Method::Gbp => {
                    output.guided_gradient.as_ref().map(|g| self.maker.gradient(method, g.image(index), self.shape))
                }
                Method::Gcam => output
                    .activation
                    .as_ref()
                    .map(|activation| self.maker.grad_cam(&Grid::new(activation, index), [h, w], self.class)),
                Method::Ggcam => {
                    output.guided_gradient.as_ref().zip(output.activation.as_ref()).map(|(g, activation)| {
                        self.maker.guided_grad_cam(
                            g.image(index),
                            self.shape,
                            &Grid::new(activation, index),
                            self.class,
                        )
                    })
                }
                Method::Sg | Method::Ig | Method::Sig | Method::Xrai => None,
            };
            if let Some(made) = made {
                self.finish(method, made, None, start, watch);
            }
        }
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
        Ok(())
    }

    /// What was found; every sum must be complete.
    pub(super) fn into_explanation(self) -> Explanation {
        debug_assert!(self.sums.is_empty() && self.gradients.is_empty(), "every gradient was folded");
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
        let attribution = self.attribution(method);
        let raw = flattened(method, &attribution, self.shape[0]);
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
        let start = Instant::now();
        let attribution = self.attribution(method);
        let completeness = (method == Method::Ig).then(|| self.completeness(&attribution, constants)).flatten();
        let made = if method == Method::Xrai {
            self.maker.xrai(&attribution, self.inputs.image(), self.shape)?
        } else {
            self.maker.attribution(method, &attribution, self.shape)
        };
        self.finish(method, made, completeness, start, watch);
        self.sums.retain(|sum| sum.recipe().method != method);
        Ok(())
    }

    fn completeness(&self, attribution: &[f64], constants: &Constants) -> Option<Completeness> {
        let sum = self.sums_of(Method::Ig).next()?;
        let baseline = sum.recipe().path.as_ref()?.baseline.clone();
        let black = constants.get(&(self.class, baseline))?.logit as f64;
        Some(Completeness::new(attribution.iter().sum(), f64::from(class_logit(&self.logits, self.class)) - black))
    }

    fn finish(
        &mut self,
        method: Method,
        made: Made,
        completeness: Option<Completeness>,
        start: Instant,
        watch: &dyn MapWatch,
    ) {
        let evaluations = self.evaluations(method);
        let n = evaluations.needed;
        self.publish(method, &made.raw, n, n, watch);
        let seconds = self.seconds[method as usize] + start.elapsed().as_secs_f64();
        let size = [self.shape[1], self.shape[2]];
        let map = self.maker.finish(method, made, size, self.class, evaluations, seconds, completeness);
        for image in &self.positions {
            watch.finished(&FinishedMap { image: *image, map, logits: &self.logits });
        }
    }

    fn evaluations(&self, method: Method) -> Evaluations {
        let summands: usize = self.plan.recipes.iter().filter(|recipe| recipe.method == method).map(Recipe::len).sum();
        let needed = match method {
            Method::Grad | Method::Gbp | Method::Gcam => 1,
            Method::Ggcam => 2,
            Method::Sg | Method::Ig | Method::Sig | Method::Xrai => summands,
        };
        let mut evaluations = Evaluations { needed, distinct: 0, shared: 0 };
        for (point, uses) in &self.plan.points {
            if uses.methods & method.bit() != 0 {
                evaluations.distinct += 1;
                let borrowed = matches!(point, Point::Constant(constant) if self.borrowed.contains(constant));
                evaluations.shared += usize::from(borrowed || uses.methods != method.bit());
            }
        }
        evaluations
    }
}
