//! What the export dialog asks.

use std::path::{Path, PathBuf};

use crate::export;
use crate::figure::{ColumnWidth, Format};
use crate::job::JobId;

/// What is exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ExportWhat {
    /// The pictures as they lie on the screen.
    #[default]
    Screen,
    /// The radiograph and the map that is shown.
    SingleCase,
    /// The radiograph and its maps by all methods.
    MethodGrid,
    /// Rows are open models, columns are methods.
    ModelGrid,
    /// Raw maps of this case and model.
    Maps,
    /// A Secondary Capture and a Segmentation of the map that is shown.
    Dicom,
}

impl ExportWhat {
    /// All.
    pub const ALL: [Self; 6] =
        [Self::Screen, Self::SingleCase, Self::MethodGrid, Self::ModelGrid, Self::Maps, Self::Dicom];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Screen => "Figure, as on the screen",
            Self::SingleCase => "Figure, this map",
            Self::MethodGrid => "Figure, all methods",
            Self::ModelGrid => "Figure, models by methods",
            Self::Maps => "Raw maps (NPZ)",
            Self::Dicom => "DICOM capture and segmentation",
        }
    }

    /// What it writes.
    pub fn words(self) -> &'static str {
        match self {
            Self::Screen => "The pictures with their zoom, window and colours, without overlay planes and distances",
            Self::SingleCase => "The whole radiograph and the map that is shown, side by side",
            Self::MethodGrid => "The whole radiograph and its maps by all methods of the model that is asked",
            Self::ModelGrid => "A row for each open model, a column for each method, as in Figure 4 of the study",
            Self::Maps => {
                "Each method's raw map and its map of 0 to 1 as float32, for numpy.load; with a record as JSON"
            }
            Self::Dicom => "A picture that every viewer shows, and the pixels above the threshold as a segmentation",
        }
    }

    /// Whether it is a figure on paper.
    pub fn is_figure(self) -> bool {
        !matches!(self, Self::Maps | Self::Dicom)
    }
}

/// File format of a figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FigureFormat {
    /// Pixels.
    #[default]
    Png,
    /// Text and lines as such.
    Svg,
    /// The same.
    Pdf,
}

impl FigureFormat {
    /// All.
    pub const ALL: [Self; 3] = [Self::Png, Self::Svg, Self::Pdf];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Svg => "SVG",
            Self::Pdf => "PDF",
        }
    }

    /// The format at `dpi` dots an inch.
    pub fn at(self, dpi: u32) -> Format {
        match self {
            Self::Png => Format::Png { dpi },
            Self::Svg => Format::Svg,
            Self::Pdf => Format::Pdf,
        }
    }
}

/// Width of a figure on paper.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FigureWidth {
    /// One dot for each pixel of the screen; for [`ExportWhat::Screen`] alone.
    Pixels,
    /// A journal's column.
    Column(ColumnWidth),
}

/// The export dialog.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportForm {
    /// What is exported.
    pub what: ExportWhat,
    /// As which file.
    pub format: FigureFormat,
    /// Dots an inch.
    pub dpi: u32,
    /// How wide.
    pub width: FigureWidth,
    /// Whether the experts' marks and scores are in it.
    pub has_truth: bool,
    /// Whether it says whose images they are.
    pub has_identity: bool,
    /// Map value from which pixels belong to a segmentation.
    pub threshold: f32,
    /// Where it goes.
    pub target: String,
    /// The system was asked for a place and did not answer.
    pub has_no_dialog: bool,
    /// What writes it.
    pub job: Option<JobId>,
}

impl Default for ExportForm {
    fn default() -> Self {
        Self {
            what: ExportWhat::default(),
            format: FigureFormat::default(),
            dpi: 300,
            width: FigureWidth::Column(ColumnWidth::Double),
            has_truth: true,
            has_identity: false,
            threshold: 0.5,
            target: String::new(),
            has_no_dialog: false,
            job: None,
        }
    }
}

impl ExportForm {
    /// The ending of the files' names.
    pub fn extension(&self) -> &'static str {
        match self.what {
            ExportWhat::Maps => "npz",
            ExportWhat::Dicom => "dcm",
            _ => self.format.at(self.dpi).extension(),
        }
    }

    /// A name without a patient in it.
    fn stem(&self) -> &'static str {
        match self.what {
            ExportWhat::Maps => "saliscope-maps",
            ExportWhat::Dicom => "saliscope-map",
            _ => "saliscope-figure",
        }
    }

    /// Proposes a target where nobody typed one: a free name in `folder`, or beside the target before.
    pub fn propose(&mut self, folder: &Path) {
        let before = PathBuf::from(&self.target);
        let folder = before.parent().filter(|before| before.is_dir()).unwrap_or(folder);
        let named = |number: usize| {
            let number = if number > 1 { format!("-{number}") } else { String::new() };
            folder.join(format!("{}{number}.{}", self.stem(), self.extension()))
        };
        let free = (1..1000).map(named).find(|path| self.replaced(path).is_none()).unwrap_or_else(|| named(1));
        self.target = free.to_string_lossy().into_owned();
    }

    /// Gives the target the ending that belongs to what is exported.
    pub fn follow_choice(&mut self) {
        let path = PathBuf::from(&self.target);
        if path.file_name().is_some() {
            self.target = path.with_extension(self.extension()).to_string_lossy().into_owned();
        }
    }

    /// Takes the format that the typed ending asks for.
    pub fn follow_target(&mut self) {
        let path = PathBuf::from(&self.target);
        let extension = path.extension().map(|extension| extension.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some(format) = Format::of_extension(&extension, self.dpi).filter(|_| self.what.is_figure()) {
            self.format = match format {
                Format::Png { .. } => FigureFormat::Png,
                Format::Svg => FigureFormat::Svg,
                Format::Pdf => FigureFormat::Pdf,
            };
        }
    }

    /// Where it goes: `~` is the home folder, a missing ending is added. Nothing where no name was typed.
    pub fn path(&self) -> Option<PathBuf> {
        let text = self.target.trim();
        let path = match text.strip_prefix("~/").zip(directories::BaseDirs::new()) {
            Some((rest, base)) => base.home_dir().join(rest),
            None => PathBuf::from(text),
        };
        let is_named = path.file_name().is_some() && !text.ends_with(std::path::is_separator);
        let has_ending = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(self.extension()));
        let with_ending = |path: PathBuf| {
            if has_ending { path } else { PathBuf::from(format!("{}.{}", path.display(), self.extension())) }
        };
        is_named.then(|| with_ending(path))
    }

    /// The first file that writing to `path` would replace.
    pub fn replaced(&self, path: &Path) -> Option<PathBuf> {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let files = if self.what == ExportWhat::Dicom {
            let part = |part: &str| path.with_file_name(format!("{stem}_{part}.dcm"));
            ["radiograph", "capture", "segmentation"].map(part).to_vec()
        } else {
            let beside =
                if self.what == ExportWhat::Maps { path.with_extension("json") } else { export::record_path(path) };
            vec![path.to_owned(), beside]
        };
        files.into_iter().find(|file| file.exists())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_follow_what_is_chosen_and_choices_follow_endings() {
        let mut form = ExportForm { target: "/data/figure.pdf".to_owned(), ..ExportForm::default() };
        form.follow_target();
        assert_eq!(form.format, FigureFormat::Pdf);
        form.what = ExportWhat::Maps;
        form.follow_choice();
        assert_eq!(form.path(), Some(PathBuf::from("/data/figure.npz")));
        form.follow_target();
        assert_eq!(form.format, FigureFormat::Pdf);
    }

    #[test]
    fn a_target_needs_a_name_and_gets_its_ending() {
        let path = |target: &str| ExportForm { target: target.to_owned(), ..ExportForm::default() }.path();
        assert_eq!(path("/data/a"), Some(PathBuf::from("/data/a.png")));
        assert_eq!(path("/data/a.b"), Some(PathBuf::from("/data/a.b.png")));
        assert_eq!(path("/data/a.PNG"), Some(PathBuf::from("/data/a.PNG")));
        assert_eq!((path("/data/"), path("  "), path("/")), (None, None, None));
    }

    #[test]
    fn proposed_names_are_free_and_nobodys() {
        let folder = tempfile::tempdir().unwrap();
        let mut form = ExportForm::default();
        form.propose(folder.path());
        assert_eq!(form.path(), Some(folder.path().join("saliscope-figure.png")));
        std::fs::write(folder.path().join("saliscope-figure.record.json"), "{}").unwrap();
        form.propose(Path::new("/elsewhere"));
        assert_eq!(form.path(), Some(folder.path().join("saliscope-figure-2.png")));
        form.what = ExportWhat::Dicom;
        std::fs::write(folder.path().join("saliscope-map_capture.dcm"), "").unwrap();
        form.propose(Path::new("/elsewhere"));
        assert_eq!(form.path(), Some(folder.path().join("saliscope-map-2.dcm")));
    }
}
