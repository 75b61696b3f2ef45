//! Everything a user can ask for, in one list: menus, palette, keys and the sheet of shortcuts come from it.

use egui::{Key, KeyboardShortcut, Modifiers};

/// Where a command stands in the menus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Category {
    /// Opening and writing.
    File,
    /// Taking back.
    Edit,
    /// What the window shows.
    View,
    /// Cases of the list.
    Case,
    /// Maps and what they explain.
    Map,
    /// How the radiograph is shown.
    Image,
    /// The player.
    Cascade,
}

impl Category {
    /// All, in the order of the menu bar.
    pub const ALL: [Self; 7] = [Self::File, Self::Edit, Self::View, Self::Case, Self::Map, Self::Image, Self::Cascade];

    /// Its name in the menu bar.
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "File",
            Self::Edit => "Edit",
            Self::View => "View",
            Self::Case => "Case",
            Self::Map => "Map",
            Self::Image => "Image",
            Self::Cascade => "Cascade",
        }
    }
}

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Opens DICOM, PNG, JPEG, TIFF or NPY images.
    OpenFiles,
    /// Opens a folder of images, with labels.csv, masks and boxes.csv where they are there.
    OpenFolder,
    /// Opens a data set: siim:DIR, rsna:DIR, nih:DIR, vindr:DIR, folder:DIR or phantom:SEED.
    OpenCohort,
    /// Opens a classifier: weights in safetensors with a model card beside them.
    OpenModel,
    /// Opens generated radiographs and the networks that are part of the program.
    OpenDemo,
    /// Writes what is on screen as PNG, SVG or PDF, anonymised unless you say otherwise.
    ExportFigure,
    /// Writes the raw maps of this case as NPZ.
    ExportMaps,
    /// Writes a Secondary Capture and a Segmentation of the map above the threshold.
    ExportDicom,
    /// Theme, size of the interface, mouse buttons and shortcuts.
    Settings,
    /// Closes the window; the session is kept.
    Quit,
    /// Takes back the last change of how things are shown.
    Undo,
    /// Brings back what was undone.
    Redo,
    /// One radiograph with one map over it.
    ShowCase,
    /// Maps side by side: all methods, several models or several images.
    ShowCompare,
    /// What happens to the maps when the network forgets, block by block.
    ShowCascade,
    /// How far the maps of these methods can be trusted, measured on many images.
    ShowBenchmark,
    /// Shows or hides the list of cases.
    ToggleStudyList,
    /// Shows or hides what is known about case, model and map.
    ToggleInspector,
    /// A light window for bright rooms, or a dark one for reading rooms.
    SwitchTheme,
    /// Uses the whole screen, or the window again.
    FullScreen,
    /// Finds any command by its name.
    Palette,
    /// Shows every key and mouse button.
    Shortcuts,
    /// Shows the next case of the list.
    NextCase,
    /// Shows the case before.
    PreviousCase,
    /// Puts the cursor into the search field of the list.
    FindCase,
    /// Takes the case off the list; the file stays.
    RemoveCase,
    /// Asks the model about every listed case, in the background.
    PredictAll,
    /// Shows the map of the next method.
    NextMethod,
    /// Shows the map of the method before.
    PreviousMethod,
    /// Asks the next open model.
    NextModel,
    /// Asks the open model before.
    PreviousModel,
    /// Shows or hides the map.
    ToggleMap,
    /// Makes the map more opaque.
    MoreOpacity,
    /// Makes the map more transparent.
    LessOpacity,
    /// Draws the line where the map crosses the contour level.
    ToggleContour,
    /// Shows the map in other colours.
    NextColourMap,
    /// Computes the maps of this case that are missing.
    ExplainAgain,
    /// Lets models that never saw a patient explain images of patients, until the window is closed.
    ExplainAnyway,
    /// Stops the newest job under way; finished maps stay.
    CancelWork,
    /// What the method shows, and what it cannot show.
    MethodCard,
    /// Swaps black and white of the radiograph.
    Invert,
    /// Fits the image and shows it as the file wants.
    ResetView,
    /// Fits the whole image into its tile.
    Fit,
    /// Shows one image pixel as one screen pixel.
    OneToOne,
    /// Enlarges around the middle.
    ZoomIn,
    /// Reduces around the middle.
    ZoomOut,
    /// Turns the picture clockwise by a quarter.
    RotateRight,
    /// Turns the picture counter-clockwise by a quarter.
    RotateLeft,
    /// Mirrors the picture left to right; markers read backwards then.
    Flip,
    /// Shows the gray levels as the file wants.
    WindowAuto,
    /// From the darkest to the brightest pixel.
    WindowFull,
    /// Without the darkest and the brightest half percent.
    WindowStandard,
    /// More contrast in what is dark.
    WindowLungs,
    /// More contrast in what is bright.
    WindowMediastinum,
    /// More contrast in what is brightest.
    WindowBone,
    /// Interpolates between pixels, or shows each as a square.
    Smooth,
    /// Enlarges what is under the pointer.
    Magnifier,
    /// Draws a distance: drag from one point to the other.
    Measure,
    /// Shows the pointer's place in every tile.
    Crosshair,
    /// Shows or hides what experts marked, in yellow.
    ToggleTruth,
    /// Shows or hides drawings stored in the file; no model sees them.
    ToggleOverlays,
    /// Shows or hides the text in the corners.
    ToggleCornerText,
    /// Shows or hides name, number and date; exports never have them unless you say so.
    ToggleIdentity,
    /// Plays the cascade, or stops it where it is.
    PlayPause,
    /// Shows the state with one more block randomized.
    NextState,
    /// Shows the state with one block fewer randomized.
    PreviousState,
}

/// What is known about a command.
struct Facts {
    command: Command,
    category: Category,
    label: &'static str,
    tooltip: &'static str,
    keys: &'static [KeyboardShortcut],
}

const CTRL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);

const fn key(modifiers: Modifiers, key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(modifiers, key)
}

#[rustfmt::skip] // one line a command reads as the table it is
const TABLE: [Facts; 66] = [
    Facts { command: Command::OpenFiles, category: Category::File, label: "Open images…", tooltip: "Opens DICOM, PNG, JPEG, TIFF or NPY images", keys: &[key(Modifiers::COMMAND, Key::O)] },
    Facts { command: Command::OpenFolder, category: Category::File, label: "Open folder…", tooltip: "Opens a folder of images, with labels.csv, masks and boxes.csv where they are there", keys: &[key(CTRL_SHIFT, Key::O)] },
    Facts { command: Command::OpenCohort, category: Category::File, label: "Open cohort…", tooltip: "Opens a data set: siim:DIR, rsna:DIR, nih:DIR, vindr:DIR, folder:DIR or phantom:SEED", keys: &[] },
    Facts { command: Command::OpenModel, category: Category::File, label: "Open model…", tooltip: "Opens a classifier: weights in safetensors with a model card beside them", keys: &[key(Modifiers::COMMAND, Key::M)] },
    Facts { command: Command::OpenDemo, category: Category::File, label: "Open the demo", tooltip: "Opens generated radiographs and the networks that are part of the program", keys: &[] },
    Facts { command: Command::ExportFigure, category: Category::File, label: "Export figure…", tooltip: "Writes what is on screen as PNG, SVG or PDF, anonymised unless you say otherwise", keys: &[key(Modifiers::COMMAND, Key::E)] },
    Facts { command: Command::ExportMaps, category: Category::File, label: "Export raw maps…", tooltip: "Writes the raw maps of this case as NPZ", keys: &[] },
    Facts { command: Command::ExportDicom, category: Category::File, label: "Export DICOM…", tooltip: "Writes a Secondary Capture and a Segmentation of the map above the threshold", keys: &[] },
    Facts { command: Command::Settings, category: Category::File, label: "Settings…", tooltip: "Theme, size of the interface, mouse buttons and shortcuts", keys: &[key(Modifiers::COMMAND, Key::Comma)] },
    Facts { command: Command::Quit, category: Category::File, label: "Quit", tooltip: "Closes the window; the session is kept", keys: &[key(Modifiers::COMMAND, Key::Q)] },
    Facts { command: Command::Undo, category: Category::Edit, label: "Undo", tooltip: "Takes back the last change of how things are shown", keys: &[key(Modifiers::COMMAND, Key::Z)] },
    Facts { command: Command::Redo, category: Category::Edit, label: "Redo", tooltip: "Brings back what was undone", keys: &[key(CTRL_SHIFT, Key::Z), key(Modifiers::COMMAND, Key::Y)] },
    Facts { command: Command::ShowCase, category: Category::View, label: "Case", tooltip: "One radiograph with one map over it", keys: &[key(Modifiers::NONE, Key::F2)] },
    Facts { command: Command::ShowCompare, category: Category::View, label: "Compare", tooltip: "Maps side by side: all methods, several models or several images", keys: &[key(Modifiers::NONE, Key::F3)] },
    Facts { command: Command::ShowCascade, category: Category::View, label: "Cascade", tooltip: "What happens to the maps when the network forgets, block by block", keys: &[key(Modifiers::NONE, Key::F4)] },
    Facts { command: Command::ShowBenchmark, category: Category::View, label: "Benchmark", tooltip: "How far the maps of these methods can be trusted, measured on many images", keys: &[key(Modifiers::NONE, Key::F5)] },
    Facts { command: Command::ToggleStudyList, category: Category::View, label: "Study list", tooltip: "Shows or hides the list of cases", keys: &[key(Modifiers::COMMAND, Key::B)] },
    Facts { command: Command::ToggleInspector, category: Category::View, label: "Inspector", tooltip: "Shows or hides what is known about case, model and map", keys: &[key(Modifiers::COMMAND, Key::I)] },
    Facts { command: Command::SwitchTheme, category: Category::View, label: "Light or dark theme", tooltip: "A light window for bright rooms, or a dark one for reading rooms", keys: &[] },
    Facts { command: Command::FullScreen, category: Category::View, label: "Full screen", tooltip: "Uses the whole screen, or the window again", keys: &[key(Modifiers::NONE, Key::F11)] },
    Facts { command: Command::Palette, category: Category::View, label: "Command palette…", tooltip: "Finds any command by its name", keys: &[key(Modifiers::COMMAND, Key::P)] },
    Facts { command: Command::Shortcuts, category: Category::View, label: "Shortcuts", tooltip: "Shows every key and mouse button", keys: &[key(Modifiers::NONE, Key::F1), key(Modifiers::SHIFT, Key::Questionmark)] },
    Facts { command: Command::NextCase, category: Category::Case, label: "Next case", tooltip: "Shows the next case of the list", keys: &[key(Modifiers::NONE, Key::ArrowDown), key(Modifiers::NONE, Key::PageDown)] },
    Facts { command: Command::PreviousCase, category: Category::Case, label: "Previous case", tooltip: "Shows the case before", keys: &[key(Modifiers::NONE, Key::ArrowUp), key(Modifiers::NONE, Key::PageUp)] },
    Facts { command: Command::FindCase, category: Category::Case, label: "Find a case", tooltip: "Puts the cursor into the search field of the list", keys: &[key(Modifiers::COMMAND, Key::F)] },
    Facts { command: Command::RemoveCase, category: Category::Case, label: "Remove from list", tooltip: "Takes the case off the list; the file stays", keys: &[key(Modifiers::NONE, Key::Delete)] },
    Facts { command: Command::PredictAll, category: Category::Case, label: "Predict listed cases", tooltip: "Asks the model about every listed case, in the background", keys: &[] },
    Facts { command: Command::NextMethod, category: Category::Map, label: "Next method", tooltip: "Shows the map of the next method", keys: &[key(Modifiers::NONE, Key::CloseBracket)] },
    Facts { command: Command::PreviousMethod, category: Category::Map, label: "Previous method", tooltip: "Shows the map of the method before", keys: &[key(Modifiers::NONE, Key::OpenBracket)] },
    Facts { command: Command::NextModel, category: Category::Map, label: "Next model", tooltip: "Asks the next open model", keys: &[key(Modifiers::NONE, Key::Period)] },
    Facts { command: Command::PreviousModel, category: Category::Map, label: "Previous model", tooltip: "Asks the open model before", keys: &[key(Modifiers::NONE, Key::Comma)] },
    Facts { command: Command::ToggleMap, category: Category::Map, label: "Show map", tooltip: "Shows or hides the map", keys: &[key(Modifiers::NONE, Key::V)] },
    Facts { command: Command::MoreOpacity, category: Category::Map, label: "More opacity", tooltip: "Makes the map more opaque", keys: &[key(Modifiers::NONE, Key::D)] },
    Facts { command: Command::LessOpacity, category: Category::Map, label: "Less opacity", tooltip: "Makes the map more transparent", keys: &[key(Modifiers::NONE, Key::A)] },
    Facts { command: Command::ToggleContour, category: Category::Map, label: "Contour", tooltip: "Draws the line where the map crosses the contour level", keys: &[key(Modifiers::NONE, Key::C)] },
    Facts { command: Command::NextColourMap, category: Category::Map, label: "Next colour map", tooltip: "Shows the map in other colours", keys: &[key(Modifiers::NONE, Key::K)] },
    Facts { command: Command::ExplainAgain, category: Category::Map, label: "Explain", tooltip: "Computes the maps of this case that are missing", keys: &[key(Modifiers::NONE, Key::E)] },
    Facts { command: Command::ExplainAnyway, category: Category::Map, label: "Explain anyway", tooltip: "Lets models that never saw a patient explain images of patients, until the window is closed", keys: &[] },
    Facts { command: Command::CancelWork, category: Category::Map, label: "Cancel", tooltip: "Stops the newest job under way; finished maps stay", keys: &[key(Modifiers::NONE, Key::Escape)] },
    Facts { command: Command::MethodCard, category: Category::Map, label: "About this method", tooltip: "What the method shows, and what it cannot show", keys: &[key(Modifiers::COMMAND, Key::H)] },
    Facts { command: Command::Invert, category: Category::Image, label: "Invert", tooltip: "Swaps black and white of the radiograph", keys: &[key(Modifiers::NONE, Key::I)] },
    Facts { command: Command::ResetView, category: Category::Image, label: "Reset view", tooltip: "Fits the image and shows it as the file wants", keys: &[key(Modifiers::NONE, Key::Space), key(Modifiers::NONE, Key::R)] },
    Facts { command: Command::Fit, category: Category::Image, label: "Fit", tooltip: "Fits the whole image into its tile", keys: &[key(Modifiers::NONE, Key::Equals)] },
    Facts { command: Command::OneToOne, category: Category::Image, label: "One to one", tooltip: "Shows one image pixel as one screen pixel", keys: &[key(Modifiers::NONE, Key::N)] },
    Facts { command: Command::ZoomIn, category: Category::Image, label: "Zoom in", tooltip: "Enlarges around the middle", keys: &[key(Modifiers::NONE, Key::Plus)] },
    Facts { command: Command::ZoomOut, category: Category::Image, label: "Zoom out", tooltip: "Reduces around the middle", keys: &[key(Modifiers::NONE, Key::Minus)] },
    Facts { command: Command::RotateRight, category: Category::Image, label: "Rotate right", tooltip: "Turns the picture clockwise by a quarter", keys: &[key(Modifiers::ALT, Key::R)] },
    Facts { command: Command::RotateLeft, category: Category::Image, label: "Rotate left", tooltip: "Turns the picture counter-clockwise by a quarter", keys: &[key(Modifiers::ALT, Key::L)] },
    Facts { command: Command::Flip, category: Category::Image, label: "Flip", tooltip: "Mirrors the picture left to right; markers read backwards then", keys: &[key(Modifiers::ALT, Key::F)] },
    Facts { command: Command::WindowAuto, category: Category::Image, label: "Window as stored", tooltip: "Shows the gray levels as the file wants", keys: &[key(Modifiers::NONE, Key::Num0)] },
    Facts { command: Command::WindowFull, category: Category::Image, label: "Window: full range", tooltip: "From the darkest to the brightest pixel", keys: &[key(Modifiers::NONE, Key::Num1)] },
    Facts { command: Command::WindowStandard, category: Category::Image, label: "Window: standard", tooltip: "Without the darkest and the brightest half percent", keys: &[key(Modifiers::NONE, Key::Num2)] },
    Facts { command: Command::WindowLungs, category: Category::Image, label: "Window: lungs", tooltip: "More contrast in what is dark", keys: &[key(Modifiers::NONE, Key::Num3)] },
    Facts { command: Command::WindowMediastinum, category: Category::Image, label: "Window: mediastinum", tooltip: "More contrast in what is bright", keys: &[key(Modifiers::NONE, Key::Num4)] },
    Facts { command: Command::WindowBone, category: Category::Image, label: "Window: bone", tooltip: "More contrast in what is brightest", keys: &[key(Modifiers::NONE, Key::Num5)] },
    Facts { command: Command::Smooth, category: Category::Image, label: "Smooth pixels", tooltip: "Interpolates between pixels, or shows each as a square", keys: &[key(Modifiers::NONE, Key::P)] },
    Facts { command: Command::Magnifier, category: Category::Image, label: "Magnifier", tooltip: "Enlarges what is under the pointer", keys: &[key(Modifiers::NONE, Key::L)] },
    Facts { command: Command::Measure, category: Category::Image, label: "Measure", tooltip: "Draws a distance: drag from one point to the other", keys: &[key(Modifiers::NONE, Key::M)] },
    Facts { command: Command::Crosshair, category: Category::Image, label: "Crosshair", tooltip: "Shows the pointer's place in every tile", keys: &[key(Modifiers::NONE, Key::H)] },
    Facts { command: Command::ToggleTruth, category: Category::Image, label: "Expert marks", tooltip: "Shows or hides what experts marked, in yellow", keys: &[key(Modifiers::NONE, Key::T)] },
    Facts { command: Command::ToggleOverlays, category: Category::Image, label: "Overlay planes", tooltip: "Shows or hides drawings stored in the file; no model sees them", keys: &[key(Modifiers::NONE, Key::O)] },
    Facts { command: Command::ToggleCornerText, category: Category::Image, label: "Corner text", tooltip: "Shows or hides the text in the corners", keys: &[key(Modifiers::NONE, Key::X)] },
    Facts { command: Command::ToggleIdentity, category: Category::Image, label: "Identity", tooltip: "Shows or hides name, number, date, files and folders; exports never have them unless you say so", keys: &[key(Modifiers::NONE, Key::Q)] },
    Facts { command: Command::PlayPause, category: Category::Cascade, label: "Play or pause", tooltip: "Plays the cascade, or stops it where it is", keys: &[key(Modifiers::COMMAND, Key::Space)] },
    Facts { command: Command::NextState, category: Category::Cascade, label: "Next state", tooltip: "Shows the state with one more block randomized", keys: &[key(Modifiers::NONE, Key::ArrowRight)] },
    Facts { command: Command::PreviousState, category: Category::Cascade, label: "Previous state", tooltip: "Shows the state with one block fewer randomized", keys: &[key(Modifiers::NONE, Key::ArrowLeft)] },
];

impl Command {
    /// All, in the order of the menus.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|facts| facts.command)
    }

    /// Its name in menus and palette; ends in … where more is asked before anything happens.
    pub fn label(self) -> &'static str {
        self.facts().label
    }

    /// What it does, in one sentence.
    pub fn tooltip(self) -> &'static str {
        self.facts().tooltip
    }

    /// The menu it is in.
    pub fn category(self) -> Category {
        self.facts().category
    }

    /// Its keys where nobody assigned others.
    pub fn default_keys(self) -> &'static [KeyboardShortcut] {
        self.facts().keys
    }

    fn facts(self) -> &'static Facts {
        // The table lists the commands in the order of the enum, which a test checks.
        &TABLE[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for (index, facts) in TABLE.iter().enumerate() {
            assert_eq!(facts.command as usize, index, "{}", facts.label);
        }
    }

    #[test]
    fn labels_and_keys_are_unique_and_follow_the_rules() {
        let mut labels = HashSet::new();
        let mut keys = HashSet::new();
        for command in Command::all() {
            assert!(labels.insert(command.label()), "{}", command.label());
            assert!(!command.label().ends_with('.') && !command.tooltip().ends_with('.'), "{}", command.label());
            for key in command.default_keys() {
                assert!(keys.insert(*key), "{} shares a key", command.label());
            }
        }
        assert!(Category::ALL.iter().all(|category| Command::all().any(|command| command.category() == *category)));
    }
}
