//! Folds gradients into attributions, always in the same order.

use rayon::prelude::*;

use super::inputs::{BLOCK, Inputs};
use super::parameters::Aggregate;
use super::plan::Recipe;

/// A sum of gradients in the making, in f64. Summands are added by position whatever order they were evaluated in, so
/// the result does not depend on batches; pixels are spread over threads, which changes no sum.
pub(super) struct Sum {
    recipe: Recipe,
    next: usize,
    /// Sum of the gradients of the current sample, `[c, h, w]`.
    gradients: Vec<f64>,
    /// Sum of the attributions of complete samples, `[c, h, w]`.
    samples: Vec<f64>,
}

impl Sum {
    pub(super) fn new(recipe: Recipe) -> Self {
        Self { recipe, next: 0, gradients: Vec::new(), samples: Vec::new() }
    }

    pub(super) fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Position of the summand that must come next; the length of the recipe when none is missing.
    pub(super) fn next(&self) -> usize {
        self.next
    }

    pub(super) fn is_complete(&self) -> bool {
        self.next == self.recipe.len()
    }

    /// Adds the summand at position [`Self::next`], `[c, h, w]`.
    pub(super) fn fold(&mut self, gradient: &[f32], inputs: &Inputs<'_>) {
        if self.next == 0 {
            self.gradients = vec![0.0; gradient.len()];
            self.samples = vec![0.0; gradient.len()];
        }
        let gradients = self.gradients.par_chunks_mut(BLOCK).zip(gradient.par_chunks(BLOCK));
        gradients.for_each(|(sums, gradient)| {
            for (sum, g) in sums.iter_mut().zip(gradient) {
                *sum += *g as f64;
            }
        });
        self.next += 1;
        let steps = self.recipe.steps();
        if self.next.is_multiple_of(steps) {
            let way = Way::new(&self.recipe, self.next / steps - 1, steps, inputs);
            let sums = self.gradients.par_chunks_mut(BLOCK).zip(self.samples.par_chunks_mut(BLOCK));
            sums.enumerate().for_each(|(block, (gradients, samples))| {
                way.attribute(block * BLOCK, gradients, |i, attribution| samples[i] += attribution);
                gradients.fill(0.0);
            });
        }
    }

    /// The attribution as it stands, `[c, h, w]`: the mean over complete samples, or what the first sample has so far.
    pub(super) fn value(&self, inputs: &Inputs<'_>) -> Vec<f64> {
        let samples = self.next / self.recipe.steps();
        if samples > 0 {
            return self.samples.iter().map(|sum| sum / samples as f64).collect();
        }
        let mut values = vec![0.0; self.gradients.len()];
        let way = Way::new(&self.recipe, 0, self.next.max(1), inputs);
        way.attribute(0, &self.gradients, |i, attribution| values[i] = attribution);
        values
    }
}

/// From the sum of gradients of one sample to its attribution.
struct Way<'a> {
    recipe: &'a Recipe,
    steps: usize,
    copy: Option<std::sync::Arc<[f32]>>,
    image: &'a [f32],
}

impl<'a> Way<'a> {
    fn new(recipe: &'a Recipe, sample: usize, steps: usize, inputs: &Inputs<'a>) -> Self {
        // Only the way from a baseline reads the copy.
        let copy = recipe.path.as_ref().and_then(|_| recipe.copy(sample)).map(|copy| inputs.copy(copy));
        Self { recipe, steps, copy, image: inputs.image() }
    }

    /// Calls `put` with each attribution, given the sums of gradients from `first` on: their mean times the way from
    /// baseline to end, or the sum itself where there is no path; squared where squares are wanted.
    fn attribute(&self, first: usize, gradients: &[f64], mut put: impl FnMut(usize, f64)) {
        let square = self.recipe.aggregate() == Aggregate::MeanSquare;
        let end = self.copy.as_deref().unwrap_or(self.image);
        let end = &end[first..first + gradients.len()];
        let baseline = self.recipe.path.as_ref().map(|path| &path.baseline);
        let plane = baseline.map_or(self.image.len(), |baseline| self.image.len() / baseline.len());
        for (i, (sum, x)) in gradients.iter().zip(end).enumerate() {
            let mut value = *sum;
            if let Some(baseline) = baseline {
                let b = f32::from_bits(baseline[(first + i) / plane]) as f64;
                value = value / self.steps as f64 * (*x as f64 - b);
            }
            put(i, if square { value * value } else { value });
        }
    }
}
