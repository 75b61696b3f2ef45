//! Which architecture tensors belong to, and which they are nearest to.

use std::collections::BTreeMap;
use std::fmt;

use super::super::mismatch::Mismatch;
use super::super::weights::trimmed;
use super::{Architecture, Design, Variant};

/// The architecture that tensors fit best.
#[derive(Clone, Debug, PartialEq)]
pub struct Nearest {
    /// The architecture.
    pub architecture: Architecture,
    /// Its variant, as far as the shapes tell it.
    pub variant: Variant,
    /// What differs; extents of 1 at the end of a shape are no difference.
    pub mismatch: Mismatch,
    /// Tensors that its network needs.
    pub needed: usize,
    /// How many of these are there with the right shape.
    pub fitting: usize,
}

impl Nearest {
    /// Whether every tensor fits and none is left over.
    pub fn is_exact(&self) -> bool {
        self.mismatch.is_empty()
    }

    /// Whether most tensors fit, so that the file was probably meant for it.
    pub fn is_likely(&self) -> bool {
        2 * self.fitting > self.needed
    }
}

impl fmt::Display for Nearest {
    /// `densenet_169 with a head of 3 layers (600 of its 604 tensors fit: 4 missing (...))`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.architecture)?;
        if (self.variant.width - 1.0).abs() > f64::EPSILON {
            write!(f, " of width {}", self.variant.width)?;
        }
        if let Some(head) = &self.variant.head {
            write!(f, " with {}", head.words())?;
        }
        if self.is_exact() {
            return Ok(());
        }
        write!(f, " ({} of its {} tensors fit: {})", self.fitting, self.needed, self.mismatch)
    }
}

impl Architecture {
    /// The architecture to which tensors of these names and shapes belong, as far as they tell; others may be missing or
    /// superfluous.
    pub fn detect(shapes: &BTreeMap<String, Vec<usize>>) -> Option<Self> {
        let nearest = Self::nearest(shapes)?;
        (nearest.architecture.has_names_of_its_own() || nearest.is_likely()).then_some(nearest.architecture)
    }

    /// The architecture that tensors of these names and shapes fit best, among those whose first kernel is there.
    pub fn nearest(shapes: &BTreeMap<String, Vec<usize>>) -> Option<Nearest> {
        let candidates = Self::ALL.into_iter().filter(|arch| shapes.contains_key(&arch.signature()));
        let fits = candidates.map(|arch| arch.fit(shapes));
        // Of networks that differ in their width alone (EfficientNet-B1 and B2) the one whose width it is.
        fits.min_by(|a, b| {
            let from_full = |nearest: &Nearest| nearest.variant.width.ln().abs();
            a.mismatch.count().cmp(&b.mismatch.count()).then_with(|| from_full(a).total_cmp(&from_full(b)))
        })
    }

    /// How well tensors fit it.
    fn fit(self, shapes: &BTreeMap<String, Vec<usize>>) -> Nearest {
        let variant = self.infer(shapes);
        let graph = self.graph(&variant);
        let parameters = graph.parameters();
        let mut found: BTreeMap<String, &[usize]> =
            shapes.iter().map(|(name, shape)| (name.clone(), &shape[..])).collect();
        for parameter in &parameters {
            if let Some(shape) = found.get_mut(&parameter.name)
                && trimmed(shape) == trimmed(&parameter.shape)
            {
                *shape = &parameter.shape;
            }
        }
        let mismatch = Mismatch::between(&found, &graph);
        let needed = parameters.len();
        let fitting = needed - mismatch.missing.len() - mismatch.misshapen.len();
        Nearest { architecture: self, variant, mismatch, needed, fitting }
    }

    /// A tensor by which it is recognized; others may have it as well.
    fn signature(self) -> String {
        match self.design() {
            // Other detectors of torchvision have the same backbone.
            Design::RetinaNet => format!("{}.weight", self.last_layer()),
            _ => self.first_kernel().to_owned(),
        }
    }

    /// Whether its first kernel is called as nobody else would call it, so that it tells the architecture alone.
    fn has_names_of_its_own(self) -> bool {
        matches!(self.design(), Design::InceptionV3 | Design::DenseNet(_) | Design::UNet | Design::RetinaNet)
    }
}
