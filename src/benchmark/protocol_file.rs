//! Protocols as files, and what can be said against one before anything is opened.

use std::path::Path;

use super::error::{Error, Result};
use super::protocol::{FORMAT, Protocol, Test};
use super::results::metric;
use super::verdict::primary_metric;
use crate::cascade::Order;
use crate::cohort::{CohortOptions, CohortSpec, Fractions, Split};
use crate::saliency::{ClassChoice, Parameters};
use crate::{files, limits};

impl Protocol {
    /// Reads a protocol: JSON when the file ends in `.json`, TOML otherwise. Relative paths in it start at its folder.
    ///
    /// # Errors
    /// When the file cannot be read, a field is missing, unknown or of another kind (the message names line and field),
    /// or [`Protocol::check`] refuses it.
    pub fn open(path: &Path) -> Result<Self> {
        let refuse = |problem: String| Error::ProtocolFile { problem, path: path.to_owned() };
        let text = files::read_text(path, limits::TEXT_BYTES).map_err(|error| refuse(error.to_string()))?;
        let json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
        let mut protocol: Self = if json {
            serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?
        } else {
            toml::from_str(&text).map_err(|error| refuse(told(&error, &text)))?
        };
        protocol.check()?;
        protocol.resolve(path.parent().unwrap_or(Path::new("")));
        Ok(protocol)
    }

    /// Makes relative paths start at `folder`.
    fn resolve(&mut self, folder: &Path) {
        let models = &mut self.models;
        let all = models.classifiers.iter_mut().chain(&mut models.other_architecture).chain(&mut models.localizers);
        for model in all {
            if !model.starts_with("demo:") {
                *model = folder.join(&*model).to_string_lossy().into_owned();
            }
        }
        if let Some(splits) = &mut self.cohort.splits {
            *splits = folder.join(&*splits);
        }
        if let Some((kind @ ("siim" | "rsna" | "nih" | "vindr" | "folder"), path)) = self.cohort.source.split_once(':')
        {
            self.cohort.source = format!("{kind}:{}", folder.join(path).display());
        }
    }

    /// Refuses what makes no sense whatever the files say.
    ///
    /// # Errors
    /// Names the first such field and what would be right.
    pub fn check(&self) -> Result<()> {
        self.check_work()?;
        self.check_limits()
    }

    /// Refuses limits that no map can get beyond: with them a verdict would be known before any data. What is computed does
    /// not depend on them, so that a run that was begun with such a limit can go on.
    ///
    /// # Errors
    /// Names the field and what would be right.
    pub(super) fn check_limits(&self) -> Result<()> {
        let reach = |test: Test| metric::range(primary_metric(test, self.preset)).map_or(1.0, |[_, largest]| largest);
        for test in &self.tests {
            let (reach, margin) = (reach(*test), self.margin);
            if margin >= reach {
                let problem = format!(
                    "is {margin}: the score of {test} reaches {reach} at most, so that no map could lie beyond a limit \
                     with this margin; set it below {reach}, such as 0.05"
                );
                return Err(Error::field("margin", problem));
            }
            let threshold = self.similarity_threshold;
            let is_limit = matches!(test, Test::Repeatability | Test::Reproducibility);
            if is_limit && threshold + margin >= reach {
                let problem = format!(
                    "is {threshold} and `margin` {margin}, together {:.3}: likeness reaches {reach} at most, so that no map \
                     could pass {test}; set it below {:.3} (the study: 0.5), or a smaller margin",
                    threshold + margin,
                    reach - margin
                );
                return Err(Error::field("similarity_threshold", problem));
            }
        }
        Ok(())
    }

    /// [`Protocol::check`] of everything that decides what is computed.
    pub(super) fn check_work(&self) -> Result<()> {
        if self.format != FORMAT {
            return Err(Error::field("format", format!("is {}, and this program reads format {FORMAT}", self.format)));
        }
        if self.tests.is_empty() {
            return Err(Error::field("tests", "is empty: name at least one test"));
        }
        if self.methods.is_empty() {
            return Err(Error::field("methods", "is empty: name at least one method"));
        }
        distinct("tests", &self.tests)?;
        distinct("methods", &self.methods)?;
        distinct("controls", &self.controls)?;
        self.class_choice()?;
        if !(self.alpha > 0.0 && self.alpha < 1.0) {
            return Err(Error::field("alpha", format!("is {}: it must lie between 0 and 1", self.alpha)));
        }
        if !(self.margin > 0.0 && self.margin.is_finite()) {
            return Err(Error::field("margin", format!("is {}: it must be above 0", self.margin)));
        }
        if !(self.similarity_threshold > -1.0 && self.similarity_threshold < 1.0) {
            let problem = format!("is {}: it must lie between -1 and 1", self.similarity_threshold);
            return Err(Error::field("similarity_threshold", problem));
        }
        self.check_numbers()?;
        self.check_models()?;
        self.cohort_spec()?;
        if self.average_mask && self.cohort.split != Split::Test {
            let problem = format!(
                "is on and cohort.split is {}: the images judged would be part of the average mask; judge the test split \
                 or turn it off",
                self.cohort.split
            );
            return Err(Error::field("average_mask", problem));
        }
        let parameters = Parameters::of(self.preset).overridden([self.parameters.clone().into()]);
        let checked = parameters.and_then(|parameters| parameters.check(&self.methods));
        checked.map_err(|error| Error::field("parameters", format!("cannot be used: {error}")))
    }

    fn check_numbers(&self) -> Result<()> {
        let wants = |test: Test| self.tests.contains(&test);
        let similarity = self.tests.iter().any(|test| *test != Test::Utility);
        if wants(Test::Utility) && self.sample.utility == Some(0) {
            return Err(Error::field("sample.utility", "is 0: at least one image is needed, or leave it out for all"));
        }
        if similarity && self.sample.similarity == Some(0) {
            return Err(Error::field(
                "sample.similarity",
                "is 0: at least one image is needed, or leave it out for all",
            ));
        }
        let cohort = &self.cohort;
        if let Some(side) = cohort.phantom_size_px.filter(|side| !limits::PHANTOM_SIDE_PX.contains(*side)) {
            let problem = format!("is {side}: it must be {}", limits::PHANTOM_SIDE_PX);
            return Err(Error::field("cohort.phantom_size_px", problem));
        }
        let most_px = limits::SIDE_PX as usize;
        if let Some(size) = cohort.truth_size_px.filter(|size| size.iter().any(|side| !(1..=most_px).contains(side))) {
            let problem = format!("is {size:?}: its sides must be from 1 to {most_px}");
            return Err(Error::field("cohort.truth_size_px", problem));
        }
        match self.randomization.replicates {
            Some(0) => Err(Error::field("randomization.replicates", "is 0: at least one classifier is randomized")),
            Some(number) if number > self.models.classifiers.len() => {
                let problem = format!("is {number}, but models.classifiers has {}", self.models.classifiers.len());
                Err(Error::field("randomization.replicates", problem))
            }
            _ => Ok(()),
        }
    }

    fn check_models(&self) -> Result<()> {
        let models = &self.models;
        if models.classifiers.is_empty() {
            return Err(Error::field("models.classifiers", "is empty: maps need a classifier"));
        }
        if self.tests.contains(&Test::Repeatability) && models.classifiers.len() < 2 {
            let problem = "has one model: repeatability compares two replicates; add one or leave the test out";
            return Err(Error::field("models.classifiers", problem));
        }
        if self.tests.contains(&Test::Reproducibility) && models.other_architecture.is_none() {
            let problem = "is missing: reproducibility compares two architectures; add it or leave the test out";
            return Err(Error::field("models.other_architecture", problem));
        }
        if models.localizers.len() == 1 && self.tests.iter().any(|test| *test != Test::Utility) {
            let problem =
                "has one model: the high baseline of repeatability compares two; add one, or give an empty list";
            return Err(Error::field("models.localizers", problem));
        }
        distinct("models.classifiers", &models.classifiers)?;
        distinct("models.localizers", &models.localizers)?;
        if self.randomization.order == Order::TopDown || !self.randomization.states.is_empty() {
            distinct("randomization.states", &self.randomization.states)?;
        }
        Ok(())
    }

    /// The class explained.
    ///
    /// # Errors
    /// When `class` names none.
    pub fn class_choice(&self) -> Result<ClassChoice> {
        let problem = || format!("is {:?}: give \"predicted\", \"positive\" or an index such as \"1\"", self.class);
        self.class.parse().map_err(|_| Error::field("class", problem()))
    }

    /// Which radiographs are meant.
    ///
    /// # Errors
    /// When `cohort.source` names none, or fractions are none.
    pub fn cohort_spec(&self) -> Result<(CohortSpec, CohortOptions)> {
        let cohort = &self.cohort;
        let spec = cohort.source.parse().map_err(|error| {
            Error::field("cohort.source", format!("is {:?}: {error}", redacted_source(&cohort.source)))
        })?;
        let usual = Fractions::default();
        for (field, fraction) in [("validation", cohort.validation_fraction), ("test", cohort.test_fraction)] {
            if let Some(fraction) = fraction.filter(|fraction| !(0.0..=1.0).contains(fraction)) {
                let field = format!("cohort.{field}_fraction");
                return Err(Error::field(field, format!("is {fraction}: it must be from 0 to 1")));
            }
        }
        let options = CohortOptions {
            task: cohort.task.clone(),
            findings: Vec::new(),
            splits: cohort.splits.clone(),
            seed: cohort.split_seed,
            fractions: Fractions {
                val: cohort.validation_fraction.unwrap_or(usual.val),
                test: cohort.test_fraction.unwrap_or(usual.test),
            },
            third_class: cohort.third_class,
            readers: cohort.readers.clone().unwrap_or_default(),
            truth_size_px: cohort.truth_size_px,
            labels_suffice: false,
            phantom_size_px: cohort.phantom_size_px.unwrap_or(CohortOptions::default().phantom_size_px),
        };
        Ok((spec, options))
    }

    /// The same without folders, for results that leave the machine and for comparing runs on several machines: of a
    /// cohort its kind, of a model its file's name.
    #[must_use]
    pub fn without_paths(&self) -> Self {
        let mut protocol = self.clone();
        protocol.cohort.source = redacted_source(&self.cohort.source);
        if let Some(splits) = &mut protocol.cohort.splits {
            *splits = "given".into();
        }
        let models = &mut protocol.models;
        let all = models.classifiers.iter_mut().chain(&mut models.other_architecture).chain(&mut models.localizers);
        for model in all {
            if let Some(name) = Path::new(&*model).file_name() {
                *model = name.to_string_lossy().into_owned();
            }
        }
        protocol
    }
}

/// What is wrong with a TOML file, with line and content, in one line.
fn told(error: &toml::de::Error, text: &str) -> String {
    let message = error.message().replace('\n', ", ");
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else { return message };
    let line = before.matches('\n').count();
    let content = text.lines().nth(line).unwrap_or_default().trim();
    format!("line {}, `{content}`: {message}", line + 1)
}

fn redacted_source(source: &str) -> String {
    match source.split_once(':') {
        Some((kind @ ("siim" | "rsna" | "nih" | "vindr" | "folder"), _)) => kind.to_owned(),
        _ => source.to_owned(),
    }
}

fn distinct<T: PartialEq + std::fmt::Debug>(field: &str, values: &[T]) -> Result<()> {
    let twice = values.iter().enumerate().find(|(index, value)| values[..*index].contains(value));
    match twice {
        Some((index, _)) => Err(Error::field(format!("{field}[{index}]"), "is there twice: name each once")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saliency::Preset;

    fn refused(change: impl FnOnce(&mut Protocol)) -> String {
        let mut protocol = Protocol::of(Preset::Arun2021);
        change(&mut protocol);
        protocol.check().unwrap_err().to_string()
    }

    #[test]
    fn each_refusal_names_the_field_and_the_cure() {
        assert!(Protocol::of(Preset::Arun2021).check().is_ok() && Protocol::of(Preset::Recommended).check().is_ok());
        let told = [
            (refused(|p| p.format = 2), "`format` is 2"),
            (refused(|p| p.tests.clear()), "`tests` is empty"),
            (refused(|p| p.tests.push(Test::Utility)), "`tests[4]` is there twice"),
            (refused(|p| p.methods.clear()), "`methods` is empty"),
            (refused(|p| p.class = "finding".to_owned()), "`class` is \"finding\""),
            (refused(|p| p.alpha = 1.0), "`alpha` is 1"),
            (refused(|p| p.margin = f64::NAN), "`margin` is NaN"),
            (refused(|p| p.similarity_threshold = 1.5), "`similarity_threshold`"),
            (
                refused(|p| p.similarity_threshold = 0.95),
                "`similarity_threshold` is 0.95 and `margin` 0.05, together 1.000",
            ),
            (refused(|p| p.margin = 0.6), "set it below 0.400 (the study: 0.5), or a smaller margin"),
            (refused(|p| p.margin = 1.0), "`margin` is 1: the score of utility reaches 1 at most"),
            (refused(|p| p.sample.utility = Some(0)), "`sample.utility` is 0"),
            (refused(|p| p.sample.similarity = Some(0)), "`sample.similarity` is 0"),
            (refused(|p| p.randomization.replicates = Some(4)), "`randomization.replicates` is 4"),
            (refused(|p| p.models.classifiers.truncate(1)), "repeatability compares two replicates"),
            (refused(|p| p.models.other_architecture = None), "reproducibility compares two architectures"),
            (refused(|p| p.models.localizers.truncate(1)), "`models.localizers` has one model"),
            (refused(|p| p.models.localizers[1] = p.models.localizers[0].clone()), "`models.localizers[1]`"),
            (refused(|p| p.cohort.source = "/data/siim".to_owned()), "`cohort.source`"),
            (refused(|p| p.cohort.test_fraction = Some(2.0)), "`cohort.test_fraction` is 2"),
            (refused(|p| p.cohort.split = Split::Train), "part of the average mask"),
            (
                refused(|p| {
                    p.parameters.insert("sg".to_owned(), serde_json::json!({"sample": 3}));
                }),
                "`parameters` cannot be used: there is no parameter sg.sample",
            ),
        ];
        for (message, words) in told {
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn a_limit_counts_for_the_tests_that_have_it() {
        let mut protocol = Protocol::of(Preset::Recommended);
        protocol.similarity_threshold = 0.94;
        assert!(protocol.check().is_ok(), "0.99 can be exceeded");
        protocol.margin = 0.6;
        assert!(protocol.check().is_err());
        protocol.tests = vec![Test::Utility, Test::Randomization];
        assert!(protocol.check().is_ok(), "no test compares with the threshold");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.toml");
        let toml = Protocol::of(Preset::Recommended).to_commented_toml().unwrap();
        std::fs::write(&path, toml.replace("margin = 0.05", "margin = 0.5")).unwrap();
        let refused = Protocol::open(&path).unwrap_err().to_string();
        assert!(refused.contains("`similarity_threshold`") && refused.contains("smaller margin"), "{refused}");
    }

    #[test]
    fn files_that_are_no_protocol_name_line_and_field() {
        let folder = tempfile::tempdir().unwrap();
        let whole = Protocol::of(Preset::Arun2021);
        let refused = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            Protocol::open(&path).unwrap_err().to_string()
        };
        let toml = whole.to_commented_toml().unwrap();
        let told = refused("p.toml", &toml.replace("alpha = 0.05", "alpha = \"small\""));
        assert!(told.contains("`alpha = \"small\"`: invalid type"), "{told}");
        let told = refused("p.toml", &toml.replace("alpha = ", "alfa = "));
        assert!(told.contains("unknown field `alfa`") && !told.contains('\n'), "{told}");
        let json = serde_json::to_string(&whole).unwrap();
        let told = refused("p.json", &json.replace("\"utility\"", "\"utility!\""));
        assert!(told.contains("unknown variant `utility!`"), "{told}");
        assert!(Protocol::open(&folder.path().join("none.toml")).is_err());
        std::fs::write(folder.path().join("p.json"), json).unwrap();
        let read = Protocol::open(&folder.path().join("p.json")).unwrap();
        assert!(read.models.classifiers[0].starts_with(folder.path().to_str().unwrap()), "paths start at the file");
    }

    #[test]
    fn no_folder_leaves_with_a_protocol() {
        let mut protocol = Protocol::of(Preset::Arun2021);
        protocol.resolve(Path::new("/home/somebody"));
        assert!(protocol.cohort.source.contains("somebody") && protocol.models.localizers[0].contains("somebody"));
        let json = serde_json::to_string(&protocol.without_paths()).unwrap();
        assert!(!json.contains("somebody") && json.contains("u_net_1.safetensors"), "{json}");
    }
}
