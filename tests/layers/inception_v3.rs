//! InceptionV3 (Szegedy et al. 2016) without its auxiliary head.

use candle_core::{Result, Tensor};

use super::tensors::{Tensors, padded};

/// A convolution: the end of its name, its padding in rows and columns.
type Step = (&'static str, [usize; 2]);

struct Inception<'a> {
    tensors: &'a Tensors<'a>,
    counts_padding: bool,
}

/// Logits `[n, classes]` of images `[n, c, h, w]`; average pools count the zeros of their border or do not.
pub(crate) fn logits(tensors: &Tensors<'_>, images: &Tensor, counts_padding: bool) -> Result<Tensor> {
    let net = Inception { tensors, counts_padding };
    let x = net.basic("Conv2d_1a_3x3", images, 2, [0, 0])?;
    let x = net.basic("Conv2d_2a_3x3", &x, 1, [0, 0])?;
    let x = net.basic("Conv2d_2b_3x3", &x, 1, [1, 1])?;
    let x = x.max_pool2d_with_stride(3, 2)?;
    let x = net.basic("Conv2d_3b_1x1", &x, 1, [0, 0])?;
    let x = net.basic("Conv2d_4a_3x3", &x, 1, [0, 0])?;
    let mut x = x.max_pool2d_with_stride(3, 2)?;
    for name in ["Mixed_5b", "Mixed_5c", "Mixed_5d"] {
        x = net.even(
            name,
            &x,
            &[
                &[("branch1x1", [0, 0])],
                &[("branch5x5_1", [0, 0]), ("branch5x5_2", [2, 2])],
                &[("branch3x3dbl_1", [0, 0]), ("branch3x3dbl_2", [1, 1]), ("branch3x3dbl_3", [1, 1])],
            ],
        )?;
    }
    x = net.halving(
        "Mixed_6a",
        &x,
        &[
            &[("branch3x3", [0, 0])],
            &[("branch3x3dbl_1", [0, 0]), ("branch3x3dbl_2", [1, 1]), ("branch3x3dbl_3", [0, 0])],
        ],
    )?;
    let (row, column) = ([0, 3], [3, 0]);
    for name in ["Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"] {
        let double = [
            ("branch7x7dbl_1", [0, 0]),
            ("branch7x7dbl_2", column),
            ("branch7x7dbl_3", row),
            ("branch7x7dbl_4", column),
            ("branch7x7dbl_5", row),
        ];
        let single = [("branch7x7_1", [0, 0]), ("branch7x7_2", row), ("branch7x7_3", column)];
        x = net.even(name, &x, &[&[("branch1x1", [0, 0])], &single, &double])?;
    }
    let long =
        [("branch7x7x3_1", [0, 0]), ("branch7x7x3_2", row), ("branch7x7x3_3", column), ("branch7x7x3_4", [0, 0])];
    x = net.halving("Mixed_7a", &x, &[&[("branch3x3_1", [0, 0]), ("branch3x3_2", [0, 0])], &long])?;
    for name in ["Mixed_7b", "Mixed_7c"] {
        x = net.wide(name, &x)?;
    }
    tensors.head("fc", &x)
}

impl Inception<'_> {
    fn basic(&self, name: &str, x: &Tensor, stride: usize, padding: [usize; 2]) -> Result<Tensor> {
        let x = self.tensors.conv(&format!("{name}.conv"), x, stride, padding)?;
        self.tensors.norm(&format!("{name}.bn"), &x, 1e-3)?.relu()
    }

    /// Convolutions one behind the other; the last one has the stride.
    fn branch(&self, module: &str, x: &Tensor, steps: &[Step], stride: usize) -> Result<Tensor> {
        let mut x = x.clone();
        for (position, (name, padding)) in steps.iter().enumerate() {
            let stride = if position + 1 == steps.len() { stride } else { 1 };
            x = self.basic(&format!("{module}.{name}"), &x, stride, *padding)?;
        }
        Ok(x)
    }

    fn pooled(&self, module: &str, x: &Tensor) -> Result<Tensor> {
        let mean = padded(x, 1, 1)?.avg_pool2d_with_stride(3, 1)?;
        let mean = if self.counts_padding {
            mean
        } else {
            // The mean of ones and zeros is the share of the window inside the image.
            mean.broadcast_div(&padded(&x.narrow(1, 0, 1)?.ones_like()?, 1, 1)?.avg_pool2d_with_stride(3, 1)?)?
        };
        self.basic(&format!("{module}.branch_pool"), &mean, 1, [0, 0])
    }

    /// Branches and an averaged one, all of the size of their input.
    fn even(&self, module: &str, x: &Tensor, branches: &[&[Step]]) -> Result<Tensor> {
        let mut parts = Vec::new();
        for steps in branches {
            parts.push(self.branch(module, x, steps, 1)?);
        }
        parts.push(self.pooled(module, x)?);
        Tensor::cat(&parts, 1)
    }

    /// Branches and a maximum, all of half the size.
    fn halving(&self, module: &str, x: &Tensor, branches: &[&[Step]]) -> Result<Tensor> {
        let mut parts = Vec::new();
        for steps in branches {
            parts.push(self.branch(module, x, steps, 2)?);
        }
        parts.push(x.max_pool2d_with_stride(3, 2)?);
        Tensor::cat(&parts, 1)
    }

    /// The last modules, two branches of which fork.
    fn wide(&self, module: &str, x: &Tensor) -> Result<Tensor> {
        let fork = |stem: &Tensor, name: &str| -> Result<Tensor> {
            let a = self.basic(&format!("{module}.{name}a"), stem, 1, [0, 1])?;
            let b = self.basic(&format!("{module}.{name}b"), stem, 1, [1, 0])?;
            Tensor::cat(&[a, b], 1)
        };
        let single = self.branch(module, x, &[("branch1x1", [0, 0])], 1)?;
        let short = fork(&self.branch(module, x, &[("branch3x3_1", [0, 0])], 1)?, "branch3x3_2")?;
        let stem = self.branch(module, x, &[("branch3x3dbl_1", [0, 0]), ("branch3x3dbl_2", [1, 1])], 1)?;
        let long = fork(&stem, "branch3x3dbl_3")?;
        Tensor::cat(&[single, short, long, self.pooled(module, x)?], 1)
    }
}
