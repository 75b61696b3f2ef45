//! Parameters from a JSON file and from `--set`, laid over those of a preset.

use std::path::Path;

use serde_json::{Map, Value};

use super::error::{Error, Result};
use crate::saliency::Parameters;
use crate::{files, limits};

/// `parameters` with the values of a JSON file and then of settings such as `SG.samples=10`.
pub(super) fn overridden(parameters: &Parameters, file: Option<&Path>, settings: &[String]) -> Result<Parameters> {
    if file.is_none() && settings.is_empty() {
        return Ok(parameters.clone());
    }
    let mut patches = Vec::new();
    if let Some(path) = file {
        let problem = |problem: String| Error::File { what: "the parameter file", problem, path: path.to_owned() };
        let text = files::read(path, limits::TEXT_BYTES).map_err(|error| problem(error.to_string()))?;
        patches.push(serde_json::from_slice(&text).map_err(|error| problem(error.to_string()))?);
    }
    for setting in settings {
        patches.push(parsed(setting)?);
    }
    parameters.overridden(patches).map_err(|error| Error::Usage(error.to_string()))
}

/// `SG.samples=10` as `{"sg": {"samples": 10}}`; what is no JSON is a string.
fn parsed(setting: &str) -> Result<Value> {
    let (path, value) = setting
        .split_once('=')
        .filter(|(path, _)| !path.trim().is_empty())
        .ok_or_else(|| Error::Usage(format!("{setting:?} sets nothing: write NAME=VALUE, such as SG.samples=10")))?;
    let value = value.trim();
    let leaf = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    let keys = path.trim().to_lowercase();
    Ok(keys.split('.').rev().fold(leaf, |inner, key| Value::Object(Map::from_iter([(key.to_owned(), inner)]))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saliency::Baseline;

    fn set(settings: &[&str]) -> Result<Parameters> {
        let settings: Vec<String> = settings.iter().map(|setting| (*setting).to_owned()).collect();
        overridden(&Parameters::default(), None, &settings)
    }

    #[test]
    fn settings_reach_every_depth_and_kind() {
        let parameters = set(&["SG.samples=3", "sig.noise.samples = 4", "ig.baseline=image_minimum"]).unwrap();
        assert_eq!((parameters.sg.samples, parameters.sig.noise.samples), (3, 4));
        assert_eq!(parameters.ig.baseline, Baseline::ImageMinimum);
        let parameters = set(&["IG.baseline.channels=[0.5, 1, 1]", "gcam.node=Mixed_7b"]).unwrap();
        assert_eq!(parameters.ig.baseline, Baseline::Channels(vec![0.5, 1.0, 1.0]));
        assert_eq!(parameters.gcam.node.as_deref(), Some("Mixed_7b"));
        assert_eq!(parameters.sg, Parameters::default().sg);
    }

    #[test]
    fn nonsense_is_told_as_usage() {
        for (setting, told) in [
            ("sg.sample=3", "there is no parameter sg.sample, only"),
            ("sg=3", "sg is a group of parameters"),
            ("sg.samples=many", "the parameters do not fit"),
            ("sg.samples", "sets nothing"),
            ("=3", "sets nothing"),
        ] {
            let error = set(&[setting]).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(told), "{error}");
        }
    }

    #[test]
    fn a_file_is_laid_over_and_settings_over_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), r#"{"sg": {"samples": 7, "sigma_fraction": 0.2}}"#).unwrap();
        let parameters = overridden(&Parameters::default(), Some(file.path()), &["sg.samples=9".to_owned()]).unwrap();
        assert_eq!((parameters.sg.samples, parameters.sg.sigma_fraction), (9, 0.2));
        std::fs::write(file.path(), "[").unwrap();
        assert_eq!(overridden(&Parameters::default(), Some(file.path()), &[]).unwrap_err().exit_code(), 1);
    }
}
