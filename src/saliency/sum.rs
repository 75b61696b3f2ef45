//! Folds gradients into attributions, always in the same order.

use super::inputs::Inputs;
use super::parameters::Aggregate;
use super::plan::Recipe;

/// A sum of gradients in the making, in f64. Summands are added by position whatever order they were evaluated in, so
/// the result does not depend on batches.
pub(super) struct Sum {
    recipe: Recipe,
    next: usize,
    gradients: Vec<f64>,
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
        for (sum, g) in self.gradients.iter_mut().zip(gradient) {
            *sum += *g as f64;
        }
        self.next += 1;
        let steps = self.recipe.steps();
        if self.next.is_multiple_of(steps) {
            let attribution = self.attribution(self.next / steps - 1, steps, inputs);
            for (sum, a) in self.samples.iter_mut().zip(attribution) {
                *sum += a;
            }
            self.gradients.fill(0.0);
        }
    }

    /// The attribution as it stands, `[c, h, w]`: the mean over complete samples, or what the first sample has so far.
    pub(super) fn value(&self, inputs: &Inputs<'_>) -> Vec<f64> {
        let steps = self.recipe.steps();
        match self.next / steps {
            0 => self.attribution(0, self.next.max(1), inputs),
            samples => self.samples.iter().map(|sum| sum / samples as f64).collect(),
        }
    }

    /// What `steps` gradients of `sample` amount to: their mean times the way from baseline to end, or their sum where
    /// there is no path; squared where squares are wanted.
    fn attribution(&self, sample: usize, steps: usize, inputs: &Inputs<'_>) -> Vec<f64> {
        let mut values: Vec<f64> = match &self.recipe.path {
            None => self.gradients.clone(),
            Some(path) => {
                let copy = self.recipe.copy(sample).map(|copy| inputs.copy(copy));
                let end = copy.as_deref().unwrap_or(inputs.image());
                let plane = self.gradients.len() / path.baseline.len();
                self.gradients
                    .iter()
                    .zip(end)
                    .enumerate()
                    .map(|(i, (sum, x))| {
                        let b = f32::from_bits(path.baseline[i / plane]) as f64;
                        sum / steps as f64 * (*x as f64 - b)
                    })
                    .collect()
            }
        };
        if self.recipe.aggregate() == Aggregate::MeanSquare {
            for value in &mut values {
                *value *= *value;
            }
        }
        values
    }
}
