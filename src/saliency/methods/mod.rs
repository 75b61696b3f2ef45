//! The methods by their names, one file each, and what the rest of the program asks about them.

mod card;
mod cost;
mod gbp;
mod gcam;
mod ggcam;
mod grad;
mod hirescam;
mod ig;
mod layercam;
mod occlusion;
mod set;
mod sg;
mod sig;
mod spec;
mod xrai;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::Error;
use crate::network::Graph;

pub use card::Card;
pub use occlusion::Occlusion;
pub(super) use set::MethodSet;
pub(super) use spec::{ChangedInputs, Way};
pub use spec::{Colour, Cost, MethodSpec, Reads, Scale, Sign};

/// A saliency method; the order is the study's, then that in which others were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Method {
    /// Gradient of the logit by the input (Simonyan et al. 2013).
    #[serde(rename = "GRAD")]
    Grad,
    /// `SmoothGrad`: mean over noisy copies of the squared gradients (Smilkov et al. 2017).
    #[serde(rename = "SG")]
    Sg,
    /// Integrated gradients (Sundararajan et al. 2017).
    #[serde(rename = "IG")]
    Ig,
    /// `SmoothGrad` over integrated gradients.
    #[serde(rename = "SIG")]
    Sig,
    /// Grad-CAM (Selvaraju et al. 2017).
    #[serde(rename = "GCAM")]
    Gcam,
    /// Segments ranked by their integrated gradients (Kapishnikov et al. 2019).
    #[serde(rename = "XRAI")]
    Xrai,
    /// Guided backpropagation (Springenberg et al. 2015).
    #[serde(rename = "GBP")]
    Gbp,
    /// Guided Grad-CAM: the product of the display maps of GBP and GCAM.
    #[serde(rename = "GGCAM")]
    Ggcam,
    /// Layer-CAM: activations weighted cell by cell by positive gradients (Jiang et al. 2021).
    #[serde(rename = "LAYERCAM")]
    LayerCam,
    /// `HiResCAM`: activations times their gradients, cell by cell (Draelos and Carin 2020).
    #[serde(rename = "HIRESCAM")]
    HiResCam,
    /// Fall of the logit where a patch covers the image (Zeiler and Fergus 2014).
    #[serde(rename = "OCCLUSION")]
    Occlusion,
}

impl Method {
    /// The study's eight, in its order: what is meant where nobody names methods.
    pub const STUDY: [Self; 8] =
        [Self::Grad, Self::Sg, Self::Ig, Self::Sig, Self::Gcam, Self::Xrai, Self::Gbp, Self::Ggcam];

    /// Every method there is, in its order. Those beyond the study run by name only.
    pub const ALL: [Self; 11] = [
        Self::Grad,
        Self::Sg,
        Self::Ig,
        Self::Sig,
        Self::Gcam,
        Self::Xrai,
        Self::Gbp,
        Self::Ggcam,
        Self::LayerCam,
        Self::HiResCam,
        Self::Occlusion,
    ];

    /// Everything about the method.
    pub fn spec(self) -> &'static MethodSpec {
        match self {
            Self::Grad => &grad::SPEC,
            Self::Sg => &sg::SPEC,
            Self::Ig => &ig::SPEC,
            Self::Sig => &sig::SPEC,
            Self::Gcam => &gcam::SPEC,
            Self::Xrai => &xrai::SPEC,
            Self::Gbp => &gbp::SPEC,
            Self::Ggcam => &ggcam::SPEC,
            Self::LayerCam => &layercam::SPEC,
            Self::HiResCam => &hirescam::SPEC,
            Self::Occlusion => &occlusion::SPEC,
        }
    }

    /// Its abbreviation, such as `SIG`.
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// The method in words, such as `Smooth integrated gradients`.
    pub fn title(self) -> &'static str {
        self.spec().title
    }

    /// The method in plain language.
    pub fn card(self) -> &'static Card {
        &self.spec().card
    }

    /// Whether the study tested it.
    pub fn is_of_study(self) -> bool {
        Self::STUDY.contains(&self)
    }

    /// The methods that the study did not test.
    pub fn beyond_study() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|method| !method.is_of_study())
    }

    /// Why it is not defined for a network, in a sentence; none where it is. Guided backpropagation has a rule for gates alone
    /// (Springenberg et al. 2015); elsewhere its maps would be those of the plain gradient.
    pub fn undefined_for(self, graph: &Graph) -> Option<String> {
        if !self.spec().reads(Reads::GuidedGradient) {
            return None;
        }
        let node = graph.node(graph.unguided()?);
        Some(format!(
            "{self} is not defined for this network: {} is a {}, and guided backpropagation has a rule for ReLUs alone",
            node.name,
            node.op.name()
        ))
    }

    /// The method with exactly this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    /// The names to choose from: the study's, and behind `between` those beyond it, where there are any.
    pub fn names(between: &str) -> String {
        let listed = |methods: &mut dyn Iterator<Item = Self>| {
            let names: Vec<&str> = methods.map(Self::name).collect();
            names.join(", ")
        };
        let mut names = listed(&mut Self::STUDY.into_iter());
        let beyond = listed(&mut Self::beyond_study());
        if !beyond.is_empty() {
            names.push_str(between);
            names.push_str(&beyond);
        }
        names
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Method {
    type Err = Error;

    /// Reads an abbreviation in any case.
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|method| method.name().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| Error::UnknownMethod { name: text.trim().to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_read_back() {
        for method in Method::ALL {
            assert_eq!(method.name().to_lowercase().parse::<Method>().unwrap(), method);
            assert_eq!(Method::of_name(method.name()), Some(method));
            let text = serde_json::to_string(&method).unwrap();
            assert_eq!(text, format!("{:?}", method.name()));
            assert_eq!(serde_json::from_str::<Method>(&text).unwrap(), method);
        }
        assert!(matches!("LIME".parse::<Method>(), Err(Error::UnknownMethod { name }) if name == "LIME"));
    }

    #[test]
    fn all_are_listed_in_their_order_and_the_study_first() {
        assert!(Method::ALL.is_sorted_by(|one, next| one < next));
        assert_eq!(Method::ALL[..8], Method::STUDY);
        assert_eq!(Method::ALL.map(|method| method as usize).to_vec(), (0..Method::ALL.len()).collect::<Vec<_>>());
        let names = Method::names("; ");
        assert!(Method::ALL.iter().all(|method| names.split([',', ';']).any(|name| name.trim() == method.name())));
    }

    #[test]
    fn nothing_that_tells_methods_apart_is_used_twice() {
        let specs = Method::ALL.map(Method::spec);
        let distinct =
            |texts: Vec<String>| assert_eq!(texts.iter().collect::<HashSet<_>>().len(), texts.len(), "{texts:?}");
        distinct(specs.iter().map(|spec| spec.name.to_lowercase()).collect());
        distinct(specs.iter().map(|spec| spec.title.to_lowercase()).collect());
        distinct(specs.iter().map(|spec| spec.caption.to_lowercase()).collect());
        distinct(specs.iter().map(|spec| format!("{:?}", spec.colour.on_dark)).collect());
        distinct(specs.iter().map(|spec| format!("{:?}", spec.colour.on_light)).collect());
        assert!(specs.iter().all(|spec| spec.caption.len() <= 48 && spec.caption.is_ascii()));
    }
}
