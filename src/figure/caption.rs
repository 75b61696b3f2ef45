//! What each method shows, in words for a reader who has never heard of it.

use crate::saliency::Method;

/// One line below the name of `method`, about 45 characters at most.
pub fn caption(method: Method) -> &'static str {
    match method {
        Method::Grad => "How strongly the score reacts to each pixel",
        Method::Sg => "Squared gradient, mean over noisy copies",
        Method::Ig => "Gradients added up on the way from black",
        Method::Sig => "Integrated gradients over noisy copies",
        Method::Gcam => "Coarse features of the last layer for the class",
        Method::Xrai => "Whole regions, ranked by integrated gradients",
        Method::Gbp => "Gradient through active, supportive units only",
        Method::Ggcam => "Guided backpropagation times Grad-CAM",
    }
}
