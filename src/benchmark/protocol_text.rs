//! A protocol as a file that says all it can say.

use std::fmt::Write as _;

use super::protocol::Protocol;
use crate::saliency::{Parameters, Preset};

const HEAD: &str = "\
# What a benchmark does: saliscope benchmark run --protocol THIS --out FOLDER
# What it costs: saliscope benchmark cost --protocol THIS
# Fields behind a # are left out: take it away to give them. Parameters stand there with the values of the preset.
# Research use - not for diagnosis.

";

/// What is said above a field; an empty key stands for the head of a section.
const COMMENTS: &[(&str, &str, &str)] = &[
    ("", "format", "Layout of this file."),
    ("", "preset", "arun2021 does what the study did, quirks included; recommended avoids what misleads."),
    ("", "tests", "Any of utility (needs masks or boxes), randomization, repeatability, reproducibility."),
    ("", "methods", "Any of GRAD, SG, IG, SIG, GCAM, XRAI, GBP, GGCAM (the study's), LAYERCAM, HIRESCAM, OCCLUSION."),
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
    ("cohort", "split_seed", "Seed of drawn splits, where no file gives them."),
    ("cohort", "third_class", "RSNA's No Lung Opacity / Not Normal: exclude or include."),
    ("cohort", "truth_rule", "How marks become pixels: study, or area_exact (at least half of a pixel is marked)."),
    ("models", "", "Weights files with their cards beside them, or demo:NAME."),
    ("models", "classifiers", "Replicates of one architecture; two for repeatability, the study had three."),
    ("models", "localizers", "U-Nets (masks) or RetinaNets (boxes): the high baseline; two of them are also compared."),
    ("sample", "", "Positive images a test sees, drawn by seeds.sample; a number that is left out means all."),
    ("randomization", "", "The cascade of randomizations."),
    ("randomization", "order", "top-down (the study), bottom-up or independent."),
    (
        "randomization",
        "states",
        "States beside the original, such as [\"Logits\", \"8\", \"1\"]; empty: all of the preset.",
    ),
    ("seeds", "", "Everything that is drawn follows from these."),
];

/// Fields that may be left out: section, key, what is shown where it is, what is said above it.
const OPTIONAL: &[(&str, &str, &str, &str)] = &[
    (
        "cohort",
        "task",
        "\"pneumothorax\"",
        "The finding: a column of labels.csv or a name in it, however spelled; pneumothorax or pneumonia of phantoms.",
    ),
    (
        "cohort",
        "splits",
        "\"splits.csv\"",
        "A CSV file of splits in the authors' form (columns Image_ID and Split); else one in the folder, or drawn.",
    ),
    ("cohort", "validation_fraction", "0.09", "Part of the images for validation in drawn splits."),
    ("cohort", "test_fraction", "0.1", "Part of the images for testing in drawn splits."),
    (
        "cohort",
        "readers",
        "\"union\"",
        "VinDr-CXR, several readers an image: union, majority or one, such as \"reader:R9\".",
    ),
    (
        "cohort",
        "truth_size_px",
        "[1024, 1024]",
        "Rows and columns of the images that masks and boxes were drawn on, where the files are resized copies.",
    ),
    ("cohort", "phantom_size_px", "320", "Side of generated radiographs."),
    (
        "models",
        "other_architecture",
        "\"densenet_121.safetensors\"",
        "A classifier of another architecture, for reproducibility.",
    ),
    ("sample", "utility", "100", "For utility."),
    ("sample", "similarity", "100", "For randomization, repeatability and reproducibility; the study's 100."),
    ("sample", "classification", "1000", "Images of either label by which classifiers are judged; 0 for none."),
    ("randomization", "replicates", "3", "How many of the classifiers are randomized."),
];

/// Sections in the order of the file; fields of none come first.
const SECTIONS: [&str; 6] = ["", "cohort", "models", "sample", "randomization", "seeds"];

impl Protocol {
    /// The protocol as a TOML file that says what each field is for, with the fields and the parameters of its methods that
    /// are left out as comments.
    ///
    /// # Errors
    /// When a parameter cannot be written as TOML, such as `null`.
    pub fn to_commented_toml(&self) -> Result<String, toml::ser::Error> {
        let mut bare = self.clone();
        bare.parameters.clear();
        let plain = toml::to_string(&bare)?;
        // Writing to a string cannot fail, here and below.
        let mut text = String::from(HEAD);
        for section in SECTIONS {
            let lines = lines_of(&plain, section);
            if !section.is_empty() {
                text.push('\n');
                push_comment(&mut text, comment(section, ""));
                let _ = writeln!(text, "[{section}]");
            }
            for line in &lines {
                let key = line.split_once(" = ").map_or("", |(key, _)| key);
                push_comment(&mut text, comment(section, key));
                text.push_str(line);
                text.push('\n');
            }
            let has = |key: &str| lines.iter().any(|line| line.split_once(" = ").is_some_and(|(own, _)| own == key));
            for (_, key, shown, words) in OPTIONAL.iter().filter(|(of, key, ..)| *of == section && !has(key)) {
                push_comment(&mut text, Some(words));
                let _ = writeln!(text, "# {key} = {shown}");
            }
        }
        self.push_parameters(&mut text)?;
        Ok(text)
    }

    /// The parameters that differ from the preset's, and as comments those that do not.
    fn push_parameters(&self, text: &mut String) -> Result<(), toml::ser::Error> {
        text.push_str("\n# Parameters of the methods, each with the preset's value.\n[parameters]\n");
        let usual = Parameters::of(self.preset);
        let mut given = self.parameters.clone();
        for place in usual.places_of(&self.methods) {
            let explicit = take(&mut given, &place.name);
            let (value, mark) = explicit.as_ref().map_or((&place.value, "# "), |value| (value, ""));
            if explicit.is_none() && place.value.is_null() {
                let _ = writeln!(text, "# {} is the usual one where it is left out", place.name);
                continue;
            }
            if explicit.is_none() && place.is_of_model && self.preset == Preset::Recommended {
                let _ = writeln!(text, "# Without it, paths begin at the model's own black.");
            }
            let _ = writeln!(text, "{mark}{} = {}", place.name, inline(value)?);
        }
        // Of methods that are not under test.
        for (key, value) in given {
            let _ = writeln!(text, "{key} = {}", inline(&value)?);
        }
        Ok(())
    }
}

/// The value at a place of a patch such as `sg.samples`, taken out of it with the groups that it leaves empty.
fn take(patch: &mut serde_json::Map<String, serde_json::Value>, place: &str) -> Option<serde_json::Value> {
    let Some((group, rest)) = place.split_once('.') else { return patch.remove(place) };
    let inner = patch.get_mut(group)?.as_object_mut()?;
    let found = take(inner, rest);
    if inner.is_empty() {
        patch.remove(group);
    }
    found
}

/// A value in one line of TOML.
fn inline(value: &serde_json::Value) -> Result<String, toml::ser::Error> {
    Ok(toml::Value::try_from(value)?.to_string())
}

/// The fields of a section.
fn lines_of<'a>(plain: &'a str, section: &str) -> Vec<&'a str> {
    let mut present = "";
    let mut lines = Vec::new();
    for line in plain.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            present = name;
        } else if present == section && !line.is_empty() {
            lines.push(line);
        }
    }
    lines
}

fn comment(section: &str, key: &str) -> Option<&'static str> {
    let fixed = COMMENTS.iter().find(|(of, name, _)| *of == section && *name == key).map(|(_, _, words)| *words);
    fixed.or_else(|| OPTIONAL.iter().find(|(of, name, ..)| *of == section && *name == key).map(|(.., words)| *words))
}

fn push_comment(text: &mut String, words: Option<&str>) {
    if let Some(words) = words {
        text.push_str("# ");
        text.push_str(words);
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::benchmark::identity::drop_usual;
    use crate::saliency::Method;
    use crate::truth::Task;

    /// Whether a line is a field that was left out.
    fn is_field(line: &str) -> bool {
        let key = line.strip_prefix("# ").and_then(|line| line.split_once(" = ")).map_or("", |(key, _)| key);
        !key.is_empty() && key.chars().all(|letter| letter.is_ascii_lowercase() || matches!(letter, '_' | '.'))
    }

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
        full.parameters.insert("sg".to_owned(), serde_json::json!({"samples": 10}));
        full.parameters.insert("occlusion".to_owned(), serde_json::json!({"patch_px": 8}));
        let text = full.to_commented_toml().unwrap();
        assert_eq!(toml::from_str::<Protocol>(&text).unwrap(), full);
        for words in COMMENTS.iter().map(|(_, _, words)| words).chain(OPTIONAL.iter().map(|(.., words)| words)) {
            assert!(text.contains(words), "{words}");
        }
    }

    #[test]
    fn every_field_that_is_shown_can_be_taken() {
        for preset in Preset::ALL {
            let protocol = Protocol { methods: Method::ALL.to_vec(), ..Protocol::of(preset) };
            let text = protocol.to_commented_toml().unwrap();
            let shown = text.lines().filter(|line| is_field(line)).count();
            assert!(shown > 30, "{text}");
            let whole: String = text
                .lines()
                .map(|line| line.strip_prefix("# ").filter(|_| is_field(line)).unwrap_or(line).to_owned() + "\n")
                .collect();
            let taken: Protocol = toml::from_str(&whole).unwrap();
            assert!(taken.check().is_ok());
            for group in ["sg", "ig", "sig", "xrai", "occlusion"] {
                assert!(taken.parameters.contains_key(group), "{group}");
            }
        }
    }

    #[test]
    fn values_of_the_preset_do_not_make_another_run() {
        let identity = |protocol: &Protocol| {
            let mut value = serde_json::to_value(protocol).unwrap();
            drop_usual(&mut value);
            value
        };
        let plain = Protocol::of(Preset::Recommended);
        let mut stated = plain.clone();
        stated.parameters.insert("sg".to_owned(), serde_json::json!({"samples": 25, "sigma_fraction": 0.15}));
        stated.parameters.insert("clip_percentile".to_owned(), serde_json::json!(99));
        stated.parameters.insert("sig".to_owned(), serde_json::json!({"path": {"steps": 10}}));
        assert_eq!(identity(&stated), serde_json::to_value(&plain).unwrap());
        stated.parameters.insert("sg".to_owned(), serde_json::json!({"samples": 24, "sigma_fraction": 0.15}));
        assert_eq!(identity(&stated)["parameters"], serde_json::json!({"sg": {"samples": 24}}));
        // The recommended path begins at the model's own black, which need not be -1.
        stated.parameters = serde_json::from_value(serde_json::json!({"ig": {"baseline": {"value": -1.0}}})).unwrap();
        assert_eq!(identity(&stated)["parameters"], serde_json::json!({"ig": {"baseline": {"value": -1.0}}}));
        stated.preset = Preset::Arun2021;
        assert!(identity(&stated).get("parameters").is_none());
    }
}
