//! Protocols to start from.

use super::protocol::{
    CohortSection, Control, FORMAT, ModelSection, Protocol, RandomizationSection, SampleSection, SeedSection, Test,
};
use crate::cascade::Order;
use crate::cohort::{Split, ThirdClass, TruthRule};
use crate::demo;
use crate::saliency::{Method, Preset};
use crate::truth::Task;

/// Images of the study's randomization, repeatability and reproducibility tests.
pub const STUDY_SAMPLE: usize = 100;

/// Phantoms of the demo run.
const DEMO_PHANTOMS: usize = 320;

/// Positive images of the demo run's similarity tests; the study saw [`STUDY_SAMPLE`].
pub const DEMO_SIMILARITY: usize = 8;

impl Protocol {
    /// What `preset` does, with places for the cohort and the models to fill in.
    pub fn of(preset: Preset) -> Self {
        let study = preset == Preset::Arun2021;
        Self {
            format: FORMAT,
            preset,
            tests: Test::ALL.to_vec(),
            methods: Method::STUDY.to_vec(),
            class: preset.class().to_string(),
            controls: Control::ALL.to_vec(),
            average_mask: true,
            keep_maps: true,
            alpha: 0.05,
            margin: 0.05,
            similarity_threshold: 0.5,
            cohort: CohortSection {
                source: "siim:siim-acr".to_owned(),
                task: None,
                split: Split::Test,
                splits: None,
                split_seed: 0,
                validation_fraction: None,
                test_fraction: None,
                third_class: ThirdClass::Exclude,
                readers: None,
                truth_size_px: None,
                phantom_size_px: None,
                truth_rule: if study { TruthRule::Study } else { TruthRule::AreaExact },
            },
            models: ModelSection {
                classifiers: (1..=3).map(|replicate| format!("inception_v3_{replicate}.safetensors")).collect(),
                other_architecture: Some("densenet_121.safetensors".to_owned()),
                localizers: (1..=2).map(|replicate| format!("u_net_{replicate}.safetensors")).collect(),
            },
            sample: SampleSection { utility: None, similarity: Some(STUDY_SAMPLE), classification: None },
            randomization: RandomizationSection { order: Order::TopDown, states: Vec::new(), replicates: None },
            seeds: SeedSection::default(),
            parameters: serde_json::Map::new(),
        }
    }

    /// The same on phantoms with the networks that are part of the program, which know pneumothorax and pneumonia: every test,
    /// method and parameter, on fewer images.
    pub fn demo(preset: Preset, task: Task) -> Self {
        let mut protocol = Self::of(preset);
        protocol.cohort.source = format!("phantom:{}:{DEMO_PHANTOMS}", demo::SEED);
        let names = |architecture: &str| -> Vec<String> {
            let start = format!("{task}_{architecture}_");
            let of = demo::MODELS.iter().filter(|model| model.name.starts_with(&start));
            of.map(|model| format!("demo:{}", model.name)).collect()
        };
        protocol.models = ModelSection {
            classifiers: names("inception_v3"),
            other_architecture: names("densenet_121").pop(),
            localizers: [names("u_net"), names("retina_net")].concat(),
        };
        protocol.cohort.task = Some(task);
        protocol.sample.similarity = Some(DEMO_SIMILARITY);
        protocol
    }

    /// The protocol as a TOML file that says what each field is for.
    ///
    /// # Errors
    /// When a parameter cannot be written as TOML, such as `null`.
    pub fn to_commented_toml(&self) -> Result<String, toml::ser::Error> {
        let plain = toml::to_string(self)?;
        let mut text = String::from(HEAD);
        let mut section = String::new();
        for line in plain.lines() {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                let root = name.split('.').next().unwrap_or(name);
                if section.split('.').next() != Some(root) {
                    push_comments(&mut text, root, "");
                }
                name.clone_into(&mut section);
            } else if let Some((key, _)) = line.split_once(" = ") {
                push_comments(&mut text, &section, key);
            }
            text.push_str(line);
            text.push('\n');
        }
        Ok(text)
    }
}

const HEAD: &str = "\
# What a benchmark does: saliscope benchmark run --protocol THIS --out FOLDER
# Research use - not for diagnosis.

";

/// What is said above a field; an empty key stands for the head of a section.
const COMMENTS: &[(&str, &str, &str)] = &[
    ("", "format", "Layout of this file."),
    ("", "preset", "arun2021 does what the study did, quirks included; recommended avoids what misleads."),
    ("", "tests", "Any of utility, randomization, repeatability, reproducibility."),
    ("", "methods", "Any of GRAD, SG, IG, SIG, GCAM, XRAI, GBP, GGCAM."),
    (
        "",
        "class",
        "The logit explained: \"predicted\" (the study), \"positive\" (recommended) or an index such as \"1\".",
    ),
    ("", "controls", "Maps that know nothing of the model, as rows of their own."),
    ("", "average_mask", "The mean of all training and validation masks as the row AVG."),
    ("", "keep_maps", "Keep every map (16-bit floating point, compressed), so that reports can show them."),
    ("", "alpha", "Level of significance, two-sided."),
    ("", "margin", "A difference of means below this does not matter: the margin of equivalence, below 1."),
    (
        "",
        "similarity_threshold",
        "Structural similarity above which maps count as repeatable (the study's 0.5); with the margin below 1.",
    ),
    ("cohort", "", "The radiographs."),
    ("cohort", "source", "siim:DIR, rsna:DIR, nih:DIR, vindr:DIR, folder:DIR or phantom:SEED[:COUNT]."),
    ("cohort", "split", "The split whose positive images are judged; the others make AVG."),
    ("cohort", "splits", "A CSV file of splits in the authors' form."),
    ("cohort", "split_seed", "Seed of drawn splits, where no file gives them."),
    ("cohort", "third_class", "RSNA's No Lung Opacity / Not Normal: exclude or include."),
    ("cohort", "truth_rule", "How marks become pixels: study, or area_exact (at least half of a pixel is marked)."),
    ("models", "", "Weights files with their cards beside them, or demo:NAME."),
    ("models", "classifiers", "Replicates of one architecture; two for repeatability, the study had three."),
    ("models", "other_architecture", "A classifier of another architecture, for reproducibility."),
    ("models", "localizers", "U-Nets (masks) or RetinaNets (boxes): the high baseline; two of them are also compared."),
    ("sample", "", "Positive images a test sees, drawn by seeds.sample; a number that is left out means all."),
    ("sample", "similarity", "For randomization, repeatability and reproducibility; the study's 100."),
    ("randomization", "", "The cascade of randomizations."),
    ("randomization", "order", "top-down (the study), bottom-up or independent."),
    (
        "randomization",
        "states",
        "States beside the original, such as [\"Logits\", \"8\", \"1\"]; empty: all of the preset.",
    ),
    ("seeds", "", "Everything that is drawn follows from these."),
    ("parameters", "", "Parameters of methods that differ from the preset's."),
];

fn push_comments(text: &mut String, section: &str, key: &str) {
    let found = COMMENTS.iter().find(|(of, name, _)| *of == section && *name == key);
    if let Some((_, _, comment)) = found {
        text.push_str("# ");
        text.push_str(comment);
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commented_file_reads_back_and_every_comment_is_used() {
        for preset in Preset::ALL {
            for protocol in [
                Protocol::of(preset),
                Protocol::demo(preset, Task::PNEUMOTHORAX),
                Protocol::demo(preset, Task::PNEUMONIA),
            ] {
                let text = protocol.to_commented_toml().unwrap();
                assert_eq!(toml::from_str::<Protocol>(&text).unwrap(), protocol);
            }
        }
        let mut full = Protocol::of(Preset::Arun2021);
        full.cohort.splits = Some("splits.csv".into());
        full.parameters.insert("sg".to_owned(), serde_json::json!({"samples": 10}));
        let text = full.to_commented_toml().unwrap();
        for (_, _, comment) in COMMENTS {
            assert!(text.contains(comment), "{comment}");
        }
    }

    #[test]
    fn the_presets_are_those_of_the_study_and_what_it_should_have_been() {
        let study = Protocol::of(Preset::Arun2021);
        assert_eq!((study.class.as_str(), study.cohort.truth_rule), ("predicted", TruthRule::Study));
        assert_eq!(study.sample.similarity, Some(100));
        let recommended = Protocol::of(Preset::Recommended);
        assert_eq!((recommended.class.as_str(), recommended.cohort.truth_rule), ("positive", TruthRule::AreaExact));
        assert_eq!(Protocol::demo(Preset::Arun2021, Task::PNEUMONIA).models.classifiers.len(), 3);
    }
}
