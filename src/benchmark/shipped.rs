//! What the benchmark found for the networks that are part of the program, so that their maps have trust cards before
//! anybody has run it.
//!
//! `assets/benchmark/make.sh` makes the files again from the protocols beside them.

use std::sync::LazyLock;

use super::verdict::TrustFile;

static FILES: [&[u8]; 2] = [
    include_bytes!("../../assets/benchmark/pneumothorax.json"),
    include_bytes!("../../assets/benchmark/pneumonia.json"),
];

static SHIPPED: LazyLock<Vec<TrustFile>> = LazyLock::new(|| {
    // A test reads both; a card that cannot be read is no card.
    let read = |bytes: &&[u8]| {
        let mut file = TrustFile::parsed(bytes).ok()?;
        file.is_shipped = true;
        Some(file)
    };
    FILES.iter().filter_map(read).collect()
});

/// The cards of runs on generated images alone, one file a finding.
pub fn shipped_trust() -> &'static [TrustFile] {
    &SHIPPED
}

#[cfg(test)]
mod tests {
    use super::{FILES, shipped_trust};
    use crate::benchmark::verdict::{FEW_IMAGES, TrustCard};
    use crate::demo;
    use crate::network::ModelKind;
    use crate::saliency::{Method, Preset};

    #[test]
    fn every_classifier_of_the_program_has_a_card_for_every_method_of_the_study() {
        assert_eq!(shipped_trust().len(), FILES.len(), "both are read");
        for demo in &demo::MODELS {
            let model = demo.open().unwrap();
            if model.card.kind != ModelKind::Classifier {
                continue;
            }
            // The run of pneumonia randomizes one replicate alone, so that its third takes part in no test, and says so.
            let is_tested = demo.name != "pneumonia_inception_v3_3";
            for method in Method::STUDY {
                let mut cards = shipped_trust().iter().filter_map(|file| file.find(&model.sha256, method.name()));
                assert_eq!(cards.next().map(TrustCard::is_tested), Some(is_tested), "{method} on {}", demo.name);
            }
        }
    }

    #[test]
    fn the_runs_behind_them_are_whole_and_large_enough_for_a_verdict() {
        for file in shipped_trust() {
            assert_eq!((file.units[0], file.preset), (file.units[1], Preset::Recommended), "{}", file.run_id);
            assert!(file.images.is_some_and(|[fewest, _]| fewest >= FEW_IMAGES), "{:?}", file.images);
            assert!(file.origin().starts_with("shipped with the program"), "{}", file.origin());
        }
    }
}
