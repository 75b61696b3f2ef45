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

#[cfg(test)]
mod tests {
    use super::super::super::head::{Function, Head, HeadLayer};
    use super::{Architecture, BTreeMap, Variant};

    fn shapes(arch: Architecture, variant: &Variant) -> BTreeMap<String, Vec<usize>> {
        arch.graph(variant).parameters().into_iter().map(|p| (p.name, p.shape)).collect()
    }

    #[test]
    fn every_architecture_is_told_by_its_tensors() {
        for arch in Architecture::ALL {
            for (input_channels, classes, width) in [(3, 1000, 1.0), (1, 14, 1.0), (3, 2, 0.25)] {
                let variant = Variant { input_channels, classes, width, ..arch.usual_variant() };
                let shapes = shapes(arch, &variant);
                let nearest = Architecture::nearest(&shapes).unwrap();
                assert!(nearest.is_exact(), "{arch} at {width}: {nearest}");
                // Scaled down, some networks of a family are the same: a wide ResNet-50 has the layers of a ResNet-50, but
                // not their proportions; an EfficientNet-B2 is a wider B1.
                if width == 1.0 {
                    assert_eq!(nearest.architecture, arch);
                    assert_eq!(Architecture::detect(&shapes), Some(arch));
                }
            }
        }
    }

    #[test]
    fn near_misses_are_named_with_what_differs() {
        let linear = HeadLayer::Linear { features: 256, bias: true };
        let hidden = vec![linear, HeadLayer::Function(Function::Relu)];
        let head = Some(Head { hidden, ..Head::default() });
        let arch = Architecture::DenseNet169;
        let mut found = shapes(arch, &Variant { head, ..arch.usual_variant() });
        let words = |found: &BTreeMap<String, Vec<usize>>| Architecture::nearest(found).unwrap().to_string();
        assert_eq!(words(&found), "densenet_169 with a head of 3 layers, 2 of them fully connected");
        found.insert("gate.weight".to_owned(), vec![3]);
        found.remove("classifier.2.bias");
        found.remove("features.norm5.bias");
        assert_eq!(
            words(&found),
            "densenet_169 with a head of 3 layers, 2 of them fully connected (843 of its 844 tensors fit: 1 missing \
             (features.norm5.bias), 1 superfluous (gate.weight))"
        );
        let other: BTreeMap<String, Vec<usize>> = [("conv1.weight", vec![32, 1, 3, 3]), ("fc.weight", vec![2, 99])]
            .into_iter()
            .map(|(name, shape)| (name.to_owned(), shape))
            .collect();
        assert_eq!(Architecture::detect(&other), None);
    }
}
