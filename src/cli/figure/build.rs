//! From a specification to a figure: reads the image, computes the maps, fills the template.

use super::kept;
use super::spec::{DEMO_CASE, Spec, TemplateName, TruthSpec};
use crate::cli::arguments::{Machine, Wanted};
use crate::cli::error::{Error, Result};
use crate::cli::explain_files::Shown;
use crate::cli::interrupt::Interrupt;
use crate::cli::progress::Progress;
use crate::cli::request::Choices;
use crate::cli::study_image::StudyImage;
use crate::cli::{images, model, print_warnings, runtime, source};
use crate::cohort::{TruthRule, boxes_at, mask_at, open_mask};
use crate::display::MapPlane;
use crate::export::{self, ClassFound, DisplayRecord, FigureRecord, MapRecord, ModelRecord, Origin, SourceImage};
use crate::figure::template::{Labels, MapTable, MapTile, Picture, Template, Truth};
use crate::metrics::MapScores;
use crate::network::{Model, Runtime, Weights};
use crate::radiograph::Radiograph;
use crate::radiograph::dicom::{DicomImage, Identity};
use crate::saliency::{self, Explanation, SaliencyMap};
use crate::truth::Mask;

/// A figure and its record.
pub(super) struct Figure {
    pub(super) template: Template,
    pub(super) record: FigureRecord,
}

/// The radiograph that all maps lie over.
pub(super) struct Ground {
    shown: Shown,
    /// As the specification wants it shown.
    pub(super) picture: Picture,
    truth: Option<TruthSpec>,
    /// In a line, where it was asked for.
    pub(super) identity: Option<String>,
}

/// What one model found.
struct Found {
    name: String,
    /// Without its weights.
    model: Model,
    explanation: Explanation,
    warnings: Vec<String>,
}

pub(super) fn figure(spec: &Spec, machine: &Machine, interrupt: &Interrupt) -> Result<Figure> {
    let ground = Ground::read(spec, machine)?;
    if let Some(path) = &spec.maps {
        return kept::figure(spec, &ground, path);
    }
    let runtime = runtime::open(machine)?;
    let found: Vec<Found> = (0..spec.models.len())
        .map(|index| explained(spec, index, &ground, (machine, &runtime), interrupt))
        .collect::<Result<_>>()?;
    let caution = found.iter().find_map(|found| found.caution(&ground)).map(str::to_owned);
    let mut record = ground.record(spec);
    record.caution.clone_from(&caution);
    let mut rows = Vec::new();
    let mut meaning = None;
    for (index, found) in found.iter().enumerate() {
        let Found { name, model, explanation, .. } = found;
        let sha256 = model.sha256.clone();
        record.models.push(ModelRecord { name: name.clone(), sha256, card: model.card.clone() });
        let class = ClassFound::new(&model.card, &explanation.logits, explanation.class);
        let mut row = Vec::new();
        for method in &spec.methods {
            // Maps come in the study's order, figures have the user's.
            let Some(map) = explanation.map(*method) else { continue };
            let (size, shown) = map.over_image(&map.display.values);
            let scores = ground.scores(&shown, size);
            record.maps.push(MapRecord::of(map, index, class.clone(), scores));
            meaning = scores.as_ref().map(export::score_explanation);
            row.push(ground.tile(map, spec, scores.as_ref()));
        }
        rows.push(row);
    }
    let first = &found[0];
    let bar = export::map_bar(&spec.map, clip_percentile(&first.explanation));
    let template = if spec.template == TemplateName::ModelGrid {
        let rows = rows.into_iter().zip(&found).enumerate();
        let rows = rows.map(|(row, (tiles, found))| {
            let label = spec.row_labels.as_ref().map_or_else(|| found.row_label(), |labels| labels[row].clone());
            (label, tiles.into_iter().map(Some).collect())
        });
        let mut labels = Labels { caution, ..table_labels(spec, &ground, &found) };
        labels.details.extend(meaning);
        Template::ModelGrid(MapTable {
            labels,
            radiograph: ground.picture.clone(),
            columns: spec.methods.iter().map(|method| method.name().to_owned()).collect(),
            rows: rows.collect(),
            bar,
        })
    } else {
        let mut labels = Labels { caution, ..first.origin(spec).labels(&first.explanation) };
        labels.identity.clone_from(&ground.identity);
        if let Some(headline) = &spec.headline {
            // What is explained is said in any case.
            labels.details.insert(0, std::mem::replace(&mut labels.headline, headline.clone()));
        }
        labels.details.extend(meaning);
        ground.of_one_model(spec, labels, rows.swap_remove(0), bar)
    };
    Ok(Figure { template, record })
}

fn clip_percentile(explanation: &Explanation) -> f64 {
    let parameters = explanation.maps.first().and_then(|map| serde_json::to_value(&map.provenance.parameters).ok());
    parameters.and_then(|parameters| parameters.get("clip_percentile")?.as_f64()).unwrap_or(100.0)
}

fn explained(
    spec: &Spec,
    index: usize,
    ground: &Ground,
    (machine, runtime): (&Machine, &Runtime),
    interrupt: &Interrupt,
) -> Result<Found> {
    interrupt.check()?;
    let path = &spec.models[index];
    let mut model = model::open(path, None, None)?;
    model.require_classifier()?;
    model::print_notes(&model, machine.quiet);
    let images = [StudyImage::of(0, &ground.shown.image.radiograph, &model)?];
    let methods: Vec<Wanted> = spec.methods.iter().map(|method| Wanted::One(*method)).collect();
    let choices = Choices {
        methods: &methods,
        preset: spec.preset,
        class: spec.class,
        parameters: None,
        set: &spec.parameters,
        seed: spec.seed,
        batch: machine.batch,
    };
    let request = choices.request(&model, &images)?;
    let executor = runtime.executor(&model.graph, &model.weights)?;
    model.weights = Weights::default();
    let progress = Progress::new(machine.quiet, interrupt.clone());
    let explanations = saliency::explain(executor.as_ref(), &request, &progress);
    progress.finish();
    let mut explanations = explanations.map_err(|error| match error {
        saliency::Error::Cancelled => Error::Interrupted,
        other => Error::Saliency(other),
    })?;
    let [image] = images;
    for map in explanations.iter_mut().flat_map(|explanation| &mut explanation.maps) {
        map.area = image.area;
    }
    Ok(Found { name: model::name(path), model, explanation: explanations.remove(0), warnings: image.warnings })
}

impl Found {
    fn origin(&self, spec: &Spec) -> Origin<'_> {
        Origin {
            model_name: &self.name,
            card: &self.model.card,
            sha256: &self.model.sha256,
            preset: spec.preset,
            seed: spec.seed,
            warnings: &self.warnings,
            // A figure of several models says it once.
            caution: None,
        }
    }

    /// What has to be said of this model on that radiograph.
    fn caution(&self, ground: &Ground) -> Option<&'static str> {
        self.model.card.caution(ground.is_phantom())
    }

    /// The model and what it says, beside its row.
    fn row_label(&self) -> String {
        let class = ClassFound::new(&self.model.card, &self.explanation.logits, self.explanation.class);
        class.row_label(&self.name)
    }
}

/// Headline and details of a table of several models.
fn table_labels(spec: &Spec, ground: &Ground, found: &[Found]) -> Labels {
    let models = match found.len() {
        1 => "one model".to_owned(),
        count => format!("{count} models"),
    };
    let mut details = Vec::new();
    for found in found {
        let class = ClassFound::new(&found.model.card, &found.explanation.logits, found.explanation.class);
        details.push(format!(
            "{}: explained {}, {}",
            found.origin(spec).model(),
            class.label(),
            class.probability_words()
        ));
    }
    details.push(format!("Preset {}  ·  seed {}  ·  saliscope {}", spec.preset, spec.seed, export::VERSION));
    // The image is one, so are most of its warnings.
    let mut warnings: Vec<&String> = found.iter().flat_map(|found| &found.warnings).collect();
    warnings.dedup();
    details.extend(warnings.into_iter().map(|warning| format!("Note: {warning}.")));
    let headline = format!("Maps of one radiograph by {models}");
    let headline = spec.headline.clone().unwrap_or(headline);
    Labels { headline, caution: None, details, identity: ground.identity.clone() }
}

impl Ground {
    fn read(spec: &Spec, machine: &Machine) -> Result<Self> {
        let mut shown = if spec.image.as_os_str() == DEMO_CASE {
            source::first_case()
        } else {
            let place = images::find_one(&spec.image, "image: what a figure shows", machine.quiet)?;
            Shown { image: SourceImage::open_at(&place)?, truth: None }
        };
        let mut warnings = shown.image.radiograph.warnings().to_vec();
        if spec.identity {
            warnings.extend(shown.image.dicom.as_ref().and_then(|dicom| dicom.identity().warning));
        }
        let mut truth = spec.truth.clone();
        if let Some(TruthSpec::Mask(path)) = &spec.truth {
            let (mask, warning) = open_mask(path)?;
            warnings.extend(warning.map(|warning| format!("the mask {warning}")));
            shown.truth = Some(mask);
            truth = None;
        }
        if !machine.quiet {
            print_warnings(0, 1, &warnings);
        }
        let mut picture = shown.picture()?;
        picture.gray = spec.gray(&picture.plane);
        if let Some(TruthSpec::Boxes(boxes)) = &truth {
            picture.truth = Truth::of_boxes(boxes);
        }
        let identity = if spec.identity { Some(identity_line(shown.image.dicom.as_ref())?) } else { None };
        Ok(Self { shown, picture, truth, identity })
    }

    /// The record of a figure on this ground, without models and maps.
    pub(super) fn record(&self, spec: &Spec) -> FigureRecord {
        let display = DisplayRecord::new(&self.picture.gray, &spec.map);
        let image = self.shown.image.record();
        let mut record = FigureRecord::new(spec.template.name(), spec.page, image, display, spec.seed);
        record.note_orientation(0, self.picture.orientation());
        if spec.identity {
            record.identity = self.shown.image.dicom.as_ref().map(DicomImage::identity);
        }
        record
    }

    /// The radiograph.
    pub(super) fn radiograph(&self) -> &Radiograph {
        &self.shown.image.radiograph
    }

    /// Whether the radiograph is a generated image.
    pub(super) fn is_phantom(&self) -> bool {
        self.shown.image.radiograph.is_phantom()
    }

    /// A map `[h, w]` of the whole image against the truth, where it has values.
    pub(super) fn scores(&self, map: &[f32], [height, width]: [usize; 2]) -> Option<MapScores> {
        let rule = TruthRule::AreaExact;
        let truth: Mask = match (&self.shown.truth, &self.truth) {
            (Some(mask), _) => mask_at(mask, height, width, rule),
            (None, Some(TruthSpec::Boxes(boxes))) => boxes_at(boxes, self.shown.image.size_px(), height, width, rule),
            _ => return None,
        };
        MapScores::of_present(map, truth.pixels()).ok()
    }

    /// The radiograph with a map over it.
    pub(super) fn over(&self, map: MapPlane, spec: &Spec) -> Picture {
        Picture { contours: spec.contours.clone(), ..self.picture.with_map(map, spec.map) }
    }

    fn tile(&self, map: &SaliencyMap, spec: &Spec, scores: Option<&MapScores>) -> MapTile {
        let tile = export::map_tile(map, &self.picture, spec.map, scores);
        let picture = Picture { contours: spec.contours.clone(), ..tile.picture };
        MapTile { picture, ..tile }
    }
}

/// Name, number and date of study, in a line.
fn identity_line(dicom: Option<&DicomImage>) -> Result<String> {
    let Some(dicom) = dicom else {
        return Err(Error::Usage("identity: the image is no DICOM file and has no identity to show".to_owned()));
    };
    let identity = dicom.identity();
    identity.require_decoded().map_err(export::Error::from)?;
    let Identity { patient_name, patient_id, study_date, .. } = identity;
    let parts: Vec<String> = [patient_name, patient_id, study_date].into_iter().flatten().collect();
    Ok(if parts.is_empty() { "The file names no patient".to_owned() } else { parts.join("  ·  ") })
}
