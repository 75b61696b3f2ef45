//! The eight methods by their names in the study.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::Error;

/// A saliency method; the order is the study's.
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
}

impl Method {
    /// All methods in the study's order.
    pub const ALL: [Self; 8] =
        [Self::Grad, Self::Sg, Self::Ig, Self::Sig, Self::Gcam, Self::Xrai, Self::Gbp, Self::Ggcam];

    /// The study's abbreviation, such as `SIG`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Grad => "GRAD",
            Self::Sg => "SG",
            Self::Ig => "IG",
            Self::Sig => "SIG",
            Self::Gcam => "GCAM",
            Self::Xrai => "XRAI",
            Self::Gbp => "GBP",
            Self::Ggcam => "GGCAM",
        }
    }

    /// The method in words, such as `Smooth integrated gradients`.
    pub fn title(self) -> &'static str {
        match self {
            Self::Grad => "Gradient",
            Self::Sg => "SmoothGrad",
            Self::Ig => "Integrated gradients",
            Self::Sig => "Smooth integrated gradients",
            Self::Gcam => "Grad-CAM",
            Self::Xrai => "XRAI",
            Self::Gbp => "Guided backpropagation",
            Self::Ggcam => "Guided Grad-CAM",
        }
    }

    pub(super) fn bit(self) -> u8 {
        1 << self as u8
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
    use super::*;

    #[test]
    fn names_read_back() {
        for method in Method::ALL {
            assert_eq!(method.name().to_lowercase().parse::<Method>().unwrap(), method);
            assert_eq!(serde_json::to_string(&method).unwrap(), format!("{:?}", method.name()));
        }
        assert!(matches!("LIME".parse::<Method>(), Err(Error::UnknownMethod { name }) if name == "LIME"));
    }
}
