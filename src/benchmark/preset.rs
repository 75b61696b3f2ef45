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
}

#[cfg(test)]
mod tests {
    use super::*;

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
