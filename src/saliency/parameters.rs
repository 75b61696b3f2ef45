//! Every parameter of every method, and the presets that name their defaults.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use super::method::Method;
use super::request::ClassChoice;
use super::xrai;
use crate::limits;

/// A named set of defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// What Arun et al. 2021 did, quirks included: the predicted class is explained.
    #[default]
    Arun2021,
    /// The same maps of the positive class, so that a missed finding is not scored on the map of "normal".
    Recommended,
}

impl Preset {
    /// Both presets.
    pub const ALL: [Self; 2] = [Self::Arun2021, Self::Recommended];

    /// The name used on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Arun2021 => "arun2021",
            Self::Recommended => "recommended",
        }
    }

    /// The class that the preset explains when the user names none.
    pub fn class(self) -> ClassChoice {
        match self {
            Self::Arun2021 => ClassChoice::Predicted,
            Self::Recommended => ClassChoice::Positive,
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Preset {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|preset| preset.name().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| Error::UnknownPreset { name: text.trim().to_owned() })
    }
}

/// The constant image at which a path of integrated gradients begins, in the scale of the model's input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// This value in every pixel and channel; -1 is black where the input spans -1 to 1.
    Value(f32),
    /// A value for each channel, for inputs whose black differs between channels.
    Channels(Vec<f32>),
    /// The smallest value of the image.
    ImageMinimum,
    /// The largest value of the image.
    ImageMaximum,
}

/// How the results of noisy copies become one map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Mean of the element-wise squares, without a root; what PAIR's library calls `magnitude`.
    MeanSquare,
    /// Mean with sign (Smilkov et al. 2017).
    Mean,
}

/// Noisy copies of an image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SmoothGrad {
    /// Number of noisy copies.
    pub samples: usize,
    /// Standard deviation of the noise as a fraction of the image's maximum minus its minimum.
    pub sigma_fraction: f64,
    /// How the copies are combined.
    pub aggregate: Aggregate,
}

/// A straight path from a baseline to the image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IntegratedGradients {
    /// Number of points, both ends included and weighted alike.
    pub steps: usize,
    /// Where the path begins.
    pub baseline: Baseline,
}

/// Parameters of SIG.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SmoothIntegratedGradients {
    /// The noisy copies.
    pub noise: SmoothGrad,
    /// The path from the baseline to each copy.
    pub path: IntegratedGradients,
}

/// Parameters of GCAM, and of the GCAM inside GGCAM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GradCam {
    /// Node whose output is weighted; the graph's last feature map when `None`.
    pub node: Option<String>,
}

/// Parameters of XRAI.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Xrai {
    /// Points on each path of the attribution, both ends included.
    pub ig_steps: usize,
    /// One path each; the attribution is the mean of the paths, then the maximum over channels.
    pub baselines: Vec<Baseline>,
    /// Segmentation and merge.
    pub segments: xrai::Parameters,
}

/// Every parameter of every method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// SG.
    pub sg: SmoothGrad,
    /// IG.
    pub ig: IntegratedGradients,
    /// SIG.
    pub sig: SmoothIntegratedGradients,
    /// GCAM and GGCAM.
    pub gcam: GradCam,
    /// XRAI.
    pub xrai: Xrai,
    /// Percentile at which display maps are clipped, above 0 to 100.
    pub clip_percentile: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self::of(Preset::default())
    }
}

impl Parameters {
    /// The parameters that `preset` names, before a model is known: both presets have the same. What they differ in is the
    /// baseline of integrated gradients on models whose black is not -1 ([`Parameters::for_model`]), the class explained
    /// ([`Preset::class`]), and what is measured on the maps.
    pub fn of(preset: Preset) -> Self {
        match preset {
            Preset::Arun2021 | Preset::Recommended => {
                let sg = SmoothGrad { samples: 25, sigma_fraction: 0.15, aggregate: Aggregate::MeanSquare };
                let ig = IntegratedGradients { steps: 10, baseline: Baseline::Value(-1.0) };
                Self {
                    sg,
                    sig: SmoothIntegratedGradients { noise: sg, path: ig.clone() },
                    ig,
                    gcam: GradCam { node: None },
                    xrai: Xrai {
                        ig_steps: 100,
                        baselines: vec![Baseline::ImageMinimum, Baseline::ImageMaximum],
                        segments: xrai::Parameters::default(),
                    },
                    clip_percentile: 99.0,
                }
            }
        }
    }

    /// Checks what the wanted methods read.
    ///
    /// # Errors
    /// Names the first parameter outside its range.
    pub fn check(&self, methods: &[Method]) -> Result<()> {
        let percentile = self.clip_percentile;
        if !(percentile > 0.0 && percentile <= 100.0) {
            return Err(refuse("clip_percentile", percentile, "above 0 and at most 100"));
        }
        for method in methods {
            match method {
                Method::Grad | Method::Gbp | Method::Gcam | Method::Ggcam => {}
                Method::Sg => check_noise(&self.sg, "sg.samples", "sg.sigma_fraction")?,
                Method::Ig => check_path(self.ig.steps, "ig.steps", &self.ig.baseline, "ig.baseline")?,
                Method::Sig => {
                    check_noise(&self.sig.noise, "sig.noise.samples", "sig.noise.sigma_fraction")?;
                    check_path(self.sig.path.steps, "sig.path.steps", &self.sig.path.baseline, "sig.path.baseline")?;
                    check_passes(
                        "sig.noise.samples times sig.path.steps",
                        self.sig.noise.samples,
                        self.sig.path.steps,
                    )?;
                }
                Method::Xrai => {
                    let paths = self.xrai.baselines.len();
                    if !limits::BASELINES.contains(paths) {
                        return Err(refuse("the number of xrai.baselines", paths, limits::BASELINES));
                    }
                    check_passes("xrai.ig_steps times the number of xrai.baselines", self.xrai.ig_steps, paths)?;
                    for baseline in &self.xrai.baselines {
                        check_path(self.xrai.ig_steps, "xrai.ig_steps", baseline, "xrai.baselines")?;
                    }
                    self.xrai.segments.check()?;
                }
            }
        }
        Ok(())
    }

    /// The part of the parameters that `method` reads.
    pub fn used_by(&self, method: Method) -> MethodParameters {
        let clip_percentile = self.clip_percentile;
        match method {
            Method::Grad | Method::Gbp => MethodParameters::Plain { clip_percentile },
            Method::Sg => MethodParameters::SmoothGrad { noise: self.sg, clip_percentile },
            Method::Ig => MethodParameters::IntegratedGradients { path: self.ig.clone(), clip_percentile },
            Method::Sig => MethodParameters::SmoothIntegratedGradients {
                noise: self.sig.noise,
                path: self.sig.path.clone(),
                clip_percentile,
            },
            Method::Gcam | Method::Ggcam => MethodParameters::GradCam { gcam: self.gcam.clone(), clip_percentile },
            Method::Xrai => MethodParameters::Xrai { xrai: self.xrai.clone(), clip_percentile },
        }
    }
}

/// The parameters one method read, for its provenance.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum MethodParameters {
    /// GRAD and GBP.
    Plain {
        /// Percentile at which the display map is clipped.
        clip_percentile: f64,
    },
    /// SG.
    SmoothGrad {
        /// The noisy copies.
        noise: SmoothGrad,
        /// Percentile at which the display map is clipped.
        clip_percentile: f64,
    },
    /// IG.
    IntegratedGradients {
        /// The path.
        path: IntegratedGradients,
        /// Percentile at which the display map is clipped.
        clip_percentile: f64,
    },
    /// SIG.
    SmoothIntegratedGradients {
        /// The noisy copies.
        noise: SmoothGrad,
        /// The path to each copy.
        path: IntegratedGradients,
        /// Percentile at which the display map is clipped.
        clip_percentile: f64,
    },
    /// GCAM and GGCAM.
    GradCam {
        /// The tensor.
        gcam: GradCam,
        /// Percentile at which the display map is clipped.
        clip_percentile: f64,
    },
    /// XRAI.
    Xrai {
        /// Attribution and segments.
        xrai: Xrai,
        /// Percentile at which the display map is clipped.
        clip_percentile: f64,
    },
}

fn refuse(parameter: &'static str, value: impl fmt::Display, accepted: impl fmt::Display) -> Error {
    Error::Parameter { parameter, value: value.to_string(), accepted: accepted.to_string() }
}

fn check_noise(noise: &SmoothGrad, samples: &'static str, sigma: &'static str) -> Result<()> {
    if !limits::SAMPLES.contains(noise.samples) {
        return Err(refuse(samples, noise.samples, limits::SAMPLES));
    }
    if !limits::SIGMA_FRACTION.contains(noise.sigma_fraction) {
        return Err(refuse(sigma, noise.sigma_fraction, limits::SIGMA_FRACTION));
    }
    Ok(())
}

fn check_passes(product: &'static str, one: usize, other: usize) -> Result<()> {
    match one.checked_mul(other) {
        Some(passes) if passes <= limits::PASSES => Ok(()),
        _ => Err(refuse(product, format!("{one} x {other}"), format!("at most {} passes", limits::PASSES))),
    }
}

fn check_path(steps: usize, steps_name: &'static str, baseline: &Baseline, baseline_name: &'static str) -> Result<()> {
    if !limits::PATH_STEPS.contains(steps) {
        return Err(refuse(steps_name, steps, format!("{}, the two ends of the path among them", limits::PATH_STEPS)));
    }
    let finite = match baseline {
        Baseline::Value(value) => value.is_finite(),
        Baseline::Channels(values) => !values.is_empty() && values.iter().all(|value| value.is_finite()),
        Baseline::ImageMinimum | Baseline::ImageMaximum => true,
    };
    if finite { Ok(()) } else { Err(refuse(baseline_name, format!("{baseline:?}"), "one or more finite numbers")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_differ_in_the_class_alone() {
        assert_eq!(Parameters::of(Preset::Arun2021), Parameters::of(Preset::Recommended));
        assert_eq!(Preset::Arun2021.class(), ClassChoice::Predicted);
        assert_eq!("Recommended".parse::<Preset>().unwrap().class(), ClassChoice::Positive);
    }

    #[test]
    fn parameters_survive_json() {
        let parameters = Parameters::default();
        let json = serde_json::to_string(&parameters).unwrap();
        assert_eq!(serde_json::from_str::<Parameters>(&json).unwrap(), parameters);
        assert!(json.contains("\"image_minimum\"") && json.contains("\"mean_square\""), "{json}");
    }

    #[test]
    fn only_what_a_wanted_method_reads_is_checked() {
        let mut parameters = Parameters::default();
        parameters.ig.steps = 1;
        assert!(parameters.check(&[Method::Grad, Method::Xrai]).is_ok());
        assert!(matches!(parameters.check(&Method::ALL), Err(Error::Parameter { parameter: "ig.steps", .. })));
        parameters.clip_percentile = f64::NAN;
        assert!(parameters.check(&[Method::Grad]).is_err());
    }
}
