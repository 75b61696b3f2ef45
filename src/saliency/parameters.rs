//! Every parameter of every method, and the presets that name their defaults.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use super::methods::{Method, Occlusion};
use super::request::ClassChoice;
use super::xrai;
use crate::limits;

/// A named set of defaults. What is meant where nobody names one, in every command and in the window, is [`Preset::default`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// What Arun et al. 2021 did, quirks included: the predicted class is explained.
    Arun2021,
    /// The same maps of the positive class, so that a missed finding is not scored on the map of "normal".
    #[default]
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
    /// The mean of each channel of the image.
    ImageMean,
    /// This gray level of a radiograph, 0 to 255, scaled as the model's card says.
    Gray(f32),
}

impl Baseline {
    /// Whether it is one for images of so many channels.
    pub fn fits(&self, channels: usize) -> bool {
        !matches!(self, Self::Channels(values) if values.len() != channels)
    }
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

/// The tensor that class activation maps weight: GCAM, the GCAM inside GGCAM, and their kin.
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
    /// GCAM, GGCAM and their kin.
    pub gcam: GradCam,
    /// XRAI.
    pub xrai: Xrai,
    /// OCCLUSION; left out of files where it is as usual, so that those of runs without it are what they were.
    #[serde(skip_serializing_if = "Occlusion::is_usual")]
    pub occlusion: Occlusion,
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
                    occlusion: Occlusion::default(),
                    clip_percentile: 99.0,
                }
            }
        }
    }

    /// The same parameters for images of so many channels: baselines for another number give way to those of `usual`.
    #[must_use]
    pub fn for_channels(mut self, channels: usize, usual: &Self) -> Self {
        for (baseline, usual) in [
            (&mut self.ig.baseline, &usual.ig.baseline),
            (&mut self.sig.path.baseline, &usual.sig.path.baseline),
            (&mut self.occlusion.fill, &usual.occlusion.fill),
        ] {
            if !baseline.fits(channels) {
                baseline.clone_from(usual);
            }
        }
        if !self.xrai.baselines.iter().all(|baseline| baseline.fits(channels)) {
            self.xrai.baselines.clone_from(&usual.xrai.baselines);
        }
        self
    }

    /// Every parameter with its value, which is where others can be laid over them.
    pub(super) fn places(&self) -> serde_json::Result<serde_json::Value> {
        let mut places = serde_json::to_value(self)?;
        places["occlusion"] = serde_json::to_value(&self.occlusion)?;
        Ok(places)
    }

    /// The parameters of those of `methods` that the study did not test; files that list all parameters name them apart.
    pub fn beyond_study(&self, methods: &[Method]) -> BTreeMap<Method, MethodParameters> {
        let beyond = methods.iter().filter(|method| !method.is_of_study());
        beyond.map(|method| (*method, self.used_by(*method))).collect()
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
        methods.iter().try_for_each(|method| (method.spec().check)(self))
    }

    /// The part of the parameters that `method` reads.
    pub fn used_by(&self, method: Method) -> MethodParameters {
        (method.spec().used)(self)
    }
}

/// Parameters that belong together, to be changed.
#[derive(Debug)]
pub enum ParameterGroup<'a> {
    /// Noisy copies.
    Noise(&'a mut SmoothGrad),
    /// A path.
    Path(&'a mut IntegratedGradients),
    /// The node whose output is weighted.
    Node(&'a mut GradCam),
    /// Paths and segments.
    Segments(&'a mut Xrai),
    /// Patches.
    Occlusion(&'a mut Occlusion),
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
    /// Class activation maps.
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
    /// OCCLUSION.
    Occlusion {
        /// The patches.
        occlusion: Occlusion,
        /// Percentile at which the display map is clipped.
        clip_percentile: f64,
    },
}

impl MethodParameters {
    /// The noisy copies, where the method draws some.
    pub fn noise(&self) -> Option<&SmoothGrad> {
        match self {
            Self::SmoothGrad { noise, .. } | Self::SmoothIntegratedGradients { noise, .. } => Some(noise),
            Self::Plain { .. }
            | Self::IntegratedGradients { .. }
            | Self::GradCam { .. }
            | Self::Xrai { .. }
            | Self::Occlusion { .. } => None,
        }
    }

    /// The constant images that it reads.
    pub fn baselines(&self) -> Vec<&Baseline> {
        match self {
            Self::IntegratedGradients { path, .. } | Self::SmoothIntegratedGradients { path, .. } => {
                vec![&path.baseline]
            }
            Self::Xrai { xrai, .. } => xrai.baselines.iter().collect(),
            Self::Occlusion { occlusion, .. } => vec![&occlusion.fill],
            Self::Plain { .. } | Self::SmoothGrad { .. } | Self::GradCam { .. } => Vec::new(),
        }
    }

    /// The parameters in a few words, given the node whose output was weighted.
    pub fn in_short(&self, node: Option<&str>) -> String {
        match self {
            Self::Plain { .. } => String::new(),
            Self::SmoothGrad { noise, .. } => noise.in_short(),
            Self::IntegratedGradients { path, .. } => path.in_short(),
            Self::SmoothIntegratedGradients { noise, path, .. } => {
                format!("{}; {}", noise.in_short(), path.in_short())
            }
            Self::GradCam { .. } => node.map(|node| format!("at {node}")).unwrap_or_default(),
            Self::Xrai { xrai, .. } => {
                let ends: Vec<String> = xrai.baselines.iter().map(Baseline::in_short).collect();
                format!("{} steps from each of {}", xrai.ig_steps, ends.join(", "))
            }
            Self::Occlusion { occlusion: Occlusion { patch_px, stride_px, fill }, .. } => {
                format!("{patch_px} px every {stride_px} px, covered by {}", fill.in_short())
            }
        }
    }
}

impl SmoothGrad {
    fn in_short(&self) -> String {
        let sum = match self.aggregate {
            Aggregate::MeanSquare => "squares",
            Aggregate::Mean => "mean",
        };
        format!("{} copies, σ {} of the range, {sum}", self.samples, self.sigma_fraction)
    }
}

impl IntegratedGradients {
    fn in_short(&self) -> String {
        format!("{} steps from {}", self.steps, self.baseline.in_short())
    }
}

impl Baseline {
    fn in_short(&self) -> String {
        match self {
            Self::Value(value) => value.to_string(),
            Self::Channels(values) => {
                let values: Vec<String> = values.iter().map(|value| format!("{value:.2}")).collect();
                format!("({})", values.join(", "))
            }
            Self::ImageMinimum => "the image's minimum".to_owned(),
            Self::ImageMaximum => "the image's maximum".to_owned(),
            Self::ImageMean => "the image's mean".to_owned(),
            Self::Gray(gray) => format!("gray {gray}"),
        }
    }
}

impl Aggregate {
    /// What an array of so combined copies is called behind the name of its method.
    pub(super) fn array_suffix(self) -> &'static str {
        match self {
            Self::MeanSquare => "mean_square",
            Self::Mean => "mean",
        }
    }
}

/// The refusal of a parameter.
pub(super) fn refuse(parameter: &'static str, value: impl fmt::Display, accepted: impl fmt::Display) -> Error {
    Error::Parameter { parameter, value: value.to_string(), accepted: accepted.to_string() }
}

/// Refuses numbers of noisy copies; `samples` and `sigma` are what they are called.
pub(super) fn check_noise(noise: &SmoothGrad, samples: &'static str, sigma: &'static str) -> Result<()> {
    if !limits::SAMPLES.contains(noise.samples) {
        return Err(refuse(samples, noise.samples, limits::SAMPLES));
    }
    if !limits::SIGMA_FRACTION.contains(noise.sigma_fraction) {
        return Err(refuse(sigma, noise.sigma_fraction, limits::SIGMA_FRACTION));
    }
    Ok(())
}

/// Refuses a number of passes that is a product of two others.
pub(super) fn check_passes(product: &'static str, one: usize, other: usize) -> Result<()> {
    match one.checked_mul(other) {
        Some(passes) if passes <= limits::PASSES => Ok(()),
        _ => Err(refuse(product, format!("{one} x {other}"), format!("at most {} passes", limits::PASSES))),
    }
}

/// Refuses numbers of a path; the names are what they are called.
pub(super) fn check_path(
    steps: usize,
    steps_name: &'static str,
    baseline: &Baseline,
    baseline_name: &'static str,
) -> Result<()> {
    if !limits::PATH_STEPS.contains(steps) {
        return Err(refuse(steps_name, steps, format!("{}, the two ends of the path among them", limits::PATH_STEPS)));
    }
    check_baseline(baseline, baseline_name)
}

/// Refuses numbers of a baseline; `name` is what it is called.
pub(super) fn check_baseline(baseline: &Baseline, name: &'static str) -> Result<()> {
    let finite = match baseline {
        Baseline::Gray(gray) if !(0.0..=255.0).contains(gray) => {
            return Err(refuse(name, format!("gray {gray}"), "a gray level from 0 to 255"));
        }
        Baseline::Value(value) => value.is_finite(),
        Baseline::Channels(values) => !values.is_empty() && values.iter().all(|value| value.is_finite()),
        Baseline::ImageMinimum | Baseline::ImageMaximum | Baseline::ImageMean | Baseline::Gray(_) => true,
    };
    if finite { Ok(()) } else { Err(refuse(name, format!("{baseline:?}"), "one or more finite numbers")) }
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
    fn files_name_occlusion_only_where_somebody_chose_something() {
        let usual = Parameters::default();
        let json = serde_json::to_string(&usual).unwrap();
        assert!(!json.contains("occlusion"), "{json}");
        let chosen = usual.overridden([serde_json::json!({"occlusion": {"patch_px": 8, "stride_px": 4}})]).unwrap();
        assert_eq!((chosen.occlusion.patch_px, chosen.occlusion.stride_px), (8, 4));
        assert_eq!(chosen.occlusion.fill, usual.occlusion.fill);
        let json = serde_json::to_string(&chosen).unwrap();
        assert_eq!(serde_json::from_str::<Parameters>(&json).unwrap(), chosen);
        let refused = usual.overridden([serde_json::json!({"occlusion": {"patch": 8}})]).unwrap_err().to_string();
        assert!(refused.contains("occlusion.patch, only"), "{refused}");
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
