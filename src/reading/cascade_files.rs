//! A finished cascade as files: animations, figures, numbers.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::cascade_run::{CascadeFound, CascadeRun};
use super::error::{Error, Result};
use super::model::Prediction;
use crate::cascade::animation::{self, Animation, AnimationOptions, AnimationRow, Format};
use crate::cascade::{self, MethodBaseline, Order, Randomizer, Row, Verdict, verdict};
use crate::display::{CascadeMode, CascadeStack, GrayDisplay, Orientation};
use crate::figure::{CascadeCurve, CascadeCurves, CascadeTile, CascadeTiles, NOT_FOR_DIAGNOSIS, Scene, paint};
use crate::files;
use crate::model_input::StudyImage;
use crate::saliency::{Method, MethodParameters, Outcome, Parameters, Preset};
use crate::watch::Watch;

/// Pixels of a painted figure for each scene pixel.
const SCALE: f64 = 2.0;

/// Folders of one name before somebody should tidy up.
const MOST_FOLDERS: usize = 1000;

/// What can be written of a cascade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CascadeFile {
    /// `animation.gif`.
    Gif,
    /// `animation.apng`.
    Apng,
    /// `animation.webp`.
    WebP,
    /// `frames/frame_000.png` and so on.
    Frames,
    /// `figure_3a`: likeness by state, as SVG and PNG.
    Curves,
    /// `figure_3b`: the maps by state, as SVG and PNG.
    Maps,
    /// `cascade.csv` and `baselines.csv`: the numbers.
    Table,
}

impl CascadeFile {
    /// All, in the order of a list.
    pub const ALL: [Self; 7] = [Self::Gif, Self::Apng, Self::WebP, Self::Frames, Self::Curves, Self::Maps, Self::Table];

    /// What a list calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gif => "GIF",
            Self::Apng => "APNG",
            Self::WebP => "WebP",
            Self::Frames => "Frames",
            Self::Curves => "Figure 3A",
            Self::Maps => "Figure 3B",
            Self::Table => "CSV",
        }
    }

    /// What it is, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Gif => "Animation shown everywhere, 256 colours",
            Self::Apng => "Animation with every colour exact",
            Self::WebP => "Animation with every colour exact, usually smaller",
            Self::Frames => "The frames of the animation, a PNG each",
            Self::Curves => "Likeness to the original map by state, as SVG and PNG",
            Self::Maps => "The maps by state, as SVG and PNG",
            Self::Table => "The likeness of every map by four measures, and that of different images and of noise",
        }
    }

    fn format(self) -> Option<Format> {
        match self {
            Self::Gif => Some(Format::Gif),
            Self::Apng => Some(Format::Apng),
            Self::WebP => Some(Format::WebP),
            Self::Frames => Some(Format::Frames),
            Self::Curves | Self::Maps | Self::Table => None,
        }
    }
}

/// What is to be written.
pub struct CascadeExport {
    /// The cascade.
    pub run: Arc<CascadeRun>,
    /// What is known of it.
    pub found: CascadeFound,
    /// Wanted methods; those that lack a state are left out.
    pub methods: Vec<Method>,
    /// Wanted files; `cascade.json` tells where they come from.
    pub files: Vec<CascadeFile>,
    /// How the radiograph becomes gray in the animation.
    pub gray: GrayDisplay,
    /// How the animation runs and looks.
    pub options: AnimationOptions,
    /// What has to be said because the network never saw a patient; see [`crate::network::caution`].
    pub caution: Option<&'static str>,
}

/// Where the files come from. No path, and nothing of the patient.
#[derive(Serialize)]
struct Record<'a> {
    notice: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    caution: Option<&'static str>,
    saliscope: &'static str,
    architecture: &'a str,
    model_sha256: &'a str,
    preset: Preset,
    order: Order,
    randomizer: Randomizer,
    noise_seed: u64,
    states: &'a [cascade::State],
    class: Option<usize>,
    ssim_range: u8,
    baselines: Vec<MethodBaseline>,
    control: Option<f64>,
    parameters: Parameters,
    /// Of methods that the study did not test.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    beyond_study: BTreeMap<Method, MethodParameters>,
    methods: Vec<MethodRecord>,
    animation: &'a AnimationOptions,
    /// In words, where the animation does not show the radiograph as its file wants it.
    #[serde(skip_serializing_if = "Option::is_none")]
    radiograph_shown: Option<String>,
}

#[derive(Serialize)]
struct MethodRecord {
    method: Method,
    verdict: Option<Verdict>,
}

impl CascadeExport {
    /// Writes a new folder `saliscope-cascade` (or `saliscope-cascade-2` and so on) inside `parent`, which appears when all
    /// of it is there, and gives its path.
    ///
    /// # Errors
    /// When no method has all its states, a file cannot be drawn or written, or `watch` cancels; nothing remains then.
    pub fn write(&self, parent: &Path, watch: &dyn Watch) -> Result<PathBuf> {
        let methods: Vec<Method> = self.methods.iter().copied().filter(|method| self.is_whole(*method)).collect();
        if methods.is_empty() {
            return Err(Error::Unfinished);
        }
        let staging = files::staging_in(parent)?;
        // A folder of its own, because that of the staging is closed to others.
        let folder = staging.path().join("cascade");
        fs::create_dir(&folder)?;
        self.write_into(&folder, &methods, watch)?;
        let target = (1..MOST_FOLDERS).map(|number| match number {
            1 => parent.join("saliscope-cascade"),
            number => parent.join(format!("saliscope-cascade-{number}")),
        });
        let taken =
            || std::io::Error::new(std::io::ErrorKind::AlreadyExists, "there are a thousand folders of that name");
        let target = target.into_iter().find(|path| path.symlink_metadata().is_err()).ok_or_else(taken)?;
        fs::rename(&folder, &target)?;
        Ok(target)
    }

    fn is_whole(&self, method: Method) -> bool {
        self.found.states_of(method) == self.run.states.len()
    }

    fn write_into(&self, folder: &Path, methods: &[Method], watch: &dyn Watch) -> Result<()> {
        let has = |file: CascadeFile| self.files.contains(&file);
        if has(CascadeFile::Table) {
            fs::write(folder.join("cascade.csv"), cascade::csv(&self.rows(methods), &self.run.states))?;
            let baselines = cascade::baselines_csv(&self.baselines(methods), self.found.control);
            fs::write(folder.join("baselines.csv"), baselines)?;
        }
        if has(CascadeFile::Curves) {
            write_figure(&folder.join("figure_3a"), &self.curves(methods).scene()?)?;
        }
        if has(CascadeFile::Maps) {
            write_figure(&folder.join("figure_3b"), &self.tiles(methods)?.scene()?)?;
        }
        let record = serde_json::to_vec_pretty(&self.record(methods)).map_err(std::io::Error::from)?;
        fs::write(folder.join("cascade.json"), record)?;
        let formats: Vec<Format> = self.files.iter().filter_map(|file| file.format()).collect();
        if formats.is_empty() {
            return Ok(());
        }
        let mut create = |name: &str| {
            let path = folder.join(name);
            let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::File::create(&path));
            let file = made.map_err(|error| cascade::Error::Encode { reason: files::words(&error) })?;
            Ok(Box::new(BufWriter::new(file)) as Box<dyn Write>)
        };
        Ok(animation::encode(&self.animation(methods), &formats, watch, &mut create)?)
    }

    /// State by state, method by method.
    fn rows(&self, methods: &[Method]) -> Vec<Row> {
        let mut rows = self.found.rows.clone();
        rows.retain(|row| methods.contains(&row.method));
        rows.sort_by_key(|row| (row.state, row.method));
        rows
    }

    fn control(&self) -> Option<f64> {
        self.run.control(&self.found)
    }

    /// What maps of different images reach.
    fn baseline(&self, method: Method) -> Option<f64> {
        self.run.baseline(&self.found, method).map(|baseline| baseline.mean)
    }

    fn baselines(&self, methods: &[Method]) -> Vec<MethodBaseline> {
        let mean = |method: &Method| self.found.baselines.get(method).map(|baseline| baseline.mean);
        methods.iter().map(|method| MethodBaseline { method: *method, mean: mean(method) }).collect()
    }

    fn animation(&self, methods: &[Method]) -> Animation {
        let row = |method: &Method| {
            let stack = self.found.stacks.get(method)?.clone();
            let likeness = AnimationRow::likeness_of(&self.run.curve(&self.found, *method));
            let baseline = self.baseline(*method).or_else(|| self.control());
            Some(AnimationRow { name: method.name().to_owned(), stack, likeness, baseline })
        };
        Animation {
            plane: (*self.run.case.plane).clone(),
            gray: self.gray.clone(),
            states: self.run.states.iter().map(|state| state.name.clone()).collect(),
            order: self.run.question.order,
            strip: self.run.strip.clone(),
            rows: methods.iter().filter_map(row).collect(),
            measure: format!("SSIM at range {}", self.run.question.range()),
            detail: format!("{}Explained: {}  ·  {}", self.orientation_words(), self.class_words(), self.model_words()),
            caution: self.caution.map(str::to_owned),
            options: self.options,
        }
    }

    fn curves(&self, methods: &[Method]) -> CascadeCurves<'_> {
        let curve = |method: &Method| CascadeCurve {
            name: method.name(),
            title: method.title(),
            points: self.run.curve(&self.found, *method).points.iter().map(|point| [point.mean, point.sd]).collect(),
            baseline: self.baseline(*method),
        };
        let mut details = self.details();
        details.extend(self.baseline_words(methods));
        CascadeCurves {
            headline: "Similarity of maps to those of the trained network, one image".to_owned(),
            caution: self.caution.map(str::to_owned),
            details,
            states: self.run.states.iter().map(|state| state.name.as_str()).collect(),
            curves: methods.iter().map(curve).collect(),
            control: self.control(),
        }
    }

    fn tiles(&self, methods: &[Method]) -> Result<CascadeTiles<'_>> {
        let model = &self.run.model.model;
        let read = StudyImage::new(&self.run.case.radiograph, model)?;
        let rows = methods.iter().filter_map(|method| {
            let stack = self.found.stacks.get(method)?;
            let tiles = (0..self.run.states.len()).map(|state| self.tile(stack, *method, state)).collect();
            Some((method.name(), tiles))
        });
        let mut details = vec![format!("Explained in every state: {}.", self.class_words())];
        details.extend(self.details());
        details.push("Each map is scaled by itself; colours tell where, not how much.".to_owned());
        Ok(CascadeTiles {
            headline: "Maps while the network is randomized".to_owned(),
            caution: self.caution.map(str::to_owned),
            details,
            radiograph: CascadeTile::new(&read.gray, model.card.input_size, 255.0),
            states: self.run.states.iter().map(|state| state.name.as_str()).collect(),
            rows: rows.collect(),
        })
    }

    /// One map as shown, with its likeness; no map where it could not be normalized.
    fn tile(&self, stack: &CascadeStack, method: Method, state: usize) -> (Option<CascadeTile>, String) {
        let row = self.found.row(method, state);
        let layer = stack.layers().get(state).and_then(Option::as_ref);
        let tile = layer.filter(|_| row.is_some_and(|row| row.outcome == Outcome::Normal)).map(|layer| {
            let [low, high] = layer.range;
            // As the network reads the image; what lies beside it has no values.
            let read = self.run.area.window_of(&layer.values, 0.0);
            let shown: Vec<f32> =
                read.iter().map(|value| ((value.abs() - low) / (high - low)).clamp(0.0, 1.0)).collect();
            CascadeTile::new(&shown, self.run.area.window_px, 1.0)
        });
        let likeness = row.filter(|_| state > 0).and_then(|row| self.run.question.likeness(&row.similarity));
        (tile, likeness.map_or(String::new(), |ssim| format!("SSIM {ssim:.2}").replace("-0.00", "0.00")))
    }

    fn details(&self) -> Vec<String> {
        let question = &self.run.question;
        let meaning = match question.order {
            Order::TopDown => "each state randomizes its block and all above it",
            Order::BottomUp => "each state randomizes its block and all below it",
            Order::Independent => "each state randomizes its block alone",
        };
        let range = question.range();
        let mut details = vec![
            format!("Order {}: {meaning}. SSIM of display maps at a data range of {range}.", question.order),
            self.model_words(),
        ];
        details.extend(self.run.model.model.card.folded_norm_note().map(str::to_owned));
        details
    }

    /// Where the dashed lines come from.
    fn baseline_words(&self, methods: &[Method]) -> Option<String> {
        let known = methods.iter().filter_map(|method| self.found.baselines.get(method));
        let most = known.max_by_key(|baseline| baseline.mean.pairs)?;
        Some(format!(
            "Dashed: mean over {} pairs of maps of {} different images under the trained network, this one among them.",
            most.mean.pairs, most.images
        ))
    }

    fn model_words(&self) -> String {
        let (model, question) = (&self.run.model, &self.run.question);
        let Randomizer { seed, replicate } = question.randomizer;
        format!(
            "Model “{}”, {}, SHA-256 {}…  ·  preset {}  ·  seed {seed}, replicate {replicate}",
            model.title,
            model.model.card.architecture,
            model.sha256().get(..8).unwrap_or_default(),
            question.question.preset,
        )
    }

    /// How the radiograph of the animation differs from what its file wants, before all that may not find room.
    fn orientation_words(&self) -> String {
        self.orientation().words().map_or_else(String::new, |words| format!("{words}  ·  "))
    }

    /// Animations show the whole image as it lies in its file; only its gray levels may be swapped, where it is seen.
    fn orientation(&self) -> Orientation {
        if self.options.mode == CascadeMode::OverRadiograph {
            Orientation::of(&self.run.case.plane, &self.gray, None)
        } else {
            Orientation::default()
        }
    }

    fn class_words(&self) -> String {
        let Some(class) = self.found.class else { return "nothing".to_owned() };
        let name = self.run.model.class_name(class);
        let logits = self.found.logits.first().and_then(Option::as_ref);
        match logits.and_then(|logits| Prediction::of(logits, &self.run.model.model.card).probability(class)) {
            Some(probability) => format!("{name} ({:.0} %)", probability * 100.0),
            None => name,
        }
    }

    fn record(&self, methods: &[Method]) -> Record<'_> {
        let (model, question) = (&self.run.model, &self.run.question);
        let method = |method: &Method| MethodRecord {
            method: *method,
            verdict: (question.order != Order::Independent).then(|| {
                let baseline = self.run.baseline(&self.found, *method);
                verdict(&self.run.curve(&self.found, *method), baseline, self.control())
            }),
        };
        let parameters = question.question.parameters_for(model);
        Record {
            notice: NOT_FOR_DIAGNOSIS,
            caution: self.caution,
            saliscope: env!("CARGO_PKG_VERSION"),
            architecture: model.model.card.architecture.name(),
            model_sha256: model.sha256(),
            preset: question.question.preset,
            order: question.order,
            randomizer: question.randomizer,
            noise_seed: question.question.seed,
            states: &self.run.states,
            class: self.found.class,
            ssim_range: question.range(),
            baselines: self.baselines(methods),
            control: self.control(),
            beyond_study: parameters.beyond_study(methods),
            parameters,
            methods: methods.iter().map(method).collect(),
            animation: &self.options,
            radiograph_shown: self.orientation().words(),
        }
    }
}

/// One figure as SVG and as PNG.
fn write_figure(path: &Path, scene: &Scene) -> Result<()> {
    fs::write(path.with_extension("svg"), scene.to_svg())?;
    fs::write(path.with_extension("png"), paint(scene, SCALE)?.to_png()?)?;
    Ok(())
}
