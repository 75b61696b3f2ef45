//! Class activation maps from an activation and its gradient.

use crate::network::Activation;

use super::resize::linear_mirror;

/// The weighted activation of one image after its ReLU, on the grid of the node it was read from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grid {
    /// Values of at least 0, or NaN, `[rows, columns]`.
    pub(super) values: Vec<f32>,
    /// `[rows, columns]`.
    pub(super) size: [usize; 2],
}

impl Grid {
    /// `relu(sum over k of w_k A_k)`, `w_k` being the spatial mean of the gradient of channel k (Selvaraju et al. 2017).
    pub(super) fn new(activation: &Activation, image: usize) -> Self {
        Self::weighted(activation, image, |gradient| {
            let mean = gradient.iter().map(|g| *g as f64).sum::<f64>() / gradient.len() as f64;
            move |_| mean
        })
    }

    /// `relu(sum over k of weight(dY/dA_k) A_k)`, cell by cell.
    pub(super) fn elementwise(activation: &Activation, image: usize, weight: fn(f64) -> f64) -> Self {
        Self::weighted(activation, image, |gradient| move |cell: usize| weight(gradient[cell] as f64))
    }

    /// `relu(sum over k of w_k A_k)`, `weights` making the weight of every cell from the gradient of a channel.
    fn weighted<'a, W: Fn(usize) -> f64>(
        activation: &'a Activation,
        image: usize,
        weights: impl Fn(&'a [f32]) -> W,
    ) -> Self {
        let [_, channels, rows, columns] = activation.value.shape();
        let cells = rows * columns;
        let mut sums = vec![0.0; cells];
        let values = activation.value.image(image).chunks_exact(cells);
        let gradients = activation.gradient.image(image).chunks_exact(cells);
        debug_assert_eq!(values.len(), channels);
        for (value, gradient) in values.zip(gradients) {
            let weight = weights(gradient);
            for (cell, (sum, a)) in sums.iter_mut().zip(value).enumerate() {
                *sum += weight(cell) * *a as f64;
            }
        }
        // Not f64::max, which would turn NaN into 0 and hide a broken network.
        let values = sums.iter().map(|sum| if *sum <= 0.0 { 0.0 } else { *sum as f32 }).collect();
        Self { values, size: [rows, columns] }
    }

    /// The grid divided by its maximum, where that is positive, and resized to `size` (`[h, w]`).
    pub(super) fn resized(&self, size: [usize; 2]) -> Vec<f32> {
        let max = self.values.iter().copied().fold(0.0, f32::max);
        let divisor = if max > 0.0 { max } else { 1.0 };
        let scaled: Vec<f32> = self.values.iter().map(|value| value / divisor).collect();
        linear_mirror(&scaled, self.size, size)
    }

    /// The grid as it is, resized to `size` (`[h, w]`).
    pub(super) fn enlarged(&self, size: [usize; 2]) -> Vec<f32> {
        linear_mirror(&self.values, self.size, size)
    }
}

#[cfg(test)]
mod tests {
    use crate::network::Batch;

    use super::*;

    #[test]
    fn weights_are_spatial_means() {
        let value = Batch::new([1, 2, 1, 2], vec![1.0, 2.0, 3.0, -4.0]);
        let gradient = Batch::new([1, 2, 1, 2], vec![1.0, 3.0, -1.0, 0.0]);
        let grid = Grid::new(&Activation { value, gradient }, 0);
        assert_eq!(grid.values, [0.5, 6.0]); // 2 * 1 - 0.5 * 3 and 2 * 2 + 0.5 * 4
        assert_eq!(grid.resized([1, 2]), [0.5 / 6.0, 1.0]);
    }

    #[test]
    fn weights_of_cells_are_their_own() {
        let value = Batch::new([1, 2, 1, 2], vec![1.0, 2.0, 3.0, -4.0]);
        let gradient = Batch::new([1, 2, 1, 2], vec![1.0, 3.0, -1.0, 0.5]);
        let activation = Activation { value, gradient };
        let grid = |weight: fn(f64) -> f64| Grid::elementwise(&activation, 0, weight).values;
        assert_eq!(grid(|gradient| gradient), [0.0, 4.0]); // relu(1 * 1 - 1 * 3) and 3 * 2 - 0.5 * 4
        assert_eq!(grid(|gradient| gradient.max(0.0)), [1.0, 4.0]); // 1 * 1 + 0 * 3
    }

    #[test]
    fn a_broken_activation_stays_visible() {
        let value = Batch::new([1, 1, 1, 2], vec![f32::NAN, -1.0]);
        let gradient = Batch::new([1, 1, 1, 2], vec![1.0, 1.0]);
        let grid = Grid::new(&Activation { value, gradient }, 0);
        assert!(grid.values[0].is_nan() && grid.values[1] == 0.0);
    }
}
