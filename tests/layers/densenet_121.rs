//! DenseNet-121 (Huang et al. 2017).

use candle_core::{Result, Tensor};

use super::tensors::{Tensors, padded};

/// Logits `[n, classes]` of images `[n, c, h, w]`.
pub(crate) fn logits(tensors: &Tensors<'_>, images: &Tensor, eps: f64) -> Result<Tensor> {
    let norm_relu = |name: &str, x: &Tensor| tensors.norm(name, x, eps)?.relu();
    let x = tensors.conv("features.conv0", images, 2, [3, 3])?;
    let x = norm_relu("features.norm0", &x)?;
    // Nothing is below zero behind a ReLU, so zeros around it never win.
    let mut x = padded(&x, 1, 1)?.max_pool2d_with_stride(3, 2)?;
    for (stage, layers) in [6, 12, 24, 16].into_iter().enumerate() {
        let stage = stage + 1;
        for layer in 1..=layers {
            let name = format!("features.denseblock{stage}.denselayer{layer}");
            let y = tensors.conv(&format!("{name}.conv1"), &norm_relu(&format!("{name}.norm1"), &x)?, 1, [0, 0])?;
            let y = tensors.conv(&format!("{name}.conv2"), &norm_relu(&format!("{name}.norm2"), &y)?, 1, [1, 1])?;
            x = Tensor::cat(&[&x, &y], 1)?;
        }
        if stage < 4 {
            let name = format!("features.transition{stage}");
            let y = tensors.conv(&format!("{name}.conv"), &norm_relu(&format!("{name}.norm"), &x)?, 1, [0, 0])?;
            x = y.avg_pool2d(2)?;
        }
    }
    tensors.head("classifier", &norm_relu("features.norm5", &x)?)
}
